package main

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// Of the places that are kept for links that are gone a few are enough.
func TestPartRows(t *testing.T) {
	d := &sixfoldv1.PrefixState{Name: "isp", Assignments: []*sixfoldv1.PrefixAssignment{
		{Name: "lan0", Length: 64, Subnet: "::/64", Prefix: "2001:db8::/64", State: "active", Reason: "the first of the smallest free blocks"},
		{Length: 60, State: "pending", Reason: "isp is a /62, too small for a /60"},
	}}
	for i := range 8 {
		d.Assignments = append(d.Assignments, &sixfoldv1.PrefixAssignment{
			Name: fmt.Sprintf("vnet%d", i), Length: 64, Subnet: fmt.Sprintf("0:0:0:%d::/64", i+1), State: "kept", Reason: "nothing uses it now",
		})
	}
	var got []string
	lines := newTable("", "", "")
	lines.ragged = true
	for _, row := range partRows(d) {
		lines.more(row...)
	}
	got = append(got, lines.lines()[1:]...)
	want := []string{
		"2001:db8::/64  isp auto:lan0/64   ::/64         the first of the smallest free blocks",
		"pending        isp auto/60        -             isp is a /62, too small for a /60",
		"kept           isp auto:vnet0/64  0:0:0:1::/64  nothing uses it now",
		"kept           isp auto:vnet1/64  0:0:0:2::/64  nothing uses it now",
		"kept           isp auto:vnet2/64  0:0:0:3::/64  nothing uses it now",
		"kept           isp auto:vnet3/64  0:0:0:4::/64  nothing uses it now",
		"kept           isp auto:vnet4/64  0:0:0:5::/64  nothing uses it now",
		"3 more places are kept for what is gone",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
