package firewall

import (
	"net/netip"

	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// State is what the kernel's connection tracking says of a packet, with its bits.
type State uint32

// The states.
const (
	StateInvalid     State = 1
	StateEstablished State = 2
	StateRelated     State = 4
	StateNew         State = 8
	StateUntracked   State = 64
)

// Packet is what rules can see of a packet. Lengths and checksums play no part.
type Packet struct {
	Hook             Hook
	In, Out          string // interfaces; empty: none
	Slave            string // where In is a VRF, the interface of it that the packet came in by
	Src, Dst         netip.Addr
	Protocol         Protocol
	SrcPort, DstPort uint16 // of TCP, UDP and SCTP
	ICMPType         uint8  // of ICMP and ICMPv6
	VNI              uint32 // of VXLAN
	HopLimit         uint8
	TCPFlags         uint8
	State            State
	Routing          int16           // type of the first routing header; -1: there is none
	SrcRoute         string          // interface of the route to Src; empty: there is no route
	SrcRoutes        map[string]bool // interfaces by which Src can be reached, where that is not only SrcRoute
	DstLocal         bool            // Dst is an address of this machine
	Translated       bool            // Dst was translated: another one than the packet had
}

// The words of package packet.
type (
	Protocol  = packet.Protocol
	ICMPType  = packet.ICMPType
	PortRange = packet.PortRange
)
