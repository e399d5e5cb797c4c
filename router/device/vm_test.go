package device

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/integration/vm"
)

// TestDevices runs what the kernels of some test machines lack in a machine of its own.
func TestDevices(t *testing.T) {
	if vm.Run(t, vm.UML) {
		return
	}
	t.Run("kinds", testKinds)
	t.Run("in place", testInPlace)
	t.Run("vlan filtering", testFiltering)
	t.Run("bond", testBond)
	t.Run("foreign", testForeign)
	t.Run("recreate", testRecreate)
	t.Run("drift", testDrift)
	t.Run("many", testMany)
	t.Run("faults", testFaults)
	t.Run("random", testRandom)
}

func key(n uint32) *uint32 { return &n }

// all is one of each kind, and chains of them.
func all() Config {
	return Config{
		Devices: map[string]Device{
			"bond0":   {Bond: &Bond{Mode: ActiveBackup, MIIMon: 100 * time.Millisecond, Primary: "p0"}},
			"bond0.7": {VLAN: &VLAN{Link: "bond0", ID: 7}},
			"qinq":    {VLAN: &VLAN{Link: "bond0.7", ID: 8, Protocol: Dot1AD}},
			"br10":    {Bridge: bridge(), MAC: net.HardwareAddr{2, 0, 0, 0, 0, 10}},
			"lo0":     {Dummy: true, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 11}},
			"gre1":    {GRE: &GRE{Local: netip.MustParseAddr("198.51.100.1"), Remote: netip.MustParseAddr("203.0.113.1"), TTL: 64}},
			"gre2":    {GRE: &GRE{Local: netip.MustParseAddr("2001:db8::1"), Remote: netip.MustParseAddr("2001:db8::2"), TTL: 64, TOS: 32, Key: key(7), Link: "bond0.7"}},
			"vrf1":    {VRF: &VRF{Table: 1001}},
		},
		Members: map[string]Member{
			"p0": {Master: "bond0"}, "p1": {Master: "bond0"}, "qinq": {Master: "br10", Port: DefaultPort()}, "p2": {Master: "vrf1"},
		},
	}
}

func ports(t *testing.T) {
	sh(t, "printf 'link add p%%d type veth peer name q%%d\nlink set p%%d up\nlink set q%%d up\n' 0 0 0 0 1 1 1 1 2 2 2 2 3 3 3 3 | ip -batch -")
	t.Cleanup(func() { sh(t, "printf 'link del p%%d\n' 0 1 2 3 | ip -batch -") })
}

func testKinds(t *testing.T) {
	ports(t)
	m := manager(t)
	apply(t, m, all())
	detail := sh(t, "ip -d link")
	for _, want := range []string{
		"bond0.7@bond0", "vlan protocol 802.1Q id 7", "vlan protocol 802.1ad id 8", "02:00:00:00:00:0b", "gre remote 203.0.113.1 local 198.51.100.1",
		"ip6gre remote 2001:db8::2 local 2001:db8::1 dev bond0.7", "hoplimit 64", "tclass 0x20", "vrf table 1001", "mode active-backup active_slave p0 miimon 100", "primary p0",
	} {
		if !strings.Contains(detail, want) {
			t.Errorf("no %q in\n%s", want, detail)
		}
	}
	status, err := m.Status()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range status {
		if s.Ours {
			lines = append(lines, fmt.Sprintf("%s %s lower=%q master=%q ports=%v", s.Name, s.Kind, s.Lower, s.Master, s.Ports))
		}
	}
	want := []string{
		`bond0 bond lower="" master="" ports=[p0 p1]`, `bond0.7 vlan lower="bond0" master="" ports=[]`, `br10 bridge lower="" master="" ports=[qinq]`,
		`gre1 gre lower="" master="" ports=[]`, `gre2 ip6gre lower="bond0.7" master="" ports=[]`, `lo0 dummy lower="" master="" ports=[]`,
		`qinq vlan lower="bond0.7" master="br10" ports=[]`, `vrf1 vrf lower="" master="" ports=[p2]`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	apply(t, m, Config{})
	if got := sh(t, "ip -o link show type vlan; ip -o link show type bond; ip -o link show group %d", Mark); got != "" {
		t.Errorf("left behind: %s", got)
	}
	if got := sh(t, "ip -o link show p0"); !strings.Contains(got, ",UP") || strings.Contains(got, "master") {
		t.Errorf("p0 is not as before: %s", got)
	}
}

// testInPlace changes what the kernel can change: the interface index stays.
func testInPlace(t *testing.T) {
	ports(t)
	m := manager(t)
	apply(t, m, all())
	before, _ := m.kernel.snapshot(false)
	c := all()
	g1, g2 := *c.Devices["gre1"].GRE, *c.Devices["gre2"].GRE
	g1.Remote, g1.Key, g1.TTL, g1.TOS = netip.MustParseAddr("203.0.113.9"), key(70000), 9, 8
	g2.Local, g2.Key, g2.Link, g2.TTL, g2.TOS = netip.MustParseAddr("2001:db8::9"), nil, "", 255, 0
	c.Devices["gre1"], c.Devices["gre2"] = Device{GRE: &g1}, Device{GRE: &g2}
	c.Devices["bond0"] = Device{Bond: &Bond{Mode: ActiveBackup, MIIMon: 50 * time.Millisecond, UpDelay: 200 * time.Millisecond, Primary: "p1"}}
	apply(t, m, c)
	after, _ := m.kernel.snapshot(false)
	for name := range c.Devices {
		if a, b := before.byName()[name].Index, after.byName()[name].Index; a != b {
			t.Errorf("%s was made anew: index %d, then %d", name, a, b)
		}
	}
	apply(t, m, all())
}

func testRecreate(t *testing.T) {
	ports(t)
	m := manager(t)
	apply(t, m, all())
	c := all()
	c.Devices["bond0"] = Device{Bond: &Bond{Mode: LACP, MIIMon: 100 * time.Millisecond, FastLACP: true, HashPolicy: Layer34, MinLinks: 1}}
	c.Devices["lo0"] = Device{VLAN: &VLAN{Link: "p3", ID: 5}}
	c.Devices["vrf1"] = Device{VRF: &VRF{Table: 1002}}
	p, err := m.Preview(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, op := range p.Ops {
		lines = append(lines, fmt.Sprintf("%s | %s | %s | %s", op.Object, op.Action, op.Class, op.Disturbs))
	}
	want := []string{
		"bond0 | make anew as bond in mode 802.3ad, with lacp_rate fast | recreate | forwarding through bond0 and what lies on it: bond0.7",
		"lo0 | make anew as vlan 5 on p3, not dummy | recreate | forwarding through lo0",
		"vrf1 | make anew as vrf with table 1002 | recreate | forwarding through vrf1",
		"p0 | make a port of bond0 | live | what goes over p0 by itself",
		"p1 | make a port of bond0 | live | what goes over p1 by itself",
		"p2 | make a port of vrf1 | live | what goes over p2 by itself",
		"bond0.7 | create as vlan 7 on bond0 | live | ",
		"qinq | create as vlan 8 on bond0.7 (802.1ad) | live | ",
		"gre2 | set link bond0.7 | live | ",
		"qinq | make a port of br10 | live | ",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("preview (-want +got):\n%s", diff)
	}
	apply(t, m, c)
	apply(t, m, all())
}

func testFiltering(t *testing.T) {
	ports(t)
	m := manager(t)
	b := bridge()
	b.VLANFiltering, b.Tagged = true, []Range{{30, 30}}
	port := DefaultPort()
	pvid := uint16(20)
	port.PVID, port.Tagged, port.Untagged = &pvid, []Range{{30, 39}, {50, 50}}, []Range{{60, 60}}
	c := Config{
		Devices: map[string]Device{"br20": {Bridge: b}, "br20.30": {VLAN: &VLAN{Link: "br20", ID: 30}}},
		Members: map[string]Member{"p0": {Master: "br20", Port: port}, "p1": {Master: "br20", Port: DefaultPort()}},
	}
	apply(t, m, c)
	status, err := m.Status()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range status {
		if s.Port != nil {
			got[s.Name] = s.Port.VLANs
		}
		if s.Bridge != nil {
			got[s.Name] = s.Bridge.VLANs
		}
	}
	want := map[string]string{"br20": "1 (pvid), 30", "p0": "20 (pvid), 30-39, 50, 60 (untagged)", "p1": "1 (pvid)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("VLANs (-want +got):\n%s", diff)
	}
	b2 := *b
	b2.PVID, b2.VLANProtocol, b2.Tagged = 0, Dot1AD, nil
	none := DefaultPort()
	c2 := Config{
		Devices: map[string]Device{"br20": {Bridge: &b2}},
		Members: map[string]Member{"p0": {Master: "br20", Port: none}, "p1": {Master: "br20", Port: port}},
	}
	apply(t, m, c2)
	apply(t, m, c)
	b3 := *b
	b3.VLANFiltering, b3.Tagged, b3.PVID = false, nil, 1
	c.Devices["br20"] = Device{Bridge: &b3}
	apply(t, m, c)
}

func testBond(t *testing.T) {
	ports(t)
	m := manager(t)
	for _, b := range []Bond{
		{Mode: BalanceRR}, {Mode: BalanceXOR, HashPolicy: Encap34}, {Mode: Broadcast}, {Mode: BalanceTLB, HashPolicy: Layer2, Primary: "p1"},
		{Mode: BalanceALB}, {Mode: LACP, HashPolicy: Layer23},
	} {
		b.MIIMon = 100 * time.Millisecond
		apply(t, m, Config{Devices: map[string]Device{"bond0": {Bond: &b}}, Members: map[string]Member{"p0": {Master: "bond0"}, "p1": {Master: "bond0"}}})
	}
}

func testForeign(t *testing.T) {
	ports(t)
	sh(t, "printf 'link add br10 type bridge\nlink add lo0 type dummy\nlink set p3 master br10\n' | ip -batch -")
	t.Cleanup(func() { sh(t, "ip link del br10; ip link del lo0") })
	m := manager(t)
	before := sh(t, "ip -d link show br10; ip -d link show lo0; ip -d link show p3")
	c := all()
	c.Devices["lo0"] = Device{Bridge: bridge()}
	c.Members["p3"] = Member{}
	p, err := m.Preview(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = m.Apply(t.Context(), c)
	if diff := cmp.Diff(strings.Split(err.Error(), "\n"), p.Refused); diff != "" {
		t.Errorf("the preview refuses something else (-Apply +Preview):\n%s", diff)
	}
	want := "br10: there is a link br10 already, of kind bridge, which is not ours: remove it, or configure another name\n" +
		"lo0: there is a link lo0 already, of kind dummy, which is not ours: remove it, or configure another name"
	if err == nil || err.Error() != want {
		t.Errorf("Apply: %v", err)
	}
	if after := sh(t, "ip -d link show br10; ip -d link show lo0; ip -d link show p3"); after != before {
		t.Errorf("links of others were touched:\n%s\n%s", before, after)
	}
	if got := sh(t, "ip -o link show qinq"); strings.Contains(got, "master") {
		t.Errorf("a port was given to a bridge that is not ours: %s", got)
	}
}

func testDrift(t *testing.T) {
	ports(t)
	m := manager(t)
	var drift []string
	m.OnDrift = func(object, what string, problem error) {
		drift = append(drift, fmt.Sprint(object, ": ", what, " ", problem))
	}
	apply(t, m, all())
	drift = nil
	sh(t, "printf 'link del gre1\nlink set br10 type bridge priority 4096\nlink set p1 nomaster\nlink set lo0 address 02:00:00:00:00:99\nlink set gre2 type ip6gre local 2001:db8::1 remote 2001:db8::2 ttl 3\nlink add evil group %d type dummy\n' | ip -batch -", Mark)
	apply(t, m, all())
	want := []string{
		"evil: a device with our mark was added <nil>", "gre1: the device was missing <nil>", "br10: it was not with priority 32768 <nil>",
		"gre2: it was not with ttl 64 <nil>", "lo0: its hardware address was 02:00:00:00:00:99, not 02:00:00:00:00:0b <nil>",
		"p1: it was no port of bond0 <nil>",
	}
	if diff := cmp.Diff(want, drift); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	drift = nil
	sh(t, "ip link del bond0") // all that lies on it goes too
	apply(t, m, all())
	if diff := cmp.Diff([]string{"bond0: the device was missing <nil>"}, drift); diff != "" {
		t.Errorf("drift of a bond that went away with all on it (-want +got):\n%s", diff)
	}
}

func testMany(t *testing.T) {
	ports(t)
	m := manager(t)
	c := Config{Devices: map[string]Device{}, Members: map[string]Member{}}
	for i := range 300 {
		c.Devices[fmt.Sprintf("v%d", i)] = Device{VLAN: &VLAN{Link: "p0", ID: uint16(i + 1)}}
	}
	began := time.Now()
	apply(t, m, c)
	t.Logf("%d VLANs made in %v", len(c.Devices), time.Since(began))
	began = time.Now()
	apply(t, m, Config{})
	t.Logf("and deleted in %v", time.Since(began))
}

// testFaults lets each write fail in turn: what was in force before can be applied again, and is as it was.
func testFaults(t *testing.T) {
	ports(t)
	m := manager(t)
	first := all()
	second := all()
	delete(second.Devices, "gre1")
	second.Devices["bond0"] = Device{Bond: &Bond{Mode: BalanceRR, MIIMon: 100 * time.Millisecond}}
	b := bridge()
	b.STP, b.Priority = true, 4096
	second.Devices["br10"] = Device{Bridge: b, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 77}}
	second.Members["p1"] = Member{}
	second.Members["p2"] = Member{Master: "br10", Port: DefaultPort()}
	faults(t, m, first, second)
}

// faults applies second over first with the n-th write failing, for each n, and then first again.
func faults(t *testing.T, m *Manager, first, second Config) {
	t.Helper()
	apply(t, m, first)
	before := state(t, m)
	for n := 1; ; n++ {
		count := 0
		m.Fault = func(operation string) error {
			if count++; count == n {
				return fmt.Errorf("no %s today", operation)
			}
			return nil
		}
		err := m.Apply(t.Context(), second)
		m.Fault = nil
		if err == nil && count < n {
			break
		}
		if err == nil {
			t.Fatalf("write %d failed and nothing was told", n)
		}
		if err := m.Apply(t.Context(), first); err != nil {
			t.Fatalf("back after write %d failed: %v", n, err)
		}
		settles(t, m, first)
		if diff := cmp.Diff(before, state(t, m)); diff != "" {
			t.Fatalf("after write %d failed and the way back (-before +after):\n%s", n, diff)
		}
	}
	if err := m.Apply(t.Context(), first); err != nil {
		t.Fatal(err)
	}
}

// state is all that counts of the links, but for indexes and what follows from time.
func state(t *testing.T, m *Manager) []string {
	t.Helper()
	have, err := m.kernel.snapshot(true)
	if err != nil {
		t.Fatal(err)
	}
	index := have.byIndex()
	var out []string
	for _, p := range have {
		if p.Name == "lo" {
			continue
		}
		line := fmt.Sprintf("%s %s group %x lower %s master %s vlans %s", p.Name, p.Kind, p.Group, index[p.Lower].Name, index[p.Master].Name, p.VLANs)
		if !p.ours() || p.Kind == "bridge" || p.Kind == "dummy" {
			line += " " + p.MAC.String()
		}
		out = append(out, line)
	}
	return sorted(out)
}

// testRandom applies random configurations one after the other, and goes back: the way must not matter.
func testRandom(t *testing.T) {
	ports(t)
	m := manager(t)
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for range 12 {
		a, b := randomConfig(random), randomConfig(random)
		apply(t, m, a)
		was := state(t, m)
		apply(t, m, b)
		apply(t, m, a)
		if diff := cmp.Diff(was, state(t, m)); diff != "" {
			t.Fatalf("a, b, a: (-before +after):\n%s\na: %+v\nb: %+v", diff, a, b)
		}
	}
}

func randomConfig(r *rand.Rand) Config {
	c := Config{Devices: map[string]Device{}, Members: map[string]Member{}, MACs: map[string]net.HardwareAddr{}}
	some := func() bool { return r.IntN(2) == 0 }
	if some() {
		c.Devices["bond0"] = Device{Bond: &Bond{Mode: []BondMode{ActiveBackup, BalanceRR, LACP}[r.IntN(3)], MIIMon: 100 * time.Millisecond}}
		c.Members["p0"], c.Members["p1"] = Member{Master: "bond0"}, Member{Master: "bond0"}
		if some() {
			c.Devices["v7"] = Device{VLAN: &VLAN{Link: "bond0", ID: uint16(7 + r.IntN(2))}}
		}
	}
	if some() {
		b := bridge()
		b.STP, b.VLANFiltering, b.PVID = some(), some(), uint16(r.IntN(3))
		if !b.VLANFiltering {
			b.PVID = 1
		}
		c.Devices["br10"] = Device{Bridge: b, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 10}}
		for _, name := range []string{"v7", "p2", "lo0"} {
			if some() {
				p := DefaultPort()
				p.Isolated, p.Learning = some(), some()
				c.Members[name] = Member{Master: "br10", Port: p}
			}
		}
	}
	if some() {
		c.Devices["lo0"] = Device{Dummy: true, MAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(r.IntN(3) + 1)}}
	}
	if some() {
		g := &GRE{Local: netip.MustParseAddr("198.51.100.1"), Remote: netip.AddrFrom4([4]byte{203, 0, 113, byte(r.IntN(3))}), TTL: uint8(1 + r.IntN(3))}
		if some() {
			g = &GRE{Local: netip.MustParseAddr("2001:db8::1"), Remote: netip.MustParseAddr("2001:db8::2"), TTL: 64, TOS: uint8(r.IntN(3) * 4)}
		}
		if some() {
			g.Key = key(uint32(r.IntN(2)))
		}
		c.Devices["gre1"] = Device{GRE: g}
	}
	if some() {
		c.Devices["vrf1"] = Device{VRF: &VRF{Table: uint32(1001 + r.IntN(2))}}
		if some() {
			c.Members["p3"] = Member{Master: "vrf1"}
		}
	}
	if some() {
		c.MACs["p3"] = net.HardwareAddr{2, 0, 0, 0, 1, byte(r.IntN(3))}
	}
	return c
}
