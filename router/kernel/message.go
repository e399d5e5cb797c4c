package kernel

import (
	"encoding/binary"
	"net/netip"

	"github.com/sixfold-router/sixfold/router/rib"
	"golang.org/x/sys/unix"
)

// This file turns routes into netlink messages and back. It is written by hand because a full table is a quarter million of
// them: the messages of a batch go into one buffer, without an allocation each.

// kroute is a route in the kernel's terms, without the key. It is comparable.
type kroute struct {
	proto  uint8
	kind   rib.Kind
	link   int32 // index; 0: none, or any
	metric uint32
	via    netip.Addr // without zone
	src    netip.Addr
	onlink bool // via need not be in a prefix of link
}

// same reports whether have, which the kernel told, is what is wanted.
func (want kroute) same(have kroute) bool {
	if want.proto != have.proto || want.kind != have.kind || want.metric != have.metric {
		return false
	}
	if want.kind != rib.Unicast && want.kind != rib.Deliver {
		return true // the kernel shows such routes on the loopback device
	}
	return want.via == have.via && want.src == have.src && want.link == have.link && want.onlink == have.onlink
}

var kindTypes = [...]uint8{
	rib.Unicast:     unix.RTN_UNICAST,
	rib.Unreachable: unix.RTN_UNREACHABLE,
	rib.Blackhole:   unix.RTN_BLACKHOLE,
	rib.Prohibit:    unix.RTN_PROHIBIT,
	rib.Deliver:     unix.RTN_LOCAL,
}

// samePlace reports whether the kernel takes two routes to one prefix for the same one: then one replaces the other.
func (r kroute) samePlace(o kroute) bool {
	return r.metric == o.metric && (r.kind == rib.Deliver) == (o.kind == rib.Deliver)
}

// kernelTable returns the table that the kernel has a route in. Routes that take packets in are looked up before all others, in a
// table of their own; only a VRF has them among the rest. To the rib they are of the main table, where nothing else of the same
// prefix counts.
func kernelTable(k rib.Key, r kroute) uint32 {
	if r.kind == rib.Deliver && k.Table == rib.MainTable {
		return unix.RT_TABLE_LOCAL
	}
	return k.Table
}

// appendHeader appends a netlink header and struct rtmsg. Its length is set by finish.
func appendHeader(b []byte, typ, flags uint16, seq uint32, k rib.Key, r kroute, scope uint8) []byte {
	family := uint8(unix.AF_INET6)
	if k.Prefix.Addr().Is4() {
		family = unix.AF_INET
	}
	number, table := kernelTable(k, r), uint8(unix.RT_TABLE_UNSPEC)
	if number < 256 {
		table = uint8(number)
	}
	b = native.AppendUint32(b, 0)
	b = native.AppendUint16(b, typ)
	b = native.AppendUint16(b, flags|unix.NLM_F_REQUEST)
	b = native.AppendUint32(b, seq)
	b = native.AppendUint32(b, 0)
	b = append(b, family, uint8(k.Prefix.Bits()), 0, 0, table, r.proto, scope, kindTypes[r.kind])
	flags32 := uint32(0)
	if r.onlink {
		flags32 = unix.RTNH_F_ONLINK
	}
	b = native.AppendUint32(b, flags32)
	b = appendAddr(b, unix.RTA_DST, k.Prefix.Addr())
	b = appendUint32(b, unix.RTA_PRIORITY, r.metric)
	if number >= 256 {
		b = appendUint32(b, unix.RTA_TABLE, number)
	}
	return b
}

// appendAdd appends an RTM_NEWROUTE message. The metric is always there: without it IPv6 and IPv4 differ in what they take.
func appendAdd(b []byte, flags uint16, seq uint32, k rib.Key, r kroute) []byte {
	start := len(b)
	scope := uint8(unix.RT_SCOPE_UNIVERSE)
	if r.kind == rib.Unicast && !r.via.IsValid() && k.Prefix.Addr().Is4() {
		scope = unix.RT_SCOPE_LINK
	}
	if r.kind == rib.Deliver && k.Prefix.Addr().Is4() {
		scope = unix.RT_SCOPE_HOST
	}
	b = appendHeader(b, unix.RTM_NEWROUTE, flags|unix.NLM_F_CREATE, seq, k, r, scope)
	if r.kind == rib.Unicast {
		switch {
		case !r.via.IsValid():
		case r.via.Is4() == k.Prefix.Addr().Is4():
			b = appendAddr(b, unix.RTA_GATEWAY, r.via)
		default: // IPv4 over an IPv6 next hop (RFC 8950)
			via := r.via.As16()
			b = native.AppendUint16(b, attrHeader+2+16)
			b = native.AppendUint16(b, unix.RTA_VIA)
			b = native.AppendUint16(b, unix.AF_INET6)
			b = append(append(b, via[:]...), 0, 0)
		}
		if r.link != 0 {
			b = appendUint32(b, unix.RTA_OIF, uint32(r.link))
		}
		if r.src.IsValid() {
			b = appendAddr(b, unix.RTA_PREFSRC, r.src)
		}
	}
	if r.kind == rib.Deliver {
		b = appendUint32(b, unix.RTA_OIF, uint32(r.link))
	}
	return finish(b, start)
}

// appendDelete appends an RTM_DELROUTE message for our route with this prefix, metric and protocol, whatever its next hop. The
// protocol keeps it from removing a route of others.
func appendDelete(b []byte, flags uint16, seq uint32, k rib.Key, r kroute) []byte {
	start := len(b)
	return finish(appendHeader(b, unix.RTM_DELROUTE, flags, seq, k, r, unix.RT_SCOPE_NOWHERE), start)
}

func finish(b []byte, start int) []byte {
	native.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

func appendUint32(b []byte, typ uint16, v uint32) []byte {
	b = native.AppendUint16(b, attrHeader+4)
	b = native.AppendUint16(b, typ)
	return native.AppendUint32(b, v)
}

func appendAddr(b []byte, typ uint16, a netip.Addr) []byte {
	if a.Is4() {
		v := a.As4()
		b = native.AppendUint16(b, attrHeader+4)
		b = native.AppendUint16(b, typ)
		return append(b, v[:]...)
	}
	v := a.As16()
	b = native.AppendUint16(b, attrHeader+16)
	b = native.AppendUint16(b, typ)
	return append(b, v[:]...)
}

// setAck asks for an acknowledgement of the message at offset start.
func setAck(b []byte, start int) {
	flags := b[start+6:]
	native.PutUint16(flags, native.Uint16(flags)|unix.NLM_F_ACK)
}

// hop is one next hop of a route.
type hop struct {
	link int32
	via  netip.Addr
}

// parsedRoute is what the kernel tells of a route.
type parsedRoute struct {
	key    rib.Key
	route  kroute
	cloned bool
	hops   []hop // more than one next hop; route has none then
}

// parseRoute reads the body of an RTM_NEWROUTE or RTM_DELROUTE message. It is not ok for kinds of routes that rib does not
// have, such as multicast routes, and for local ones that we did not write, such as those of the addresses of links.
func parseRoute(b []byte) (p parsedRoute, ok bool) {
	if len(b) < unix.SizeofRtMsg {
		return p, false
	}
	var dst netip.Addr
	switch b[0] {
	case unix.AF_INET:
		dst = netip.IPv4Unspecified()
	case unix.AF_INET6:
		dst = netip.IPv6Unspecified()
	default:
		return p, false
	}
	bits := int(b[1])
	p.key.Table = uint32(b[4])
	p.route.proto = b[5]
	switch b[7] {
	case unix.RTN_UNICAST:
		p.route.kind = rib.Unicast
	case unix.RTN_UNREACHABLE:
		p.route.kind = rib.Unreachable
	case unix.RTN_BLACKHOLE:
		p.route.kind = rib.Blackhole
	case unix.RTN_PROHIBIT:
		p.route.kind = rib.Prohibit
	case unix.RTN_LOCAL:
		if _, ours := protocolSource(p.route.proto); !ours {
			return p, false
		}
		p.route.kind = rib.Deliver
	default:
		return p, false
	}
	flags := native.Uint32(b[8:])
	p.cloned, p.route.onlink = flags&unix.RTM_F_CLONED != 0, flags&unix.RTNH_F_ONLINK != 0
	eachAttr(b[unix.SizeofRtMsg:], func(typ uint16, val []byte) {
		switch typ {
		case unix.RTA_DST:
			dst = attrAddr(val)
		case unix.RTA_PRIORITY:
			p.route.metric = attrUint32(val)
		case unix.RTA_TABLE:
			p.key.Table = attrUint32(val)
		case unix.RTA_PREFSRC:
			p.route.src = attrAddr(val)
		case unix.RTA_OIF:
			p.route.link = int32(attrUint32(val))
		case unix.RTA_GATEWAY, unix.RTA_VIA:
			p.route.via = gateway(typ, val)
		case unix.RTA_MULTIPATH:
			p.hops = parseHops(val)
		}
	})
	if p.route.kind == rib.Deliver {
		p.route.via, p.route.src, p.route.onlink = netip.Addr{}, netip.Addr{}, false
		switch p.key.Table {
		case rib.MainTable:
			return p, false // we write none there
		case unix.RT_TABLE_LOCAL:
			p.key.Table = rib.MainTable
		}
	} else if p.route.kind != rib.Unicast {
		p.route.link, p.route.via, p.route.src, p.route.onlink = 0, netip.Addr{}, netip.Addr{}, false
	}
	p.key.Prefix = netip.PrefixFrom(dst, bits)
	return p, p.key.Prefix.IsValid()
}

func gateway(typ uint16, val []byte) netip.Addr {
	if typ == unix.RTA_VIA {
		if len(val) < 2 {
			return netip.Addr{}
		}
		if native.Uint16(val) == unix.AF_INET6 && len(val) > 18 {
			val = val[:18]
		}
		val = val[2:]
	}
	return attrAddr(val)
}

// parseHops reads an array of struct rtnexthop.
func parseHops(b []byte) []hop {
	var out []hop
	for len(b) >= unix.SizeofRtNexthop {
		n := int(native.Uint16(b))
		if n < unix.SizeofRtNexthop || n > len(b) {
			return out
		}
		h := hop{link: int32(native.Uint32(b[4:]))}
		eachAttr(b[unix.SizeofRtNexthop:n], func(typ uint16, val []byte) {
			if typ == unix.RTA_GATEWAY || typ == unix.RTA_VIA {
				h.via = gateway(typ, val)
			}
		})
		out = append(out, h)
		if n = (n + attrAlign - 1) &^ (attrAlign - 1); n >= len(b) {
			return out
		}
		b = b[n:]
	}
	return out
}

// routeEvents is a socket filter that lets through what may have taken routes of ours from the kernel or moved their next hops:
// all changes of routes and links that somebody other than self made (IPv6 routes that the kernel flushes count too), and removed
// IPv4 addresses. IPv4 routes that the kernel flushes are not reported at all. Only changes of routes with a protocol of ours are
// looked at for who made them.
func routeEvents(self uint32) []unix.SockFilter {
	// A filter loads in network byte order what netlink has in the order of the machine.
	swap16 := func(v uint16) uint32 { return uint32(binary.BigEndian.Uint16(native.AppendUint16(nil, v))) }
	swap32 := func(v uint32) uint32 { return binary.BigEndian.Uint32(native.AppendUint32(nil, v)) }
	const (
		ldh = unix.BPF_LD | unix.BPF_H | unix.BPF_ABS
		ldw = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		ldb = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
		jeq = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		jge = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		jgt = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
		ret = unix.BPF_RET | unix.BPF_K
	)
	return []unix.SockFilter{
		{Code: ldh, K: 4}, // nlmsg_type
		{Code: jeq, K: swap16(unix.RTM_DELROUTE), Jt: 1},
		{Code: jeq, K: swap16(unix.RTM_NEWROUTE), Jf: 5},
		{Code: ldb, K: unix.NLMSG_HDRLEN + 5}, // rtm_protocol
		{Code: jge, K: firstProto, Jf: 6},
		{Code: jgt, K: lastProto, Jt: 5},
		{Code: ldw, K: 12}, // nlmsg_pid: who asked for it
		{Code: jeq, K: swap32(self), Jt: 4, Jf: 3},
		{Code: jeq, K: swap16(unix.RTM_NEWLINK), Jt: 2},
		{Code: jeq, K: swap16(unix.RTM_DELLINK), Jt: 1},
		{Code: jeq, K: swap16(unix.RTM_DELADDR), Jf: 1},
		{Code: ret, K: 0xffffffff},
		{Code: ret, K: 0},
	}
}
