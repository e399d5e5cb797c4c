package kernel

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// parseLink reads the body of an RTM_NEWLINK message.
func parseLink(b []byte) (LinkState, bool) {
	if len(b) < unix.SizeofIfInfomsg {
		return LinkState{}, false
	}
	flags := native.Uint32(b[8:])
	l := LinkState{
		Index:    int(int32(native.Uint32(b[4:]))),
		Up:       flags&unix.IFF_UP != 0,
		Running:  flags&unix.IFF_RUNNING != 0,
		Loopback: flags&unix.IFF_LOOPBACK != 0,
	}
	var data []byte
	eachAttr(b[unix.SizeofIfInfomsg:], func(typ uint16, val []byte) {
		switch typ {
		case unix.IFLA_IFNAME:
			l.Name = unix.ByteSliceToString(val)
		case unix.IFLA_ADDRESS:
			l.MAC = net.HardwareAddr(slices.Clone(val))
		case unix.IFLA_MTU:
			l.MTU = int(attrUint32(val))
		case unix.IFLA_LINK:
			l.Parent = int(attrUint32(val))
		case unix.IFLA_LINK_NETNSID:
			l.Apart = true
		case unix.IFLA_MASTER:
			l.Master = int(attrUint32(val))
		case unix.IFLA_GROUP:
			l.Group = attrUint32(val)
		case unix.IFLA_AF_SPEC:
			l.Settings = parseSettings(val)
		case unix.IFLA_LINKINFO:
			eachAttr(val, func(typ uint16, val []byte) {
				switch typ {
				case nl.IFLA_INFO_KIND:
					l.Kind = unix.ByteSliceToString(val)
				case nl.IFLA_INFO_DATA:
					data = val
				}
			})
		}
	})
	if l.Kind == "vrf" {
		eachAttr(data, func(typ uint16, val []byte) {
			if typ == nl.IFLA_VRF_TABLE {
				l.Table = attrUint32(val)
			}
		})
	}
	// For veth the attribute names the other end, which is no lower link; an index of another namespace means nothing here.
	l.Apart = l.Apart && l.Kind != "veth"
	if l.Apart || l.Kind == "veth" || l.Parent == l.Index {
		l.Parent = 0
	}
	return l, l.Name != "" && l.Index > 0
}

// parseAddress reads the body of an RTM_NEWADDR message. proto is -1 if the kernel does not say who added the address.
func parseAddress(b []byte) (index int, a AddressState, proto int, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return 0, a, -1, false
	}
	bits, flags := int(b[1]), uint32(b[2])
	index, proto = int(native.Uint32(b[4:])), -1
	var addr, local netip.Addr
	a.Valid, a.Preferred = seconds(0xffffffff), seconds(0xffffffff)
	eachAttr(b[unix.SizeofIfAddrmsg:], func(typ uint16, val []byte) {
		switch typ {
		case unix.IFA_ADDRESS:
			addr = attrAddr(val)
		case unix.IFA_LOCAL:
			local = attrAddr(val)
		case unix.IFA_CACHEINFO:
			if len(val) >= 8 {
				a.Preferred, a.Valid = seconds(native.Uint32(val)), seconds(native.Uint32(val[4:]))
			}
		case ifaFlags:
			flags = attrUint32(val)
		case ifaProto:
			if len(val) > 0 {
				proto = int(val[0])
			}
		}
	})
	if local.IsValid() { // with a peer, IFA_ADDRESS is the peer's
		addr = local
	}
	a.Prefix = netip.PrefixFrom(addr, bits)
	a.Tentative = flags&unix.IFA_F_TENTATIVE != 0 && flags&unix.IFA_F_OPTIMISTIC == 0
	a.Duplicate = flags&unix.IFA_F_DADFAILED != 0
	a.Deprecated = flags&unix.IFA_F_DEPRECATED != 0
	a.Ours = proto == AddressProtocol
	a.Dynamic = proto == protoRA || !a.Ours && flags&unix.IFA_F_PERMANENT == 0
	return index, a, proto, a.Prefix.IsValid()
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// parseNeighbor reads the body of an RTM_NEWNEIGH message.
func parseNeighbor(b []byte) (index int, n Neighbor, ok bool) {
	const size, routerFlag = 12, 0x80 // sizeof(struct ndmsg), NTF_ROUTER
	if len(b) < size {
		return 0, n, false
	}
	index = int(int32(native.Uint32(b[4:])))
	n.State = neighborState(native.Uint16(b[8:]))
	n.Router = b[10]&routerFlag != 0
	eachAttr(b[size:], func(typ uint16, val []byte) {
		switch typ {
		case unix.NDA_DST:
			n.Address = attrAddr(val)
		case unix.NDA_LLADDR:
			n.MAC = net.HardwareAddr(slices.Clone(val))
		}
	})
	return index, n, n.Address.IsValid()
}

func neighborState(s uint16) string {
	switch s {
	case unix.NUD_INCOMPLETE:
		return "incomplete"
	case unix.NUD_REACHABLE:
		return "reachable"
	case unix.NUD_STALE:
		return "stale"
	case unix.NUD_DELAY:
		return "delay"
	case unix.NUD_PROBE:
		return "probe"
	case unix.NUD_FAILED:
		return "failed"
	case unix.NUD_NOARP:
		return "noarp"
	case unix.NUD_PERMANENT:
		return "permanent"
	}
	return "none"
}
