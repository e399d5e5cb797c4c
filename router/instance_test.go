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

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/config"
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

// A subject is looked for where it is: the same address may be in each instance.
func TestViewOfAnInstance(t *testing.T) {
	conf := &config.Config{
		Interfaces: []config.Interface{{Name: "lan0"}, {Name: "lan1"}, {Name: "lan2"}},
		BGP:        &config.BGP{Neighbors: []config.Neighbor{{Name: "isp"}}},
		VRFs: []config.VRF{
			{Name: "blue", Table: 1010, Interfaces: []string{"lan1"}, BGP: &config.BGP{Neighbors: []config.Neighbor{{Name: "peer"}}}},
			{Name: "red", Table: 1020, Interfaces: []string{"lan2"}},
		},
	}
	address := []kernel.AddressState{{Prefix: netip.MustParsePrefix("2001:db8:1::1/64")}}
	all := View{
		Config: conf,
		Links: kernel.Links{
			"blue": {Name: "blue", Index: 10, Kind: "vrf", Table: 1010}, "red": {Name: "red", Index: 11, Kind: "vrf", Table: 1020},
			"lan0": {Name: "lan0", Index: 1}, "lan1": {Name: "lan1", Index: 2, Master: 10, Addresses: address, Parent: 5},
			"lan2": {Name: "lan2", Index: 3, Master: 11, Addresses: address}, "eth0": {Name: "eth0", Index: 5},
		},
		Plan: &plan.Plan{
			BGP:  bgp.Config{ASN: 1},
			DHCP: dhcpv6.Config{Rate: 1},
			Instances: map[string]plan.Instance{
				"blue": {Table: 1010, BGP: bgp.Config{ASN: 2}, DHCP: dhcpv6.Config{Rate: 2}}, "red": {Table: 1020},
			},
			Kernel: kernel.Config{Links: map[string]kernel.Link{"lan0": {}, "lan1": {}, "lan2": {}, "blue": {}, "red": {}}},
		},
	}
	for _, tt := range []struct {
		vrf        string
		table      uint32
		links      string
		planned    string
		asn        uint32
		neighbors  []string
		interfaces int
	}{
		{"", rib.MainTable, "eth0 lan0", "lan0", 1, []string{"isp"}, 1},
		{"blue", 1010, "blue eth0 lan1", "blue lan1", 2, []string{"peer"}, 1},
		{"red", 1020, "lan2 red", "lan2 red", 0, nil, 1},
	} {
		t.Run("in "+tt.vrf, func(t *testing.T) {
			v := all.within(tt.vrf, tt.table)
			if got := strings.Join(sortedKeys(v.Links), " "); got != tt.links {
				t.Errorf("links %s, want %s", got, tt.links)
			}
			if got := strings.Join(sortedKeys(v.Plan.Kernel.Links), " "); got != tt.planned {
				t.Errorf("planned %s, want %s", got, tt.planned)
			}
			if v.Plan.BGP.ASN != tt.asn || len(v.Config.Interfaces) != tt.interfaces || !slices.Equal(v.names(kindNeighbor), tt.neighbors) {
				t.Errorf("AS %d, %d interfaces, neighbors %v", v.Plan.BGP.ASN, len(v.Config.Interfaces), v.names(kindNeighbor))
			}
		})
	}
	if len(all.Links) != 6 || len(all.Config.Interfaces) != 3 || len(all.Plan.Kernel.Links) != 5 {
		t.Error("the view of all changed")
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
