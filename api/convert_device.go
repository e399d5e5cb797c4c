package api

import (
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/device"
)

// deviceState adds what a link is and what it is a port of.
func deviceState(m *sixfoldv1.InterfaceState, d *device.Status) {
	m.Made = d.Ours
	for _, p := range d.Ports {
		m.Ports = append(m.Ports, clean(p))
	}
	m.VrfTable = d.Table
	if v := d.VLAN; v != nil {
		m.Vlan = &sixfoldv1.VlanState{Link: clean(v.Link), Id: uint32(v.ID), Protocol: v.Protocol.String()}
	}
	if b := d.Bridge; b != nil {
		m.Bridge = &sixfoldv1.BridgeState{
			Stp: b.STP, Priority: uint32(b.Priority), VlanFiltering: b.VLANFiltering,
			MulticastSnooping: b.MulticastSnooping, MulticastQuerier: b.MulticastQuerier,
		}
		if b.VLANFiltering {
			m.Bridge.Vlans = b.VLANs
		}
		if b.STP {
			m.Bridge.Root, m.Bridge.RootId, m.Bridge.RootPort = b.Root, b.RootID, clean(b.RootPort)
		}
	}
	if g := d.GRE; g != nil {
		m.Gre = &sixfoldv1.GreState{
			Local: addrText(g.Local), Remote: addrText(g.Remote), Link: clean(g.Link), Key: g.Key, Ttl: uint32(g.TTL), Tos: uint32(g.TOS),
		}
	}
	if b := d.Bond; b != nil {
		m.Bond = &sixfoldv1.BondState{Mode: b.Mode.String(), Active: clean(b.Active), Primary: clean(b.Primary), Partner: b.Partner}
	}
	if p := d.Port; p != nil {
		m.BridgePort = &sixfoldv1.BridgePortState{State: p.State, Cost: p.Cost, Isolated: p.Isolated, Vlans: p.VLANs}
	}
	if p := d.Slave; p != nil {
		m.BondPort = &sixfoldv1.BondPortState{Active: p.Active, Up: p.Up, Failures: p.Failures}
	}
}
