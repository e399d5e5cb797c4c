package assign

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// Links of several lengths come and go, the ISP delegates more and less, clients lease pieces, parts of the configuration take
// places by name, at random, and the router starts again each time. Nobody overlaps with anybody, who stays stays where it is while its
// place is possible, and who returns gets its own place while that is free.
func TestNobodyIsMovedAndNothingOverlaps(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 9818))
			var before Table
			links := map[Key]bool{}
			space := Space{Bits: 56}
			for step := range 200 {
				switch random.IntN(8) {
				case 0, 1, 2:
					links[lan(fmt.Sprint("lan", random.IntN(40)), []int{64, 64, 64, 63, 60, 80}[random.IntN(6)])] = true
				case 3, 4:
					for k := range links {
						if random.IntN(4) == 0 {
							delete(links, k)
						}
					}
				case 5:
					space.Bits = []int{48, 56, 56, 58, 60}[random.IntN(5)]
				case 6:
					space.Leased = space.Leased[:0]
					for range random.IntN(4) {
						space.Leased = append(space.Leased, somewhere(random, 60))
					}
				case 7:
					space.Claims = nil
					for i := range random.IntN(3) {
						space.Claims = append(space.Claims, Claim{somewhere(random, 62), fmt.Sprint("route ", i)})
					}
				}
				got := Choose(before, keys(links, random), map[string]Space{"isp": space})
				checkResult(t, step, before, got, links, space)
				file, err := Encode(got.Table)
				if err != nil {
					t.Fatal(err)
				}
				if before, err = Decode(file); err != nil || !before.Equal(got.Table) {
					t.Fatalf("step %d: the next start has another table: %v\n%s", step, err, file)
				}
				if again := Choose(before, keys(links, random), map[string]Space{"isp": space}); !again.Equal(got.Table) {
					t.Fatalf("step %d: the same again is another table", step)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

func somewhere(random *rand.Rand, bits int) netip.Prefix {
	a := [16]byte{6: byte(random.IntN(2)), 7: byte(random.IntN(256))}
	return netip.PrefixFrom(netip.AddrFrom16(a), bits).Masked()
}

func keys(links map[Key]bool, random *rand.Rand) []Key {
	var out []Key
	for k := range links {
		out = append(out, k)
	}
	random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func checkResult(t *testing.T, step int, before Table, got Result, links map[Key]bool, space Space) {
	t.Helper()
	for k := range links {
		place, ok := got.Now[k]
		if _, why := got.Reasons[k]; ok == why {
			t.Errorf("step %d: %v has a place (%v) and a reason (%v) why not", step, k, ok, why)
		}
		if !ok {
			continue
		}
		if place.Bits() != k.Bits || !fits(place.Addr(), space.Bits) {
			t.Errorf("step %d: %v is at %s of a /%d", step, k, place, space.Bits)
		}
		old, had := before.Find(k)
		possible := func(p netip.Prefix) bool {
			return fits(p.Addr(), space.Bits) && !slices.ContainsFunc(space.Claims, func(c Claim) bool { return c.Subnet.Overlaps(p) })
		}
		if had && possible(old.Subnet) && old.Subnet != place {
			t.Errorf("step %d: %v stays, and was moved from %s to %s", step, k, old.Subnet, place)
		}
		leased := slices.ContainsFunc(space.Leased, place.Overlaps)
		if (!had || old.Subnet != place) && leased {
			t.Errorf("step %d: %v was put on %s, which is leased", step, k, place)
		}
		for _, kept := range before.Kept {
			free := possible(kept.Subnet) && !slices.ContainsFunc(space.Leased, kept.Subnet.Overlaps)
			if kept.Key == k && !had && free && kept.Subnet != place {
				// A larger one that is new may have needed it, in the same step and with nothing else left.
				if !slices.ContainsFunc(got.Parts, func(p Part) bool { return p.Key != k && p.Subnet.Overlaps(kept.Subnet) }) {
					t.Errorf("step %d: %v returns, and got %s instead of its %s", step, k, place, kept.Subnet)
				}
			}
		}
		for _, c := range space.Claims {
			if c.Subnet.Overlaps(place) {
				t.Errorf("step %d: %v is on %s, which belongs to %s", step, k, place, c.Who)
			}
		}
		for o, other := range got.Now {
			if o != k && other.Overlaps(place) {
				t.Errorf("step %d: %v is on %s and %v on %s", step, k, place, o, other)
			}
		}
	}
	all := slices.Concat(got.Parts, got.Kept)
	for i, p := range all {
		for _, o := range all[:i] {
			if p.Key == o.Key || p.Subnet.Overlaps(o.Subnet) {
				t.Errorf("step %d: the table has %v and %v", step, p, o)
			}
		}
	}
}
