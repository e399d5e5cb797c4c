package firewall

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// Field is what a condition looks at.
type Field uint8

// The fields.
const (
	InName Field = iota
	OutName
	SlaveName
	Family
	L4Proto
	Source6
	Dest6
	Source4
	Dest4
	SourcePort
	DestPort
	ICMPKind // type of ICMP or ICMPv6
	HopLimit6
	TTL4
	RoutingType     // of a routing header, and there is one
	RouteBack       // index of the interface by which the source is reached, if it is the one of the packet; else 0
	RouteSource     // index of an interface by which the source is reached; 0: none
	DestinationType // of the destination: local, unicast and so on
	VNI             // of a VXLAN packet
)

// metaSlaveName is NFT_META_SDIFNAME of linux/netfilter/nf_tables.h.
const metaSlaveName expr.MetaKey = 34

// The families of Family.
const (
	family4 = unix.NFPROTO_IPV4
	family6 = unix.NFPROTO_IPV6
)

// Types of a destination.
const (
	typeUnicast = unix.RTN_UNICAST
	typeLocal   = unix.RTN_LOCAL
)

// fields has what is known of each field: its name, and how the kernel loads it into a register.
func (f Field) spec() (name string, load expr.Any) {
	const reg = 1
	payload := func(base expr.PayloadBase, offset, length uint32) expr.Any {
		return &expr.Payload{DestRegister: reg, Base: base, Offset: offset, Len: length}
	}
	meta := func(key expr.MetaKey) expr.Any { return &expr.Meta{Key: key, Register: reg} }
	switch f {
	case InName:
		return "iifname", meta(expr.MetaKeyIIFNAME)
	case OutName:
		return "oifname", meta(expr.MetaKeyOIFNAME)
	case SlaveName:
		return "meta sdifname", meta(metaSlaveName)
	case Family:
		return "meta nfproto", meta(expr.MetaKeyNFPROTO)
	case L4Proto:
		return "meta l4proto", meta(expr.MetaKeyL4PROTO)
	case Source6:
		return "ip6 saddr", payload(expr.PayloadBaseNetworkHeader, 8, 16)
	case Dest6:
		return "ip6 daddr", payload(expr.PayloadBaseNetworkHeader, 24, 16)
	case Source4:
		return "ip saddr", payload(expr.PayloadBaseNetworkHeader, 12, 4)
	case Dest4:
		return "ip daddr", payload(expr.PayloadBaseNetworkHeader, 16, 4)
	case SourcePort:
		return "th sport", payload(expr.PayloadBaseTransportHeader, 0, 2)
	case DestPort:
		return "th dport", payload(expr.PayloadBaseTransportHeader, 2, 2)
	case ICMPKind:
		return "icmp type", payload(expr.PayloadBaseTransportHeader, 0, 1)
	case VNI:
		return "@th,96,24", payload(expr.PayloadBaseTransportHeader, 12, 3) // after the headers of UDP and VXLAN
	case HopLimit6:
		return "ip6 hoplimit", payload(expr.PayloadBaseNetworkHeader, 7, 1)
	case TTL4:
		return "ip ttl", payload(expr.PayloadBaseNetworkHeader, 8, 1)
	case RoutingType:
		return "rt type", &expr.Exthdr{DestRegister: reg, Type: unix.IPPROTO_ROUTING, Offset: 2, Len: 1, Op: expr.ExthdrOpIpv6}
	case RouteBack:
		return "fib saddr . iif oif", &expr.Fib{Register: reg, FlagSADDR: true, FlagIIF: true, ResultOIF: true}
	case RouteSource:
		return "fib saddr oif", &expr.Fib{Register: reg, FlagSADDR: true, ResultOIF: true}
	case DestinationType:
		return "fib daddr type", &expr.Fib{Register: reg, FlagDADDR: true, ResultADDRTYPE: true}
	}
	return "unknown", nil
}

// key returns what the kernel would load of a packet; ok is false where the packet has no such thing, and the rule ends.
func (f Field) key(p *Packet) (key string, ok bool) {
	address := func(a netip.Addr, v4 bool) (string, bool) {
		return string(a.AsSlice()), a.IsValid() && a.Is4() == v4
	}
	number := func(n uint32) string { return string(binary.NativeEndian.AppendUint32(nil, n)) }
	flag := func(set bool) (string, bool) {
		if set {
			return number(1), true
		}
		return number(0), true
	}
	switch f {
	case InName:
		return nameKey(p.In), true
	case OutName:
		return nameKey(p.Out), true
	case SlaveName:
		return nameKey(p.Slave), true
	case Family:
		if p.Src.Is4() {
			return string([]byte{family4}), true
		}
		return string([]byte{family6}), true
	case L4Proto:
		return string([]byte{byte(p.Protocol)}), true
	case Source6, Source4:
		return address(p.Src, f == Source4)
	case Dest6, Dest4:
		return address(p.Dst, f == Dest4)
	case SourcePort:
		return portKey(p.SrcPort), p.Protocol.HasPorts()
	case DestPort:
		return portKey(p.DstPort), p.Protocol.HasPorts()
	case ICMPKind:
		return string([]byte{p.ICMPType}), p.Protocol == packet.ICMP || p.Protocol == packet.ICMPv6
	case VNI:
		return vniKey(p.VNI), p.Protocol == packet.UDP
	case HopLimit6, TTL4:
		return string([]byte{p.HopLimit}), p.Src.Is4() == (f == TTL4)
	case RoutingType:
		return string([]byte{byte(p.Routing)}), p.Routing >= 0
	case RouteBack:
		return flag(p.SrcRoute != "" && p.SrcRoute == p.In || p.SrcRoutes[p.In])
	case RouteSource:
		return flag(p.SrcRoute != "" || len(p.SrcRoutes) > 0)
	case DestinationType:
		if p.DstLocal {
			return number(typeLocal), true
		}
		return number(typeUnicast), true
	}
	return "", false
}

// text writes a value of the field as nft does.
func (f Field) text(key string) string {
	b := []byte(key)
	switch f {
	case InName, OutName, SlaveName:
		return strconv.Quote(strings.TrimRight(key, "\x00"))
	case Family:
		return map[byte]string{family4: "ipv4", family6: "ipv6"}[b[0]]
	case L4Proto:
		return Protocol(b[0]).String()
	case Source6, Dest6, Source4, Dest4:
		a, _ := netip.AddrFromSlice(b)
		return a.String()
	case SourcePort, DestPort:
		return fmt.Sprint(binary.BigEndian.Uint16(b))
	case RouteBack, RouteSource:
		if binary.NativeEndian.Uint32(b) == 0 {
			return "missing"
		}
	case DestinationType:
		switch binary.NativeEndian.Uint32(b) {
		case typeUnicast:
			return "unicast"
		case typeLocal:
			return "local"
		}
	}
	if len(b) == 1 {
		return fmt.Sprint(b[0])
	}
	return fmt.Sprintf("%#x", key)
}

// vniKey is a VXLAN network identifier as packets have it.
func vniKey(vni uint32) string { return string([]byte{byte(vni >> 16), byte(vni >> 8), byte(vni)}) }
