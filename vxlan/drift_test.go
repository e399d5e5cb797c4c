package vxlan

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// driftLog collects what a Manager tells.
type driftLog struct {
	mu  sync.Mutex
	all []string
}

func (l *driftLog) add(object, what string, problem error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if problem != nil {
		what = fmt.Sprintf("%s: %v", what, problem)
	}
	l.all = append(l.all, object+": "+what)
}

func (l *driftLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.all
	l.all = nil
	slices.Sort(out)
	return out
}

func TestDrift(t *testing.T) {
	wire(t, "drift")
	c := config(device("va", 1), device("vb", 2))
	apply(t, manager(), config(device("va", 7), device("vc", 3))) // of an earlier process
	m := manager()
	var log driftLog
	m.OnDrift = log.add
	t.Cleanup(func() { apply(t, m, Config{}) })
	applyTwice(t, m, c)
	if got := log.take(); got != nil {
		t.Fatalf("the first Apply found %q", got)
	}
	for _, tt := range []struct {
		name, do string
		want     []string
	}{
		{"nothing", "true", nil},
		{"deleted", "ip link del va", []string{"va: the device was missing"}},
		{"attributes", "ip link set va type vxlan ttl 9 nolearning; ip link set va mtu 1200 down",
			[]string{"va: it was down, with MTU 1200, not 1450, with TTL 9, not 5, without learning"}},
		{"with our mark", fmt.Sprintf("ip link add vd group %d type vxlan id 99 dstport 4789 group 239.1.1.1 dev u0", groupOurs),
			[]string{"vd: a device with our mark was added"}},
		{"another VNI", fmt.Sprintf("ip link del va; ip link add va mtu 1450 up group %d type vxlan id 99 dstport 4789 group %s ttl 5 dev u0", groupOurs, group4),
			[]string{"va: it was with VNI 99, not 1"}},
		{"foreign", "ip link add theirs type vxlan id 98 dstport 4789 group 239.1.1.2 dev u0; ip link del theirs", nil},
		{"flap", "ip link set u0 down; ip link set u0 up", nil},
		{"derived MTU", "ip link set u0 mtu 1400", nil},
		{"underlying link anew", "ip link del u0; ip link add u0 type veth peer name u9; ip link set u0 up", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sh(t, "%s", tt.do)
			applyTwice(t, m, c)
			if diff := cmp.Diff(tt.want, log.take()); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
	applyTwice(t, m, config(device("va", 5), device("vc", 2)))
	if got := log.take(); got != nil {
		t.Errorf("a change of the configuration is taken for drift: %q", got)
	}
}

// A device that cannot be mended is told of at each look, and once more when it is.
func TestDriftThatStays(t *testing.T) {
	wire(t, "stays")
	m := manager()
	var log driftLog
	m.OnDrift = log.add
	t.Cleanup(func() { apply(t, m, Config{}) })
	c := config(device("va", 1))
	apply(t, m, c)
	sh(t, "ip link del va; ip link add va type bridge")
	for range 2 {
		if err := m.Apply(context.Background(), c); err == nil {
			t.Fatal("no error")
		}
		want := []string{"va: the device was missing: there is a link va already, of kind bridge, which is not ours"}
		if diff := cmp.Diff(want, log.take()); diff != "" {
			t.Errorf("found (-want +got):\n%s", diff)
		}
	}
	sh(t, "ip link del va")
	apply(t, m, c)
	if diff := cmp.Diff([]string{"va: the device was missing"}, log.take()); diff != "" {
		t.Errorf("mended (-want +got):\n%s", diff)
	}
}
