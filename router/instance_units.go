package router

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

// bgpPart is what the unit "bgp" takes from the plan.
type bgpPart struct {
	main   bgp.Config
	tables map[string]uint32
	vrfs   map[string]bgp.Config
}

func bgpPartOf(p *plan.Plan) any {
	out := bgpPart{main: p.BGP, tables: map[string]uint32{}, vrfs: map[string]bgp.Config{}}
	for name, n := range p.Instances {
		out.tables[name], out.vrfs[name] = n.Table, n.BGP
	}
	return out
}

// dhcpPart is what the unit "dhcpv6" takes from the plan.
type dhcpPart struct {
	main   dhcpv6.Config
	tables map[string]uint32
	vrfs   map[string]dhcpv6.Config
}

func dhcpPartOf(p *plan.Plan) any {
	out := dhcpPart{main: p.DHCP, tables: map[string]uint32{}, vrfs: map[string]dhcpv6.Config{}}
	for name, n := range p.Instances {
		out.tables[name], out.vrfs[name] = n.Table, n.DHCP
	}
	return out
}

func (r *Router) applyBGP(ctx context.Context, p *plan.Plan) error {
	errs := []error{r.vrfs.apply(p.Instances), r.bgp.Apply(ctx, p.BGP)}
	for _, n := range r.vrfs.all() {
		errs = append(errs, n.in(n.bgp.Apply(ctx, p.Instances[n.name].BGP)))
	}
	return errors.Join(errs...)
}

func (r *Router) applyDHCP(ctx context.Context, p *plan.Plan) error {
	errs := []error{r.vrfs.apply(p.Instances), r.dhcp.Apply(ctx, p.DHCP)}
	for _, n := range r.vrfs.all() {
		errs = append(errs, n.in(n.dhcp.Apply(ctx, p.Instances[n.name].DHCP)))
	}
	return errors.Join(errs...)
}

// lasts reports whether an instance stays what it is.
func lasts(n *instance, p *plan.Plan) bool {
	next, ok := p.Instances[n.name]
	return ok && next.Table == n.routes.Number()
}

func (r *Router) previewBGP(p *plan.Plan, links kernel.Links) ([]change.Op, error) {
	ops, err := r.bgp.Preview(p.BGP, hasLinkLocal(links))
	errs := []error{err}
	known := map[string]bool{}
	add := func(name string, more []change.Op, err error) {
		ops = append(ops, inVRF(name, more)...)
		if err != nil {
			errs = append(errs, fmt.Errorf("VRF %s: %w", name, err))
		}
	}
	for _, n := range r.vrfs.all() {
		known[n.name] = lasts(n, p)
		want := bgp.Config{}
		if known[n.name] {
			want = p.Instances[n.name].BGP
		}
		more, err := n.bgp.Preview(want, hasLinkLocal(links))
		add(n.name, more, err)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Instances)) {
		if !known[name] {
			more, err := bgp.New(r.log, r.table.In(p.Instances[name].Table)).Preview(p.Instances[name].BGP, hasLinkLocal(links))
			add(name, more, err)
		}
	}
	return ops, errors.Join(errs...)
}

func (r *Router) previewDHCP(p *plan.Plan, _ kernel.Links) ([]change.Op, error) {
	ops, err := r.dhcp.Preview(p.DHCP)
	errs := []error{err}
	known := map[string]bool{}
	add := func(name string, more []change.Op, err error) {
		ops = append(ops, more...) // links have the same name in all instances
		if err != nil {
			errs = append(errs, fmt.Errorf("VRF %s: %w", name, err))
		}
	}
	for _, n := range r.vrfs.all() {
		if known[n.name] = lasts(n, p); !known[n.name] {
			add(n.name, n.dhcp.PreviewEnd(), nil)
			continue
		}
		more, err := n.dhcp.Preview(p.Instances[n.name].DHCP)
		add(n.name, more, err)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Instances)) {
		if !known[name] {
			more, err := dhcpv6.PreviewStart(p.Instances[name].DHCP)
			add(name, more, err)
		}
	}
	return ops, errors.Join(errs...)
}

// inVRF says of operations where they happen.
func inVRF(name string, ops []change.Op) []change.Op {
	for i := range ops {
		ops[i].Object += " in VRF " + name
	}
	return ops
}

// ownAddresses knows our addresses in one table. They are looked up for each path that BGP learns, and so for a while taken as they
// were: the kernel refuses a route via an address that appeared just now, all the same.
type ownAddresses struct {
	monitor *kernel.Monitor
	table   uint32

	mu   sync.Mutex
	all  map[netip.Addr]bool
	read time.Time
}

const ownAddressesAge = time.Second

func (o *ownAddresses) has(a netip.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); o.all == nil || now.Sub(o.read) > ownAddressesAge {
		o.all, o.read = map[netip.Addr]bool{}, now
		links := o.monitor.Links()
		tables := links.Tables()
		for _, l := range links {
			if tables(l) == o.table {
				for _, x := range l.Addresses {
					o.all[x.Prefix.Addr()] = true
				}
			}
		}
	}
	return o.all[a]
}
