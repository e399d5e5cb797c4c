package router

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/advertised"
)

// A renumbering of a hundred LANs is one event, told once.
func TestWithdrawalEvents(t *testing.T) {
	links := map[string]advertised.Link{}
	for i := range 100 {
		name := fmt.Sprintf("lan%02d", i)
		prefix := netip.MustParsePrefix(fmt.Sprintf("2001:db8:1:%x::/64", i))
		links[name] = advertised.Link{Withdrawn: []advertised.Entry{{
			Key: advertised.Key{Link: name, Kind: advertised.Prefix, Prefix: prefix}, Since: now, Until: now.Add(advertised.Hold), Reason: "isp is 2001:db8:2::/48 now",
		}}}
	}
	links[""] = advertised.Link{Withdrawn: []advertised.Entry{{
		Key: advertised.Key{Kind: advertised.Aggregate, Prefix: netip.MustParsePrefix("2001:db8:1::/48")}, Since: now, Until: now.Add(advertised.Hold),
	}}}
	var got []string
	for _, e := range withdrawalEvents(advertised.Set{}, links) {
		got = append(got, e.Action+" "+e.Text)
	}
	want := []string{"withdrawn hosts are told to use no more: 2001:db8:1::/64 on lan00, 2001:db8:1:1::/64 on lan01, 2001:db8:1:2::/64 on lan02, " +
		"2001:db8:1:3::/64 on lan03, 96 more: isp is 2001:db8:2::/48 now"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if again := withdrawalEvents(advertised.Set{}.Next(now, links), links); len(again) != 0 {
		t.Errorf("told again: %v", again)
	}
}
