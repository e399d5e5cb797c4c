package vxlan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// dumpTries is how often a dump that was interrupted by a change is repeated; the last is taken as it is: a later event wakes Run.
const dumpTries = 4

// dump asks for all objects of a kind.
func (k *kernel) dump(request, response uint16, header nl.NetlinkRequestData) ([][]byte, error) {
	for try := 1; ; try++ {
		r := nl.NewNetlinkRequest(int(request), unix.NLM_F_DUMP)
		r.Sockets = k.sockets
		r.AddData(header)
		all, err := r.Execute(unix.NETLINK_ROUTE, response)
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			if try < dumpTries {
				continue
			}
			err = nil
		}
		return all, err
	}
}

// seen is a link with what only Status wants to know.
type seen struct {
	present
	statistics
}

// statistics are the counters of a link.
type statistics struct {
	RxPackets, TxPackets, RxBytes, TxBytes, RxErrors, TxErrors, RxDropped, TxDropped uint64
}

// links lists all links.
func (k *kernel) links() ([]seen, error) {
	messages, err := k.dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, nl.NewIfInfomsg(unix.AF_UNSPEC))
	if err != nil {
		return nil, err
	}
	all := make([]seen, 0, len(messages))
	for _, m := range messages {
		s, err := parseLink(m)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// snapshot reads all links as plan wants them, with the forwarding entries of ours.
func (k *kernel) snapshot() (snapshot, error) {
	links, err := k.links()
	if err != nil {
		return nil, err
	}
	s := make(snapshot, 0, len(links))
	ours := map[int]int{}
	for _, l := range links {
		if l.ours() {
			ours[l.Index] = len(s)
		}
		s = append(s, l.present)
	}
	if len(ours) > 0 {
		begin := func() {
			for _, at := range ours {
				s[at].Entries = nil
			}
		}
		err = k.forwarding(begin, func(f row) {
			if at, ok := ours[f.Index]; ok && f.fixed() {
				s[at].Entries = append(s[at].Entries, f.entry)
			}
		})
	}
	for i := range s {
		slices.SortFunc(s[i].Entries, entry.compare)
		s[i].tell()
	}
	return s, err
}

// typeMask leaves the type of an attribute without its flags (NLA_TYPE_MASK).
const typeMask = 0x3fff

// attributes calls each for the attributes in b.
func attributes(b []byte, each func(kind uint16, value []byte)) error {
	for len(b) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(b))
		if length < unix.SizeofRtAttr || length > len(b) {
			return fmt.Errorf("netlink attribute of %d bytes in %d", length, len(b))
		}
		each(binary.NativeEndian.Uint16(b[2:])&typeMask, b[unix.SizeofRtAttr:length])
		b = b[min((length+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(b)):]
	}
	return nil
}

// parseLink reads an RTM_NEWLINK message without its netlink header.
func parseLink(b []byte) (seen, error) {
	var s seen
	if len(b) < unix.SizeofIfInfomsg {
		return s, fmt.Errorf("link message of %d bytes", len(b))
	}
	s.Index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	s.Up = binary.NativeEndian.Uint32(b[8:])&unix.IFF_UP != 0
	var data []byte
	var inner error
	err := attributes(b[unix.SizeofIfInfomsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.IFLA_IFNAME:
			s.Name = text(v)
		case unix.IFLA_MTU:
			s.MTU = int(number(v))
		case unix.IFLA_GROUP:
			s.Group = uint32(number(v))
		case unix.IFLA_ADDRESS:
			s.MAC = net.HardwareAddr(slices.Clone(v))
		case unix.IFLA_STATS64:
			s.statistics = parseStatistics(v)
		case unix.IFLA_LINKINFO:
			inner = attributes(v, func(kind uint16, v []byte) {
				switch kind {
				case unix.IFLA_INFO_KIND:
					s.Kind = text(v)
				case unix.IFLA_INFO_DATA:
					data = v
				}
			})
		}
	})
	if err == nil && inner == nil && s.Kind == "vxlan" {
		inner = s.Vxlan.parse(data)
	}
	return s, errors.Join(err, inner)
}

// parseStatistics reads the first counters of struct rtnl_link_stats64: packets, bytes, errors and drops, in and out.
func parseStatistics(v []byte) statistics {
	if len(v) < 64 {
		return statistics{}
	}
	at := func(n int) uint64 { return binary.NativeEndian.Uint64(v[8*n:]) }
	return statistics{
		RxPackets: at(0), TxPackets: at(1), RxBytes: at(2), TxBytes: at(3), RxErrors: at(4), TxErrors: at(5), RxDropped: at(6), TxDropped: at(7),
	}
}

// Attributes that the library has no names for.
const (
	attrLabel      = 26
	attrGPE        = 27
	attrTTLInherit = 28
	attrDF         = 29
	attrVNIFilter  = 30
)

// parse reads the attributes of a VXLAN device.
func (t *tunnel) parse(data []byte) error {
	return attributes(data, func(kind uint16, v []byte) {
		switch kind {
		case nl.IFLA_VXLAN_ID:
			t.VNI = uint32(number(v))
		case nl.IFLA_VXLAN_LINK:
			t.Link = int(number(v))
		case nl.IFLA_VXLAN_GROUP, nl.IFLA_VXLAN_GROUP6:
			t.Group = addr(v)
		case nl.IFLA_VXLAN_LOCAL, nl.IFLA_VXLAN_LOCAL6:
			t.Local = addr(v)
		case nl.IFLA_VXLAN_TTL:
			t.TTL = uint8(number(v))
		case nl.IFLA_VXLAN_TOS:
			t.TOS = uint8(number(v))
		case nl.IFLA_VXLAN_LEARNING:
			t.Learning = number(v) != 0
		case nl.IFLA_VXLAN_AGEING:
			t.Ageing = uint32(number(v))
		case nl.IFLA_VXLAN_LIMIT:
			t.Limit = uint32(number(v))
		case attrDF:
			t.DF = DF(number(v))
		case nl.IFLA_VXLAN_PORT:
			if len(v) == 2 {
				t.Port = binary.BigEndian.Uint16(v)
			}
		case nl.IFLA_VXLAN_PORT_RANGE:
			if len(v) == 4 {
				t.PortLow, t.PortHigh = binary.BigEndian.Uint16(v), binary.BigEndian.Uint16(v[2:])
			}
		case nl.IFLA_VXLAN_UDP_CSUM:
			t.Checksum = number(v) != 0
		case nl.IFLA_VXLAN_UDP_ZERO_CSUM6_TX:
			t.ZeroTx = number(v) != 0
		case nl.IFLA_VXLAN_UDP_ZERO_CSUM6_RX:
			t.ZeroRx = number(v) != 0
		case nl.IFLA_VXLAN_GBP, attrGPE: // there or not
			t.Odd = true
		case nl.IFLA_VXLAN_PROXY, nl.IFLA_VXLAN_RSC, nl.IFLA_VXLAN_L2MISS, nl.IFLA_VXLAN_L3MISS, nl.IFLA_VXLAN_FLOWBASED,
			nl.IFLA_VXLAN_REMCSUM_TX, nl.IFLA_VXLAN_REMCSUM_RX, attrTTLInherit, attrVNIFilter, attrLabel:
			t.Odd = t.Odd || number(v) != 0
		}
	})
}

// number reads a number of 1, 2 or 4 bytes.
func number(v []byte) uint64 {
	switch len(v) {
	case 1:
		return uint64(v[0])
	case 2:
		return uint64(binary.NativeEndian.Uint16(v))
	case 4:
		return uint64(binary.NativeEndian.Uint32(v))
	}
	return 0
}

func text(v []byte) string { return unix.ByteSliceToString(v) }

// addr converts; nothing, 0.0.0.0 and :: become invalid, which is how the kernel's "none" reads everywhere here.
func addr(ip []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
