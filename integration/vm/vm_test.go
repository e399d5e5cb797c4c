package vm

import (
	"os"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

func TestMain(m *testing.M) { os.Exit(netns.Isolate(m)) }

func TestUML(t *testing.T) {
	if Run(t, UML) {
		return
	}
	testDevices(t)
}

func TestQEMU(t *testing.T) {
	if Run(t, QEMU) {
		return
	}
	testDevices(t)
}

func testDevices(t *testing.T) {
	n := netns.Host(t, "a")
	for name, args := range map[string]string{
		"dummy": "dummy", "vrf": "vrf table 10", "bond": "bond", "bridge": "bridge vlan_filtering 1",
		"gre": "gre local 192.0.2.1 remote 192.0.2.2", "ip6gre": "ip6gre local 2001:db8::1 remote 2001:db8::2",
	} {
		t.Run(name, func(t *testing.T) {
			n.Sh(t, "ip link add x0 type %s && ip link set x0 up && ip link del x0", args)
		})
	}
}
