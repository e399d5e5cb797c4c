package router

import (
	"context"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// settleWithdrawal is how long the kernel may take to let routes go before their links are changed all the same.
const settleWithdrawal = time.Second

// withdraw removes the routes of the plan itself that are no longer wanted from the tables of instances that end or lose a link. The
// kernel removes them with the link, and whoever still wants them then writes them again for a moment.
func (r *Router) withdraw(ctx context.Context, want *plan.Plan) {
	r.sayGoodbye(ctx, want)
	tables := losing(want, r.monitor.Links())
	if len(tables) == 0 {
		return
	}
	keep := map[rib.Key]bool{}
	for _, route := range slices.Concat(want.Static, want.Local, want.Aggregate, want.Withdrawn) {
		keep[route.Key()] = true
	}
	found := false
	for _, src := range []rib.Source{rib.Local, rib.Static, rib.Aggregate, rib.Withdrawn} {
		var gone []rib.Key
		for _, e := range r.table.Entries(func(s rib.Source) bool { return s == src }) {
			if k := e.Route.Key(); tables[k.Table] && !keep[k] {
				gone = append(gone, k)
			}
		}
		found = found || len(gone) > 0
		r.table.Update(src, nil, gone)
	}
	if found {
		ctx, cancel := context.WithTimeout(ctx, settleWithdrawal)
		defer cancel()
		_ = r.fib.Sync(ctx) // if it is being started again, it will find out by itself
	}
}

// sayGoodbye tells the hosts of links that are no longer configured, and may be devices of ours that go in a moment.
func (r *Router) sayGoodbye(ctx context.Context, want *plan.Plan) {
	r.ra.Leave(ctx, func(link string) bool {
		_, advertised := want.RA.Interfaces[link]
		_, configured := want.Kernel.Links[link]
		return !advertised && !configured
	})
}

// losing returns the tables of our VRF devices that the plan does away with or takes a link from.
func losing(want *plan.Plan, links kernel.Links) map[uint32]bool {
	out := map[uint32]bool{}
	ours := map[int]string{}
	tables := map[string]uint32{}
	for name, l := range links {
		if l.Kind != "vrf" || !device.Owns(l.Kind, l.Group) {
			continue
		}
		ours[l.Index], tables[name] = name, l.Table
		if want := want.Devices.Devices[name].VRF; want == nil || want.Table != l.Table {
			out[l.Table] = true
		}
	}
	for name, l := range links {
		if vrf, ok := ours[l.Master]; ok && want.Devices.Members[name].Master != vrf {
			out[tables[vrf]] = true
		}
	}
	return out
}
