package vxlan

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/integration/netns"
)

func addrs(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, t := range texts {
		all = append(all, netip.MustParseAddr(t))
	}
	return all
}

// unicast is a device with remotes in place of a group.
func unicast(name string, vni uint32, remotes ...string) Device {
	return Device{Name: name, VNI: vni, Remotes: addrs(remotes...), TTL: 64, Port: 4789}
}

func (d Device) over(link string) Device {
	d.Link = link
	return d
}

// table is the forwarding table of a device as bridge(8) shows it, sorted.
func table(t *testing.T, name string) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(sh(t, "bridge fdb show dev %s", name)) {
		all = append(all, strings.TrimSpace(line))
	}
	slices.Sort(all)
	return all
}

// TestKernelRemotes is head-end replication: a device without a group and without an underlying link.
func TestKernelRemotes(t *testing.T) {
	wire(t, "remotes")
	m := manager()
	var log driftLog
	m.OnDrift = log.add
	t.Cleanup(func() { apply(t, m, Config{}) })
	mac := MAC{0x52, 0x54, 0, 0, 0, 1}
	d := unicast("vx", 5, "192.168.7.2", "192.0.2.9")
	applyTwice(t, m, config(d))
	index := status(t, m).Index
	const zero = "00:00:00:00:00:00 dst "
	for _, tt := range []struct {
		name string
		edit func(*Device)
		do   string
		want []string
	}{
		{name: "created", want: []string{zero + "192.0.2.9 self permanent", zero + "192.168.7.2 self permanent"}},
		{name: "one more, one less", edit: func(d *Device) { d.Remotes = addrs("192.168.7.2", "192.0.2.10") },
			want: []string{zero + "192.0.2.10 self permanent", zero + "192.168.7.2 self permanent"}},
		{name: "static", edit: func(d *Device) { d.Static = []StaticEntry{{mac, netip.MustParseAddr("192.0.2.11")}} },
			want: []string{zero + "192.0.2.10 self permanent", zero + "192.168.7.2 self permanent", "52:54:00:00:00:01 dst 192.0.2.11 self permanent"}},
		{name: "static elsewhere", edit: func(d *Device) { d.Static = []StaticEntry{{mac, netip.MustParseAddr("192.0.2.12")}} },
			want: []string{zero + "192.0.2.10 self permanent", zero + "192.168.7.2 self permanent", "52:54:00:00:00:01 dst 192.0.2.12 self permanent"}},
		{name: "over a link", edit: func(d *Device) { d.Link = "u0" },
			want: []string{zero + "192.0.2.10 via u0 self permanent", zero + "192.168.7.2 via u0 self permanent", "52:54:00:00:00:01 dst 192.0.2.12 via u0 self permanent"}},
		{name: "a group", edit: func(d *Device) { d.Remotes, d.Group = nil, group4 },
			want: []string{zero + "239.0.3.232 via u0 self permanent", "52:54:00:00:00:01 dst 192.0.2.12 via u0 self permanent"}},
		{name: "remotes again", edit: func(d *Device) { d.Remotes, d.Group = addrs("192.168.7.2"), netip.Addr{} },
			want: []string{zero + "192.168.7.2 via u0 self permanent", "52:54:00:00:00:01 dst 192.0.2.12 via u0 self permanent"}},
		{name: "no static one", edit: func(d *Device) { d.Static = nil }, want: []string{zero + "192.168.7.2 via u0 self permanent"}},
		{name: "learnt entries and those of other programs stay",
			do: "bridge fdb add 02:00:00:00:00:07 dev vx dst 192.0.2.66 dynamic; bridge fdb add 02:00:00:00:00:08 dev vx dst 192.0.2.67 extern_learn",
			want: []string{zero + "192.168.7.2 via u0 self permanent", "02:00:00:00:00:07 dst 192.0.2.66 self",
				"02:00:00:00:00:08 dst 192.0.2.67 self extern_learn permanent"}},
		{name: "a learnt one becomes static", edit: func(d *Device) { d.Static = []StaticEntry{{MAC{2, 0, 0, 0, 0, 7}, netip.MustParseAddr("192.0.2.12")}} },
			want: []string{zero + "192.168.7.2 via u0 self permanent", "02:00:00:00:00:07 dst 192.0.2.12 via u0 self permanent",
				"02:00:00:00:00:08 dst 192.0.2.67 self extern_learn permanent"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.edit != nil {
				tt.edit(&d)
			}
			if tt.do != "" {
				sh(t, "%s", tt.do)
			}
			applyTwice(t, m, config(d))
			if diff := cmp.Diff(tt.want, table(t, "vx")); diff != "" {
				t.Errorf("forwarding table (-want +got):\n%s", diff)
			}
			st := status(t, m)
			if st.Index != index && (kernelRejoins() || !strings.Contains(tt.name, "group") && tt.name != "remotes again") || st.Problem != "" {
				t.Errorf("index was %d, status %+v", index, st)
			}
			index = st.Index
		})
	}
	if got := log.take(); got != nil {
		t.Errorf("changes of the configuration are taken for drift: %q", got)
	}

	t.Run("drift", func(t *testing.T) {
		sh(t, "bridge fdb del 00:00:00:00:00:00 dev vx dst 192.168.7.2 via u0; bridge fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.99")
		sh(t, "bridge fdb add 02:00:00:00:00:09 dev vx dst 192.0.2.98 static; bridge fdb replace 02:00:00:00:00:07 dev vx dst 192.0.2.97")
		applyTwice(t, m, config(d))
		want := []string{"vx: it was without remote 192.168.7.2, without 02:00:00:00:00:07 behind 192.0.2.12, with remote 192.0.2.99, " +
			"with 02:00:00:00:00:07 behind 192.0.2.97, with 02:00:00:00:00:09 behind 192.0.2.98"}
		if diff := cmp.Diff(want, log.take()); diff != "" {
			t.Errorf("found (-want +got):\n%s", diff)
		}
		want = []string{zero + "192.168.7.2 via u0 self permanent", "02:00:00:00:00:07 dst 192.0.2.12 via u0 self permanent", "02:00:00:00:00:08 dst 192.0.2.67 self extern_learn permanent"}
		if diff := cmp.Diff(want, table(t, "vx")); diff != "" {
			t.Errorf("forwarding table (-want +got):\n%s", diff)
		}
	})
}

// A device over IPv6 without any address of its own shows its family only in its forwarding table.
func TestKernelFamily(t *testing.T) {
	wire(t, "family")
	m := manager()
	t.Cleanup(func() { apply(t, m, Config{}) })
	six := unicast("vx", 5, "2001:db8::1")
	applyTwice(t, m, config(six))
	index := status(t, m).Index
	sh(t, "bridge fdb del 00:00:00:00:00:00 dev vx dst 2001:db8::1")
	applyTwice(t, m, config(six))
	if st := status(t, m); st.Index != index || st.Device.MTU != 1430 {
		t.Errorf("after its table was flushed: index was %d, status %+v", index, st)
	}
	applyTwice(t, m, config(unicast("vx", 5, "192.0.2.1")))
	if st := status(t, m); st.Index == index || st.Problem != "" || st.Device.MTU != 1450 {
		t.Errorf("IPv4 in place of IPv6: index was %d, status %+v", index, st)
	}
	sh(t, "bridge fdb del 00:00:00:00:00:00 dev vx dst 192.0.2.1")
	applyTwice(t, m, config(six))
	if st := status(t, m); st.Problem != "" {
		t.Errorf("IPv6 in place of an IPv4 device that does not show it: %+v", st)
	}
	if diff := cmp.Diff([]string{"00:00:00:00:00:00 dst 2001:db8::1 self permanent"}, table(t, "vx")); diff != "" {
		t.Errorf("forwarding table (-want +got):\n%s", diff)
	}
}

// TestKernelClasses changes each attribute by itself, and looks whether it is done in place. The preview has to say the same.
func TestKernelClasses(t *testing.T) {
	wire(t, "classes")
	sh(t, "ip addr add 2001:db8:7::1/64 dev u0 nodad; ip link add u1 type veth peer name u2; ip link set u1 up; ip link set u2 up")
	t.Cleanup(func() { sh(t, "ip link del u1 2>/dev/null || true") })
	four := Device{Name: "vx", VNI: 5, Group: group4, Link: "u0", TTL: 5, Port: 4789}
	six := Device{Name: "vx", VNI: 5, Group: group6, Link: "u0", TTL: 5, Port: 4789}
	heads := unicast("vx", 5, "192.168.7.2")
	const live, anew = false, true
	for _, tt := range []struct {
		name string
		from Device
		edit func(*Device)
		anew bool
		want string // in ip -d link show
	}{
		{"ttl", four, func(d *Device) { d.TTL = 64 }, live, "ttl 64"},
		{"no learning", four, func(d *Device) { d.NoLearning = true }, live, "nolearning"},
		{"ageing", four, func(d *Device) { d.Ageing = 50 * time.Second }, live, "ageing 50"},
		{"no ageing", four, func(d *Device) { d.Ageing = Forever }, live, "ageing 4294967295"},
		{"group", four, func(d *Device) { d.Group = netip.MustParseAddr("239.1.1.1") }, live, "group 239.1.1.1"},
		{"group over IPv6", six, func(d *Device) { d.Group = netip.MustParseAddr("ff05::9") }, live, "group ff05::9"},
		{"local", four, func(d *Device) { d.Local = netip.MustParseAddr("192.168.7.1") }, live, "local 192.168.7.1"},
		{"local over IPv6", six, func(d *Device) { d.Local = netip.MustParseAddr("2001:db8:7::1") }, live, "local 2001:db8:7::1"},
		{"link", four, func(d *Device) { d.Link = "u1" }, live, "dev u1"},
		{"link over IPv6", six, func(d *Device) { d.Link = "u1" }, live, "dev u1"},
		{"a link", heads, func(d *Device) { d.Link = "u0" }, live, "dev u0"},
		{"no link", unicast("vx", 5, "192.0.2.1").over("u0"), func(d *Device) { d.Link = "" }, anew, "id 5"},
		{"dscp", four, func(d *Device) { d.TOS = 46 << 2 }, live, "tos 0xb8"},
		{"dscp inherit", four, func(d *Device) { d.TOS = TOSInherit }, live, "tos inherit"},
		{"df", four, func(d *Device) { d.DF = DFSet }, live, "df set"},
		{"df inherit", four, func(d *Device) { d.DF = DFInherit }, live, "df inherit"},
		{"mtu", four, func(d *Device) { d.MTU = 1300 }, live, "mtu 1300"},
		{"remotes for a group", four, func(d *Device) { d.Group, d.Remotes = netip.Addr{}, addrs("192.0.2.1") }, live, "dev u0"},
		{"vni", four, func(d *Device) { d.VNI = 6 }, anew, "id 6 "},
		{"port", four, func(d *Device) { d.Port = 8472 }, anew, "dstport 8472"},
		{"max_addresses", four, func(d *Device) { d.MaxAddresses = 10 }, anew, "maxaddr 10"},
		{"source ports", four, func(d *Device) { d.PortLow, d.PortHigh = 5000, 5999 }, anew, "srcport 5000 5999"},
		{"checksum", four, func(d *Device) { d.NoChecksum = true }, anew, "noudpcsum"},
		{"checksum over IPv6", six, func(d *Device) { d.NoChecksum = true }, anew, "udpcsum udp6zerocsumtx udp6zerocsumrx"},
		{"family", four, func(d *Device) { d.Group = group6 }, anew, "group ff05::3e8"},
		{"family of remotes", heads, func(d *Device) { d.Remotes = addrs("2001:db8::1") }, anew, "id 5"},
	} {
		for _, back := range []bool{false, true} {
			if strings.HasSuffix(tt.name, " link") && back {
				continue // the way back is a case of its own: the kernel gives a device a link, and takes none away
			}
			t.Run(fmt.Sprintf("%s/%t", tt.name, back), func(t *testing.T) {
				m := manager()
				t.Cleanup(func() { apply(t, m, Config{}) })
				from, to := tt.from, tt.from
				tt.edit(&to)
				if back {
					from, to = to, from
				}
				applyTwice(t, m, config(from))
				before := status(t, m)
				p, err := m.Preview(config(to), nil)
				if err != nil || len(p.Ops) != 1 || len(p.Refused) != 0 {
					t.Fatalf("preview %+v: %v", p, err)
				}
				applyTwice(t, m, config(to))
				after := status(t, m)
				anew := tt.anew || !kernelRejoins() && (from.Group != to.Group || from.Group.IsValid() && from.Link != to.Link)
				if got := after.Index != before.Index; got != anew || after.MAC != before.MAC || after.Problem != "" {
					t.Errorf("made anew: %t, want %t: was %+v, is %+v", got, anew, before, after)
				}
				if got := p.Ops[0].Class.String() == "recreate"; got != anew {
					t.Errorf("the preview says %q", lines(p.Ops))
				}
				if out := sh(t, "ip -d link show vx"); !back && !strings.Contains(out, tt.want) {
					t.Errorf("no %q in:\n%s", tt.want, out)
				}
			})
		}
	}
}

// TestKernelReplication pings two hosts through a device that sends each its copy, over IPv4 and IPv6, and a third host behind a static
// entry.
func TestKernelReplication(t *testing.T) {
	for _, tt := range []struct{ name, one, two, local string }{
		{"IPv4", "192.168.7.2", "192.168.8.2", "192.168.7.1"},
		{"IPv6", "fd07::2", "fd08::2", "fd07::1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one, two := netns.Host(t, "one"), netns.Host(t, "two")
			netns.Cable(t, netns.End{Node: netns.Own(), Name: "u0"}, netns.End{Node: one, Name: "p0"})
			netns.Cable(t, netns.End{Node: netns.Own(), Name: "w0"}, netns.End{Node: two, Name: "p0"})
			sh(t, "ip addr add 192.168.7.1/24 dev u0; ip addr add fd07::1/64 dev u0 nodad; ip addr add 192.168.8.1/24 dev w0; ip addr add fd08::1/64 dev w0 nodad")
			one.Sh(t, "ip addr add 192.168.7.2/24 dev p0; ip addr add fd07::2/64 dev p0 nodad")
			two.Sh(t, "ip addr add 192.168.8.2/24 dev p0; ip addr add fd08::2/64 dev p0 nodad; ip route add 192.168.7.0/24 via 192.168.8.1; ip -6 route add fd07::/64 via fd08::1")
			m := manager()
			t.Cleanup(func() { apply(t, m, Config{}) })
			d := unicast("vx", 5, tt.one, tt.two)
			d.Local = netip.MustParseAddr(tt.local)
			applyTwice(t, m, config(d))
			sh(t, "ip addr add 10.0.0.1/24 dev vx")
			for n, h := range []*netns.Node{one, two} {
				h.Sh(t, "ip link add vx type vxlan id 5 dstport 4789 remote %s dev p0 && ip link set vx up && ip addr add 10.0.0.%d/24 dev vx", tt.local, n+2)
			}
			eventually(t, "first remote", netns.Own().Expect("ping -c1 -W1 10.0.0.2"))
			eventually(t, "second remote", netns.Own().Expect("ping -c1 -W1 10.0.0.3"))
			remotes := map[string]Remote{}
			for _, r := range status(t, m).KnownRemotes() {
				remotes[r.Address.String()] = r
			}
			for _, a := range []string{tt.one, tt.two} {
				if r := remotes[a]; !r.Configured || !r.Flood || r.Addresses == 0 {
					t.Errorf("remote %s: %+v", a, r)
				}
			}
		})
	}
}

// TestKernelWatchEntries hears of entries that others take away, and of remotes that are learnt.
func TestKernelWatchEntries(t *testing.T) {
	h := wire(t, "watch")
	m := manager()
	met := make(chan string, 10)
	m.OnRemote = func(device string, remote netip.Addr, mac MAC) { met <- fmt.Sprint(device, " ", remote) }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() { apply(t, m, Config{}) })
	apply(t, m, config(unicast("vx", 5, "192.168.7.2")))
	apply(t, m, config(unicast("vx", 5, "192.168.7.2"))) // knows the index
	eventually(t, "that Run listens", func() error {
		sh(t, "bridge fdb del 00:00:00:00:00:00 dev vx dst 192.168.7.2")
		deadline := time.Now().Add(2 * time.Second)
		for len(table(t, "vx")) == 0 {
			if time.Now().After(deadline) {
				return fmt.Errorf("the remote is not back")
			}
		}
		return nil
	})
	sh(t, "ip addr add 10.0.0.1/24 dev vx")
	h.Sh(t, "ip link add vx type vxlan id 5 dstport 4789 remote 192.168.7.1 dev p0 && ip link set vx up && ip addr add 10.0.0.2/24 dev vx")
	eventually(t, "ping", h.Expect("ping -c1 -W1 10.0.0.1"))
	select {
	case got := <-met:
		if got != "vx 192.168.7.2" {
			t.Errorf("met %q", got)
		}
	case <-time.After(5 * time.Second):
		t.Error("nobody was met")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestPreviewRefuses foresees limits that cannot be raised, names and VNIs of others, and MTUs that do not fit: nothing is touched.
func TestPreviewRefuses(t *testing.T) {
	wire(t, "refuses")
	sh(t, "ip link add theirs type vxlan id 77 dstport 4789 group 239.7.7.7 dev u0")
	sh(t, "echo 20 >%[1]s && mount --bind %[1]s %[1]s && mount -o remount,ro,bind %[1]s", sysctlMemberships)
	t.Cleanup(func() { sh(t, "umount %s; ip link del theirs", sysctlMemberships) })
	many := []Device{device("theirs", 5), device("mine", 77), device("large", 78, func(d *Device) { d.MTU = 1451 })}
	for n := range 30 {
		many = append(many, device(fmt.Sprintf("v%d", n), uint32(n+100), func(d *Device) { d.Group = netip.AddrFrom4([4]byte{239, 1, 1, byte(n)}) }))
	}
	p, err := manager().Preview(config(many...), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"vxlan device large: MTU 1451 is above 1450: that of u0, 1500, less 50 bytes of encapsulation",
		"vxlan device mine: theirs, which is not ours, has VNI 77 on port 4789 already",
		"vxlan device theirs: there is a link theirs already, of kind vxlan, which is not ours",
		"32 multicast groups on one UDP port need net.ipv4.igmp_max_memberships of 32, which is 20 here and cannot be raised (read-only file system): " +
			"use fewer groups (segments may share one), remotes, or another port",
	}
	if diff := cmp.Diff(want, p.Refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// TestKernelManyIPv6 makes more IPv6 groups than the memory of a socket has room for at first.
func TestKernelManyIPv6(t *testing.T) {
	wire(t, "many6")
	before := strings.TrimSpace(sh(t, "cat %s", sysctlOptmem))
	sh(t, "echo 3000 > %s", sysctlOptmem)
	t.Cleanup(func() { sh(t, "echo %s > %s", before, sysctlOptmem) })
	m := manager()
	t.Cleanup(func() { apply(t, m, Config{}) })
	var devices []Device
	for n := range 80 {
		devices = append(devices, device(fmt.Sprintf("v%d", n), uint32(n+1), func(d *Device) {
			b := group6.As16()
			b[14], b[15] = 1, byte(n)
			d.Group = netip.AddrFrom16(b)
		}))
	}
	p, err := m.Preview(config(devices...), nil)
	if err != nil || len(p.Refused) != 0 || p.Ops[0].Object != "net.core.optmem_max" {
		t.Errorf("preview: %+v %q: %v", p.Ops[0], p.Refused, err)
	}
	applyTwice(t, m, config(devices...))
	for _, st := range m.Status() {
		if st.Problem != "" || !st.Up {
			t.Fatalf("status %+v", st)
		}
	}
	if n := strings.Count(sh(t, "ip maddr show dev u0"), "inet6 ff05::1"); n != len(devices) {
		t.Errorf("%d groups are joined, want %d", n, len(devices))
	}
}

// TestKernelRenamedLink renames the link below: with the new name in the configuration nothing is left to do, and a link that takes the
// old name gets the device.
func TestKernelRenamedLink(t *testing.T) {
	wire(t, "renamed")
	m := manager()
	t.Cleanup(func() { apply(t, m, Config{}) })
	apply(t, m, config(device("vx", 5)))
	index := status(t, m).Index
	sh(t, "ip link set u0 down; ip link set u0 name uplink; ip link set uplink up")
	t.Cleanup(func() { sh(t, "ip link del uplink 2>/dev/null || true") })
	if err := m.Apply(t.Context(), config(device("vx", 5))); err == nil {
		t.Error("no error although the link has another name")
	}
	before := m.Writes()
	apply(t, m, config(device("vx", 5, func(d *Device) { d.Link = "uplink" })))
	if st := status(t, m); m.Writes() != before || st.Index != index || st.Problem != "" {
		t.Errorf("%d writes, status %+v", m.Writes()-before, st)
	}
	sh(t, "ip link add u0 type veth peer name u9 && ip link set u0 up && ip link set u9 up")
	applyTwice(t, m, config(device("vx", 5)))
	if st := status(t, m); st.Index != index || st.Problem != "" {
		t.Errorf("index was %d, status %+v", index, st)
	}
	if diff := cmp.Diff([]string{"00:00:00:00:00:00 dst 239.0.3.232 via u0 self permanent"}, table(t, "vx")); diff != "" {
		t.Errorf("forwarding table (-want +got):\n%s", diff)
	}
	if out := sh(t, "ip maddr show dev u0; ip maddr show dev uplink"); strings.Count(out, "239.0.3.232") != 1 {
		t.Errorf("memberships:\n%s", out)
	}
}
