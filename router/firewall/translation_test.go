package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// shown returns the translations that a Manager shows, one a line.
func shown(t *testing.T, m *Manager) string {
	t.Helper()
	st, err := m.Status()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, n := range st.Translations {
		fmt.Fprintf(&b, "%s %s in %s: %s -> %s, %d out, %d in, %d packets", n.Kind, n.Name, n.Zone, n.From, n.To, n.ConnectionsOut, n.ConnectionsIn, n.Packets)
		if n.Pending {
			b.WriteString(", pending")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestTranslationsCount holds that connections count once each, in their direction, and that of what waits its text is shown.
func TestTranslationsCount(t *testing.T) {
	host, server := lab(t)
	mirror(t, server, 7)
	mirror(t, host, 7)
	m := newManager(t)
	c := labZones()
	c.Policies = append(c.Policies, Policy{Where: "policies[1]", From: "wan", To: "lab", End: Accept})
	c.Masquerades = []Masquerade{
		{Name: "lab4", Text: "10.0.0.1/24", From: netip.MustParsePrefix("10.0.0.1/24"), Out: "wan"},
		{Name: "waits", Text: "isp ::/64", Out: "wan"},
	}
	c.Translations = []Translation{{Name: "lab", Inside: netip.MustParsePrefix("fd00::/64"), Outside: netip.MustParsePrefix("2001:db8:aa::/64"), Out: "wan"}}
	c.Forwards = []Forward{
		{Name: "echo", In: "wan", Protocols: []Protocol{packet.TCP}, Ports: []PortRange{packet.Port(8080)}, To: netip.MustParseAddr("10.0.0.2"), ToPort: 7},
		{Name: "waits", In: "wan", AddressText: "isp ::1", Protocols: []Protocol{packet.TCP}, Ports: []PortRange{packet.Port(80)}, ToText: "isp ::80"},
	}
	c.MSSClamps = []MSSClamp{{Out: "wan"}}
	apply(t, m, c)
	settled(t, m, c)
	sees(t, host, "192.0.2.2:7", "192.0.2.1")
	sees(t, host, "192.0.2.2:7", "192.0.2.1")
	sees(t, host, "[2001:db8:1::2]:7", "2001:db8:aa::2")
	sees(t, server, "[2001:db8:aa::2]:7", "2001:db8:1::2")
	sees(t, server, "192.0.2.1:8080", "192.0.2.2")
	want := `forward echo in wan:  -> 10.0.0.2, 0 out, 1 in, 0 packets
forward waits in wan: isp ::1 -> isp ::80, 0 out, 0 in, 0 packets, pending
masquerade lab4 in wan: 10.0.0.0/24 -> , 2 out, 0 in, 0 packets
masquerade waits in wan: isp ::/64 -> , 0 out, 0 in, 0 packets, pending
mss_clamp wan in wan:  -> , 0 out, 0 in, 10 packets
translate lab in wan: fd00::/64 -> 2001:db8:aa::/64, 1 out, 1 in, 0 packets
`
	if diff := cmp.Diff(want, shown(t, m)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestSetsOfSegmentsSayTheirDevices follows the sets of a VXLAN through a change of its end points and to its end.
func TestSetsOfSegmentsSayTheirDevices(t *testing.T) {
	m := newManager(t)
	vteps := func(sources ...string) Config {
		var c Config
		for i, name := range []string{"vxlan1", "vxlan2"} {
			f := VTEPFilter{Device: name, VNI: uint32(i + 1), Port: 4789}
			for _, s := range sources {
				f.Sources = append(f.Sources, netip.MustParsePrefix(s))
			}
			c.VTEPs = append(c.VTEPs, f)
		}
		return c
	}
	preview := func(c Config) []string {
		t.Helper()
		ops, err := m.Preview(c)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, op := range ops {
			if strings.HasPrefix(op.Object, "VXLAN") || strings.HasPrefix(op.Object, "set ") {
				out = append(out, op.Object+": "+op.Action)
			}
		}
		slices.Sort(out)
		return out
	}
	first, second := vteps("2001:db8::1/128"), vteps("2001:db8::2/128", "192.0.2.2/32")
	apply(t, m, first)
	want := []string{
		"VXLAN segments of vxlan1, vxlan2: add with 2 elements",
		"VXLAN segments of vxlan1, vxlan2: remove the former ones",
		"VXLAN sources (IPv4) of vxlan1, vxlan2: add with 1 element",
		"VXLAN sources (IPv6) of vxlan1, vxlan2: add with 1 element",
		"VXLAN sources (IPv6) of vxlan1, vxlan2: remove the former ones",
	}
	if diff := cmp.Diff(want, preview(second)); diff != "" {
		t.Errorf("other end points: -want +got\n%s", diff)
	}
	apply(t, m, second)
	one := second
	one.VTEPs = second.VTEPs[:1]
	if diff := cmp.Diff([]string{"VXLAN segments of vxlan1: remove 2"}, preview(one)); diff != "" {
		t.Errorf("a segment less: -want +got\n%s", diff)
	}
	st, err := m.Status()
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, s := range st.Sets {
		titles = append(titles, s.Title)
	}
	if diff := cmp.Diff([]string{"VXLAN sources (IPv4) of vxlan1, vxlan2", "VXLAN sources (IPv6) of vxlan1, vxlan2", "VXLAN segments of vxlan1, vxlan2"}, titles); diff != "" {
		t.Errorf("status: -want +got\n%s", diff)
	}
}
