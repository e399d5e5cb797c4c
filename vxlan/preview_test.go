package vxlan

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	foreseen "github.com/sixfold-router/sixfold/router/change"
)

func lines(ops []foreseen.Op) string {
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", o.Object, o.Action, o.Class, o.Disturbs)
	}
	return b.String()
}

func TestForesee(t *testing.T) {
	eth0 := present{Name: "eth0", Index: 2, MTU: 1500, Up: true}
	eth1 := present{Name: "eth1", Index: 3, MTU: 9000, Up: true}
	for _, tt := range []struct {
		name   string
		change func(*Device)
		have   func(*present)
		want   string
	}{
		{"the same", func(*Device) {}, func(*present) {}, ""},
		{"group", func(d *Device) { d.Group = netip.MustParseAddr("239.0.3.233") }, func(*present) {},
			"vxlan1000 | change group to 239.0.3.233 | live | \n"},
		{"link", func(d *Device) { d.Link, d.TTL = "eth1", 9 }, func(*present) {},
			"vxlan1000 | move to link eth1, change ttl to 9, change mtu to 8950 | live | \n"},
		{"a lost group and down", func(*Device) {}, func(p *present) { p.Group, p.Up = groupDoomed, false },
			"vxlan1000 | mark it as ours, bring up | live | \n"},
		{"local", func(d *Device) { d.Local = netip.MustParseAddr("192.0.2.1") }, func(*present) {},
			"vxlan1000 | change local address to 192.0.2.1 | live | \n"},
		{"no local", func(*Device) {}, func(p *present) { p.Vxlan.Local = netip.MustParseAddr("192.0.2.1") },
			"vxlan1000 | leave the local address to the kernel | live | \n"},
		{"vni", func(d *Device) { d.VNI = 1001 }, func(*present) {},
			"vxlan1000 | make anew with vni 1001 | recreate | forwarding through vxlan1000\n"},
		{"another family", func(d *Device) { d.Group = group6 }, func(*present) {},
			"vxlan1000 | make anew with group ff05::3e8 | recreate | forwarding through vxlan1000\n"},
		{"impossible", func(d *Device) { d.Link = "eth9" }, func(*present) {}, ""},
		{"another name", func(*Device) {}, func(p *present) { p.Name = "vxlan7" }, `vxlan7 | remove | delete | forwarding through vxlan7
vxlan1000 | create with vni 1000, group 239.0.3.232, link eth0, mtu 1450 | live | 
`},
	} {
		d, p := seed(), made()
		tt.change(&d)
		tt.have(&p)
		got, after := foresee(Config{Devices: map[string]Device{d.Name: d}}, snapshot{eth0, eth1, p}, true)
		if diff := cmp.Diff(tt.want, lines(got.Ops)); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
		if rest := plan(Config{Devices: map[string]Device{d.Name: d}}, after, true); len(rest.Modify)+len(rest.Create)+len(rest.Remove) > 0 {
			t.Errorf("%s: left to do: %+v", tt.name, rest)
		}
	}
}

// A device on a device that does not exist yet.
func TestForeseeOneUponAnother(t *testing.T) {
	lower, upper := seed(), seed()
	upper.Name, upper.Link, upper.VNI = "above", "vxlan1000", 7
	want := Config{Devices: map[string]Device{"above": upper, "vxlan1000": lower}}
	got, _ := foresee(want, snapshot{{Name: "eth0", Index: 2, MTU: 1500, Up: true}}, true)
	if len(got.Ops) != 2 || got.Devices["above"].MTU != 1400 || !got.New["above"] {
		t.Errorf("got %+v", got)
	}
}

func TestPreviewSaysWhetherApplyWrites(t *testing.T) {
	wire(t, "h1")
	m := manager()
	t.Cleanup(func() { apply(t, m, Config{}) })
	random := rand.New(rand.NewPCG(2, 7))
	choose := func() Config {
		c := Config{Devices: map[string]Device{}}
		for _, name := range []string{"vxa", "vxb", "vxc"} {
			if random.IntN(4) == 0 {
				continue
			}
			c.Devices[name] = device(name, uint32(name[2])+uint32(random.IntN(2))*100, func(d *Device) {
				d.Group = []netip.Addr{group4, group6, netip.MustParseAddr("239.0.3.240")}[random.IntN(3)]
				d.TTL = uint8(5 + random.IntN(2))
				d.MTU = []int{0, 1400}[random.IntN(2)]
				if d.Group.Is4() && random.IntN(2) == 0 {
					d.Local = netip.MustParseAddr("192.168.7.1")
				}
				if random.IntN(2) == 0 { // head-end replication in place of the group
					d.Group, d.Remotes = netip.Addr{}, addrs([]string{"192.0.2.1", "192.0.2.2"}[:random.IntN(3)]...)
				}
				if !d.OverIPv6() && random.IntN(3) == 0 {
					d.Static = []StaticEntry{{MAC{2, 0, 0, 0, 0, byte(random.IntN(2))}, netip.AddrFrom4([4]byte{192, 0, 2, byte(random.IntN(2))})}}
					d.DF = DF(random.IntN(2))
				}
				d.NoLearning = random.IntN(3) == 0
				d.TOS = uint8(random.IntN(2))
				d.MaxAddresses = []uint32{0, 10}[random.IntN(2)]
				d.Ageing = []time.Duration{0, Forever}[random.IntN(2)]
				// All devices of a port agree on checksums.
			})
		}
		return c
	}
	for n := range 40 {
		c := choose()
		for _, again := range []bool{false, true} {
			before := m.Writes()
			p, err := m.Preview(c, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m.Writes() != before {
				t.Fatal("Preview writes")
			}
			apply(t, m, c)
			wrote := m.Writes() - before
			if (len(p.Ops) > 0) != (wrote > 0) || again && wrote > 0 {
				t.Errorf("round %d: Apply of %+v wrote %d times, foreseen was\n%s", n, c, wrote, lines(p.Ops))
			}
			for _, s := range m.Status() {
				if s.Device.MTU != p.Devices[s.Device.Name].MTU {
					t.Errorf("round %d: %s has mtu %d, foreseen was %d", n, s.Device.Name, s.Device.MTU, p.Devices[s.Device.Name].MTU)
				}
			}
		}
	}
}
