package device

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
)

// Status is what a link is, as the kernel has it. It is known of every link, ours or not.
type Status struct {
	Name   string
	Kind   string // as the kernel calls it; empty: hardware
	Ours   bool   // made by this package
	Lower  string // link that it lies on; empty: none
	Master string // bridge, bond or VRF that it is a port of; empty: none
	Ports  []string

	VLAN   *VLAN         // of a vlan
	Bridge *BridgeStatus // of a bridge
	GRE    *GRE          // of gre and ip6gre
	Bond   *BondStatus   // of a bond
	Table  uint32        // of a vrf
	Port   *PortStatus   // of a port of a bridge
	Slave  *SlaveStatus  // of a port of a bond
}

// BridgeStatus is a bridge at work.
type BridgeStatus struct {
	STP               bool
	Priority          uint16
	Root              bool   // we are the root of the spanning tree
	RootID            string // "8000.52:54:00:d6:c2:a9"
	RootPort          string // port towards the root; empty: none
	VLANFiltering     bool
	VLANs             string // that the bridge itself takes: "1 (pvid), 300-309"
	MulticastSnooping bool
	MulticastQuerier  bool
}

// PortStatus is a port of a bridge.
type PortStatus struct {
	State    string // disabled, listening, learning, forwarding or blocking
	Cost     uint32
	Isolated bool
	VLANs    string
}

// BondStatus is a bond at work.
type BondStatus struct {
	Mode    BondMode
	Active  string // active port; empty: none, or the mode has none
	Primary string
	// Partner is the MAC address of the other end in mode 802.3ad; empty: it has not been heard.
	Partner string
}

// SlaveStatus is a port of a bond.
type SlaveStatus struct {
	Active   bool // carries packets, not a backup
	Up       bool // has carrier, as the bond sees it
	Failures uint32
}

func (s snapshot) status() []Status {
	index := s.byIndex()
	ports := map[int][]string{}
	for _, p := range s {
		if p.Master != 0 {
			ports[p.Master] = append(ports[p.Master], p.Name)
		}
	}
	out := make([]Status, 0, len(s))
	for _, p := range s {
		one := Status{Name: p.Name, Kind: p.Kind, Ours: p.ours(), Master: index[p.Master].Name, Ports: slices.Sorted(slices.Values(ports[p.Index]))}
		if !p.elsewhere && p.Lower != p.Index && p.Kind != "veth" {
			one.Lower = index[p.Lower].Name
		}
		one.details(p, index)
		one.port(p)
		if one.Port != nil && number(index[p.Master].Data[nl.IFLA_BR_VLAN_FILTERING]) == 0 {
			one.Port.VLANs = "" // the kernel keeps them, and asks nobody
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// details reads what is peculiar to a kind.
func (s *Status) details(p present, index map[int]present) {
	d := p.Data
	switch p.Kind {
	case "vlan":
		s.VLAN = &VLAN{Link: s.Lower, ID: uint16(number(d[nl.IFLA_VLAN_ID])), Protocol: Protocol(big(d[nl.IFLA_VLAN_PROTOCOL]))}
	case "bridge":
		root, own := d[nl.IFLA_BR_ROOT_ID], d[nl.IFLA_BR_BRIDGE_ID]
		s.Bridge = &BridgeStatus{
			STP: number(d[nl.IFLA_BR_STP_STATE]) != 0, Priority: uint16(number(d[nl.IFLA_BR_PRIORITY])),
			Root: string(root) == string(own), RootID: bridgeID(root), RootPort: rootPort(d, p.Index, index),
			VLANFiltering:     number(d[nl.IFLA_BR_VLAN_FILTERING]) != 0,
			VLANs:             p.VLANs.String(),
			MulticastSnooping: number(d[nl.IFLA_BR_MCAST_SNOOPING]) != 0,
			MulticastQuerier:  number(d[nl.IFLA_BR_MCAST_QUERIER]) != 0,
		}
	case "gre", "ip6gre":
		g := &GRE{Link: index[int(number(d[nl.IFLA_GRE_LINK]))].Name, TTL: uint8(number(d[nl.IFLA_GRE_TTL])), TOS: uint8(number(d[nl.IFLA_GRE_TOS]))}
		g.Local, _ = netip.AddrFromSlice(d[nl.IFLA_GRE_LOCAL])
		g.Remote, _ = netip.AddrFromSlice(d[nl.IFLA_GRE_REMOTE])
		if p.Kind == "ip6gre" {
			g.TOS = uint8(big(d[nl.IFLA_GRE_FLOWINFO]) >> 20)
		}
		if big(d[nl.IFLA_GRE_OFLAGS])&greKey != 0 {
			key := big(d[nl.IFLA_GRE_OKEY])
			g.Key = &key
		}
		s.GRE = g
	case "bond":
		b := &BondStatus{
			Mode:    BondMode(number(d[nl.IFLA_BOND_MODE])),
			Active:  index[int(number(d[nl.IFLA_BOND_ACTIVE_SLAVE]))].Name,
			Primary: index[int(number(d[nl.IFLA_BOND_PRIMARY]))].Name,
		}
		if mac := attributes(d[nl.IFLA_BOND_AD_INFO])[nl.IFLA_BOND_AD_INFO_PARTNER_MAC]; len(mac) == 6 && string(mac) != "\x00\x00\x00\x00\x00\x00" {
			b.Partner = macText(mac)
		}
		s.Bond = b
	case "vrf":
		s.Table = uint32(number(d[nl.IFLA_VRF_TABLE]))
	}
}

// port reads what a port is.
func (s *Status) port(p present) {
	d := p.PortData
	switch p.PortKind {
	case "bridge":
		s.Port = &PortStatus{
			State: portState(number(d[nl.IFLA_BRPORT_STATE])), Cost: uint32(number(d[nl.IFLA_BRPORT_COST])),
			Isolated: number(d[nl.IFLA_BRPORT_ISOLATED]) != 0, VLANs: p.VLANs.String(),
		}
	case "bond":
		s.Slave = &SlaveStatus{
			Active: number(d[nl.IFLA_BOND_SLAVE_STATE]) == 0, Up: number(d[nl.IFLA_BOND_SLAVE_MII_STATUS]) == 0,
			Failures: uint32(number(d[nl.IFLA_BOND_SLAVE_LINK_FAILURE_COUNT])),
		}
	}
}

// rootPort finds the port with the number of the bridge's root port.
func rootPort(d map[int][]byte, bridge int, index map[int]present) string {
	no := number(d[nl.IFLA_BR_ROOT_PORT])
	if no == 0 {
		return ""
	}
	for _, i := range slices.Sorted(maps.Keys(index)) {
		if p := index[i]; p.Master == bridge && number(p.PortData[nl.IFLA_BRPORT_NO]) == no {
			return p.Name
		}
	}
	return ""
}

// bridgeID reads a bridge identifier (IEEE 802.1D 9.2.5): two octets of priority and a MAC address.
func bridgeID(b []byte) string {
	if len(b) != 8 {
		return ""
	}
	return fmt.Sprintf("%04x.%s", big(b[:2]), macText(b[2:]))
}

func macText(b []byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5])
}

func portState(n uint64) string {
	words := []string{"disabled", "listening", "learning", "forwarding", "blocking"}
	if n < uint64(len(words)) {
		return words[n]
	}
	return "unknown"
}
