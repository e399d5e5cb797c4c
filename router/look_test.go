package router

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/plan"
)

// A periodic look reads the links once, what was told of reads none but those that it was about, and both leave alone what is as it
// should be.
func TestLookReadsOnce(t *testing.T) {
	const links = 40 // more than are read one by one
	var pairs, text strings.Builder
	text.WriteString("interfaces:\n")
	for n := range links {
		fmt.Fprintf(&pairs, "link add look%d type veth peer name kool%d\n", n, n)
		fmt.Fprintf(&text, "  look%d: {addresses: [\"2001:db8:%x::1/64\"], dad: false, advertise: {}}\n", n, n)
	}
	netns.Own().Sh(t, "echo '%s' | ip -batch -; ip link show | grep -c look", pairs.String())
	t.Cleanup(func() {
		for n := range links {
			netns.Own().Sh(t, "ip link del look%d", n)
		}
	})
	m := boot(t, t.TempDir(), text.String())
	t.Cleanup(func() { m.commit("", 0) })
	m.settled(text.String())
	devices := 0
	for _, u := range m.units {
		if u.name == "device" {
			apply := u.apply
			u.apply = func(ctx context.Context, p *plan.Plan) error { devices++; return apply(ctx, p) }
		}
	}
	for _, tt := range []struct {
		name  string
		woken bool
		most  uint64
	}{{"told", true, 0}, {"look", false, 1}} {
		before, written := m.monitor.Readings(), m.written()
		if err := m.follow(t.Context(), tt.woken); err != nil {
			t.Error(err)
		}
		if got := m.monitor.Readings() - before; got > tt.most {
			t.Errorf("%s: all links were read %d times, want %d", tt.name, got, tt.most)
		}
		if m.written() != written {
			t.Errorf("%s: something was written", tt.name)
		}
	}
	if devices != 0 {
		t.Errorf("the unit of devices listed all links %d times although it has none", devices)
	}
}
