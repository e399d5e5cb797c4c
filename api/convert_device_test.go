package api

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/kernel"
)

func TestDeviceState(t *testing.T) {
	key := uint32(7)
	for name, c := range map[string]struct {
		have device.Status
		want *sixfoldv1.InterfaceState
	}{
		"vlan": {
			device.Status{Ours: true, VLAN: &device.VLAN{Link: "eth5", ID: 300, Protocol: device.Dot1AD}},
			&sixfoldv1.InterfaceState{Made: true, Vlan: &sixfoldv1.VlanState{Link: "eth5", Id: 300, Protocol: "802.1ad"}},
		},
		"bridge": {
			device.Status{Ports: []string{"p0", "p\x1b1"}, Bridge: &device.BridgeStatus{
				STP: true, Priority: 4096, RootID: "1000.02:00:00:00:00:01", RootPort: "p0", VLANs: "1 (pvid)", MulticastSnooping: true, MulticastQuerier: true,
			}},
			&sixfoldv1.InterfaceState{Ports: []string{"p0", clean("p\x1b1")}, Bridge: &sixfoldv1.BridgeState{
				Stp: true, Priority: 4096, RootId: "1000.02:00:00:00:00:01", RootPort: "p0", MulticastSnooping: true, MulticastQuerier: true,
			}},
		},
		"bridge without stp": {
			device.Status{Bridge: &device.BridgeStatus{Root: true, RootID: "8000.02:00:00:00:00:01", VLANFiltering: true, VLANs: "1 (pvid)"}},
			&sixfoldv1.InterfaceState{Bridge: &sixfoldv1.BridgeState{VlanFiltering: true, Vlans: "1 (pvid)"}},
		},
		"gre": {
			device.Status{GRE: &device.GRE{Local: netip.MustParseAddr("2001:db8::1"), Remote: netip.MustParseAddr("2001:db8::2"), Key: &key, TTL: 64, TOS: 4}},
			&sixfoldv1.InterfaceState{Gre: &sixfoldv1.GreState{Local: "2001:db8::1", Remote: "2001:db8::2", Key: &key, Ttl: 64, Tos: 4}},
		},
		"bond": {
			device.Status{Bond: &device.BondStatus{Mode: device.LACP, Partner: "02:00:00:00:00:09"}},
			&sixfoldv1.InterfaceState{Bond: &sixfoldv1.BondState{Mode: "802.3ad", Partner: "02:00:00:00:00:09"}},
		},
		"ports": {
			device.Status{Table: 1001, Port: &device.PortStatus{State: "forwarding", Cost: 2, Isolated: true}, Slave: &device.SlaveStatus{Active: true, Up: true, Failures: 3}},
			&sixfoldv1.InterfaceState{
				VrfTable: 1001, BridgePort: &sixfoldv1.BridgePortState{State: "forwarding", Cost: 2, Isolated: true},
				BondPort: &sixfoldv1.BondPortState{Active: true, Up: true, Failures: 3},
			},
		},
	} {
		c.want.Exists, c.want.Index = true, 1
		got := interfaceState(router.InterfaceStatus{Link: kernel.LinkState{Index: 1}, Device: &c.have}, nil)
		if diff := cmp.Diff(c.want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
