package bgp

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/osrg/gobgp/v4/pkg/apiutil"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/sixfold-router/sixfold/router/rib"
)

// defaultLocalPref is the degree of preference of a path without LOCAL_PREF, as GoBGP and everyone else has it.
const defaultLocalPref = 100

// nextHopOf returns the next hop of a path as received, or an invalid address.
func nextHopOf(p *apiutil.Path) netip.Addr {
	for _, a := range p.Attrs {
		switch a := a.(type) {
		case *packet.PathAttributeNextHop:
			return a.Value
		case *packet.PathAttributeMpReachNLRI:
			return a.Nexthop
		}
	}
	return netip.Addr{}
}

// pathOf converts a path to what an operator sees. Communities that mark paths inside the speaker are left out.
func pathOf(p *apiutil.Path, prefix netip.Prefix) Path {
	out := Path{
		Prefix:    prefix,
		Best:      p.Best,
		NextHop:   nextHopOf(p),
		LocalPref: defaultLocalPref,
		Source:    rib.BGP.String(),
		Age:       time.Unix(p.Age, 0),
	}
	for _, a := range p.Attrs {
		switch a := a.(type) {
		case *packet.PathAttributeOrigin:
			out.Origin = originName(a.Value)
		case *packet.PathAttributeAsPath:
			out.ASPath = asPath(a)
		case *packet.PathAttributeLocalPref:
			out.LocalPref = a.Value
		case *packet.PathAttributeMultiExitDisc:
			out.MED = a.Value
		case *packet.PathAttributeCommunities:
			for _, c := range a.Value {
				out.Community = append(out.Community, fmt.Sprintf("%d:%d", c>>16, c&0xffff))
			}
		case *packet.PathAttributeExtendedCommunities:
			for _, c := range a.Value {
				out.Community = append(out.Community, c.String())
			}
		case *packet.PathAttributeLargeCommunities:
			for _, c := range a.Values {
				if src, ok := sourceOf(c); ok && isLocal(p) {
					out.Source = src.String()
				}
				if c.ASN != tagASN {
					out.Community = append(out.Community, c.String())
				}
			}
		}
	}
	return out
}

func originName(v uint8) string {
	switch v {
	case packet.BGP_ORIGIN_ATTR_TYPE_IGP:
		return "igp"
	case packet.BGP_ORIGIN_ATTR_TYPE_EGP:
		return "egp"
	}
	return "incomplete"
}

func asPath(a *packet.PathAttributeAsPath) string {
	var parts []string
	for _, seg := range a.Value {
		if s := seg.String(); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " ")
}

// originate makes a path of our own. Its next hop is unspecified: GoBGP replaces that with our address of each session, which
// over a link-local session is our link-local address.
func originate(prefix netip.Prefix, src rib.Source) (*apiutil.Path, error) {
	nlri, err := packet.NewIPAddrPrefix(prefix)
	if err != nil {
		return nil, fmt.Errorf("originate %s: %w", prefix, err)
	}
	family, next := packet.RF_IPv6_UC, netip.IPv6Unspecified()
	if prefix.Addr().Is4() {
		family, next = packet.RF_IPv4_UC, netip.IPv4Unspecified()
	}
	attrs := []packet.PathAttributeInterface{
		packet.NewPathAttributeOrigin(packet.BGP_ORIGIN_ATTR_TYPE_IGP),
		packet.NewPathAttributeLargeCommunities([]*packet.LargeCommunity{sourceTag(src)}),
	}
	if family == packet.RF_IPv4_UC {
		nh, err := packet.NewPathAttributeNextHop(next)
		if err != nil {
			return nil, fmt.Errorf("originate %s: %w", prefix, err)
		}
		attrs = append(attrs, nh)
	} else {
		nh, err := packet.NewPathAttributeMpReachNLRI(family, []packet.PathNLRI{{NLRI: nlri}}, next)
		if err != nil {
			return nil, fmt.Errorf("originate %s: %w", prefix, err)
		}
		attrs = append(attrs, nh)
	}
	return &apiutil.Path{Family: family, Nlri: nlri, Attrs: attrs, Age: time.Now().Unix()}, nil
}
