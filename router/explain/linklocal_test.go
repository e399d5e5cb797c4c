package explain

import (
	"net"
	"net/netip"
	"testing"

	"github.com/sixfold-router/sixfold/router/kernel"
)

// Both uplinks have a router of the same link-local address: neither is forgotten.
func TestExplainLinkLocalOfTwoLinks(t *testing.T) {
	v, err := parseView("two", "interfaces: {wan0: {}, wan1: {}}", "link wan0 2 fe80::2/64\nlink wan1 3 fe80::3/64\n")
	if err != nil {
		t.Fatal(err)
	}
	for n, link := range []string{"wan0", "wan1"} {
		v.Neighbors = append(v.Neighbors, kernel.Neighbor{Link: link, Address: netip.MustParseAddr("fe80::1"), MAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(n)}, State: "reachable"})
	}
	for text, want := range map[string]string{
		"fe80::1":      "fe80::1 is a host on wan0, and one on wan1",
		"fe80::1%wan1": "fe80::1 is a host on wan1",
	} {
		e, err := Of(v, text)
		if err != nil {
			t.Fatal(err)
		}
		if e.Summary != want {
			t.Errorf("%s: %q, want %q", text, e.Summary, want)
		}
	}
}
