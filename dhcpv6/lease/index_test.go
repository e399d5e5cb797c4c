package lease

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// randomPrefix draws from few enough prefixes, nested in one another, that they meet often.
func randomPrefix(rng *rand.Rand) netip.Prefix {
	a := netip.MustParseAddr("2001:db8::").As16()
	for _, at := range []int{5, 7, 8, 15} {
		a[at] = byte(rng.IntN(4)) << (6 * rng.IntN(2))
	}
	lengths := []int{0, 1, 47, 48, 56, 60, 63, 64, 65, 127, 128}
	return netip.PrefixFrom(netip.AddrFrom16(a), lengths[rng.IntN(len(lengths))]).Masked()
}

// The index says what a search of a plain list says.
func TestIndexAgainstList(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		x := newIndex()
		list := make(map[netip.Prefix]Lease)
		for range 300 {
			l := Lease{Key: Key{DUID: string(rune('a' + rng.IntN(5)))}, Prefix: randomPrefix(rng)}
			if rng.IntN(4) > 0 {
				l.Valid = epoch.Add(time.Duration(rng.IntN(50)) * time.Second)
			}
			if rng.IntN(5) < 2+round%2 {
				x.put(&l, 1)
				list[l.Prefix] = l
			} else {
				x.remove(ref(l))
				if list[l.Prefix].Key == l.Key {
					delete(list, l.Prefix)
				}
			}
		}
		var want []Lease
		keys := make(map[Key][]Lease)
		for _, l := range list {
			want = append(want, l)
		}
		byPrefix := func(a, b Lease) int { return a.Prefix.Compare(b.Prefix) }
		slices.SortFunc(want, byPrefix)
		for _, l := range want {
			keys[l.Key] = append(keys[l.Key], l)
		}
		s := &Store{index: x}
		if diff := cmp.Diff(want, s.All(), sameLease); diff != "" {
			t.Fatalf("All (-want +got):\n%s", diff)
		}
		if s.Len() != len(want) || x.bytes != int64(len(want)) {
			t.Fatalf("Len %d, bytes %d, want %d", s.Len(), x.bytes, len(want))
		}
		for k, want := range keys {
			if diff := cmp.Diff(want, s.Get(k), sameLease); diff != "" {
				t.Fatalf("Get (-want +got):\n%s", diff)
			}
		}
		if len(x.keys) != len(keys) {
			t.Fatalf("%d keys, want %d", len(x.keys), len(keys))
		}
		for range 200 {
			p := randomPrefix(rng)
			l, ok := s.ByPrefix(p)
			if want, wantOK := list[p]; ok != wantOK || !cmp.Equal(l, want, sameLease) {
				t.Fatalf("ByPrefix(%s) = %+v, %v, want %+v, %v", p, l, ok, want, wantOK)
			}
			overlaps := false
			for q := range list {
				overlaps = overlaps || q.Overlaps(p)
			}
			if got := s.Overlaps(p); got != overlaps {
				t.Fatalf("Overlaps(%s) = %v among %v", p, got, list)
			}
		}
		expiring := slices.DeleteFunc(want, func(l Lease) bool { return l.Valid.IsZero() })
		slices.SortFunc(expiring, func(a, b Lease) int { return a.Valid.Compare(b.Valid) })
		next, ok := s.NextExpiry()
		if ok != (len(expiring) > 0) || ok && !next.Equal(expiring[0].Valid) {
			t.Fatalf("NextExpiry = %v, %v", next, ok)
		}
		now := epoch.Add(25 * time.Second)
		due := 0
		for due < len(expiring) && !expiring[due].Valid.After(now) {
			due++
		}
		for _, limit := range []int{0, 1, 7, 1000} {
			got := s.Expired(now, limit)
			if len(got) != min(limit, due) {
				t.Fatalf("Expired(now, %d) returned %d of %d", limit, len(got), due)
			}
			for i, l := range got {
				if !l.Valid.Equal(expiring[i].Valid) {
					t.Fatalf("Expired(now, %d)[%d] ends %s, want %s", limit, i, l.Valid, expiring[i].Valid)
				}
			}
		}
		for _, l := range want {
			x.remove(ref(l))
		}
		for _, l := range list {
			x.remove(ref(l))
		}
		if x.prefixes.root != nil || x.count != 0 || len(x.expiry) != 0 || len(x.keys) != 0 || x.bytes != 0 {
			t.Fatalf("something is left after everything was removed: %+v", x)
		}
	}
}

func TestOddPrefixes(t *testing.T) {
	s := openMem(t, newMemDisk())
	put(t, s, Lease{Prefix: netip.MustParsePrefix("2001:db8::/64")})
	for _, p := range []netip.Prefix{{}, netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/64")} {
		if _, ok := s.ByPrefix(p); ok {
			t.Errorf("ByPrefix(%s) found something", p)
		}
		if s.Overlaps(p) {
			t.Errorf("Overlaps(%s)", p)
		}
	}
}

// What a store keeps does not change with the buffers that it came from.
func TestLeaseIsCopied(t *testing.T) {
	s := openMem(t, newMemDisk())
	l := delegated(1)
	l.Updated = time.Now()
	l.Client = l.Client.WithZone("eth1")
	put(t, s, l)
	want := *normal(l)
	l.MAC[0] = 0xff
	got, _ := s.ByPrefix(l.Prefix)
	if diff := cmp.Diff(want, got, sameLease); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Updated != got.Updated.Round(0) || got.Client.Zone() != "" {
		t.Errorf("kept a monotonic clock or a zone: %s, %s", got.Updated, got.Client)
	}
}
