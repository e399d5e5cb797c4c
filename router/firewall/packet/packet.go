// Package packet has the words for protocols, their ports and types, that the configuration and the firewall share.
package packet

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// protocolNames has the protocols that rules may name, with the words of nft.
func protocolNames() map[string]Protocol {
	return map[string]Protocol{
		"icmp": ICMP, "igmp": IGMP, "ipip": 4, "tcp": TCP, "udp": UDP, "dccp": DCCP, "ipv6": 41, "rsvp": 46, "gre": GRE, "esp": ESP,
		"ah": AH, "icmpv6": ICMPv6, "eigrp": 88, "ospf": 89, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "sctp": SCTP,
		"mobility": Mobility, "udplite": UDPLite, "hip": HIP,
	}
}

// ProtocolNames returns the names that ParseProtocol knows, sorted.
func ProtocolNames() []string { return slices.Sorted(maps.Keys(protocolNames())) }

// ICMPTypeNames returns the names that ParseICMPType knows, sorted.
func ICMPTypeNames(v4 bool) []string {
	if v4 {
		return slices.Sorted(maps.Keys(typeNames4()))
	}
	return slices.Sorted(maps.Keys(typeNames6()))
}

// ParseProtocol reads the name or number of a protocol.
func ParseProtocol(text string) (Protocol, error) {
	if p, ok := protocolNames()[strings.ToLower(text)]; ok {
		return p, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("%q is not a protocol: a number up to 255, or a name such as tcp, udp, icmpv6, icmp, sctp, esp, ah, gre", text)
	}
	switch n {
	case 0, 43, 44, 60:
		return 0, fmt.Errorf("%d is an extension header of IPv6, not a protocol", n)
	}
	return Protocol(n), nil
}

// String returns the name of the protocol, or its number.
func (p Protocol) String() string {
	for name, known := range protocolNames() {
		if known == p {
			return name
		}
	}
	return strconv.Itoa(int(p))
}

// typeNames6 has the types of ICMPv6 with the words of nft.
func typeNames6() map[string]uint8 {
	return map[string]uint8{
		"destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo-request": 128, "echo-reply": 129,
		"mld-listener-query": 130, "mld-listener-report": 131, "mld-listener-done": 132, "nd-router-solicit": 133, "nd-router-advert": 134,
		"nd-neighbor-solicit": 135, "nd-neighbor-advert": 136, "nd-redirect": 137, "router-renumbering": 138, "node-information-query": 139,
		"node-information-reply": 140, "ind-neighbor-solicit": 141, "ind-neighbor-advert": 142, "mld2-listener-report": 143,
		"home-agent-request": 144, "home-agent-reply": 145, "mobile-prefix-solicit": 146, "mobile-prefix-advert": 147,
		"certification-path-solicit": 148, "certification-path-advert": 149, "mrd-advert": 151, "mrd-solicit": 152, "mrd-terminate": 153,
	}
}

// typeNames4 has the types of ICMP with the words of nft.
func typeNames4() map[string]uint8 {
	return map[string]uint8{
		"echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8, "router-advertisement": 9,
		"router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12, "timestamp-request": 13, "timestamp-reply": 14,
	}
}

// ParseICMPType reads the name or number of a type of ICMPv6, or with v4 of ICMP.
func ParseICMPType(text string, v4 bool) (ICMPType, error) {
	names, kind, sample := typeNames6(), "ICMPv6", "echo-request, packet-too-big, nd-neighbor-solicit"
	if v4 {
		names, kind, sample = typeNames4(), "ICMP", "echo-request, destination-unreachable"
	}
	if t, ok := names[strings.ToLower(text)]; ok {
		return ICMPType{v4, t}, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return ICMPType{}, fmt.Errorf("%q is not a type of %s: a number up to 255, or a name such as %s", text, kind, sample)
	}
	return ICMPType{v4, uint8(n)}, nil
}

// String returns the name of the type, or its number.
func (t ICMPType) String() string {
	names := typeNames6()
	if t.V4 {
		names = typeNames4()
	}
	for name, known := range names {
		if known == t.Type {
			return name
		}
	}
	return strconv.Itoa(int(t.Type))
}

// String writes the range as the configuration has it.
func (r PortRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// Protocol is the number of a protocol above IP, past extension headers.
type Protocol uint8

// ICMPType is a type of ICMPv6, or of ICMP.
type ICMPType struct {
	V4   bool
	Type uint8
}

// PortRange is from First to Last, both included.
type PortRange struct{ First, Last uint16 }

// The protocols that have a meaning of their own for rules.
const (
	ICMP     Protocol = 1
	IGMP     Protocol = 2
	TCP      Protocol = 6
	UDP      Protocol = 17
	DCCP     Protocol = 33
	GRE      Protocol = 47
	ESP      Protocol = 50
	AH       Protocol = 51
	ICMPv6   Protocol = 58
	SCTP     Protocol = 132
	Mobility Protocol = 135
	UDPLite  Protocol = 136
	HIP      Protocol = 139
)

// HasPorts reports whether the protocol has ports at the start of its header.
func (p Protocol) HasPorts() bool {
	return p == TCP || p == UDP || p == SCTP || p == UDPLite || p == DCCP
}

// ParsePorts reads a port or a range of ports, 443 or 8000-8080.
func ParsePorts(text string) (PortRange, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	a, err := strconv.ParseUint(first, 10, 16)
	if err == nil {
		var b uint64
		if b, err = strconv.ParseUint(last, 10, 16); err == nil {
			switch {
			case a == 0:
				return PortRange{}, fmt.Errorf("there is no port 0")
			case b < a:
				return PortRange{}, fmt.Errorf("%s ends before it begins; did you mean %d-%d?", text, b, a)
			}
			return PortRange{uint16(a), uint16(b)}, nil
		}
	}
	return PortRange{}, fmt.Errorf("%q is not a port or a range of ports: 1 to 65535, as 443 or 8000-8080", text)
}

// Port returns the range of one port.
func Port(port uint16) PortRange { return PortRange{port, port} }

// MarshalText is String.
func (p Protocol) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText is String, after the protocol.
func (t ICMPType) MarshalText() ([]byte, error) {
	if t.V4 {
		return []byte("icmp " + t.String()), nil
	}
	return []byte("icmpv6 " + t.String()), nil
}

// MarshalText is String.
func (r PortRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
