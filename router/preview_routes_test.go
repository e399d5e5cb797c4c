package router

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// TestPreviewForeignAddress has an interface come and go that somebody else gave an address: the kernel keeps the prefix of that one.
func TestPreviewForeignAddress(t *testing.T) {
	netns.Cable(t, netns.End{Node: netns.Own(), Name: "lan0"}, netns.End{Node: netns.Own(), Name: "lan0p"})
	netns.Own().Sh(t, "ip addr add 192.0.2.1/24 dev lan0; ip -6 addr add 2001:db8:3::1/64 dev lan0 nodad")
	const with = `interfaces: {lan0: {addresses: ["2001:db8:2::1/64"], dad: false}}`
	m := boot(t, t.TempDir(), "{}")
	t.Cleanup(func() { m.commit("{}", 0) })
	fib := func(text string) (out []string) {
		for _, o := range m.preview(text, netip.Addr{}).Operations {
			if o.Unit == "fib" {
				out = append(out, o.Object+" "+o.Action)
			}
		}
		return out
	}
	if diff := cmp.Diff([]string{"2001:db8:2::/64 add the connected route dev lan0"}, fib(with)); diff != "" {
		t.Errorf("the interface comes (-want +got):\n%s", diff)
	}
	m.must(m.commit(with, 0))
	m.settled(with)
	if diff := cmp.Diff([]string{"2001:db8:2::/64 remove the connected route dev lan0"}, fib("{}")); diff != "" {
		t.Errorf("the interface goes (-want +got):\n%s", diff)
	}
	m.must(m.commit("{}", 0))
	out := netns.Own().Sh(t, "ip -6 route show dev lan0; ip -4 route show dev lan0")
	for _, prefix := range []string{"2001:db8:3::/64", "192.0.2.0/24"} {
		if !strings.Contains(out, prefix) {
			t.Errorf("no %s any more:\n%s", prefix, out)
		}
	}
}
