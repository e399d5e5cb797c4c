package config

import (
	"net/netip"
	"testing"
	"time"
)

func TestParseExpr(t *testing.T) {
	for _, tt := range []struct{ in, want, problem string }{
		{in: "2001:db8::1/64", want: "2001:db8::1/64"},
		{in: " 2001:DB8::1 ", want: "2001:db8::1/128"},
		{in: "192.0.2.1", want: "192.0.2.1/32"},
		{in: "isp ::1/64", want: "isp ::1/64"},
		{in: "isp \t ::1", want: "isp ::1/128"},
		{in: "isp 0:0:0:100::/56", want: "isp 0:0:0:100::/56"},
		{in: "isp 0:0:0:100::1:0:2/64", want: "isp 0:0:0:100::1:0:2/64"},
		{in: "isp 0:0:0:1:2:3:4:5/64", want: "isp ::1:2:3:4:5/64"},
		{in: "isp auto/64", want: "isp auto/64"},
		{in: "isp  auto  ::5/64", want: "isp auto ::5/64"},
		{in: "isp auto ::/64", want: "isp auto/64"},
		{in: "isp auto:guests/60", want: "isp auto:guests/60"},
		{in: "isp auto:eth5.300 ::1/64", want: "isp auto:eth5.300 ::1/64"},
		{in: "isp auto ::1000", want: "isp auto ::1000"},
		{in: "isp auto/128", want: "isp auto/128"},
		{in: "auto ::1/64", want: "auto ::1/64"},
		{in: "auto auto/64", want: "auto auto/64"},
		{in: "isp auto", problem: "isp auto needs the length of the part: isp auto/64"},
		{in: "isp auto/064", problem: `"064" is not the length of a part: 1 to 128`},
		{in: "isp auto ::1:0:0:0:1/64", problem: "::1:0:0:0:1 has digits where the router chooses: before its last 64 bits there are only zeros, as in ::5/64"},
		{in: "auto/64", problem: `auto/64 needs the name of a delegation before it, as "isp auto/64"`},
		{in: "isp rest", problem: "what is left of isp is no prefix of its own; only a pool of dhcpv6.delegate can have it"},
		{in: "", problem: "there is no address"},
		{in: "isp", problem: `"isp" is not an address; of a delegation a part is written as "isp auto/64" or "isp ::1/64"`},
		{in: "default", problem: "default is written as ::/0, or 0.0.0.0/0 for IPv4"},
		{in: "isp/64", problem: `"isp" is not an address; of a delegation a part is written as "isp auto/64" or "isp ::1/64"`},
		{in: "isp ::1/129", problem: `"129" is not a prefix length from 0 to 128`},
		{in: "isp ::1/064", problem: `"064" is not a prefix length from 0 to 128`},
		{in: "isp ::1/64 x", problem: `"::1" is not an IPv6 or IPv4 address`},
		{in: "is.p ::1/64", problem: `"is.p" is not the name of a delegation`},
		{in: "isp 10.0.0.1/8", problem: "10.0.0.1/8 is IPv4, and delegated prefixes are IPv6"},
		{in: "::ffff:10.0.0.1", problem: "::ffff:10.0.0.1 is an IPv4 address written as IPv6: write 10.0.0.1"},
		{in: "fe80::1%eth0", problem: "fe80::1%eth0 has a zone, which has no place here"},
	} {
		e, err := ParseExpr(tt.in)
		if tt.problem != "" {
			if err == nil {
				t.Errorf("ParseExpr(%q) = %v, want an error", tt.in, e)
			} else if tt.in != "isp ::1/64 x" && err.Error() != tt.problem {
				t.Errorf("ParseExpr(%q): %v, want %s", tt.in, err, tt.problem)
			}
			continue
		}
		if err != nil || e.String() != tt.want {
			t.Errorf("ParseExpr(%q) = %v, %v, want %s", tt.in, e, err, tt.want)
			continue
		}
		if again, err := ParseExpr(e.String()); err != nil || again != e {
			t.Errorf("ParseExpr(%q) = %v, %v, want %v back", e.String(), again, err, e)
		}
	}
}

func TestExprResolve(t *testing.T) {
	for _, tt := range []struct{ expr, base, want, problem string }{
		{expr: "isp ::1/64", base: "2001:db8:100::/48", want: "2001:db8:100::1/64"},
		{expr: "isp 0:0:0:100::/56", base: "2001:db8:100::/48", want: "2001:db8:100:100::/56"},
		{expr: "isp 0:0:0:1::1/64", base: "2001:db8:0:100::/56", want: "2001:db8:0:101::1/64"},
		{expr: "isp ::/56", base: "2001:db8:0:100::/56", want: "2001:db8:0:100::/56"},
		{expr: "isp ::1", base: "2001:db8:0:100::/56", want: "2001:db8:0:100::1/128"},
		{expr: "isp ::1/64", base: "2001:db8:0:100::9/56", want: "2001:db8:0:100::1/64"},
		{expr: "2001:db8::1/64", base: "2001:db8:ff::/48", want: "2001:db8::1/64"},
		{expr: "isp ::1/64", base: "::/0", want: "::1/64"},
		{expr: "isp 0:0:0:100::/56", base: "2001:db8:1:100::/56", problem: "isp is 2001:db8:1:100::/56, too small for 0:0:0:100::/56"},
		{expr: "isp ::/56", base: "2001:db8:1:100::/60", problem: "isp is 2001:db8:1:100::/60, too small for ::/56"},
		{expr: "isp ::1/64", base: "10.0.0.0/8", problem: "isp has no usable prefix"},
	} {
		e, err := ParseExpr(tt.expr)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Resolve(netip.MustParsePrefix(tt.base))
		switch {
		case tt.problem != "":
			if err == nil || err.Error() != tt.problem {
				t.Errorf("%s in %s: %v, %v, want %s", tt.expr, tt.base, got, err, tt.problem)
			}
		case err != nil || got.String() != tt.want:
			t.Errorf("%s in %s: %v, %v, want %s", tt.expr, tt.base, got, err, tt.want)
		}
	}
	if got, err := (Expr{Delegation: "isp", Prefix: netip.MustParsePrefix("::1/64")}).Resolve(netip.Prefix{}); err == nil {
		t.Errorf("resolved against no prefix to %v", got)
	}
}

func TestAddressPoolResolve(t *testing.T) {
	p := AddressPool{Delegation: "isp", First: netip.MustParseAddr("0:0:0:1::1000"), Last: netip.MustParseAddr("0:0:0:1::1fff")}
	first, last, err := p.Resolve(netip.MustParsePrefix("2001:db8:0:100::/56"))
	if err != nil || first != netip.MustParseAddr("2001:db8:0:101::1000") || last != netip.MustParseAddr("2001:db8:0:101::1fff") {
		t.Errorf("%s: %v-%v, %v", p, first, last, err)
	}
	const want = "isp is 2001:db8:0:100::/64, too small for 0:0:0:1::1000-0:0:0:1::1fff"
	if _, _, err = p.Resolve(netip.MustParsePrefix("2001:db8:0:100::/64")); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	p.Delegation = ""
	if first, last, err = p.Resolve(netip.Prefix{}); err != nil || first != p.First || last != p.Last {
		t.Errorf("a literal range resolved to %v-%v, %v", first, last, err)
	}
}

func FuzzParseExpr(f *testing.F) {
	for _, s := range []string{"2001:db8::1/64", "isp ::1/64", "isp 0:0:0:100::/56", "192.0.2.1", "isp ::1:2:3:4:5/64"} {
		f.Add(s, []byte{0x20, 1, 0xd, 0xb8, 0, 0, 1, 0}, uint8(56))
	}
	f.Fuzz(func(t *testing.T, s string, high []byte, bits uint8) {
		e, err := ParseExpr(s)
		if err != nil {
			return
		}
		again, err := ParseExpr(e.String())
		if err != nil || again != e {
			t.Fatalf("%q is %v, which is %v (%v)", s, e, again, err)
		}
		var a [16]byte
		copy(a[:], high)
		base, err := netip.AddrFrom16(a).Prefix(int(bits) % 129)
		if err != nil {
			t.Fatal(err)
		}
		p, err := e.Resolve(base)
		if err == nil && e.Delegation != "" && (!base.Contains(p.Addr()) || p.Bits() < base.Bits()) {
			t.Fatalf("%v in %v is %v", e, base, p)
		}
	})
}

func TestDuration(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
		out  string
	}{
		{"0s", 0, "0s"},
		{"30s", 30 * time.Second, "30s"},
		{"90s", 90 * time.Second, "90s"},
		{"1h30m", 90 * time.Minute, "1h30m"},
		{"5400s", 90 * time.Minute, "1h30m"},
		{"1000s", 1000 * time.Second, "1000s"},
		{"1.5s", 1500 * time.Millisecond, "1500ms"},
		{"0.5h", 30 * time.Minute, "30m"},
		{"1.500000000s", 1500 * time.Millisecond, "1500ms"},
		{"1w", 7 * 24 * time.Hour, "7d"},
		{"30d", 30 * 24 * time.Hour, "30d"},
		{"4294967295s", Forever, "forever"},
		{"forever", Forever, "forever"},
		{"1ns", 1, "1ns"},
		{"1d1ns", 24*time.Hour + 1, "1d1ns"},
	} {
		got, err := ParseDuration(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
		if out := FormatDuration(tt.want); out != tt.out {
			t.Errorf("FormatDuration(%v) = %s, want %s", tt.want, out, tt.out)
		}
	}
	for _, in := range []string{
		"", "s", "30", "-1s", "+1s", "1y", "1.s", ".5s", "1.2.3s", "1 s", "1s ", "Forever", "infinity",
		"4294967296s", "99999999999999999999s", "50000d", "4294967295s1ns", "0.1ns", "1e3s", "٣s", "1µs",
	} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, got)
		}
	}
}

func FuzzDuration(f *testing.F) {
	f.Add("1h30m", int64(5400e9))
	f.Add("1.5s", int64(Forever))
	f.Fuzz(func(t *testing.T, s string, n int64) {
		if d, err := ParseDuration(s); err == nil && (d < 0 || d > Forever) {
			t.Fatalf("ParseDuration(%q) = %d", s, d)
		}
		d := time.Duration(uint64(n) % uint64(Forever+1))
		if again, err := ParseDuration(FormatDuration(d)); err != nil || again != d {
			t.Fatalf("%d is %s, which is %d (%v)", d, FormatDuration(d), again, err)
		}
	})
}
