package device

import (
	"errors"
	"net"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Extension masks of link dumps (RTEXT_FILTER_…).
const (
	briefLinks = 8 // without counters, which are most of a dump
	withVLANs  = 4 // ranges of VLANs as ranges
)

// dumpTries is how often a dump that was interrupted by a change is repeated; the last is taken as it is: the change wakes whoever
// applies.
const dumpTries = 4

// dump lists links of a family.
func (k *kernel) dump(family int, mask uint32) ([][]byte, error) {
	for try := 1; ; try++ {
		request := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		request.Sockets = k.sockets
		request.AddData(nl.NewIfInfomsg(family))
		request.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(mask)))
		messages, err := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
		if errors.Is(err, nl.ErrDumpInterrupted) {
			if try < dumpTries {
				continue
			}
			err = nil
		}
		return messages, err
	}
}

// snapshot reads all links, and with filtering the VLANs of bridges and their ports.
func (k *kernel) snapshot(filtering bool) (snapshot, error) {
	messages, err := k.dump(unix.AF_UNSPEC, briefLinks)
	if err != nil {
		return nil, err
	}
	s := make(snapshot, 0, len(messages))
	for _, b := range messages {
		if p, ok := parseLink(b); ok {
			s = append(s, p)
		}
	}
	if !filtering {
		return s, nil
	}
	if messages, err = k.dump(unix.AF_BRIDGE, withVLANs); err != nil {
		return nil, err
	}
	vlans := map[int]vlanSet{}
	for _, b := range messages {
		parseVLANs(b, vlans)
	}
	for i := range s {
		if s[i].Kind == "bridge" || s[i].PortKind == "bridge" {
			if s[i].VLANs = vlans[s[i].Index]; s[i].VLANs == nil {
				s[i].VLANs = vlanSet{}
			}
		}
	}
	return s, nil
}

// eachAttr calls fn for each attribute in b, and stops at the first that does not fit.
func eachAttr(b []byte, fn func(typ int, val []byte)) {
	const header, mask = 4, 0x3fff
	for len(b) >= header {
		n := int(native.Uint16(b))
		if n < header || n > len(b) {
			return
		}
		fn(int(native.Uint16(b[2:])&mask), b[header:n])
		n = (n + 3) &^ 3
		if n >= len(b) {
			return
		}
		b = b[n:]
	}
}

// parseLink reads the body of an RTM_NEWLINK message.
func parseLink(b []byte) (present, bool) {
	if len(b) < unix.SizeofIfInfomsg {
		return present{}, false
	}
	flags := native.Uint32(b[8:])
	p := present{
		Index:   int(int32(native.Uint32(b[4:]))),
		Up:      flags&unix.IFF_UP != 0,
		Running: flags&unix.IFF_RUNNING != 0,
	}
	eachAttr(b[unix.SizeofIfInfomsg:], func(typ int, val []byte) {
		switch typ {
		case unix.IFLA_IFNAME:
			p.Name = unix.ByteSliceToString(val)
		case unix.IFLA_ADDRESS:
			p.MAC = net.HardwareAddr(slices.Clone(val))
		case unix.IFLA_MTU:
			p.MTU = int(number(val))
		case unix.IFLA_LINK:
			p.Lower = int(number(val))
		case unix.IFLA_LINK_NETNSID:
			p.elsewhere = true
		case unix.IFLA_MASTER:
			p.Master = int(number(val))
		case unix.IFLA_GROUP:
			p.Group = uint32(number(val))
		case unix.IFLA_LINKINFO:
			eachAttr(val, func(typ int, val []byte) {
				switch typ {
				case nl.IFLA_INFO_KIND:
					p.Kind = unix.ByteSliceToString(val)
				case nl.IFLA_INFO_DATA:
					p.Data = attributes(val)
				case nl.IFLA_INFO_SLAVE_KIND:
					p.PortKind = unix.ByteSliceToString(val)
				case nl.IFLA_INFO_SLAVE_DATA:
					p.PortData = attributes(val)
				}
			})
		}
	})
	if p.Kind == "vxlan" {
		p.Lower = int(number(p.Data[nl.IFLA_VXLAN_LINK]))
	}
	return p, p.Name != "" && p.Index > 0
}

func attributes(b []byte) map[int][]byte {
	all := map[int][]byte{}
	eachAttr(b, func(typ int, val []byte) { all[typ] = slices.Clone(val) })
	return all
}

// parseVLANs adds the VLANs of an RTM_NEWLINK message of family AF_BRIDGE to those by interface index.
func parseVLANs(b []byte, all map[int]vlanSet) {
	const size = 4 // sizeof(struct bridge_vlan_info)
	if len(b) < unix.SizeofIfInfomsg {
		return
	}
	index := int(int32(native.Uint32(b[4:])))
	eachAttr(b[unix.SizeofIfInfomsg:], func(typ int, val []byte) {
		if typ != unix.IFLA_AF_SPEC {
			return
		}
		var from uint16
		eachAttr(val, func(typ int, val []byte) {
			if typ != nl.IFLA_BRIDGE_VLAN_INFO || len(val) < size {
				return
			}
			flags, id := native.Uint16(val), native.Uint16(val[2:])
			if flags&nl.BRIDGE_VLAN_INFO_RANGE_BEGIN != 0 {
				from = id
				return
			}
			first := id
			if flags&nl.BRIDGE_VLAN_INFO_RANGE_END != 0 && from != 0 && from <= id {
				first = from
			}
			from = 0
			if all[index] == nil {
				all[index] = vlanSet{}
			}
			for v := int(first); v <= int(id); v++ {
				all[index][uint16(v)] = flags & vlanFlags
			}
		})
	})
}
