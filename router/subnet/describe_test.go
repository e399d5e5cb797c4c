package subnet

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestFacts compares what testdata/facts.txt says of each of its addresses: a line with the address, and what follows indented.
func TestFacts(t *testing.T) {
	const file = "testdata/facts.txt"
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for line := range strings.Lines(string(golden)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, " ") {
			continue
		}
		if strings.HasPrefix(line, "#") {
			fmt.Fprintln(&got, line)
			continue
		}
		p, err := ParseAddressPrefix(line)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&got, line)
		if k, ok := KindOf(netip.PrefixFrom(p.Addr(), p.Addr().BitLen())); ok {
			fmt.Fprintf(&got, "  kind: %s, %s, in %s, global %t\n", k.Name, k.RFC, k.Prefix, k.Global)
		}
		for _, f := range Facts(p) {
			fmt.Fprintf(&got, "  %s: %s\n", f.Name, f.Value)
		}
	}
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(golden), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKindOf(t *testing.T) {
	for text, want := range map[string]string{
		"2000::/3": "global unicast", "2001:db8::/32": "documentation", "2001::/16": "global unicast", "fd00::/8": "unique local", "fc00::/7": "unique local",
		"::/0": "", "::/8": "", "8000::/1": "", "4000::/3": "", "4000::/4": "reserved by the IETF", "0.0.0.0/0": "", "10.1.0.0/16": "private", "8.0.0.0/8": "global unicast", "192.0.0.0/8": "",
		"ff02::/16": "multicast", "fe80::/64": "link-local", "fec0::/10": "site-local (deprecated)",
	} {
		k, ok := KindOf(netip.MustParsePrefix(text))
		if k.Name != want || ok != (want != "") {
			t.Errorf("%s is %q, want %q", text, k.Name, want)
		}
	}
}

func TestMAC(t *testing.T) {
	for in, want := range map[string]string{
		"52:54:00:d6:c2:a9": "52:54:00:d6:c2:a9", "52-54-00-D6-C2-A9": "52:54:00:d6:c2:a9", "5254.00d6.c2a9": "52:54:00:d6:c2:a9",
		"525400d6c2a9": "52:54:00:d6:c2:a9", "5254-00d6-c2a9": "52:54:00:d6:c2:a9", "5254:00d6:c2a9": "52:54:00:d6:c2:a9", "525400-d6c2a9": "52:54:00:d6:c2:a9",
		"52:54:0:d6:c2:a9": "52:54:00:d6:c2:a9", "52 54 00 d6 c2 a9": "52:54:00:d6:c2:a9", "525400fffed6c2a9": "52:54:00:ff:fe:d6:c2:a9",
		"5254.00ff.fed6.c2a9": "52:54:00:ff:fe:d6:c2:a9",
		"":                    "", "52:54": "", "52:54:00:d6:c2": "", "52:54:00:d6:c2:g9": "", "52:54-00:d6:c2:a9": "", "5254.d6.c2a9": "", "52::00:d6:c2:a9:11": "",
		"152:54:00:d6:c2:a9": "", "0x525400d6c2a9": "", strings.Repeat("5", 1000): "",
	} {
		mac, err := ParseMAC(in)
		if mac.String() != want || (err == nil) != (want != "") {
			t.Errorf("%.40q: %s, %v, want %s", in, mac, err, want)
		}
	}
	mac, _ := ParseMAC("52:54:00:d6:c2:a9")
	a, err := EUI64(netip.MustParsePrefix("2001:db8::/64"), mac)
	if err != nil || a != netip.MustParseAddr("2001:db8::5054:ff:fed6:c2a9") {
		t.Errorf("%s, %v", a, err)
	}
	if back, ok := MAC(a); !ok || back.String() != mac.String() {
		t.Errorf("back: %s", back)
	}
	if ll, err := LinkLocal(mac); err != nil || ll != netip.MustParseAddr("fe80::5054:ff:fed6:c2a9") {
		t.Errorf("%s, %v", ll, err)
	}
	long, _ := ParseMAC("0011223344556677")
	if ll, err := LinkLocal(long); err != nil || ll != netip.MustParseAddr("fe80::211:2233:4455:6677") {
		t.Errorf("%s, %v", ll, err)
	}
	for _, p := range []string{"2001:db8::/56", "2001:db8::/65", "192.0.2.0/24"} {
		if a, err := EUI64(netip.MustParsePrefix(p), mac); err == nil {
			t.Errorf("in %s: %s", p, a)
		}
	}
	for _, a := range []string{"2001:db8::1", "192.0.2.1", "ff02::ff:fe00:1", "::ffff:192.0.2.1"} {
		if mac, ok := MAC(netip.MustParseAddr(a)); ok {
			t.Errorf("%s is made of %s", a, mac)
		}
	}
}

func TestReverse(t *testing.T) {
	for text, want := range map[string][]string{
		"2001:db8::/32":   {"8.b.d.0.1.0.0.2.ip6.arpa"},
		"2001:db8::1/128": {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
		"2001:db8::/30":   {"8.b.d.0.1.0.0.2.ip6.arpa", "9.b.d.0.1.0.0.2.ip6.arpa", "a.b.d.0.1.0.0.2.ip6.arpa", "b.b.d.0.1.0.0.2.ip6.arpa"},
		"::/0":            {"ip6.arpa"},
		"192.0.2.0/24":    {"2.0.192.in-addr.arpa"},
		"192.0.2.1/32":    {"1.2.0.192.in-addr.arpa"},
		"192.0.2.64/26":   {"64/26.2.0.192.in-addr.arpa"},
		"192.0.2.0/23":    {"2.0.192.in-addr.arpa", "3.0.192.in-addr.arpa"},
		"0.0.0.0/0":       {"in-addr.arpa"},
	} {
		if diff := cmp.Diff(want, Reverse(netip.MustParsePrefix(text))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, bad := range []string{"", "arpa", "example.net", "x.ip6.arpa", "10.ip6.arpa", ".ip6.arpa", "256.in-addr.arpa", "01.in-addr.arpa", "1.2.3.4.5.in-addr.arpa",
		"1/26.2.0.192.in-addr.arpa", "0/24.2.0.192.in-addr.arpa", strings.Repeat("1.", 33) + "ip6.arpa", "ip6.arpa.example"} {
		if p, err := ParseReverse(bad); err == nil {
			t.Errorf("%q is %s", bad, p)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"2001:db8::1/64", "192.0.2.1", "::ffff:192.0.2.1/97", "[::1]", "ff3e:30:2001:db8::1", "2001:0:53aa:64c:0:7fe4:a9c2:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseAddressPrefix(s)
		if err != nil {
			return
		}
		KindOf(p)
		Facts(p)
		// The names of all parts cover exactly the prefix, so far as RFC 2317 is not in play.
		var parts []netip.Prefix
		for _, name := range Reverse(p) {
			part, err := ParseReverse(name)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			parts = append(parts, part)
		}
		if got := Sum(parts); len(got) != 1 || got[0] != p.Masked() {
			t.Fatalf("%s has the reverse zones of %s", p, got)
		}
		if Last(p).Less(p.Masked().Addr()) || !p.Contains(Last(p)) {
			t.Fatalf("last of %s is %s", p, Last(p))
		}
	})
}

func FuzzParseMAC(f *testing.F) {
	f.Add("52:54:00:d6:c2:a9")
	f.Add("5254.00d6.c2a9")
	f.Fuzz(func(t *testing.T, s string) {
		mac, err := ParseMAC(s)
		if err != nil {
			return
		}
		a, err := LinkLocal(mac)
		if err != nil {
			t.Fatal(err)
		}
		if back, ok := MAC(a); len(mac) == 6 && (!ok || back.String() != mac.String()) {
			t.Fatalf("%s becomes %s", mac, back)
		}
	})
}

func FuzzParseReverse(f *testing.F) {
	f.Add("8.b.d.0.1.0.0.2.ip6.arpa")
	f.Add("64/26.2.0.192.in-addr.arpa.")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseReverse(s)
		if err != nil {
			return
		}
		if names := Reverse(p); len(names) != 1 || names[0] != strings.ToLower(strings.TrimSuffix(s, ".")) {
			t.Fatalf("%q is %s, which is %q", s, p, names)
		}
	})
}
