package device

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
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
		Devices: map[string]Device{"br10": {Bridge: bridge(), FirstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 10}}},
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
