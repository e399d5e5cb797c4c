package kernel

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sixfold-router/sixfold/router/rib"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

func key(p string) rib.Key { return rib.Key{Table: rib.MainTable, Prefix: netip.MustParsePrefix(p)} }

// encoded are routes with the same message built by the library.
func encoded() map[string]struct {
	key   rib.Key
	route kroute
	msg   unix.RtMsg
	attrs []*nl.RtAttr
} {
	ip6 := func(s string) []byte { return net.ParseIP(s).To16() }
	ip4 := func(s string) []byte { return net.ParseIP(s).To4() }
	return map[string]struct {
		key   rib.Key
		route kroute
		msg   unix.RtMsg
		attrs []*nl.RtAttr
	}{
		"delegated, link-local": {
			key("2001:db8:1::/48"),
			kroute{proto: ProtoDelegated, link: 7, metric: 512, via: netip.MustParseAddr("fe80::1")},
			unix.RtMsg{Family: unix.AF_INET6, Dst_len: 48, Table: 254, Protocol: 167, Type: unix.RTN_UNICAST},
			[]*nl.RtAttr{nl.NewRtAttr(unix.RTA_DST, ip6("2001:db8:1::")), nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(512)),
				nl.NewRtAttr(unix.RTA_GATEWAY, ip6("fe80::1")), nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(7))},
		},
		"unreachable": {
			key("2001:db8::/32"), kroute{proto: ProtoAggregate, kind: rib.Unreachable, metric: 512},
			unix.RtMsg{Family: unix.AF_INET6, Dst_len: 32, Table: 254, Protocol: 169, Type: unix.RTN_UNREACHABLE},
			[]*nl.RtAttr{nl.NewRtAttr(unix.RTA_DST, ip6("2001:db8::")), nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(512))},
		},
		"IPv4 in a large table, with source": {
			rib.Key{Table: 1000, Prefix: netip.MustParsePrefix("198.51.100.0/24")},
			kroute{proto: ProtoBGP, metric: 20, link: 3, via: netip.MustParseAddr("192.0.2.1"), src: netip.MustParseAddr("192.0.2.9")},
			unix.RtMsg{Family: unix.AF_INET, Dst_len: 24, Protocol: 168, Type: unix.RTN_UNICAST},
			[]*nl.RtAttr{nl.NewRtAttr(unix.RTA_DST, ip4("198.51.100.0")), nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(20)),
				nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(1000)), nl.NewRtAttr(unix.RTA_GATEWAY, ip4("192.0.2.1")),
				nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(3)), nl.NewRtAttr(unix.RTA_PREFSRC, ip4("192.0.2.9"))},
		},
		"IPv4 on a link": {
			key("198.51.100.0/24"), kroute{proto: ProtoStatic, metric: 512, link: 3},
			unix.RtMsg{Family: unix.AF_INET, Dst_len: 24, Table: 254, Protocol: 166, Type: unix.RTN_UNICAST, Scope: unix.RT_SCOPE_LINK},
			[]*nl.RtAttr{nl.NewRtAttr(unix.RTA_DST, ip4("198.51.100.0")), nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(512)),
				nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(3))},
		},
		"IPv4 over IPv6": {
			key("0.0.0.0/0"), kroute{proto: ProtoBGP, metric: 512, link: 3, via: netip.MustParseAddr("fe80::2")},
			unix.RtMsg{Family: unix.AF_INET, Table: 254, Protocol: 168, Type: unix.RTN_UNICAST},
			[]*nl.RtAttr{nl.NewRtAttr(unix.RTA_DST, ip4("0.0.0.0")), nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(512)),
				nl.NewRtAttr(unix.RTA_VIA, append(nl.Uint16Attr(unix.AF_INET6), ip6("fe80::2")...)),
				nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(3))},
		},
	}
}

func TestEncodeRoute(t *testing.T) {
	for name, tt := range encoded() {
		t.Run(name, func(t *testing.T) {
			req := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
			req.Seq = 99
			req.AddData(&nl.RtMsg{RtMsg: tt.msg})
			for _, a := range tt.attrs {
				req.AddData(a)
			}
			got := appendAdd(nil, unix.NLM_F_EXCL, 99, tt.key, tt.route)
			if diff := cmp.Diff(req.Serialize(), got); diff != "" {
				t.Errorf("add: library -, ours +:\n%s", diff)
			}
			p, ok := parseRoute(got[unix.NLMSG_HDRLEN:])
			if !ok || p.key != tt.key || p.route != tt.route {
				t.Errorf("parsed back: %+v %v", p, ok)
			}
			// A removal has no next hop.
			req = nl.NewNetlinkRequest(unix.RTM_DELROUTE, 0)
			req.Seq = 100
			tt.msg.Scope = unix.RT_SCOPE_NOWHERE
			req.AddData(&nl.RtMsg{RtMsg: tt.msg})
			for _, a := range tt.attrs {
				if a.Type == unix.RTA_DST || a.Type == unix.RTA_PRIORITY || a.Type == unix.RTA_TABLE {
					req.AddData(a)
				}
			}
			if diff := cmp.Diff(req.Serialize(), appendDelete(nil, 0, 100, tt.key, tt.route)); diff != "" {
				t.Errorf("remove: library -, ours +:\n%s", diff)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, e := range encoded() {
		f.Add(appendAdd(nil, 0, 1, e.key, e.route)[unix.NLMSG_HDRLEN:])
	}
	f.Add(addressRequest(addressOp{"add", netip.MustParsePrefix("2001:db8::1/64"), false}, 3, true).Serialize()[unix.NLMSG_HDRLEN:])
	f.Fuzz(func(t *testing.T, b []byte) {
		parseLink(b)
		parseAddress(b)
		parseNeighbor(b)
		if p, ok := parseRoute(b); ok && p.hops == nil && p.key.Table != 0 && p.key.Prefix == p.key.Prefix.Masked() {
			again, ok := parseRoute(appendAdd(nil, 0, 1, p.key, p.route)[unix.NLMSG_HDRLEN:])
			if ok && again.key != p.key {
				t.Errorf("%v became %v", p.key, again.key)
			}
		}
	})
}
