package rib

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCovering(t *testing.T) {
	p := netip.MustParsePrefix
	var table Table
	table.Update(Static, []Route{unicast(p("::/0"), "fe80::1"), unicast(a, "fe80::2"), {Prefix: p("192.0.2.0/24"), Kind: Blackhole}}, nil)
	table.Update(BGP, []Route{unicast(a, "fe80::3"), unicast(p("2001:db8:a:1::/64"), "fe80::4"), unicast(b, "fe80::5")}, nil)
	table.Update(BGP, []Route{{Prefix: a, Table: 7, Via: netip.MustParseAddr("fe80::6")}}, nil)
	for _, tt := range []struct {
		of   string
		want []Entry
	}{
		{"2001:db8:a:1::9/128", []Entry{
			in(BGP, unicast(p("2001:db8:a:1::/64"), "fe80::4")), in(Static, unicast(a, "fe80::2")), in(BGP, unicast(a, "fe80::3")),
			in(Static, unicast(p("::/0"), "fe80::1")),
		}},
		{"2001:db8:a::/48", []Entry{
			in(Static, unicast(a, "fe80::2")), in(BGP, unicast(a, "fe80::3")), in(Static, unicast(p("::/0"), "fe80::1")),
		}},
		{"2001:db8:ffff:1::/64", []Entry{in(Static, unicast(p("::/0"), "fe80::1"))}},
		{"192.0.2.7/32", []Entry{in(Static, Route{Prefix: p("192.0.2.0/24"), Kind: Blackhole})}},
		{"198.51.100.1/32", nil},
	} {
		if diff := cmp.Diff(tt.want, table.Covering(0, p(tt.of)), equal); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.of, diff)
		}
	}
	if got := table.Covering(7, a); len(got) != 1 || got[0].Route.Table != 7 {
		t.Errorf("table 7: %v", got)
	}
	if got := table.Covering(0, netip.Prefix{}); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}
