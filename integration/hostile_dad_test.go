package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// TestAddressDenied has atk6-dos-new-ip6 claim every address that the router is about to use. What it had it keeps, and goes on with; what
// it does not get is told of, and can be had by configuring it again once nobody claims it any more.
func TestAddressDenied(t *testing.T) {
	t.Parallel()
	router, desktop, mallory := host(t, "router"), host(t, "desktop"), host(t, "mallory")
	sw, err := netns.Switch("switch", end(router, "lan0"), end(desktop, "eth0"), end(mallory, "eth0"))
	must(t, err)
	t.Cleanup(func() { sw.Close() })
	const one, two = `interfaces: {lan0: {addresses: ["2001:db8:1::1/64"], advertise: {}}}`, `interfaces: {lan0: {addresses: ["2001:db8:1::1/64", "2001:db8:2::1/64"], advertise: {}}}`
	r := run(t, router, one)
	eventually(t, "address of the desktop", desktop.Expect("ip -6 addr show dev eth0 scope global", "2001:db8:1:"))
	must(t, router.Sysctl("net.ipv6.conf.all.accept_dad=1", "net.ipv6.conf.lan0.accept_dad=1", "net.ipv6.conf.lan0.dad_transmits=1"))
	tool, err := mallory.Start("atk6-dos-new-ip6", "eth0")
	must(t, err)
	r.reload(two)
	eventually(t, "the address is a duplicate", router.Expect("ip -6 addr show dev lan0 dadfailed", "2001:db8:2::1/64"))
	eventually(t, "it is told", router.Expect(sixfold+" show pending", "2001:db8:2::1", "another host on the link has this address"))
	must(t, router.Expect("ip -6 addr show dev lan0 -tentative", "2001:db8:1::1/64")())
	eventually(t, "the LAN is still advertised on", desktop.Expect("rdisc6 -1 -w 3000 eth0", "2001:db8:1::/64"))
	tool.Kill()
	r.reload(one)
	eventually(t, "it is taken away", func() error {
		out, err := router.Run("ip", "-6", "addr", "show", "dev", "lan0")
		if err == nil && strings.Contains(out, "2001:db8:2::1") {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
	r.reload(two)
	eventually(t, "the address is had", router.Expect("ip -6 addr show dev lan0 -dadfailed -tentative", "2001:db8:2::1/64"))
	eventually(t, "and advertised", desktop.Expect("rdisc6 -1 -w 3000 eth0", "2001:db8:2::/64"))
}
