package dhcpv6

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A pool in several prefixes is shown, and counted, as one.
func TestPoolsOfOneNameAreOne(t *testing.T) {
	got := joined([]PoolStatus{
		{Name: "rest", Kind: "address", Range: "2001:db8::1-2001:db8::2", Size: 2},
		{Name: "rest", Kind: "prefix", Range: "2001:db8:1::/60 in /60", Leased: 1, Size: 1},
		{Name: "rest", Kind: "prefix", Range: "2001:db8:2::/59 in /60", Declined: 1, Size: 2},
		{Name: "rest", Kind: "prefix", Range: "2001:db8:3::/58 in /60", Leased: 3, Size: 4},
		{Name: "vip", Kind: "prefix", Range: "2001:db8:4::/58 in /60", Size: 4},
	})
	want := []PoolStatus{
		{Name: "rest", Kind: "address", Range: "2001:db8::1-2001:db8::2", Size: 2},
		{Name: "rest", Kind: "prefix", Range: "2001:db8:1::/60 and 2 more in /60", Leased: 4, Declined: 1, Size: 7},
		{Name: "vip", Kind: "prefix", Range: "2001:db8:4::/58 in /60", Size: 4},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
