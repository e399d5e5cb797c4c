package router

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// keep runs a part of an instance as supervise does, without its patience.
func keep(g *errgroup.Group, ctx context.Context, _ string, run func(context.Context) error) {
	g.Go(func() error { return run(ctx) })
}

func tables(names map[string]uint32) map[string]plan.Instance {
	out := map[string]plan.Instance{}
	for name, table := range names {
		out[name] = plan.Instance{Table: table}
	}
	return out
}

func (s *instances) names() []string {
	var out []string
	for _, n := range s.all() {
		out = append(out, n.name)
	}
	return out
}

// Instances come and go with the plan, while they run and before.
func TestInstancesFollowThePlan(t *testing.T) {
	dir, table := t.TempDir(), &rib.Table{}
	var hooked []string
	s := newInstances(slog.New(slog.DiscardHandler), dir, table, func(n *instance) { hooked = append(hooked, n.name) })
	if table.In(0).SetReady(rib.BGP); table.Ready(rib.BGP) {
		t.Error("BGP is ready before it is known which instances there are")
	}
	apply := func(names map[string]uint32) {
		t.Helper()
		if err := s.apply(tables(names)); err != nil {
			t.Fatal(err)
		}
	}
	apply(map[string]uint32{"red": 1020, "blue": 1010})
	blue := s.get("blue")
	if diff := cmp.Diff([]string{"blue", "red"}, s.names()); diff != "" || blue == nil || blue.routes.Number() != 1010 {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.run(ctx, keep) }()
	eventually := func(what string, check func() bool) {
		t.Helper()
		netns.Within(t, 20*time.Second, what, func() error {
			if !check() {
				return errors.New("not yet")
			}
			return nil
		})
	}
	eventually("leases are reported", func() bool { return table.In(1010).Ready(rib.Delegated) && table.In(1020).Ready(rib.Delegated) })
	if table.Ready(rib.Delegated) {
		t.Error("ready without the default instance")
	}
	table.In(0).SetReady(rib.Delegated)
	if !table.Ready(rib.Delegated) {
		t.Error("not ready though all are")
	}

	blue.routes.Update(rib.BGP, []rib.Route{{Prefix: netip.MustParsePrefix("2001:db8::/32"), Link: "up1"}}, nil)
	apply(map[string]uint32{"red": 1020, "blue": 1011, "green": 1030})
	if s.get("blue") == blue || s.get("blue").routes.Number() != 1011 {
		t.Error("another table is another instance")
	}
	if left := table.In(1010).Entries(nil); len(left) != 0 {
		t.Errorf("what is left of the old table: %v", left)
	}
	eventually("a new instance runs", func() bool { return table.In(1030).Ready(rib.Delegated) })
	if diff := cmp.Diff([]string{"blue", "red", "blue", "green"}, hooked); diff != "" {
		t.Errorf("hooked (-want +got):\n%s", diff)
	}

	// Leases of an instance that goes are there when it comes back.
	red := s.get("red")
	l := lease.Lease{Key: lease.Key{DUID: "x", Link: "lan2"}, Prefix: netip.MustParsePrefix("2001:db8::5/128"), Valid: time.Now().Add(time.Hour)}
	if err := red.store.CommitWait(t.Context(), lease.Change{Put: []lease.Lease{l}}); err != nil {
		t.Fatal(err)
	}
	apply(nil)
	if len(s.names()) != 0 || s.get("red") != nil {
		t.Errorf("left: %v", s.names())
	}
	apply(map[string]uint32{"red": 1020})
	if got := s.get("red").dhcp.Leases(); len(got) != 1 {
		t.Errorf("leases of an instance that came back: %v", got)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("run: %v", err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// Leases that cannot be kept end the process, whose-ever they are.
func TestInstanceThatCannotKeepLeases(t *testing.T) {
	s := newInstances(slog.New(slog.DiscardHandler), t.TempDir(), &rib.Table{}, func(*instance) {})
	if err := s.apply(tables(map[string]uint32{"blue": 1010})); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the disk is gone")
	ran := make(chan error, 1)
	go func() { ran <- s.run(t.Context(), keep) }()
	s.fail(s.get("blue").in(broken))
	s.fail(errors.New("another one"))
	if err := <-ran; !errors.Is(err, broken) || !strings.Contains(err.Error(), "VRF blue") {
		t.Errorf("run: %v", err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// An instance whose state cannot be opened does not keep the others from theirs.
func TestInstanceWithoutState(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "vrfs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "vrfs", "blue"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newInstances(slog.New(slog.DiscardHandler), dir, &rib.Table{}, func(*instance) {})
	err := s.apply(tables(map[string]uint32{"blue": 1010, "red": 1020}))
	if err == nil || !strings.Contains(err.Error(), "VRF blue") || !slices.Equal(s.names(), []string{"red"}) {
		t.Errorf("%v, instances %v", err, s.names())
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// A next hop that is our own address in another instance is somebody else's in this one.
func TestOwnAddressesOfAnInstance(t *testing.T) {
	m := kernel.NewMonitor(slog.New(slog.DiscardHandler))
	if err := m.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	loopback := netip.MustParseAddr("::1")
	if main := (&ownAddresses{monitor: m, table: rib.MainTable}); !main.has(loopback) || main.has(netip.MustParseAddr("2001:db8::77")) {
		t.Error("the default instance does not know its own addresses")
	}
	if other := (&ownAddresses{monitor: m, table: 1010}); other.has(loopback) {
		t.Error("an instance has the addresses of another")
	}
}
