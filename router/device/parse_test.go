package device

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// linkMessage is the body of an RTM_NEWLINK message.
func linkMessage(index int, attrs ...*nl.RtAttr) []byte {
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Index, message.Flags = int32(index), unix.IFF_UP
	b := message.Serialize()
	for _, a := range attrs {
		b = append(b, a.Serialize()...)
	}
	return b
}

func TestParseLink(t *testing.T) {
	got, ok := parseLink(linkMessage(7,
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("v7")), nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(1400)),
		nl.NewRtAttr(unix.IFLA_LINK, nl.Uint32Attr(3)), nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(4)), nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(Mark)),
		nl.NewRtAttr(unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 1}),
		info(nl.IFLA_INFO_KIND, "vlan", nl.IFLA_INFO_DATA, VLAN{ID: 7}.settings()),
	))
	want := present{
		Name: "v7", Index: 7, Lower: 3, Master: 4, Group: Mark, MTU: 1400, Up: true, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, Kind: "vlan",
		Data: map[int][]byte{nl.IFLA_VLAN_ID: {7, 0}, nl.IFLA_VLAN_PROTOCOL: {0x81, 0}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(present{})); !ok || diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !got.ours() {
		t.Error("the mark is not seen")
	}
}

func TestParseVLANs(t *testing.T) {
	want := vlanSet{1: vlanFlags, 7: nl.BRIDGE_VLAN_INFO_UNTAGGED, 30: 0, 31: 0, 32: 0, 4094: 0}
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	for _, r := range want.runs() {
		if r.From == r.To {
			addVLAN(spec, r.flags, r.From)
			continue
		}
		addVLAN(spec, r.flags|nl.BRIDGE_VLAN_INFO_RANGE_BEGIN, r.From)
		addVLAN(spec, r.flags|nl.BRIDGE_VLAN_INFO_RANGE_END, r.To)
	}
	got := map[int]vlanSet{}
	parseVLANs(linkMessage(5, spec), got)
	if diff := cmp.Diff(map[int]vlanSet{5: want}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if text := want.String(); text != "1 (pvid), 7 (untagged), 30-32, 4094" {
		t.Errorf("in words: %s", text)
	}
}

// FuzzParse reads what a kernel would never say: nothing may come of it but an answer.
func FuzzParse(f *testing.F) {
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	addVLAN(spec, nl.BRIDGE_VLAN_INFO_RANGE_BEGIN, 9)
	addVLAN(spec, nl.BRIDGE_VLAN_INFO_RANGE_END, 3)
	f.Add(linkMessage(5, spec))
	f.Add(linkMessage(5, nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("b")), info(nl.IFLA_INFO_KIND, "bridge", nl.IFLA_INFO_DATA, Bridge{VLANFiltering: true}.settings(true))))
	f.Add(linkMessage(5, nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("b")), info(nl.IFLA_INFO_KIND, "bond", nl.IFLA_INFO_DATA, Bond{Mode: LACP}.settings(0))))
	f.Add(linkMessage(5, nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("p")), info(nl.IFLA_INFO_SLAVE_KIND, "bridge", nl.IFLA_INFO_SLAVE_DATA, DefaultPort().settings())))
	f.Fuzz(func(t *testing.T, b []byte) {
		vlans := map[int]vlanSet{}
		parseVLANs(b, vlans)
		p, ok := parseLink(b)
		if !ok {
			return
		}
		for _, set := range vlans {
			p.VLANs = set
			_ = set.String()
			if len(set) > 1<<16 {
				t.Fatalf("%d VLANs", len(set))
			}
		}
		s := snapshot{p}
		_ = s.status()
		want := Config{
			Devices: map[string]Device{p.Name: {Bridge: &Bridge{VLANFiltering: true}}},
			Members: map[string]Member{p.Name: {Master: "other", Port: DefaultPort()}},
		}
		_ = foresee(want, s, map[int]original{}, nil)
	})
}
