package vxlan

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var equateAddr = cmpopts.EquateComparable(netip.Addr{})

var (
	group4 = netip.MustParseAddr("239.0.3.232")
	group6 = netip.MustParseAddr("ff05::3e8")
	mac    = net.HardwareAddr{2, 0, 0, 0, 0, 1}
)

// seed is the device of the tests; made is how the kernel reports it.
func seed() Device {
	return Device{Name: "vxlan1000", VNI: 1000, Group: group4, Link: "eth0", TTL: 5, Port: 4789}
}

func made() present {
	return present{
		Name: "vxlan1000", Index: 9, MTU: 1450, Group: groupOurs, Up: true, MAC: mac, Kind: "vxlan",
		Vxlan:  tunnel{VNI: 1000, Group: group4, Link: 2, TTL: 5, Port: 4789, Learning: true, Ageing: 300, Checksum: true},
		Family: ipv4, Entries: []entry{{Remote: group4, Via: 2}},
	}
}

func ptr[T any](v T) *T { return &v }

func TestPlan(t *testing.T) {
	eth0 := present{Name: "eth0", Index: 2, MTU: 1500, Up: true}
	eth1 := present{Name: "eth1", Index: 3, MTU: 9000, Up: true}
	device := func(f func(*Device)) Config {
		d := seed()
		f(&d)
		return Config{Devices: map[string]Device{"vxlan1000": d}}
	}
	final := func(c Config, mtu int) Device {
		d := c.Devices["vxlan1000"]
		d.MTU = mtu
		return d
	}
	exists := func(f func(*present)) snapshot {
		p := made()
		f(&p)
		return snapshot{eth0, eth1, p}
	}
	same := func(*Device) {}
	as := func(*present) {}
	for _, tt := range []struct {
		name     string
		want     Config
		have     snapshot
		noRejoin bool
		ops      operations // without Final
	}{
		{name: "nothing"},
		{
			name: "create", want: device(same), have: snapshot{eth0},
			ops: operations{Create: []creation{{Device: final(device(same), 1450), Link: 2}}},
		},
		{
			name: "create over IPv6 with jumbo frames", have: snapshot{eth1},
			want: device(func(d *Device) { d.Group, d.Link = group6, "eth1" }),
			ops:  operations{Create: []creation{{Device: final(device(func(d *Device) { d.Group, d.Link = group6, "eth1" }), 8930), Link: 3}}},
		},
		{name: "keep", want: device(same), have: exists(as)},
		{
			name: "change in place", have: exists(func(p *present) { p.MTU, p.Up, p.Group, p.Vxlan.Learning = 1400, false, groupDoomed, false }),
			want: device(func(d *Device) {
				d.TTL, d.Group, d.Local, d.MTU, d.Link = 64, netip.MustParseAddr("239.1.1.1"), netip.MustParseAddr("10.1.1.1"), 1300, "eth1"
			}),
			ops: operations{Modify: []modification{{
				Device: Device{
					Name: "vxlan1000", VNI: 1000, Group: netip.MustParseAddr("239.1.1.1"), Link: "eth1",
					Local: netip.MustParseAddr("10.1.1.1"), TTL: 64, Port: 4789, MTU: 1300,
				},
				Index: 9,
				Change: change{
					Mark: true, MTU: 1300, Link: 3, Group: netip.MustParseAddr("239.1.1.1"),
					Local: netip.MustParseAddr("10.1.1.1"), TTL: 64, Learning: ptr(true), Up: true,
				},
			}}},
		},
		{
			name: "take the local address away", want: device(same),
			have: exists(func(p *present) { p.Vxlan.Local = netip.MustParseAddr("10.1.1.1") }),
			ops: operations{Modify: []modification{{
				Device: final(device(same), 1450), Index: 9, Change: change{Local: netip.IPv4Unspecified()},
			}}},
		},
		{
			name: "group on an older kernel", noRejoin: true, have: exists(as),
			want: device(func(d *Device) { d.Group = netip.MustParseAddr("239.1.1.1") }),
			ops: operations{
				Remove: []present{made()},
				Create: []creation{{Device: final(device(func(d *Device) { d.Group = netip.MustParseAddr("239.1.1.1") }), 1450), Link: 2, MAC: mac}},
			},
		},
		{
			name: "VNI", have: exists(as), want: device(func(d *Device) { d.VNI = 7 }),
			ops: operations{
				Remove: []present{made()},
				Create: []creation{{Device: final(device(func(d *Device) { d.VNI = 7 }), 1450), Link: 2, MAC: mac}},
			},
		},
		{
			name: "port", have: exists(as), want: device(func(d *Device) { d.Port = 8472 }),
			ops: operations{
				Remove: []present{made()},
				Create: []creation{{Device: final(device(func(d *Device) { d.Port = 8472 }), 1450), Link: 2, MAC: mac}},
			},
		},
		{
			name: "family", have: exists(as), want: device(func(d *Device) { d.Group = group6 }),
			ops: operations{
				Remove: []present{made()},
				Create: []creation{{Device: final(device(func(d *Device) { d.Group = group6 }), 1430), Link: 2, MAC: mac}},
			},
		},
		{name: "remove", have: exists(as), ops: operations{Remove: []present{made()}}},
		{name: "leave a foreign VXLAN", have: exists(func(p *present) { p.Group = 0 })},
		{name: "leave a link of our group that is no VXLAN", have: exists(func(p *present) { p.Kind = "veth" })},
		{
			name: "foreign VXLAN of a wanted name", want: device(same), have: exists(func(p *present) { p.Group = 0 }),
			ops: operations{Problems: map[string]string{"vxlan1000": "there is a link vxlan1000 already, of kind vxlan, which is not ours"}},
		},
		{
			name: "remotes", want: device(func(d *Device) { d.Group, d.Link, d.Remotes = netip.Addr{}, "", addrs("192.0.2.1") }), have: snapshot{eth0},
			ops: operations{Create: []creation{{
				Device: final(device(func(d *Device) { d.Group, d.Link, d.Remotes = netip.Addr{}, "", addrs("192.0.2.1") }), 1450),
			}}},
		},
		{
			name: "VLANs in it", want: device(func(d *Device) { d.InnerTags = 4 }), have: snapshot{eth0},
			ops: operations{Create: []creation{{Device: final(device(func(d *Device) { d.InnerTags = 4 }), 1446), Link: 2}}},
		},
		{
			name: "MTU with VLANs in it", want: device(func(d *Device) { d.InnerTags, d.MTU = 4, 1447 }), have: snapshot{eth0},
			ops: operations{Problems: map[string]string{"vxlan1000": "MTU 1447 is above 1446: that of eth0, 1500, less 54 bytes of encapsulation"}},
		},
		{
			name: "moving to another link moves the entries", want: device(func(d *Device) { d.Link = "eth1" }), have: exists(func(p *present) { p.MTU = 8950 }),
			ops: operations{Modify: []modification{{
				Device: final(device(func(d *Device) { d.Link = "eth1" }), 8950), Index: 9,
				Change: change{Link: 3, Add: []entry{{Remote: group4, Via: 3}}, Drop: []entry{{Remote: group4, Via: 2}}},
			}}},
		},
		{
			name: "an odd option", want: device(same), have: exists(func(p *present) { p.Vxlan.Odd = true }),
			ops: operations{
				Remove: exists(func(p *present) { p.Vxlan.Odd = true })[2:],
				Create: []creation{{Device: final(device(same), 1450), Link: 2, MAC: mac}},
			},
		},
		{
			name: "a VNI of others", want: device(same), have: snapshot{eth0, {Name: "theirs", Index: 4, Kind: "vxlan", Vxlan: made().Vxlan, Family: ipv4}},
			ops: operations{Problems: map[string]string{"vxlan1000": "theirs, which is not ours, has VNI 1000 on port 4789 already"}},
		},
		{
			name: "the same VNI over IPv6", want: device(same), have: snapshot{eth0, {Name: "theirs", Index: 4, Kind: "vxlan", Vxlan: made().Vxlan, Family: ipv6}},
			ops: operations{Create: []creation{{Device: final(device(same), 1450), Link: 2}}},
		},
		{
			name: "group and remotes", want: device(func(d *Device) { d.Remotes = addrs("192.0.2.1") }), have: snapshot{eth0},
			ops: operations{Problems: map[string]string{"vxlan1000": "there are a group and remotes"}},
		},
		{
			name: "group without link", want: device(func(d *Device) { d.Link = "" }), have: snapshot{eth0},
			ops: operations{Problems: map[string]string{"vxlan1000": "a group needs an underlying link"}},
		},
		{
			name: "no link", want: device(same), have: snapshot{eth1},
			ops: operations{Problems: map[string]string{"vxlan1000": "underlying link eth0 does not exist"}},
		},
		{
			name: "MTU", want: device(func(d *Device) { d.MTU = 1451 }), have: snapshot{eth0},
			ops: operations{Problems: map[string]string{"vxlan1000": "MTU 1451 is above 1450: that of eth0, 1500, less 50 bytes of encapsulation"}},
		},
		{
			name: "families", want: device(func(d *Device) { d.Local = netip.MustParseAddr("2001:db8::1") }), have: snapshot{eth0},
			ops: operations{Problems: map[string]string{"vxlan1000": "local address 2001:db8::1 and group 239.0.3.232 are of different families"}},
		},
		{
			name: "unicast", want: device(func(d *Device) { d.Group = netip.MustParseAddr("10.0.0.1") }), have: snapshot{eth0},
			ops: operations{Problems: map[string]string{"vxlan1000": "no multicast group"}},
		},
		{
			name: "VNI of 25 bits", want: device(func(d *Device) { d.VNI = 1 << 24 }), have: snapshot{eth0},
			ops: operations{Problems: map[string]string{"vxlan1000": "VNI 16777216 does not fit 24 bits"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := plan(tt.want, tt.have, !tt.noRejoin)
			if len(got.Final) != len(tt.want.Devices) {
				t.Errorf("final devices: %v", got.Final)
			}
			got.Final = nil
			if diff := cmp.Diff(tt.ops, got, equateAddr, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMemberships(t *testing.T) {
	want := Config{Devices: map[string]Device{}}
	for n := range 10 {
		want.Devices[fmt.Sprintf("a%d", n)] = Device{Group: netip.AddrFrom4([4]byte{239, 0, 0, byte(n / 2)}), Link: "eth0"} // 5
		want.Devices[fmt.Sprintf("b%d", n)] = Device{Group: group6, Link: "eth0"}                                           // none
		want.Devices[fmt.Sprintf("c%d", n)] = Device{Group: group4, Link: fmt.Sprintf("eth%d", n)}                          // 10
	}
	foreign := made()
	foreign.Group = 0
	have := snapshot{{Name: "eth0", Index: 2}, made(), foreign}
	if four, six := memberships(want, have); four != 15 || six != 1 {
		t.Errorf("%d and %d memberships, want 15 and 1", four, six)
	}
	want.Devices = nil
	if four, six := memberships(want, have); four != 1 || six != 0 {
		t.Errorf("%d and %d memberships, want the foreign one", four, six)
	}
}

func TestAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"6.15.0": true, "6.18.5-amd64": true, "7.0": true, "6.14.9": false, "5.19.1": false, "6.1.0-44-amd64": false, "": false, "six": false,
	} {
		if got := atLeast(release, 6, 15); got != want {
			t.Errorf("%q: %v, want %v", release, got, want)
		}
	}
}

// FuzzPlan wants a plan for any state of the kernel that, carried out, leaves nothing to do.
func FuzzPlan(f *testing.F) {
	f.Add(uint32(1000), uint16(4789), uint8(5), 1450, 2, true, uint32(groupOurs), []byte(group4.AsSlice()), []byte(nil))
	f.Add(uint32(7), uint16(8472), uint8(0), 9000, 0, false, uint32(groupDoomed), []byte(group6.AsSlice()), []byte(group6.AsSlice()))
	f.Fuzz(func(t *testing.T, vni uint32, port uint16, ttl uint8, mtu, link int, up bool, number uint32, group, local []byte) {
		eth0 := present{Name: "eth0", Index: 2, MTU: 1500, Up: true}
		p := present{
			Name: "vxlan1000", Index: 9, MTU: mtu, Group: number, Up: up, Kind: "vxlan",
			Vxlan: tunnel{VNI: vni, Group: addr(group), Link: link, Local: addr(local), TTL: ttl, Port: port, Learning: up},
		}
		for i := range len(local) / 3 {
			p.Entries = append(p.Entries, entry{MAC: MAC{local[3*i] & 2, 0, 0, 0, 0, local[3*i] & 1}, Remote: netip.AddrFrom4([4]byte{192, 0, 2, local[3*i+1] % 5}), Via: int(local[3*i+2] % 3)})
		}
		slices.SortFunc(p.Entries, entry.compare)
		p.Entries = slices.Compact(p.Entries)
		p.tell()
		d := seed()
		if number%2 == 0 { // head-end replication
			d.Group, d.Remotes = netip.Addr{}, []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
			d.Static = []StaticEntry{{MAC{2, 0, 0, 0, 0, 1}, netip.MustParseAddr("192.0.2.3")}}
		}
		want := Config{Devices: map[string]Device{"vxlan1000": d}}
		ops := plan(want, snapshot{eth0, p}, true)
		switch {
		case !p.ours():
			if len(ops.Remove)+len(ops.Modify)+len(ops.Create) != 0 || !strings.Contains(ops.Problems["vxlan1000"], "not ours") {
				t.Fatalf("a foreign device: %+v", ops)
			}
			return
		case len(ops.Create) > 0 && len(ops.Remove) > 0:
			return
		case len(ops.Modify) > 0:
			p = ops.Modify[0].Change.on(p)
		}
		ops = plan(want, snapshot{eth0, p}, true)
		if len(ops.Remove)+len(ops.Modify)+len(ops.Create)+len(ops.Problems) != 0 {
			t.Fatalf("a second time: %+v", ops)
		}
	})
}
