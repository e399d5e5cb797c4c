package kernel

import (
	"strconv"

	"github.com/sixfold-router/sixfold/router/rib"
)

// The rtm_protocol numbers of our routes: each source has its own, so that after a restart the routes of one source can be
// told from those of another. They are in no list that iproute2 ships; /etc/iproute2/rt_protos may name them.
const (
	ProtoStatic    = 166 // "sixfold-static"
	ProtoDelegated = 167 // "sixfold-delegated"
	ProtoBGP       = 168 // "sixfold-bgp"
	ProtoAggregate = 169 // "sixfold-aggregate"
	ProtoLocal     = 170 // "sixfold-local"
	ProtoWithdrawn = 171 // "sixfold-withdrawn"
)

const firstProto, lastProto = ProtoStatic, ProtoWithdrawn

// DefaultMetric is the kernel priority of our routes that have none of their own, whatever their source: so a prefix that
// changes its source is replaced in one step. It is above that of the kernel's own routes to connected prefixes (0 for IPv4,
// 256 for IPv6), which we never override, and below 1024, that of routes from router advertisements and of ip -6 route, over
// which configured and learnt routes win. Routes of others with the very same prefix and metric are left alone, and ours then
// fails.
const DefaultMetric = 512

// Protocol returns the rtm_protocol number of the routes of a source, 0 if the router does not write routes of this source.
func Protocol(s rib.Source) uint8 {
	switch s {
	case rib.Static:
		return ProtoStatic
	case rib.Delegated:
		return ProtoDelegated
	case rib.BGP:
		return ProtoBGP
	case rib.Aggregate:
		return ProtoAggregate
	case rib.Local:
		return ProtoLocal
	case rib.Withdrawn:
		return ProtoWithdrawn
	}
	return 0
}

// protocolSource is the reverse of Protocol.
func protocolSource(proto uint8) (rib.Source, bool) {
	switch proto {
	case ProtoStatic:
		return rib.Static, true
	case ProtoDelegated:
		return rib.Delegated, true
	case ProtoBGP:
		return rib.BGP, true
	case ProtoAggregate:
		return rib.Aggregate, true
	case ProtoLocal:
		return rib.Local, true
	case ProtoWithdrawn:
		return rib.Withdrawn, true
	}
	return 0, false
}

// protocolName returns the source of our routes, and what /etc/iproute2/rt_protos calls the protocols of others.
func protocolName(proto uint8) string {
	if s, ok := protocolSource(proto); ok {
		return s.String()
	}
	switch proto {
	case 0:
		return "unspec"
	case 1:
		return "redirect"
	case 2:
		return "kernel"
	case 3:
		return "boot"
	case 4:
		return "static"
	case 8:
		return "gated"
	case 9:
		return "ra"
	case 11:
		return "zebra"
	case 12:
		return "bird"
	case 16:
		return "dhcp"
	case 18:
		return "keepalived"
	case 42:
		return "babel"
	case 84:
		return "ovn"
	case 186:
		return "bgp"
	case 187:
		return "isis"
	case 188:
		return "ospf"
	case 189:
		return "rip"
	}
	return strconv.Itoa(int(proto))
}
