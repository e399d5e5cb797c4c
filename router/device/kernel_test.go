package device

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func manager(t testing.TB) *Manager {
	t.Helper()
	m := New(slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		m.Fault = nil
		if err := m.Apply(context.Background(), Config{}); err != nil {
			t.Errorf("remove what the test made: %v", err)
		}
	})
	return m
}

// apply applies a configuration twice: the second time must write nothing, and the previews must tell the same.
func apply(t testing.TB, m *Manager, want Config) {
	t.Helper()
	before, err := m.Preview(want, nil)
	if err != nil {
		t.Fatal(err)
	}
	writes := m.Writes()
	if err := m.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if wrote := m.Writes() != writes; wrote != (len(before.Ops) > 0) {
		t.Errorf("Apply wrote: %v; the preview was %v", wrote, before.Ops)
	}
	settles(t, m, want)
}

func settles(t testing.TB, m *Manager, want Config) {
	t.Helper()
	writes := m.Writes()
	if err := m.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if n := m.Writes() - writes; n != 0 {
		t.Errorf("the second Apply wrote %d times", n)
	}
	after, err := m.Preview(want, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(after.Ops) != 0 {
		t.Errorf("the preview of what is applied tells %v", after.Ops)
	}
}

func bridge() *Bridge {
	return &Bridge{Priority: 32768, AgeingTime: 300e9, ForwardDelay: 15e9, PVID: 1}
}

func TestBridgeAndPorts(t *testing.T) {
	m := manager(t)
	sh(t, "ip link add a0 type veth peer name a1; ip link add b0 type veth peer name b1; ip link set a0 up")
	t.Cleanup(func() { sh(t, "ip link del a0; ip link del b0") })
	first := Config{
		Devices: map[string]Device{"br10": {Bridge: bridge(), MAC: net.HardwareAddr{2, 0, 0, 0, 0, 10}}},
		Members: map[string]Member{"a0": {Master: "br10", Port: DefaultPort()}, "b0": {Master: "br10", Port: DefaultPort()}, "br10": {}},
	}
	apply(t, m, first)
	if got := sh(t, "ip -o link show br10; ip -o link show master br10 | wc -l"); !strings.Contains(got, "02:00:00:00:00:0a") || !strings.HasSuffix(got, "2\n") {
		t.Errorf("after making the bridge: %q", got)
	}
	b := bridge()
	b.STP, b.Priority, b.HelloTime, b.ForwardDelay, b.MaxAge, b.AgeingTime = true, 4096, 1e9, 4e9, 10e9, 60e9
	b.MulticastSnooping, b.MulticastQuerier, b.MLDVersion, b.QueryInterval = true, true, 2, 60e9
	isolated := DefaultPort()
	isolated.Isolated, isolated.Learning, isolated.Cost, isolated.Priority, isolated.Hairpin = true, false, 7, 5, true
	second := Config{
		Devices: map[string]Device{"br10": {Bridge: b}},
		Members: map[string]Member{"a0": {Master: "br10", Port: isolated}, "b0": {}, "br10": {}},
		MACs:    map[string]net.HardwareAddr{"b0": {2, 0, 0, 0, 0, 0xb}},
	}
	apply(t, m, second)
	detail := sh(t, "ip -d link show br10; ip -d link show a0; ip -d link show b0")
	for _, want := range []string{"stp_state 1", "priority 4096", "hello_time 100 ", "forward_delay 400", "max_age 1000", "ageing_time 6000",
		"mcast_querier 1", "mcast_mld_version 2", "mcast_query_interval 6000", "isolated on", "learning off", "cost 7", "priority 5", "hairpin on", "02:00:00:00:00:0b"} {
		if !strings.Contains(detail, want) {
			t.Errorf("no %q in\n%s", want, detail)
		}
	}
	if strings.Contains(sh(t, "ip link show b0"), "master") {
		t.Error("b0 was not released")
	}
	apply(t, m, first)
	if strings.Contains(sh(t, "ip link show b0"), "02:00:00:00:00:0b") {
		t.Error("b0 did not get its hardware address back")
	}
	apply(t, m, Config{})
	if got := sh(t, "ip -o link show master br10 2>&1 || true"); !strings.Contains(got, "does not exist") {
		t.Errorf("the bridge is still there: %s", got)
	}
	if got := sh(t, "ip -o link show group 0 | grep -c 'a0\\|b0'"); got != "4\n" {
		t.Errorf("%s of 4 links are in group 0 again", got)
	}
}

// testLinks makes pairs of veth that the test's configurations are about.
func testLinks(t *testing.T) {
	sh(t, "for i in 0 1 2 3; do ip link add p$i type veth peer name q$i; ip link set p$i up; done; ip link add vx type vxlan id 9 dstport 4789 group 239.0.0.9 dev p3")
	t.Cleanup(func() { sh(t, "ip link del vx; for i in 0 1 2 3; do ip link del p$i; done") })
}

// hostConfig makes configurations of what every kernel has.
func hostConfig(r *rand.Rand) Config {
	c := Config{Devices: map[string]Device{}, Members: map[string]Member{}, MACs: map[string]net.HardwareAddr{}}
	some := func() bool { return r.IntN(2) == 0 }
	for n := range 3 {
		name := fmt.Sprintf("br%d", n)
		if some() {
			continue
		}
		b := bridge()
		b.STP, b.Priority, b.MulticastSnooping, b.MulticastQuerier = some(), uint16(4096*r.IntN(3)), some(), some()
		b.HelloTime, b.ForwardDelay = time.Duration(1+r.IntN(3))*time.Second, time.Duration(2+r.IntN(9))*time.Second
		if !b.STP {
			b.ForwardDelay = 0
		}
		if b.MulticastQuerier {
			b.QueryInterval, b.MLDVersion, b.StartupQueryInterval = time.Duration(1+r.IntN(200))*time.Second, uint8(1+r.IntN(2)), 31*time.Second
		}
		c.Devices[name] = Device{Bridge: b, MAC: net.HardwareAddr{2, 0, 0, 0, byte(r.IntN(2)), 0x10 + byte(n)}}
	}
	names := slices.Sorted(maps.Keys(c.Devices))
	for _, link := range []string{"p0", "p1", "p2", "vx"} {
		m := Member{}
		if len(names) > 0 && some() {
			m = Member{Master: names[r.IntN(len(names))], Port: DefaultPort()}
			m.Port.Isolated, m.Port.Hairpin, m.Port.Learning, m.Port.Priority, m.Port.BPDUGuard = some(), some(), some(), uint16(r.IntN(64)), some()
		}
		if m.Master != "" || some() {
			c.Members[link] = m
		}
	}
	if some() {
		c.MACs["p1"] = net.HardwareAddr{2, 0, 0, 0, 2, byte(r.IntN(3))}
	}
	return c
}

// TestRandom goes from one configuration to another and back: the way must not matter, and each is in force at once.
func TestRandom(t *testing.T) {
	testLinks(t)
	m := manager(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	apply(t, m, Config{Members: map[string]Member{"p0": {}}})
	clean := state(t, m)
	for range 25 {
		a, b := hostConfig(r), hostConfig(r)
		apply(t, m, a)
		was := state(t, m)
		apply(t, m, b)
		apply(t, m, a)
		if diff := cmp.Diff(was, state(t, m)); diff != "" {
			t.Fatalf("a, b, a (-before +after):\n%s\na: %+v\nb: %+v", diff, a, b)
		}
	}
	apply(t, m, Config{})
	if diff := cmp.Diff(clean, state(t, m)); diff != "" {
		t.Errorf("nothing, and after all (-before +after):\n%s", diff)
	}
}

// TestFaults lets each write fail in turn.
func TestFaults(t *testing.T) {
	testLinks(t)
	m := manager(t)
	r := rand.New(rand.NewPCG(7, 7))
	for range 4 {
		faults(t, m, hostConfig(r), hostConfig(r))
	}
}

func TestDeleteTogether(t *testing.T) {
	m := manager(t)
	c := Config{Devices: map[string]Device{}}
	for n := range 100 {
		c.Devices[fmt.Sprintf("many%d", n)] = Device{Bridge: bridge()}
	}
	apply(t, m, c)
	sh(t, "ip link add other type veth peer name otherp; ip link set other group %d", groupDoomed)
	t.Cleanup(func() { sh(t, "ip link del other") })
	writes := func(want Config) uint64 {
		t.Helper()
		before := m.Writes()
		apply(t, m, want)
		return m.Writes() - before
	}
	one := Config{Devices: map[string]Device{"many7": c.Devices["many7"]}}
	if n := writes(one); n != 99 {
		t.Errorf("with somebody else's link in the group, %d writes; want one for each device", n)
	}
	if got := sh(t, "ip -o link show other"); !strings.Contains(got, "other") {
		t.Error("somebody else's link was deleted")
	}
	sh(t, "ip link set other group 0")
	apply(t, m, c)
	if n := writes(one); n != 100 {
		t.Errorf("%d writes; want a mark for each device and one for all", n)
	}
	apply(t, m, c)
	if n := writes(Config{}); n != 1 {
		t.Errorf("%d writes; want one for all", n)
	}
	if got := sh(t, "ip -o link show type bridge | wc -l"); strings.TrimSpace(got) != "0" {
		t.Errorf("%s bridges are left", got)
	}
}

// BenchmarkBridges makes 1,000 bridges and deletes them. Beside it is what ip -batch takes for the same.
func BenchmarkBridges(b *testing.B) {
	m := New(slog.New(slog.DiscardHandler))
	c := Config{Devices: map[string]Device{}}
	var add, del strings.Builder
	for n := range 1000 {
		name := fmt.Sprintf("b%d", n)
		c.Devices[name] = Device{Bridge: bridge()}
		fmt.Fprintf(&add, "link add %s type bridge stp_state 0 priority 32768 ageing_time 30000\n", name)
		fmt.Fprintf(&del, "link del %s\n", name)
	}
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				began := time.Now()
				if err := f(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(time.Since(began).Seconds(), "s/1000")
			}
		})
	}
	run("create", func() error { return m.Apply(b.Context(), c) })
	run("same again", func() error { return m.Apply(b.Context(), c) })
	run("delete", func() error { return m.Apply(b.Context(), Config{}) })
	batch := func(text string) func() error {
		return func() error {
			cmd := exec.Command("ip", "-batch", "-")
			cmd.Stdin = strings.NewReader(text)
			return cmd.Run()
		}
	}
	run("ip -batch create", batch(add.String()))
	run("ip -batch delete", batch(del.String()))
}
