package kernel

import (
	"net/netip"
	"testing"
)

func TestMatch(t *testing.T) {
	veth(t, "mt0", "mt1")
	ip(t, "addr add 2001:db8:77::1/64 dev mt0 nodad")
	ip(t, "addr add 192.0.2.1/24 dev mt0")
	ip(t, "route add 2001:db8:78::/48 via 2001:db8:77::2 proto 168 metric 512")
	ip(t, "route add 2001:db8:78::/56 via 2001:db8:77::3 proto bird metric 32")
	ip(t, "-6 route add unreachable 2001:db8:79::/48 proto 169 metric 512")
	ip(t, "route add 198.51.100.0/24 via 192.0.2.9 proto 166")
	m := NewMonitor(discard())
	if err := m.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ of, want string }{
		{"2001:db8:78:ff00::1", "bgp 2001:db8:78::/48 via 2001:db8:77::2 dev mt0 metric 512"},
		{"2001:db8:78::1", "bird 2001:db8:78::/56 via 2001:db8:77::3 dev mt0 metric 32"},
		{"2001:db8:77::5", "kernel 2001:db8:77::/64 dev mt0 metric 256"},
		{"198.51.100.7", "static 198.51.100.0/24 via 192.0.2.9 dev mt0"},
		{"fe80::5%mt0", "kernel fe80::/64 dev mt0 metric 256"},
		{"fe80::5%nowhere", ""},
		{"2001:db8:77::1", ""}, // ours
		{"2001:db8:99::1", ""}, // no route
		{"203.0.113.1", ""},
	} {
		got := ""
		r, ok, err := m.Match(t.Context(), netip.MustParseAddr(tt.of))
		if err != nil {
			t.Errorf("%s: %v", tt.of, err)
		}
		if ok {
			got = r.Protocol + " " + r.Route.String()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.of, got, tt.want)
		}
	}
	r, ok, err := m.Match(t.Context(), netip.MustParseAddr("2001:db8:79::1"))
	t.Logf("unreachable: %v %v %v", r, ok, err)
	if err != nil {
		t.Error(err)
	}
}
