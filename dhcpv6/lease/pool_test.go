package lease

import (
	"math"
	"net/netip"
	"testing"
)

func addresses(first, last string) AddressPool {
	return AddressPool{First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last)}
}

func prefixes(p string, length int) PrefixPool {
	return PrefixPool{Prefix: netip.MustParsePrefix(p), Length: length}
}

const topAddress = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

func TestPoolGeometry(t *testing.T) {
	tests := []struct {
		name    string
		pool    Pool
		size    float64
		last    uint64
		empty   bool
		at      map[uint64]string
		in, out []string
	}{
		{
			name: "addresses", pool: addresses("2001:db8::10", "2001:db8::1f"), size: 16, last: 15,
			at:  map[uint64]string{0: "2001:db8::10/128", 15: "2001:db8::1f/128"},
			in:  []string{"2001:db8::10/128", "2001:db8::1f/128"},
			out: []string{"2001:db8::f/128", "2001:db8::20/128", "2001:db8::10/127", "192.0.2.1/32"},
		},
		{
			name: "one address", pool: addresses("2001:db8::1", "2001:db8::1"), size: 1,
			at: map[uint64]string{0: "2001:db8::1/128"}, in: []string{"2001:db8::1/128"}, out: []string{"2001:db8::2/128"},
		},
		{
			name: "across 64 bits", pool: addresses("2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::1"), size: 3, last: 2,
			at: map[uint64]string{1: "2001:db8:0:1::/128", 2: "2001:db8:0:1::1/128"}, in: []string{"2001:db8:0:1::/128"},
		},
		{
			name: "all addresses", pool: addresses("::", topAddress), size: math.Ldexp(1, 128), last: math.MaxUint64,
			at: map[uint64]string{math.MaxUint64: "::ffff:ffff:ffff:ffff/128"}, in: []string{"::/128", topAddress + "/128"},
		},
		{
			name: "top address", pool: addresses(topAddress, topAddress), size: 1,
			at: map[uint64]string{0: topAddress + "/128"}, in: []string{topAddress + "/128"}, out: []string{"::/128"},
		},
		{name: "upside down", pool: addresses("2001:db8::2", "2001:db8::1"), empty: true, out: []string{"2001:db8::1/128", "2001:db8::2/128"}},
		{name: "no addresses", pool: AddressPool{}, empty: true, out: []string{"::/128"}},
		{
			name: "prefixes", pool: prefixes("2001:db8:fff::/48", 60), size: 4096, last: 4095,
			at:  map[uint64]string{0: "2001:db8:fff::/60", 1: "2001:db8:fff:10::/60", 4095: "2001:db8:fff:fff0::/60"},
			in:  []string{"2001:db8:fff::/60", "2001:db8:fff:fff0::/60"},
			out: []string{"2001:db8:fff::/61", "2001:db8:fff::/59", "2001:db8:fff:1::/60", "2001:db8:ffe:fff0::/60", "192.0.2.0/24"},
		},
		{
			name: "one prefix", pool: prefixes("2001:db8::/56", 56), size: 1,
			at: map[uint64]string{0: "2001:db8::/56"}, in: []string{"2001:db8::/56"}, out: []string{"2001:db8:0:100::/56"},
		},
		{
			name: "across 64 bits in pieces", pool: prefixes("2001:db8::/60", 68), size: 256, last: 255,
			at: map[uint64]string{255: "2001:db8:0:f:f000::/68"}, in: []string{"2001:db8:0:f:f000::/68"},
		},
		{
			name: "all space in addresses", pool: prefixes("::/0", 128), size: math.Ldexp(1, 128), last: math.MaxUint64,
			at: map[uint64]string{math.MaxUint64: "::ffff:ffff:ffff:ffff/128"}, in: []string{topAddress + "/128"},
		},
		{
			name: "all space in /64s", pool: prefixes("::/0", 64), size: math.Ldexp(1, 64), last: math.MaxUint64,
			at: map[uint64]string{math.MaxUint64: "ffff:ffff:ffff:ffff::/64"}, in: []string{"ffff:ffff:ffff:ffff::/64"},
		},
		{
			name: "all space in one", pool: prefixes("::/0", 0), size: 1,
			at: map[uint64]string{0: "::/0"}, in: []string{"::/0"},
		},
		{
			name: "pool with host bits", pool: prefixes("2001:db8::1/48", 56), size: 256, last: 255,
			at: map[uint64]string{1: "2001:db8:0:100::/56"}, in: []string{"2001:db8::/56"},
		},
		{name: "pieces larger than the pool", pool: prefixes("2001:db8::/56", 48), empty: true, out: []string{"2001:db8::/48"}},
		{name: "pieces beyond 128", pool: prefixes("2001:db8::/56", 129), empty: true},
		{name: "no prefix", pool: PrefixPool{}, empty: true, out: []string{"::/0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.pool.Size(); got != tt.size {
				t.Errorf("Size = %g, want %g", got, tt.size)
			}
			if got, ok := tt.pool.last(); ok == tt.empty || got != tt.last {
				t.Errorf("last = %d, %v, want %d", got, ok, tt.last)
			}
			for n, want := range tt.at {
				p := tt.pool.At(n)
				if p != netip.MustParsePrefix(want) {
					t.Errorf("At(%d) = %s, want %s", n, p, want)
				}
				if got, ok := tt.pool.position(p); !ok || got != n {
					t.Errorf("position(%s) = %d, %v, want %d", p, got, ok, n)
				}
			}
			for _, p := range tt.in {
				if !tt.pool.Contains(netip.MustParsePrefix(p)) {
					t.Errorf("does not contain %s", p)
				}
			}
			for _, p := range tt.out {
				if tt.pool.Contains(netip.MustParsePrefix(p)) {
					t.Errorf("contains %s", p)
				}
			}
			if tt.pool.Contains(netip.Prefix{}) {
				t.Error("contains the invalid prefix")
			}
		})
	}
}

func TestReservedIIDs(t *testing.T) {
	tests := []struct {
		iid      uint64
		reserved bool
	}{
		{0, true}, {1, false},
		{0x0200_5eff_fdff_ffff, false}, {0x0200_5eff_fe00_0000, true}, {0x0200_5eff_fe00_5213, true},
		{0x0200_5eff_feff_ffff, true}, {0x0200_5eff_ff00_0000, false},
		{0xfdff_ffff_ffff_ff7f, false}, {0xfdff_ffff_ffff_ff80, true}, {0xfdff_ffff_ffff_ffff, true}, {0xfe00_0000_0000_0000, false},
	}
	for _, tt := range tests {
		if end, got := reservedIID(tt.iid); got != tt.reserved || got && end < tt.iid {
			t.Errorf("reservedIID(%#x) = %#x, %v, want %v", tt.iid, end, got, tt.reserved)
		}
	}
}
