package vxlan

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/integration/netns"
)

func manager() *Manager { return New(slog.New(slog.DiscardHandler)) }

// wire makes a link u0 here and p0 of a host.
func wire(t *testing.T, name string) *netns.Node {
	t.Helper()
	h := netns.Host(t, name)
	netns.Cable(t, netns.End{Node: netns.Own(), Name: "u0"}, netns.End{Node: h, Name: "p0"})
	sh(t, "ip addr add 192.168.7.1/24 dev u0")
	h.Sh(t, "ip addr add 192.168.7.2/24 dev p0")
	return h
}

func device(name string, vni uint32, f ...func(*Device)) Device {
	d := Device{Name: name, VNI: vni, Group: group4, Link: "u0", TTL: 5, Port: 4789}
	for _, f := range f {
		f(&d)
	}
	return d
}

func config(devices ...Device) Config {
	c := Config{Devices: map[string]Device{}}
	for _, d := range devices {
		c.Devices[d.Name] = d
	}
	return c
}

func apply(t *testing.T, m *Manager, c Config) {
	t.Helper()
	if err := m.Apply(context.Background(), c); err != nil { // not t.Context(), which ends before the cleanup
		t.Fatal(err)
	}
}

// applyTwice applies and expects that there is nothing left to do.
func applyTwice(t *testing.T, m *Manager, c Config) {
	t.Helper()
	apply(t, m, c)
	before := m.Writes()
	apply(t, m, c)
	if n := m.Writes() - before; n != 0 {
		t.Errorf("%d writes at the second Apply", n)
	}
}

// status is that of the only device.
func status(t *testing.T, m *Manager) Status {
	t.Helper()
	all := m.Status()
	if len(all) != 1 {
		t.Fatalf("status of %d devices: %+v", len(all), all)
	}
	return all[0]
}

// TestKernelInterop pings a plain Linux host through the tunnel, both ways.
func TestKernelInterop(t *testing.T) {
	for _, tt := range []struct {
		name, group string
		mtu         int
	}{
		{"IPv4 group", "239.0.3.232", 1450},
		{"IPv6 group", "ff05::3e8", 1430},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plain := wire(t, "plain")
			m := manager()
			t.Cleanup(func() { apply(t, m, Config{}) })
			applyTwice(t, m, config(device("vxlan1000", 1000, func(d *Device) { d.Group = netip.MustParseAddr(tt.group) })))
			sh(t, "ip addr add 10.0.0.1/23 dev vxlan1000; ip addr add 2a00:f10:114:1000::1/64 dev vxlan1000 nodad")
			plain.Sh(t, "ip link add vxlan1000 type vxlan id 1000 dstport 4789 group %s dev p0 ttl 5", tt.group)
			plain.Sh(t, "ip link set vxlan1000 up")
			plain.Sh(t, "ip addr add 10.0.0.2/23 dev vxlan1000; ip addr add 2a00:f10:114:1000::2/64 dev vxlan1000 nodad")
			eventually(t, "IPv4", plain.Expect("ping -c1 -W1 10.0.0.1"))
			eventually(t, "IPv6", plain.Expect("ping -c1 -W1 2a00:f10:114:1000::1"))
			eventually(t, "IPv4 back", netns.Own().Expect("ping -c1 -W1 10.0.0.2"))
			eventually(t, "IPv6 back", netns.Own().Expect("ping -c1 -W1 2a00:f10:114:1000::2"))
			eventually(t, "full size", netns.Own().Expect(fmt.Sprintf("ping -c1 -W1 -M do -s %d 10.0.0.2", tt.mtu-28)))

			st := status(t, m)
			if st.Problem != "" || !st.Up || st.Device.MTU != tt.mtu || st.Index == 0 || st.RxPackets == 0 || st.TxPackets == 0 || st.MAC == "" {
				t.Errorf("status %+v", st)
			}
			theirs := strings.TrimSpace(plain.Sh(t, "cat /sys/class/net/vxlan1000/address"))
			found := map[string]string{}
			for _, e := range st.Forwarding {
				found[e.MAC] = e.Remote + " " + e.State
			}
			if found["00:00:00:00:00:00"] != tt.group+" permanent" {
				t.Errorf("no flooding entry in %v", found)
			}
			if learnt := found[theirs]; !strings.HasSuffix(learnt, " reachable") || strings.HasPrefix(learnt, tt.group) {
				t.Errorf("%s was not learnt: %v", theirs, found)
			}
		})
	}
}

// TestKernelInPlace changes a device that carries an address.
func TestKernelInPlace(t *testing.T) {
	wire(t, "inplace")
	m := manager()
	t.Cleanup(func() { apply(t, m, Config{}) })
	d := device("vxlan1000", 1000)
	applyTwice(t, m, config(d))
	sh(t, "ip addr add 10.0.0.1/23 dev vxlan1000; ip addr add 2a00:f10:114:1000::1/64 dev vxlan1000 nodad")
	first := status(t, m)
	sh(t, "ip link add u1 type veth peer name u2; ip link set u1 up mtu 1400; ip link set u2 up")
	t.Cleanup(func() { sh(t, "ip link del u1 2>/dev/null || true") })

	for _, tt := range []struct {
		name string
		edit func(*Device)
		want string // in ip -d link show
	}{
		{"TTL", func(d *Device) { d.TTL = 64 }, "ttl 64"},
		{"group", func(d *Device) { d.Group = netip.MustParseAddr("239.1.2.3") }, "group 239.1.2.3"},
		{"local", func(d *Device) { d.Local = netip.MustParseAddr("192.168.7.1") }, "local 192.168.7.1"},
		{"no local", func(d *Device) { d.Local = netip.Addr{} }, "group 239.1.2.3 dev"},
		{"MTU", func(d *Device) { d.MTU = 1300 }, "mtu 1300"},
		{"derived MTU", func(d *Device) { d.MTU = 0 }, "mtu 1450"},
		{"link", func(d *Device) { d.Link = "u1" }, "dev u1"},
		{"all back", func(x *Device) { *x = device("vxlan1000", 1000) }, "group 239.0.3.232 dev u0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.edit(&d)
			applyTwice(t, m, config(d))
			out := sh(t, "ip -d link show vxlan1000")
			if !strings.Contains(out, tt.want) || !strings.Contains(out, " learning") && strings.Contains(out, "nolearning") {
				t.Errorf("no %q in:\n%s", tt.want, out)
			}
			if st := status(t, m); st.Index != first.Index || st.Problem != "" {
				t.Errorf("index was %d, status %+v", first.Index, st)
			}
			if out := sh(t, "ip addr show dev vxlan1000"); !strings.Contains(out, "10.0.0.1/23") || !strings.Contains(out, "2a00:f10:114:1000::1/64") {
				t.Errorf("addresses are gone:\n%s", out)
			}
			if groups := sh(t, "ip maddr show dev %s", d.Link); !strings.Contains(groups, d.Group.String()) {
				t.Errorf("%s is not joined:\n%s", d.Group, groups)
			}
		})
	}

	t.Run("by hand", func(t *testing.T) {
		sh(t, "ip link set vxlan1000 type vxlan ttl 9 nolearning; ip link set vxlan1000 mtu 1200 down")
		applyTwice(t, m, config(d))
		out := sh(t, "ip -d link show vxlan1000")
		for _, want := range []string{"ttl 5 ", "mtu 1450", ",UP"} {
			if !strings.Contains(out, want) || strings.Contains(out, "nolearning") {
				t.Errorf("%q is not back in:\n%s", want, out)
			}
		}
	})
}

// TestKernelInPlaceIPv6 moves a device to another IPv6 group.
func TestKernelInPlaceIPv6(t *testing.T) {
	wire(t, "inplace6")
	sh(t, "ip addr add 2001:db8:7::1/64 dev u0 nodad")
	m := manager()
	t.Cleanup(func() { apply(t, m, Config{}) })
	d := device("vxlan1000", 1000, func(d *Device) { d.Group = group6 })
	applyTwice(t, m, config(d))
	index := status(t, m).Index
	for _, local := range []string{"", "2001:db8:7::1", ""} {
		d.Group, d.Local = d.Group.Next(), netip.Addr{}
		if local != "" {
			d.Local = netip.MustParseAddr(local)
		}
		applyTwice(t, m, config(d))
		if st := status(t, m); st.Index != index || st.Problem != "" {
			t.Errorf("index was %d, status %+v", index, st)
		}
		if groups := sh(t, "ip maddr show dev u0"); !strings.Contains(groups, d.Group.String()) {
			t.Errorf("%s is not joined:\n%s", d.Group, groups)
		}
		if out := sh(t, "ip -d link show vxlan1000"); strings.Contains(out, "local") != (local != "") || !strings.Contains(out, d.Group.String()) {
			t.Errorf("want group %s, local %q in:\n%s", d.Group, local, out)
		}
	}
}

// TestKernelAnew changes what the kernel does not change in place.
func TestKernelAnew(t *testing.T) {
	wire(t, "anew")
	m := manager()
	t.Cleanup(func() { apply(t, m, Config{}) })
	applyTwice(t, m, config(device("a", 1), device("b", 2)))
	before := m.Status()
	// The VNIs change places.
	applyTwice(t, m, config(device("a", 2), device("b", 1)))
	for n, st := range m.Status() {
		if st.MAC != before[n].MAC || st.Index == before[n].Index || st.Problem != "" {
			t.Errorf("was %+v, is %+v", before[n], st)
		}
	}
	applyTwice(t, m, config(device("a", 2, func(d *Device) { d.Port = 8472 }), device("b", 1, func(d *Device) { d.Group = group6 })))
	if out := sh(t, "ip -d link show a; ip -d link show b"); !strings.Contains(out, "dstport 8472") || !strings.Contains(out, "group ff05::3e8") {
		t.Errorf("devices:\n%s", out)
	}
}

func TestKernelForeign(t *testing.T) {
	wire(t, "foreign")
	sh(t, "ip link add theirs type vxlan id 77 dstport 4789 group 239.7.7.7 dev u0 ttl 3")
	t.Cleanup(func() { sh(t, "ip link del theirs") })
	show := func() string { return sh(t, "ip -d link show theirs") }
	before := show()
	m := manager()
	t.Cleanup(func() { apply(t, m, Config{}) })

	err := m.Apply(t.Context(), config(device("theirs", 5), device("mine", 77), device("good", 6), device("lost", 8, func(d *Device) { d.Link = "nowhere" })))
	text := fmt.Sprint(err)
	for _, want := range []string{
		"vxlan device theirs: there is a link theirs already", "vxlan device mine: theirs, which is not ours, has VNI 77 on port 4789 already",
		"vxlan device lost: underlying link nowhere does not exist",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	problems := map[string]bool{}
	for _, st := range m.Status() {
		problems[st.Device.Name] = st.Problem != ""
		if st.Device.Name == "good" && st.Index == 0 {
			t.Errorf("the good device was not made: %+v", st)
		}
	}
	if diff := cmp.Diff(map[string]bool{"theirs": true, "mine": true, "good": false, "lost": true}, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	apply(t, m, Config{})
	if after := show(); after != before {
		t.Errorf("the foreign device was\n%sand is\n%s", before, after)
	}
}

// TestKernelRestart has a second process, in the form of a second Manager, find the devices of the first.
func TestKernelRestart(t *testing.T) {
	wire(t, "restart")
	first := manager()
	apply(t, first, config(device("a", 1), device("b", 2), device("c", 3)))
	index := first.Status()[0].Index
	second := manager()
	t.Cleanup(func() { apply(t, second, Config{}) })
	apply(t, second, config(device("a", 1), device("b", 2), device("c", 3)))
	if n := second.Writes(); n != 0 {
		t.Errorf("%d writes to adopt what is right", n)
	}
	apply(t, second, config(device("a", 1)))
	if st := status(t, second); st.Index != index || st.Problem != "" {
		t.Errorf("index was %d, status %+v", index, st)
	}
	if out := sh(t, "ip -o link show type vxlan"); strings.Count(out, "\n") != 1 {
		t.Errorf("left:\n%s", out)
	}
}

// TestKernelMany makes more groups than the stock limit of memberships and deletes most of them at once.
func TestKernelMany(t *testing.T) {
	wire(t, "many")
	m := manager()
	t.Cleanup(func() { apply(t, m, Config{}) })
	var devices []Device
	for n := range 100 {
		devices = append(devices, device(fmt.Sprintf("v%d", n), uint32(n+1), func(d *Device) {
			d.Group = netip.AddrFrom4([4]byte{239, 1, 1, byte(n)})
		}))
	}
	applyTwice(t, m, config(devices...))
	for _, st := range m.Status() {
		if st.Problem != "" || !st.Up {
			t.Fatalf("status %+v", st)
		}
	}
	before := m.Writes()
	applyTwice(t, m, config(devices[:10]...))
	if n := m.Writes() - before; n != 91 {
		t.Errorf("%d writes to delete 90 devices, want one each and one for all", n)
	}
	if out := sh(t, "ip -o link show type vxlan"); strings.Count(out, "\n") != 10 {
		t.Errorf("left:\n%s", out)
	}

	// A stranger in the group of the doomed must survive.
	apply(t, m, config(devices...))
	sh(t, "ip link add stranger group %d type veth peer name stranger2", groupDoomed)
	t.Cleanup(func() { sh(t, "ip link del stranger") })
	applyTwice(t, m, config(devices[:10]...))
	if out := sh(t, "ip -o link show type vxlan; ip -o link show stranger"); strings.Count(out, "\n") != 11 {
		t.Errorf("left:\n%s", out)
	}
}

// TestKernelRun makes a device when its link appears, and again when it came back.
func TestKernelRun(t *testing.T) {
	m := manager()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	if err := m.Apply(t.Context(), config(device("vxlan1000", 1000))); err == nil {
		t.Error("no error although the underlying link does not exist")
	}
	good := func() error {
		if st := m.Status()[0]; st.Problem != "" || !st.Up {
			return fmt.Errorf("%+v", st)
		}
		return nil
	}
	wire(t, "run1")
	eventually(t, "device", good)
	sh(t, "ip link del u0")
	eventually(t, "problem", func() error {
		if st := m.Status()[0]; st.Problem == "" || st.Index != 0 {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
	wire(t, "run2")
	eventually(t, "device again", good)
	sh(t, "ip link set u0 mtu 1400")
	eventually(t, "MTU follows", func() error {
		if st := m.Status()[0]; st.Device.MTU != 1350 {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if st := status(t, m); st.Index == 0 {
		t.Error("the device went with Run")
	}
	apply(t, m, Config{})
}
