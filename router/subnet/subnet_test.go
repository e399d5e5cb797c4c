package subnet

import (
	"bytes"
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func prefixes(t testing.TB, texts ...string) []netip.Prefix {
	t.Helper()
	var out []netip.Prefix
	for _, s := range texts {
		p, err := ParsePrefix(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func texts(list []netip.Prefix) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}

func TestSplit(t *testing.T) {
	tests := []struct {
		name, prefix string
		length       int
		from         int64
		want         []string // the first three
		count        string
	}{
		{"of the seed", "2001:980:1::/48", 56, 0, []string{"2001:980:1::/56", "2001:980:1:100::/56", "2001:980:1:200::/56"}, "256"},
		{"the last", "2001:980:1::/48", 56, 255, []string{"2001:980:1:ff00::/56"}, "256"},
		{"past the last", "2001:980:1::/48", 56, 256, nil, "256"},
		{"itself", "2001:db8::/32", 32, 0, []string{"2001:db8::/32"}, "1"},
		{"over the middle", "2001:db8::/32", 96, 1<<32 - 1, []string{"2001:db8::ffff:ffff:0:0/96", "2001:db8:0:1::/96", "2001:db8:0:1:0:1::/96"}, "18446744073709551616"},
		{"everything", "::/0", 0, 0, []string{"::/0"}, "1"},
		{"halves of everything", "::/0", 1, 0, []string{"::/1", "8000::/1"}, "2"},
		{"addresses of everything", "::/0", 128, 0, []string{"::/128", "::1/128", "::2/128"}, "340282366920938463463374607431768211456"},
		{"last addresses", "2001:db8::fffc/126", 128, 2, []string{"2001:db8::fffe/128", "2001:db8::ffff/128"}, "4"},
		{"end of all addresses", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", 128, 0, []string{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"}, "2"},
		{"ipv4", "192.0.2.0/24", 26, 0, []string{"192.0.2.0/26", "192.0.2.64/26", "192.0.2.128/26"}, "4"},
		{"end of ipv4", "255.255.255.254/31", 32, 0, []string{"255.255.255.254/32", "255.255.255.255/32"}, "2"},
		{"all of ipv4", "0.0.0.0/0", 1, 0, []string{"0.0.0.0/1", "128.0.0.0/1"}, "2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Split(prefixes(t, tt.prefix)[0], tt.length)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for p := range s.From(big.NewInt(tt.from)) {
				if got = append(got, p.String()); len(got) == 3 {
					break
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := s.Count().String(); got != tt.count {
				t.Errorf("%s in all, want %s", got, tt.count)
			}
		})
	}
	for _, length := range []int{129, 31} {
		if _, err := Split(prefixes(t, "2001:db8::/32")[0], length); err == nil {
			t.Errorf("length %d is accepted", length)
		}
	}
}

// What is split and summed is what it was, without a gap.
func TestSplitSum(t *testing.T) {
	for _, p := range prefixes(t, "2001:db8::/52", "192.0.0.0/20", "ffff:ffff:ffff:ff00::/56") {
		s, err := Split(p, p.Bits()+12)
		if err != nil {
			t.Fatal(err)
		}
		all := slices.Collect(s.From(new(big.Int)))
		if len(all) != 4096 {
			t.Errorf("%d subnets of %s", len(all), p)
		}
		if got := Sum(all); !slices.Equal(got, []netip.Prefix{p}) {
			t.Errorf("the sum of the parts of %s is %s", p, got)
		}
	}
}

func TestSum(t *testing.T) {
	tests := []struct {
		name     string
		in, want []string
	}{
		{"nothing", nil, nil},
		{"halves", []string{"2001:db8:1::/48", "2001:db8::/48"}, []string{"2001:db8::/47"}},
		{"neighbors that are no halves", []string{"2001:db8:1::/48", "2001:db8:2::/48"}, []string{"2001:db8:1::/48", "2001:db8:2::/48"}},
		{"within", []string{"2001:db8:1::/48", "2001:db8::/32", "2001:db8:1:1::/64"}, []string{"2001:db8::/32"}},
		{"a chain", []string{"2001:db8:3::/48", "2001:db8:2::/48", "2001:db8:1::/48", "2001:db8::/48"}, []string{"2001:db8::/46"}},
		{"twice", []string{"::/1", "::/1"}, []string{"::/1"}},
		{"everything", []string{"::/1", "8000::/1", "0.0.0.0/1", "128.0.0.0/1"}, []string{"0.0.0.0/0", "::/0"}},
		{"families that look alike", []string{"0.0.0.0/1", "::/1", "8000::/1"}, []string{"0.0.0.0/1", "::/0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, texts(Sum(prefixes(t, tt.in...)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFree(t *testing.T) {
	tests := []struct {
		name, prefix string
		used         []string
		length       int
		want         []string // the first three
	}{
		{"none used", "2001:db8::/48", nil, 56, []string{"2001:db8::/56", "2001:db8:0:100::/56", "2001:db8:0:200::/56"}},
		{"the first is", "2001:db8::/48", []string{"2001:db8::/56"}, 56, []string{"2001:db8:0:100::/56", "2001:db8:0:200::/56", "2001:db8:0:300::/56"}},
		{"small ones", "2001:db8::/48", []string{"2001:db8:0:1ff::/64", "2001:db8::/64"}, 56, []string{"2001:db8:0:200::/56", "2001:db8:0:300::/56", "2001:db8:0:400::/56"}},
		{"a large one", "2001:db8::/32", []string{"2001:db8::/33"}, 64, []string{"2001:db8:8000::/64", "2001:db8:8000:1::/64", "2001:db8:8000:2::/64"}},
		{"all", "2001:db8::/48", []string{"2001:db8::/49", "2001:db8:0:8000::/49"}, 64, nil},
		{"all of everything", "::/0", []string{"::/0"}, 0, nil},
		{"everything", "::/0", nil, 0, []string{"::/0"}},
		{"the last is free", "2001:db8::/46", []string{"2001:db8::/47", "2001:db8:2::/48"}, 48, []string{"2001:db8:3::/48"}},
		{"used elsewhere", "2001:db8:1::/48", []string{"2001:db8::/48", "2001:db8:2::/48"}, 49, []string{"2001:db8:1::/49", "2001:db8:1:8000::/49"}},
		{"it is within what is used", "2001:db8:1::/48", []string{"2001:db8::/32"}, 64, nil},
		{"ipv4", "192.0.2.0/24", []string{"192.0.2.0/26", "192.0.2.130/32"}, 26, []string{"192.0.2.64/26", "192.0.2.192/26"}},
		{"end of all", "ffff::/16", []string{"ffff::/17"}, 17, []string{"ffff:8000::/17"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			free, err := Free(prefixes(t, tt.prefix)[0], prefixes(t, tt.used...), tt.length)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for p := range free {
				if got = append(got, p.String()); len(got) == 3 {
					break
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := Free(prefixes(t, "::/0")[0], prefixes(t, "192.0.2.0/24"), 1); err == nil {
		t.Error("another family is accepted")
	}
}

func TestRelate(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want Relation
	}{
		{"2001:db8::/32", "2001:db8::/32", Equal},
		{"2001:db8::/32", "2001:db8:1::/48", Contains},
		{"2001:db8:1::/48", "2001:db8::/32", Within},
		{"2001:db8::/32", "2001:db9::/32", Apart},
		{"::/0", "0.0.0.0/0", Apart},
		{"::/0", "::ffff:0.0.0.0/96", Contains},
	} {
		p := prefixes(t, tt.a, tt.b)
		if got := Relate(p[0], p[1]); got != tt.want {
			t.Errorf("%s to %s: %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"2001:db8::":      `2001:db8:: has no length: write 2001:db8::/128, or with the length that the prefix has`,
		"2001:db8::1/64":  `2001:db8::1/64 is an address in a prefix: the prefix is 2001:db8::/64`,
		"2001:db8::/129":  `2001:db8::/129: "129" is not a length from 0 to 128`,
		"192.0.2.0/33":    `192.0.2.0/33: "33" is not a length from 0 to 32`,
		"2001:db8::/+1":   `2001:db8::/+1: "+1" is not a length from 0 to 128`,
		"2001:db8::/064":  `2001:db8::/064: "064" is not a length from 0 to 128`,
		"fe80::1%eth0/64": `fe80::1%eth0 has a zone, which is no part of an address: write fe80::1`,
		"lan0":            `"lan0" is not an address such as 2001:db8::1 or 192.0.2.1`,
		"":                `"" is not an address such as 2001:db8::1 or 192.0.2.1`,
	} {
		if _, err := ParsePrefix(in); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
	if a, err := ParseAddress("[2001:db8::1]"); err != nil || a != netip.MustParseAddr("2001:db8::1") {
		t.Errorf("%v, %v", a, err)
	}
}

func TestRandom(t *testing.T) {
	// The reader offers what is reserved first: the subnet-router anycast address, then an anycast address, then a good one.
	offer := func(ids ...string) *bytes.Reader {
		var all []byte
		for _, id := range ids {
			b := netip.MustParseAddr(id).As16()
			all = append(all, b[:]...)
		}
		return bytes.NewReader(all)
	}
	for _, tt := range []struct {
		prefix string
		offer  []string
		want   string
	}{
		{"2001:db8:100::/64", []string{"::", "::fdff:ffff:ffff:ff80", "::fdff:ffff:ffff:ffff", "::200:5eff:fe00:5212", "::1"}, "2001:db8:100::1"},
		{"2001:db8:100::/64", []string{"ffff::fdff:ffff:ffff:ff7f"}, "2001:db8:100:0:fdff:ffff:ffff:ff7f"},
		{"2001:db8:100::/48", []string{"::", "::7:0:0:0:5"}, "2001:db8:100:7::5"},
		{"2001:db8:100::/112", []string{"::", "::ff80", "::ff7f"}, "2001:db8:100::ff7f"},
		{"2001:db8:100::/120", []string{"::ff", "::7f"}, "2001:db8:100::7f"},
		{"2001:db8:100::/121", []string{"::", "::7f"}, "2001:db8:100::7f"},
		{"2001:db8:100::/127", []string{"::"}, "2001:db8:100::"},
		{"2001:db8:100::5/128", []string{"::"}, "2001:db8:100::5"},
		{"192.0.2.0/24", []string{"::", "::ff", "::fe"}, "192.0.2.254"},
		{"192.0.2.0/31", []string{"::"}, "192.0.2.0"},
		{"::/0", []string{"::", "8000::1"}, "8000::1"},
	} {
		got, err := randomFrom(offer(tt.offer...), prefixes(t, tt.prefix)[0])
		if err != nil || got.String() != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.prefix, got, err, tt.want)
		}
	}
	if _, err := randomFrom(offer(), prefixes(t, "::/0")[0]); err == nil {
		t.Error("no error without random bits")
	}
}

func TestRandomReal(t *testing.T) {
	p := prefixes(t, "2001:db8:100::/64")[0]
	seen := map[netip.Addr]bool{}
	for range 1000 {
		a, err := Random(p)
		if err != nil || !p.Contains(a) || seen[a] {
			t.Fatalf("%s, %v", a, err)
		}
		seen[a] = true
		s, err := RandomSubnet(prefixes(t, "2001:db8::/48")[0], 64)
		if err != nil || s != s.Masked() || s.Bits() != 64 || Relate(s, prefixes(t, "2001:db8::/48")[0]) != Within {
			t.Fatalf("%s, %v", s, err)
		}
	}
	// Every host of a small subnet comes up, and nothing else.
	for text, want := range map[string]int{"2001:db8::/124": 15, "2001:db8::/127": 2, "192.0.2.0/28": 14, "192.0.2.0/31": 2, "192.0.2.1/32": 1} {
		p, seen := prefixes(t, text)[0], map[netip.Addr]bool{}
		for range 2000 {
			a, err := Random(p)
			if err != nil {
				t.Fatal(err)
			}
			seen[a] = true
		}
		if len(seen) != want || Hosts(p).Int64() != int64(want) {
			t.Errorf("%s: %d addresses came up, and there are %s, want %d", text, len(seen), Hosts(p), want)
		}
	}
}

// Hosts counts what reserved leaves.
func TestHosts(t *testing.T) {
	for _, p := range prefixes(t, "2001:db8::/110", "2001:db8::/119", "2001:db8::/120", "2001:db8::/121", "2001:db8::/126", "10.0.0.0/18") {
		s, err := Split(p, width(p))
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		for a := range s.From(new(big.Int)) {
			if !reserved(a.Addr(), p.Bits()) {
				n++
			}
		}
		if Hosts(p).Int64() != n {
			t.Errorf("%s has %s hosts, but %d are not reserved", p, Hosts(p), n)
		}
	}
	if got := Hosts(prefixes(t, "2001:db8::/64")[0]).String(); got != "18446744073709530476" {
		t.Errorf("a /64 has %s hosts", got)
	}
}

func TestWords(t *testing.T) {
	for shift, want := range map[uint]string{
		0: "1", 8: "256", 16: "65,536 (2^16)", 20: "1,048,576 (2^20, 1 million)", 64: "18,446,744,073,709,551,616 (2^64, 18.4 quintillion)",
		128: "340,282,366,920,938,463,463,374,607,431,768,211,456 (2^128, 340.2 undecillion)",
	} {
		if got := Words(new(big.Int).Lsh(big.NewInt(1), shift)); got != want {
			t.Errorf("2^%d: %s, want %s", shift, got, want)
		}
	}
	if got := Words(big.NewInt(999)); got != "999" {
		t.Error(got)
	}
}

func BenchmarkSplit(b *testing.B) {
	s, err := Split(netip.MustParsePrefix("2001:db8::/32"), 64)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	n := 0
	for range s.From(new(big.Int)) {
		if n++; n > b.N {
			break
		}
	}
}

func BenchmarkSum(b *testing.B) {
	s, err := Split(netip.MustParsePrefix("2001:db8::/32"), 48)
	if err != nil {
		b.Fatal(err)
	}
	all := slices.Collect(s.From(new(big.Int)))
	for b.Loop() {
		if len(Sum(all)) != 1 {
			b.Fatal("wrong")
		}
	}
}
