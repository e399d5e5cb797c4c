package device

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// TestTopologyChange has a bridge that ages fast for a while, as the spanning tree wants: nothing to mend.
func TestTopologyChange(t *testing.T) {
	m := manager(t)
	sh(t, "ip link add a0 type veth peer name a1; ip link set a0 up; ip link set a1 up")
	t.Cleanup(func() { sh(t, "ip link del a0") })
	b := bridge()
	b.STP, b.ForwardDelay, b.HelloTime, b.MaxAge = true, 2*time.Second, time.Second, 6*time.Second
	want := Config{
		Devices: map[string]Device{"br10": {Bridge: b}},
		Members: map[string]Member{"a0": {Master: "br10", Port: DefaultPort()}, "br10": {}},
	}
	apply(t, m, want)
	sh(t, "ip link set br10 up")
	err := netns.Eventually(30*time.Second, func() error {
		if detail := sh(t, "ip -d link show br10"); !strings.Contains(detail, "topology_change 1") || !strings.Contains(detail, "ageing_time 400 ") {
			return errors.New("no change of the topology")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	settles(t, m, want)
}
