package rib

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCount(t *testing.T) {
	var table Table
	p := netip.MustParsePrefix("2001:db8::/32")
	table.Update(BGP, []Route{unicast(p, "fe80::1"), unicast(netip.MustParsePrefix("2001:db9::/32"), "fe80::1")}, nil)
	table.Update(Static, []Route{unicast(p, "fe80::2")}, nil)
	table.Update(BGP, nil, []Key{key(p)})
	want := map[Source]int{Connected: 0, Local: 0, Static: 1, Delegated: 0, Aggregate: 0, BGP: 1, Withdrawn: 0}
	if diff := cmp.Diff(want, table.Count()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
