package router

import (
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// A commit mends what others did before it, however shortly: also where the kernel tells nobody of it.
func TestCommitSeesWhatOthersDid(t *testing.T) {
	m := &machine{t: t}
	m.link("lan0")
	const text = "interfaces: {lan0: {addresses: [\"2001:db8::1/64\"], dad: false, sysctls: {ipv6.hop_limit: 77}}}\n"
	m = boot(t, t.TempDir(), text)
	m.settled(text)
	t.Cleanup(func() { m.commit("", 0) })
	for range 10 {
		for _, others := range []string{
			"echo 1 >/proc/sys/net/ipv6/conf/lan0/accept_ra", "echo 64 >/proc/sys/net/ipv6/conf/lan0/hop_limit", "ip addr del 2001:db8::1/64 dev lan0", "ip link set lan0 down",
		} {
			netns.Own().Sh(t, "%s", others)
			m.must(m.commit(text, 0))
			got := netns.Own().Sh(t, "cd /proc/sys/net/ipv6/conf/lan0; cat accept_ra hop_limit; ip addr show lan0 up")
			if !strings.HasPrefix(got, "0\n77\n") || !strings.Contains(got, "2001:db8::1/64") {
				t.Errorf("%s: after the commit there is\n%s", others, got)
			}
		}
	}
}
