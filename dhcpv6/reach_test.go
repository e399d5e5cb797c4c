package dhcpv6

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// The Reconfigure is as RFC 8415 8, 21.11, 21.19 and 20.4 draw it, and its digest is over the whole message with zeros in the
// place of the digest.
func TestReconfigureMessage(t *testing.T) {
	key := [16]byte([]byte("0123456789abcdef"))
	m := reconfigure([]byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 1}, []byte{0, 2, 0, 0, 0x30, 0x39, 'a'}, dhcp6.MessageTypeRenew, key, 0x0102030405060708)
	got := hex.EncodeToString(m.ToBytes())
	head := "0a000000" + "0002000a00030001020000000001" + "00010007" + "000200003039" + "61" + "0013000105"
	auth := "000b001c" + "030100" + "0102030405060708" + "02"
	if !strings.HasPrefix(got, head+auth) || len(got) != len(head+auth)+2*md5.Size {
		t.Fatalf("the message is\n%s\nwant\n%s and a digest", got, head+auth)
	}
	mac := hmac.New(md5.New, key[:])
	zeros, err := hex.DecodeString(head + auth + strings.Repeat("00", md5.Size))
	if err != nil {
		t.Fatal(err)
	}
	mac.Write(zeros)
	if want := hex.EncodeToString(mac.Sum(nil)); got[len(head+auth):] != want {
		t.Errorf("the digest is %s, want %s", got[len(head+auth):], want)
	}
}

func TestPath(t *testing.T) {
	addr := netip.MustParseAddr
	for name, p := range map[string]relayPath{
		"one relay": {to: netip.MustParseAddrPort("[2001:db8::2]:547"), relays: []relayLayer{{link: addr("2001:db8:1::1"), peer: addr("fe80::c")}}},
		"three relays": {to: netip.MustParseAddrPort("[fe80::2]:1547"), link: "eth1", relays: []relayLayer{
			{hops: 2, link: addr("::"), peer: addr("fe80::b"), relayPort: []byte{0, 7}},
			{hops: 1, link: addr("2001:db8:2::1"), peer: addr("fe80::b"), interfaceID: []byte{}},
			{link: addr("2001:db8:1::1"), peer: addr("fe80::c"), interfaceID: []byte("port 7")},
		}},
	} {
		b := p.encode()
		got, err := decodePath(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(p, got, cmp.AllowUnexported(relayPath{}, relayLayer{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
			cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for n := range b {
			if _, err := decodePath(b[:n]); err == nil && n != 0 && got.relays[0].interfaceID == nil && len(got.relays) == 1 {
				t.Errorf("%s: decoded what is cut at %d", name, n)
			}
		}
	}
	long := relayPath{relays: []relayLayer{{interfaceID: make([]byte, 255)}}}
	if b := long.encode(); b != nil {
		t.Errorf("a path of %d bytes is kept", len(b))
	}
}

func FuzzPath(f *testing.F) {
	f.Add(relayPath{to: netip.MustParseAddrPort("[2001:db8::2]:547"), relays: []relayLayer{{interfaceID: []byte("x")}}}.encode())
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodePath(b)
		if err == nil && (len(p.relays) == 0 || len(p.relays) > maxRelays) {
			t.Errorf("%d relays of %x", len(p.relays), b)
		}
	})
}

// Replay detection rises over restarts, when the store is lost, and when the clock goes back.
func TestReplayRises(t *testing.T) {
	store := &memory{}
	last := uint64(0)
	check := func(s *secrets, when string) {
		t.Helper()
		for range 3 {
			if n := s.next(); n <= last {
				t.Fatalf("%s: %d comes after %d", when, n, last)
			} else {
				last = n
			}
		}
	}
	for _, run := range []struct {
		when string
		now  time.Time
	}{{"at the start", start}, {"the same moment", start}, {"an hour back", start.Add(-time.Hour)}, {"later", start.Add(time.Hour)}} {
		s := &secrets{}
		if err := s.begin(run.now, store); err != nil {
			t.Fatal(err)
		}
		check(s, run.when)
	}
	s := &secrets{}
	if err := s.begin(start.Add(2*time.Hour), &memory{}); err != nil {
		t.Fatal(err)
	}
	check(s, "the store is lost")
}

func TestExcluded(t *testing.T) {
	for _, tt := range []struct {
		prefix    string
		delegated int
		want      string
	}{
		{"::/64", 56, "4000"},
		{"0:0:0:f::/64", 60, "40f0"},
		{"0:0:0:ff::/64", 56, "40ff"},
		{"0:0:1:2::/64", 32, "4000010002"},
		{"0:0:0:1:8000::/65", 63, "41c0"},
		{"::1/128", 120, "8001"},
	} {
		if got := hex.EncodeToString(excluded(netip.MustParsePrefix(tt.prefix), tt.delegated)); got != tt.want {
			t.Errorf("%s of a /%d is %s, want %s", tt.prefix, tt.delegated, got, tt.want)
		}
	}
}
