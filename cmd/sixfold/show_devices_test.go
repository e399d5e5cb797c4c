package main

import (
	"context"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// deviceList has one of each kind of link that the router makes, and ports of each.
func deviceList(context.Context, *client) (*sixfoldv1.ListInterfacesResponse, error) {
	key := uint32(7)
	up := func(name, kind, master string) *sixfoldv1.InterfaceState {
		return &sixfoldv1.InterfaceState{Name: name, Kind: kind, Exists: true, Up: true, Running: true, Mtu: 1500, Mac: "02:00:00:00:00:01", Master: master}
	}
	list := []*sixfoldv1.InterfaceState{
		up("bond0", "bond", ""), up("bond1", "bond", ""), up("br10", "bridge", ""), up("br20", "bridge", ""), up("br30", "bridge", ""), up("eth5.300", "vlan", ""),
		up("eth6", "", "br20"), up("eth7", "", "bond0"), up("eth8", "", "bond0"), up("gre1", "gre", ""), up("gre2", "ip6gre", ""),
		up("lo0", "dummy", ""), up("qinq", "vlan", "mgmt"), up("tap0", "tun", "br10"), up("mgmt", "vrf", ""),
	}
	by := map[string]*sixfoldv1.InterfaceState{}
	for _, i := range list {
		i.Made, by[i.Name] = true, i
	}
	by["bond0"].Bond, by["bond0"].Ports = &sixfoldv1.BondState{Mode: "active-backup", Active: "eth7", Primary: "eth7"}, []string{"eth7", "eth8"}
	by["bond1"].Bond = &sixfoldv1.BondState{Mode: "802.3ad", Partner: "02:00:00:00:00:99"}
	by["br10"].Bridge, by["br10"].Ports = &sixfoldv1.BridgeState{Stp: true, Root: true, RootId: "8000.02:00:00:00:00:01"}, []string{"tap0"}
	by["br10"].Addresses = []*sixfoldv1.LinkAddress{{Prefix: "fc01:100:200:401::1/64", Ours: true}}
	by["br20"].Bridge = &sixfoldv1.BridgeState{Stp: true, RootId: "1000.02:00:00:00:00:09", RootPort: "eth6", VlanFiltering: true, Vlans: "1 (pvid), 30"}
	by["br20"].Ports = []string{"eth6"}
	by["br30"].Bridge = &sixfoldv1.BridgeState{VlanFiltering: true}
	by["eth5.300"].Vlan, by["eth5.300"].Description = &sixfoldv1.VlanState{Link: "eth5", Id: 300, Protocol: "802.1q"}, "VXLAN"
	by["eth6"].BridgePort = &sixfoldv1.BridgePortState{State: "forwarding", Cost: 4, Vlans: "30 (pvid), 31-39"}
	by["eth7"].BondPort = &sixfoldv1.BondPortState{Active: true, Up: true}
	by["eth8"].BondPort = &sixfoldv1.BondPortState{Failures: 3}
	by["gre1"].Gre, by["gre1"].Mac = &sixfoldv1.GreState{Local: "198.51.100.1", Remote: "203.0.113.1", Ttl: 64}, "c6:33:64:01"
	by["gre1"].Addresses = []*sixfoldv1.LinkAddress{{Prefix: "fc00:fe1b::6/126", Ours: true}, {Prefix: "fc00:fe1b::f/126", Ours: true}}
	by["gre2"].Gre, by["gre2"].Mac = &sixfoldv1.GreState{Local: "2001:db8::1", Remote: "2001:db8::2", Link: "eth5.300", Key: &key}, "20:01:0d:b8:00:00:00:00:00:00:00:00:00:00:00:01"
	by["qinq"].Vlan = &sixfoldv1.VlanState{Link: "eth5", Id: 7, Protocol: "802.1ad"}
	by["tap0"].BridgePort = &sixfoldv1.BridgePortState{State: "learning", Isolated: true}
	by["mgmt"].VrfTable, by["mgmt"].Ports = 1001, []string{"qinq"}
	return &sixfoldv1.ListInterfacesResponse{Interfaces: list}, nil
}
