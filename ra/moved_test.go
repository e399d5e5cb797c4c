package ra

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// farewells applies c to a Sender that runs nowhere and returns the final advertisements that it has to send at once.
func farewells(t *testing.T, s *Sender, c Config) []string {
	t.Helper()
	for _, l := range s.links {
		l.status.Sent = 1
	}
	if err := s.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var r round
	s.next(&r, time.Now())
	var out []string
	for _, o := range r.quiet {
		got, err := Decode(o.message)
		if err != nil {
			t.Fatal(err)
		}
		text := []string{fmt.Sprintf("from %s router %d", o.source, got.RouterLifetime)}
		for _, p := range got.Prefixes {
			text = append(text, fmt.Sprintf("prefix %d/%d", p.Valid, p.Preferred))
		}
		for _, d := range got.RDNSS {
			text = append(text, fmt.Sprintf("dns %d", d.Lifetime))
		}
		for _, p := range got.PREF64 {
			text = append(text, fmt.Sprintf("nat64 %d", p.Lifetime))
		}
		for _, p := range got.Routes {
			text = append(text, fmt.Sprintf("route %d", p.Lifetime))
		}
		out = append(out, strings.Join(text, ", "))
	}
	s.queue = nil
	return out
}

// TestMovedKeepsWhatIsStillSaid: the final advertisements from an address that we had leave alone what is advertised from the new one.
func TestMovedKeepsWhatIsStillSaid(t *testing.T) {
	i := basic
	i.RDNSS, i.DNSLifetime = []netip.Addr{netip.MustParseAddr("2001:db8::53")}, 30*time.Minute
	i.Prefixes = []Prefix{{Prefix: netip.MustParsePrefix("2001:db8::/64"), OnLink: true, Autonomous: true, Valid: time.Hour, Preferred: 30 * time.Minute, Deprecate: true}}
	i.PREF64 = []PREF64{{Prefix: netip.MustParsePrefix("64:ff9b::/96"), Lifetime: 30 * time.Minute}}
	i.Routes = []Route{{Prefix: netip.MustParsePrefix("2001:db8:1::/48"), Lifetime: 30 * time.Minute}}
	other := i
	other.LinkLocal = netip.MustParseAddr("fe80::8")

	s := quiet(t)
	s.conn = &wire{start: time.Now()}
	farewells(t, s, one(i))
	want := []string{"from fe80::7 router 0, prefix 3600/1800, dns 1800, nat64 1800, route 0"}
	if diff := cmp.Diff(want, farewells(t, s, one(other))); diff != "" {
		t.Errorf("another address (-want +got):\n%s", diff)
	}
	want = []string{"from fe80::8 router 0, prefix 3600/0, dns 0, nat64 0, route 0"}
	if diff := cmp.Diff(want, farewells(t, s, Config{})); diff != "" {
		t.Errorf("the end (-want +got):\n%s", diff)
	}

	// Away and back with another address before the final advertisements were over.
	farewells(t, s, one(i))
	for _, l := range s.links {
		l.status.Sent = 1
	}
	if err := s.Apply(t.Context(), Config{}); err != nil {
		t.Fatal(err)
	}
	want = []string{"from fe80::7 router 0, prefix 3600/1800, dns 1800, nat64 1800, route 0"}
	if diff := cmp.Diff(want, farewells(t, s, one(other))); diff != "" {
		t.Errorf("back with another address (-want +got):\n%s", diff)
	}
}
