package bgp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/sixfold-router/sixfold/router/rib"
)

var cmpAddr = []cmp.Option{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})}

func nlri(t testing.TB, p string) packet.NLRI {
	t.Helper()
	n, err := packet.NewIPAddrPrefix(pfx(p))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPathOf(t *testing.T) {
	n := nlri(t, "2001:db8::/32")
	mp, err := packet.NewPathAttributeMpReachNLRI(packet.RF_IPv6_UC, []packet.PathNLRI{{NLRI: n}}, ip("2001:db8::2"))
	if err != nil {
		t.Fatal(err)
	}
	p := &apiutil.Path{
		Family: packet.RF_IPv6_UC, Nlri: n, Age: 1700000000, Best: true, PeerAddress: ip("2001:db8::2"),
		Attrs: []packet.PathAttributeInterface{
			packet.NewPathAttributeOrigin(2), mp,
			packet.NewPathAttributeAsPath([]packet.AsPathParamInterface{
				packet.NewAs4PathParam(packet.BGP_ASPATH_ATTR_TYPE_SEQ, []uint32{65001, 4200000000}),
				packet.NewAs4PathParam(packet.BGP_ASPATH_ATTR_TYPE_SET, []uint32{1, 2}),
			}),
			packet.NewPathAttributeLocalPref(200),
			packet.NewPathAttributeMultiExitDisc(7),
			packet.NewPathAttributeCommunities([]uint32{65001<<16 | 80, 0xffffff01}),
			// A neighbor's own idea of our marks changes nothing.
			packet.NewPathAttributeLargeCommunities([]*packet.LargeCommunity{sourceTag(rib.Static), packet.NewLargeCommunity(65001, 1, 2)}),
		},
	}
	want := Path{
		Prefix: pfx("2001:db8::/32"), Best: true, NextHop: ip("2001:db8::2"), ASPath: "65001 4200000000 {1,2}", Origin: "incomplete",
		LocalPref: 200, MED: 7, Community: []string{"65001:80", "65535:65281", "65001:1:2"}, Source: "bgp", Age: time.Unix(1700000000, 0),
	}
	if diff := cmp.Diff(want, pathOf(p, pfx("2001:db8::/32")), cmpAddr...); diff != "" {
		t.Errorf("path (-want +got):\n%s", diff)
	}
}

func TestOriginate(t *testing.T) {
	for _, tt := range []struct {
		prefix, next string
		src          rib.Source
	}{
		{"2001:db8::/32", "::", rib.Delegated},
		{"192.0.2.0/24", "0.0.0.0", rib.Connected},
	} {
		p, err := originate(pfx(tt.prefix), tt.src)
		if err != nil {
			t.Fatal(err)
		}
		prefix, ok := prefixOf(p)
		if !ok || prefix != pfx(tt.prefix) || !isLocal(p) {
			t.Errorf("originate(%s) is for %s, local %v", tt.prefix, prefix, isLocal(p))
		}
		got := pathOf(p, prefix)
		if got.NextHop != ip(tt.next) || got.Source != tt.src.String() || got.Origin != "igp" || got.Community != nil {
			t.Errorf("originate(%s) = %+v", tt.prefix, got)
		}
	}
	if _, err := originate(netip.Prefix{}, rib.Static); err == nil {
		t.Error("no error for an invalid prefix")
	}
}

// FuzzPath feeds the UPDATEs of a neighbor through everything that this package does with a path.
func FuzzPath(f *testing.F) {
	n := nlri(f, "2001:db8::/32")
	mp, err := packet.NewPathAttributeMpReachNLRI(packet.RF_IPv6_UC, []packet.PathNLRI{{NLRI: n}}, ip("2001:db8::2"), ip("fe80::2"))
	if err != nil {
		f.Fatal(err)
	}
	seed, err := packet.NewBGPUpdateMessage(nil, []packet.PathAttributeInterface{
		packet.NewPathAttributeOrigin(0), mp,
		packet.NewPathAttributeAsPath([]packet.AsPathParamInterface{packet.NewAs4PathParam(packet.BGP_ASPATH_ATTR_TYPE_SEQ, []uint32{65001})}),
		packet.NewPathAttributeCommunities([]uint32{1}),
		packet.NewPathAttributeLargeCommunities([]*packet.LargeCommunity{sourceTag(rib.Static)}),
		packet.NewPathAttributeExtendedCommunities([]packet.ExtendedCommunityInterface{
			packet.NewTwoOctetAsSpecificExtended(packet.EC_SUBTYPE_ROUTE_TARGET, 65001, 1, true),
		}),
	}, nil).Serialize()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, "fe80::2%eth0")
	f.Add(seed, "2001:db8::2")
	f.Fuzz(func(t *testing.T, data []byte, peer string) {
		m, err := packet.ParseBGPMessage(data)
		if m == nil || err != nil {
			return
		}
		u, ok := m.Body.(*packet.BGPUpdate)
		if !ok {
			return
		}
		c := newChanges()
		for _, a := range u.PathAttributes {
			mp, ok := a.(*packet.PathAttributeMpReachNLRI)
			if !ok {
				continue
			}
			for _, v := range mp.Value {
				c.add([]*apiutil.Path{{Nlri: v.NLRI, Attrs: u.PathAttributes, PeerAddress: parseAddr(peer)}})
			}
		}
		for _, v := range u.NLRI {
			c.add([]*apiutil.Path{{Nlri: v.NLRI, Attrs: u.PathAttributes, PeerAddress: parseAddr(peer)}})
		}
		best, _ := c.take()
		for prefix, p := range best {
			if p == nil {
				continue
			}
			pathOf(p, prefix)
			r, err := route(prefix, p, func(netip.Addr) bool { return false })
			if err == nil && (!r.Prefix.IsValid() || r.Prefix != r.Prefix.Masked() || !r.Via.IsValid()) {
				t.Errorf("route %v", r)
			}
		}
	})
}

func TestChanges(t *testing.T) {
	c := newChanges()
	path := func(prefix, peer string, gone bool) *apiutil.Path {
		return &apiutil.Path{Nlri: nlri(t, prefix), PeerAddress: parseAddr(peer), Withdrawal: gone}
	}
	kept := path("2001:db8:1::/48", "2001:db8::3", false)
	c.add([]*apiutil.Path{path("2001:db8:1::/48", "2001:db8::2", false), path("2001:db8:2::/48", "2001:db8::2", false), nil})
	c.add([]*apiutil.Path{kept})
	c.add([]*apiutil.Path{path("2001:db8:2::/48", "2001:db8::2", true)})
	c.add([]*apiutil.Path{path("2001:db8:3::/48", "", false)}) // our own
	c.setReady()
	<-c.wake
	best, ready := c.take()
	if len(best) != 3 || best[pfx("2001:db8:1::/48")] != kept || !ready {
		t.Errorf("take() = %v, %v", best, ready)
	}
	for _, p := range []string{"2001:db8:2::/48", "2001:db8:3::/48"} {
		if got, ok := best[pfx(p)]; !ok || got != nil {
			t.Errorf("%s: %v, %v, want nil, true", p, got, ok)
		}
	}
	if best, ready := c.take(); len(best) != 0 || ready {
		t.Errorf("second take() = %v, %v", best, ready)
	}
}
