package firewall

import (
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// Hosts on a bridge of a zone are not routed: whatever their addresses, they reach one another, and find duplicates, also where
// br_netfilter shows their packets to the firewall.
func TestBridgedPackets(t *testing.T) {
	left, right := netns.Host(t, "left"), netns.Host(t, "right")
	netns.Cable(t, netns.End{Node: netns.Own(), Name: "port1"}, netns.End{Node: left, Name: "eth0"})
	netns.Cable(t, netns.End{Node: netns.Own(), Name: "port2"}, netns.End{Node: right, Name: "eth0"})
	sh(t, `ip link add br10 type bridge mcast_snooping 0; ip link set br10 up; ip link set port1 master br10; ip link set port2 master br10
		ip addr add fd00::1/64 dev br10 nodad; sysctl -qw net.ipv6.conf.all.forwarding=1
		for f in /proc/sys/net/bridge/bridge-nf-call-ip*tables; do [ ! -e $f ] || echo 1 >$f; done`)
	t.Cleanup(func() { sh(t, "ip link del br10") })
	m := newManager(t)
	c := Config{Zones: []Zone{{Name: "lan", Interfaces: []string{"br10"}, Bridges: []string{"br10"}, SourceCheck: CheckStrict}}}
	apply(t, m, c)
	settled(t, m, c)
	left.Sh(t, "ip addr add 2001:db8:7::1/64 dev eth0 nodad; ip addr add 198.51.100.1/24 dev eth0")
	right.Sh(t, "ip addr add 2001:db8:7::2/64 dev eth0 nodad; ip addr add 198.51.100.2/24 dev eth0")
	left.Sh(t, "ping -c 1 -W 2 2001:db8:7::2 && ping -c 1 -W 2 198.51.100.2")
	for _, reason := range []string{"martian", "spoofed", "no-policy"} {
		if n := dropsOf(t, m, reason); n > 0 {
			t.Errorf("%d packets between ports were dropped: %s", n, reason)
		}
	}
}
