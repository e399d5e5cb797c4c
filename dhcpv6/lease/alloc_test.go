package lease

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// leased is the truth that an allocator asks, and counts the questions.
type leased struct {
	set   map[netip.Prefix]bool
	asked int
}

func (l *leased) taken(p netip.Prefix) bool {
	l.asked++
	return l.set[p]
}

func take(prefixes ...string) *leased {
	l := &leased{set: make(map[netip.Prefix]bool)}
	for _, p := range prefixes {
		l.set[netip.MustParsePrefix(p)] = true
	}
	return l
}

func TestPick(t *testing.T) {
	pd := prefixes("2001:db8:fff::/48", 60)
	lan := addresses("2001:db8::10", "2001:db8::13")
	all := []string{"2001:db8::10/128", "2001:db8::11/128", "2001:db8::12/128", "2001:db8::13/128"}
	tests := []struct {
		name  string
		pool  Pool
		taken []string
		hint  string
		want  string // empty: none
	}{
		{"the lowest prefix", pd, nil, "", "2001:db8:fff::/60"},
		{"the lowest free prefix", pd, []string{"2001:db8:fff::/60", "2001:db8:fff:20::/60"}, "", "2001:db8:fff:10::/60"},
		{"hint", pd, nil, "2001:db8:fff:20::/60", "2001:db8:fff:20::/60"},
		{"hint that is taken", pd, []string{"2001:db8:fff:20::/60"}, "2001:db8:fff:20::/60", "2001:db8:fff::/60"},
		{"hint that is elsewhere", pd, nil, "2001:db8:ffe::/60", "2001:db8:fff::/60"},
		{"only a length", pd, nil, "::/56", "2001:db8:fff::/60"},
		{"hint that is shorter", pd, nil, "2001:db8:fff:100::/56", "2001:db8:fff:100::/60"},
		{"hint that is longer", pd, nil, "2001:db8:fff:123::/64", "2001:db8:fff:120::/60"},
		{"hint of IPv4", pd, nil, "192.0.2.0/24", "2001:db8:fff::/60"},
		{"pool of one", prefixes("2001:db8::/64", 64), nil, "", "2001:db8::/64"},
		{"pool of one that is taken", prefixes("2001:db8::/64", 64), []string{"2001:db8::/64"}, "", ""},
		{"/128 pieces", prefixes("2001:db8::/127", 128), []string{"2001:db8::/128"}, "", "2001:db8::1/128"},
		{"impossible pool", prefixes("2001:db8::/64", 56), nil, "2001:db8::/56", ""},
		{"hinted address", lan, nil, "2001:db8::12/128", "2001:db8::12/128"},
		{"hinted address beyond the last", lan, all, "2001:db8::14/128", ""},
		{"hint of a prefix for an address", lan, all[:3], "2001:db8::10/124", "2001:db8::13/128"},
		{"the last free address", lan, append([]string{all[0]}, all[2:]...), "", "2001:db8::11/128"},
		{"no free address", lan, all, "2001:db8::11/128", ""},
		{"anycast is not given", addresses("2001:db8::", "2001:db8::1"), nil, "", "2001:db8::1/128"},
		{"anycast is not given for a hint", addresses("2001:db8::", "2001:db8::1"), nil, "2001:db8::/128", "2001:db8::1/128"},
		{"nothing but anycast", addresses("2001:db8::", "2001:db8::"), nil, "", ""},
		{"reserved block is passed over", addresses("2001:db8::200:5eff:fe00:0", "2001:db8::200:5eff:ff00:0"), nil, "", "2001:db8::200:5eff:ff00:0/128"},
		{"nothing but a reserved block", addresses("2001:db8::200:5eff:fe00:0", "2001:db8::200:5eff:feff:ffff"), nil, "", ""},
		{"subnet anycast at the top", addresses("2001:db8::fdff:ffff:ffff:ff7f", "2001:db8::fdff:ffff:ffff:ffff"), nil, "", "2001:db8::fdff:ffff:ffff:ff7f/128"},
		{"hint beyond 2^64", addresses("2001:db8::", "2001:db8:ffff::"), nil, "2001:db8:8000::5/128", "2001:db8:8000::5/128"},
		{"top address", addresses(topAddress, topAddress), nil, "", topAddress + "/128"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var hint netip.Prefix
			if tt.hint != "" {
				hint = netip.MustParsePrefix(tt.hint)
			}
			for hash := range uint64(50) {
				l := take(tt.taken...)
				a := NewAllocator(tt.pool)
				for round := range 2 { // the second time with what it learnt
					got, ok := a.Pick(l.taken, hint, hash)
					if ok != (tt.want != "") || ok && got != netip.MustParsePrefix(tt.want) {
						t.Fatalf("hash %d, round %d: Pick = %s, %v, want %s", hash, round, got, ok, tt.want)
					}
					if l.asked > 100 {
						t.Fatalf("asked %d times", l.asked)
					}
				}
			}
		})
	}
}

func TestPickIsStable(t *testing.T) {
	pool := addresses("2001:db8::1:0", "2001:db8::1:ffff")
	where := make(map[netip.Prefix]int)
	for i := range 1000 {
		k := Key{DUID: "client", IAID: uint32(i)}
		a, ok := NewAllocator(pool).Pick(take().taken, netip.Prefix{}, k.Hash())
		b, _ := NewAllocator(pool).Pick(take().taken, netip.Prefix{}, k.Hash())
		if !ok || a != b {
			t.Fatalf("%s, then %s", a, b)
		}
		where[a]++
	}
	if len(where) < 970 {
		t.Errorf("1000 clients begin at only %d of 65536 addresses", len(where))
	}
}

// Pieces that are excluded are passed over in one step, however many there are.
func TestNever(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pool  Pool
		never []string
		hint  string
		want  string // empty: none
	}{
		{"nothing of the pool", prefixes("2001:db8::/48", 64), []string{"2001:db9::/32", "192.0.2.0/24", "2001:db7:ffff::/48"}, "", "2001:db8::/64"},
		{"the first half", prefixes("2001:db8::/32", 64), []string{"2001:db8::/33"}, "", "2001:db8:8000::/64"},
		{"a part of a piece", prefixes("2001:db8::/48", 64), []string{"2001:db8::1/128", "2001:db8:0:1:8000::/65"}, "", "2001:db8:0:2::/64"},
		{"overlapping ones", prefixes("2001:db8::/48", 64), []string{"2001:db8:0:2::/63", "2001:db8::/62", "2001:db8:0:4::/64"}, "", "2001:db8:0:5::/64"},
		{"all", prefixes("2001:db8::/48", 64), []string{"2001:db8::/32"}, "", ""},
		{"all in two", prefixes("2001:db8::/48", 64), []string{"2001:db8:0:8000::/49", "2001:db8::/49"}, "", ""},
		{"all of the largest pool", prefixes("::/0", 128), []string{"::/0"}, "", ""},
		{"hint", prefixes("2001:db8::/48", 64), []string{"2001:db8:0:7::/64"}, "2001:db8:0:7::/64", "2001:db8::/64"},
		{"hint beside it", prefixes("2001:db8::/48", 64), []string{"2001:db8:0:7::/64"}, "2001:db8:0:8::/64", "2001:db8:0:8::/64"},
		{"addresses", addresses("2001:db8::10", "2001:db8::ffff"), []string{"2001:db8::/65", "2001:db8::ffff/128"}, "", ""},
		{"addresses but one", addresses("2001:db8::fff0", "2001:db8::1:10"), []string{"2001:db8::/112", "2001:db8::1:0/124"}, "", "2001:db8::1:10/128"},
		{"beside a reserved block", addresses("2001:db8::200:5eff:fefe:0", "2001:db8::200:5eff:ff00:1"), []string{"2001:db8::200:5eff:ff00:0/128"}, "",
			"2001:db8::200:5eff:ff00:1/128"},
		{"no pool", prefixes("2001:db8::/64", 56), []string{"2001:db8::/64"}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var never []netip.Prefix
			for _, p := range tt.never {
				never = append(never, netip.MustParsePrefix(p))
			}
			var hint netip.Prefix
			if tt.hint != "" {
				hint = netip.MustParsePrefix(tt.hint)
			}
			for hash := range uint64(50) {
				l := take()
				got, ok := NewAllocator(tt.pool, never...).Pick(l.taken, hint, hash)
				if ok != (tt.want != "") || ok && got != netip.MustParsePrefix(tt.want) || l.asked > 1 {
					t.Fatalf("hash %d: Pick = %s, %v, asked %d times, want %s", hash, got, ok, l.asked, tt.want)
				}
			}
		})
	}
}

// Every piece of a pool is given once, and finding them all takes few questions; then none is found, cheaply.
func TestExhaustion(t *testing.T) {
	for _, pool := range []Pool{addresses("2001:db8::1:0", "2001:db8::3:ffff"), prefixes("2001:db8::/40", 57)} {
		l := take()
		a := NewAllocator(pool)
		last, _ := pool.last()
		rng := rand.New(rand.NewPCG(3, 4))
		for range last + 1 {
			p, ok := a.Pick(l.taken, netip.Prefix{}, rng.Uint64())
			if !ok || l.set[p] || !pool.Contains(p) {
				t.Fatalf("%v: Pick = %s, %v after %d", pool, p, ok, len(l.set))
			}
			l.set[p] = true
		}
		if l.asked > 3*int(last+1) {
			t.Errorf("%v: asked %d times for %d pieces", pool, l.asked, last+1)
		}
		l.asked = 0
		if p, ok := a.Pick(l.taken, netip.Prefix{}, 5); ok {
			t.Errorf("%v: Pick = %s from a full pool", pool, p)
		}
		l.asked = 0
		if p, ok := a.Pick(l.taken, netip.Prefix{}, 5); ok || l.asked > maxRecheck {
			t.Errorf("%v: Pick = %s from a full pool, asked %d times", pool, p, l.asked)
		}
		// One that is told to be free is found at once; one that is not, by and by.
		p := pool.At(last / 3)
		delete(l.set, p)
		a.Free(p)
		if got, ok := a.Pick(l.taken, netip.Prefix{}, 77); !ok || got != p {
			t.Errorf("%v: Pick = %s, %v, want the freed %s", pool, got, ok, p)
		}
		l.set[p] = true
		p = pool.At(last / 2)
		delete(l.set, p)
		found := false
		for range 2 + last/maxRecheck {
			if got, ok := a.Pick(l.taken, netip.Prefix{}, 77); ok {
				found = got == p
				break
			}
		}
		if !found {
			t.Errorf("%v: a piece that was freed without Free was not found again", pool)
		}
	}
}

// A huge pool of which much is taken already: a Pick never asks for all of it.
func TestColdStart(t *testing.T) {
	pool := prefixes("2001:db8::/32", 64)
	const n = 3 * maxProbes
	l := take()
	for i := range uint64(n) {
		l.set[pool.At(i)] = true
	}
	a := NewAllocator(pool)
	var got netip.Prefix
	for range 5 {
		l.asked = 0
		p, ok := a.Pick(l.taken, netip.Prefix{}, 12345)
		if !ok || l.asked > 2*maxProbes {
			t.Fatalf("Pick = %s, %v, asked %d times", p, ok, l.asked)
		}
		got = p
	}
	if got != pool.At(n) {
		t.Errorf("after learning, Pick = %s, want the lowest free %s", got, pool.At(n))
	}
	b := NewAllocator(pool)
	for p := range l.set {
		b.Take(p)
	}
	l.asked = 0
	if p, ok := b.Pick(l.taken, netip.Prefix{}, 12345); !ok || p != pool.At(n) || l.asked != 1 {
		t.Errorf("told beforehand, Pick = %s, %v, asked %d times", p, ok, l.asked)
	}
}

// When everything is said to be taken, in a pool without end, work and memory have bounds.
func TestEverythingTaken(t *testing.T) {
	for _, pool := range []Pool{addresses("::", topAddress), prefixes("::/0", 128), addresses("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff")} {
		a := NewAllocator(pool)
		for range 20 {
			asked := 0
			if p, ok := a.Pick(func(netip.Prefix) bool { asked++; return true }, netip.Prefix{}, 9); ok {
				t.Fatalf("Pick = %s", p)
			}
			if asked > 2*maxProbes {
				t.Fatalf("asked %d times", asked)
			}
		}
		a.known.count = maxKnown
		a.Take(pool.At(7))
		if a.known.count != 1 {
			t.Errorf("%d pieces known, want to start afresh", a.known.count)
		}
	}
}

func TestFreeOfOtherLengths(t *testing.T) {
	pool := prefixes("2001:db8::/48", 56)
	tests := []struct {
		free string
		want bool // something is thought to be free
	}{
		{"2001:db8::/60", true},          // a part of the first piece
		{"2001:db8::/52", true},          // several pieces
		{"2001:db8::/32", true},          // more than the pool
		{"2001:db8:0:100::/56", true},    // exactly one piece
		{"2001:db8:1::/52", false},       // outside
		{"192.0.2.0/24", false},          // something else
		{"2001:db8:0:1000::/52", true},   // several pieces in the middle
		{"2001:db8:0:fff0::/60", true},   // a part of the last
		{"2001:db8::1/128", true},        // an address in the first
		{"2001:db8:0:ff00::/56", true},   // the last
		{"2001:db8:0:ffff::1/128", true}, // an address in the last
	}
	for _, tt := range tests {
		t.Run(tt.free, func(t *testing.T) {
			a := NewAllocator(pool)
			for n := range uint64(256) {
				a.Take(pool.At(n))
			}
			before := a.known.count
			a.Free(netip.MustParsePrefix(tt.free))
			if freed := a.known.count < before; freed != tt.want {
				t.Errorf("%d of %d pieces known after Free", a.known.count, before)
			}
		})
	}
	a := NewAllocator(pool)
	a.Free(netip.Prefix{})
	a.Take(netip.Prefix{})
	NewAllocator(PrefixPool{}).Free(netip.MustParsePrefix("::/0"))
}

// The set of several levels says what a map says.
func TestSparse(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, base := range []uint64{0, 1 << 40, math.MaxUint64 - 9000} {
		var s sparse
		set := make(map[uint64]bool)
		for range 200_000 {
			n := base + rng.Uint64N(9001)
			if rng.IntN(20) > 0 {
				s.set(n)
				set[n] = true
			} else {
				s.clear(n)
				delete(set, n)
			}
		}
		if s.count != len(set) {
			t.Fatalf("count %d, want %d", s.count, len(set))
		}
		for n := base; ; n++ {
			want, ok := n, true
			for set[want] {
				if want++; want == 0 {
					ok = false
					break
				}
			}
			if got, gotOK := s.next(n); gotOK != ok || ok && got != want {
				t.Fatalf("next(%d) = %d, %v, want %d, %v", n, got, gotOK, want, ok)
			}
			if n == base+9000 {
				break
			}
		}
		for n := range set {
			s.clear(n)
		}
		for i, words := range s.levels {
			if len(words) != 0 {
				t.Errorf("level %d of an empty set has %d words", i, len(words))
			}
		}
	}
}

func FuzzPick(f *testing.F) {
	f.Add([]byte("\x20\x01\x0d\xb8"), uint8(32), uint8(60), []byte("\x20\x01\x0d\xb8\x00\x10"), uint8(60), uint64(7))
	f.Add([]byte{}, uint8(0), uint8(128), []byte{}, uint8(0), uint64(math.MaxUint64))
	f.Add([]byte("\x20\x01\x0d\xb8"), uint8(32), uint8(34), []byte("\x20\x01\x0d\xb8\x80"), uint8(33), uint64(1))
	f.Fuzz(func(t *testing.T, base []byte, bits, length uint8, hint []byte, hintBits uint8, hash uint64) {
		addr := func(b []byte) netip.Addr {
			var a [16]byte
			copy(a[:], b)
			return netip.AddrFrom16(a)
		}
		h := netip.PrefixFrom(addr(hint), int(hintBits))
		lo, hi := addr(base), addr(hint)
		for _, pool := range []Pool{PrefixPool{Prefix: netip.PrefixFrom(addr(base), int(bits)), Length: int(length)}, AddressPool{First: lo, Last: hi}} {
			a := NewAllocator(pool)
			a.Take(h)
			a.Free(h)
			taken := make(map[netip.Prefix]bool)
			for range 4 {
				p, ok := a.Pick(func(p netip.Prefix) bool { return taken[p] }, h, hash)
				if !ok {
					break
				}
				if taken[p] || !pool.Contains(p) {
					t.Fatalf("%+v: Pick = %s, taken before: %v", pool, p, taken[p])
				}
				taken[p] = true
			}
			if _, ok := pool.position(h); h.IsValid() && ok {
				if p, ok := NewAllocator(pool, h).Pick(func(netip.Prefix) bool { return false }, h, hash); ok && p.Overlaps(h) {
					t.Fatalf("%+v: Pick = %s, though %s is excluded", pool, p, h)
				}
			}
		}
	})
}
