package ra

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/ndp"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 600e6, time.UTC)

// bytesOf reads hex with spaces and comments.
func bytesOf(t *testing.T, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, "//")
		digits.WriteString(strings.Join(strings.Fields(code), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncode(t *testing.T) {
	for _, tt := range []struct {
		name string
		i    Interface
		want string
	}{
		{"nothing", Interface{}, "86 00 0000 00 00 0000 00000000 00000000"},
		{"header", Interface{
			HopLimit: 64, Managed: true, OtherConfig: true, RouterLifetime: 1800 * time.Second, Preference: 1,
			ReachableTime: 30 * time.Second, RetransTimer: time.Second,
		}, "86 00 0000 40 c8 0708 00007530 000003e8"},
		{"low preference", Interface{RouterLifetime: 65535 * time.Second, Preference: 3}, "86 00 0000 00 18 ffff 00000000 00000000"},
		{"no preference without a lifetime", Interface{Preference: 3}, "86 00 0000 00 00 0000 00000000 00000000"},
		{"options", Interface{
			RouterLifetime: 1800 * time.Second, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, LinkMTU: 1500,
			Prefixes: []Prefix{
				{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, Valid: 30 * 24 * time.Hour, Preferred: 7 * 24 * time.Hour},
				{Prefix: netip.MustParsePrefix("2001:db8:2::/63"), OnLink: true, Valid: Forever, Preferred: Forever},
			},
			RDNSS: []netip.Addr{netip.MustParseAddr("2001:db8::53"), netip.MustParseAddr("2001:db8::54")},
			DNSSL: []string{"lan.example.", "bücher.example"}, DNSLifetime: 1800 * time.Second, DNSSLLifetime: 1800 * time.Second,
		}, `86 00 0000 00 00 0708 00000000 00000000
			01 01 020000000001
			05 01 0000 000005dc
			03 04 40 c0 00278d00 00093a80 00000000 20010db8000100000000000000000000
			03 04 3f 80 ffffffff ffffffff 00000000 20010db8000200000000000000000000
			19 05 0000 00000708 20010db8000000000000000000000053 20010db8000000000000000000000054
			1f 06 0000 00000708
				03 6c616e 07 6578616d706c65 00          // lan.example
				0d 786e2d2d62636865722d6b7661 07 6578616d706c65 00 // xn--bcher-kva.example
				00000000`},
		{"counting down", Interface{
			Prefixes: []Prefix{
				{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), Valid: time.Hour, Preferred: time.Hour, ValidUntil: epoch.Add(100*time.Second + 900*time.Millisecond), PreferredUntil: epoch.Add(50 * time.Second)},
				{Prefix: netip.MustParsePrefix("2001:db8:2::/64"), Valid: time.Minute, Preferred: time.Hour, ValidUntil: epoch.Add(time.Hour)},
				{Prefix: netip.MustParsePrefix("2001:db8:3::/64"), Valid: Forever, Preferred: Forever, ValidUntil: epoch, PreferredUntil: epoch.Add(-time.Hour)},
			},
		}, `86 00 0000 00 00 0000 00000000 00000000
			03 04 40 00 00000064 00000032 00000000 20010db8000100000000000000000000
			03 04 40 00 0000003c 0000003c 00000000 20010db8000200000000000000000000
			03 04 40 00 00000000 00000000 00000000 20010db8000300000000000000000000`},
		{"no link-layer address that is not Ethernet", Interface{MAC: net.HardwareAddr{10, 0, 0, 1}}, "86 00 0000 00 00 0000 00000000 00000000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Encode(tt.i, epoch)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]byte{bytesOf(t, tt.want)}, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEncodeErrors(t *testing.T) {
	prefix := netip.MustParsePrefix("2001:db8::/64")
	for _, tt := range []struct {
		name string
		i    Interface
		want string
	}{
		{"router lifetime", Interface{RouterLifetime: 70000 * time.Second}, "router lifetime"},
		{"preference", Interface{Preference: 2}, "preference 2"},
		{"MTU", Interface{LinkMTU: 1279}, "MTU 1279"},
		{"reachable time", Interface{ReachableTime: -1}, "reachable time"},
		{"host bits", Interface{Prefixes: []Prefix{{Prefix: netip.MustParsePrefix("2001:db8::1/64")}}}, "2001:db8::1/64"},
		{"IPv4 prefix", Interface{Prefixes: []Prefix{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}}, "10.0.0.0/8"},
		{"lifetime", Interface{Prefixes: []Prefix{{Prefix: prefix, Valid: Forever + 1}}}, "lifetime of prefix"},
		{"IPv4 server", Interface{RDNSS: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}, "name server 10.0.0.1"},
		{"no server", Interface{RDNSS: []netip.Addr{{}}}, "name server"},
		{"empty label", Interface{DNSSL: []string{"a..b"}}, `search domain "a..b"`},
		{"empty name", Interface{DNSSL: []string{""}}, `search domain ""`},
		{"long label", Interface{DNSSL: []string{strings.Repeat("x", 64)}}, "1 to 63"},
		{"long name", Interface{DNSSL: []string{strings.Repeat("abcdefg.", 40)}}, "255"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Encode(tt.i, epoch)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %s", err, tt.want)
			}
		})
	}
}

// many is an interface with more options than fit one message.
func many() Interface {
	i := Interface{RouterLifetime: time.Hour, HopLimit: 64, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DNSLifetime: time.Hour, DNSSLLifetime: time.Hour}
	for n := range 60 {
		i.Prefixes = append(i.Prefixes, Prefix{Prefix: netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/64", n)), Valid: time.Hour, Preferred: time.Hour})
		i.RDNSS = append(i.RDNSS, netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n+1)))
		i.DNSSL = append(i.DNSSL, fmt.Sprintf("domain%d.a-rather-long-name.example", n))
	}
	i.DNSSL = append(i.DNSSL, strings.Repeat("abcdefg.", 31)+"abcde") // 255 bytes on the wire
	return i
}

// TestEncodeSplit distributes many options and expects all of them back, by our decoder and by ndp's where it can read them.
func TestEncodeSplit(t *testing.T) {
	for _, mtu := range []int{0, 1280, 1400, 1500, 9000} {
		i := many()
		i.LinkMTU = mtu
		messages, err := Encode(i, epoch)
		if err != nil {
			t.Fatal(err)
		}
		limit := min(max(mtu, 1280), 1500) - 40
		var prefixes []netip.Prefix
		var servers []netip.Addr
		var domains []string
		for n, m := range messages {
			if len(m) > limit {
				t.Errorf("MTU %d: message %d has %d bytes, above %d", mtu, n, len(m), limit)
			}
			if n < len(messages)-1 && len(m) < limit/2 {
				t.Errorf("MTU %d: message %d has only %d bytes of %d", mtu, n, len(m), limit)
			}
			r, err := Decode(m)
			if err != nil || r.RouterLifetime != 3600 || r.HopLimit != 64 || r.Truncated || r.Malformed != nil || r.Unknown != nil {
				t.Errorf("MTU %d: message %d: %+v, %v", mtu, n, r, err)
			}
			if n < len(messages)-1 { // the last has the long name: an option of more than 255 bytes
				if _, err := ndp.ParseMessage(m); err != nil {
					t.Errorf("MTU %d: ndp cannot read message %d: %v", mtu, n, err)
				}
			}
			for _, p := range r.Prefixes {
				prefixes = append(prefixes, p.Prefix)
			}
			for _, s := range r.RDNSS {
				servers = append(servers, s.Servers...)
			}
			for _, d := range r.DNSSL {
				domains = append(domains, d.Domains...)
			}
		}
		var want []netip.Prefix
		for _, p := range i.Prefixes {
			want = append(want, p.Prefix)
		}
		equal := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
		if diff := cmp.Diff(want, prefixes, equal); diff != "" {
			t.Errorf("MTU %d: prefixes (-want +got):\n%s", mtu, diff)
		}
		if diff := cmp.Diff(i.RDNSS, servers, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("MTU %d: servers (-want +got):\n%s", mtu, diff)
		}
		if diff := cmp.Diff(i.DNSSL, domains); diff != "" {
			t.Errorf("MTU %d: domains (-want +got):\n%s", mtu, diff)
		}
	}
}

func TestFinal(t *testing.T) {
	i := many()
	i.Preference = 1
	messages, err := Encode(final(i), epoch)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		r, err := Decode(m)
		if err != nil {
			t.Fatal(err)
		}
		if r.RouterLifetime != 0 || r.Preference != "medium" {
			t.Errorf("router lifetime %d, preference %s", r.RouterLifetime, r.Preference)
		}
		for _, p := range r.Prefixes {
			if p.Valid != 3600 {
				t.Errorf("prefix %s is valid for %d s: addresses must survive the router", p.Prefix, p.Valid)
			}
		}
		for _, s := range r.RDNSS {
			if s.Lifetime != 0 {
				t.Errorf("servers with lifetime %d", s.Lifetime)
			}
		}
		for _, d := range r.DNSSL {
			if d.Lifetime != 0 {
				t.Errorf("domains with lifetime %d", d.Lifetime)
			}
		}
	}
}
