package router

import (
	"context"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/rib"
)

// Counters are totals that take no longer to get when there are many routes. They are for metrics.
type Counters struct {
	Routes          map[string]int         // in the router's table, by source
	RoutesInstalled map[string]int         // in the kernel, by source
	RoutesFailed    int                    // wanted, and not in the kernel
	RouteWrites     uint64                 // messages that added, replaced or removed a route
	RouteAudits     uint64                 // comparisons of the table with the kernel
	RouteRepairs    uint64                 // routes that these found not as they were left
	Client          map[string]pd.Counters // of the DHCPv6 client, by link
	RADropped       map[string]uint64      // router solicitations that were not answered, by reason
}

// Counters returns totals since the start.
func (r *Router) Counters(context.Context) (Counters, error) {
	fib := r.fib.Status()
	c := Counters{
		Routes: map[string]int{}, RoutesInstalled: map[string]int{}, RoutesFailed: fib.Failed,
		RouteWrites: fib.Writes, RouteAudits: fib.Audits, RouteRepairs: fib.Repaired,
		Client:    r.pd.Counters(),
		RADropped: r.ra.Counters().Dropped,
	}
	for src, n := range r.table.Count() {
		c.Routes[src.String()] = n
		if src != rib.Connected {
			c.RoutesInstalled[src.String()] = fib.Installed[src] // the kernel makes connected ones by itself
		}
	}
	return c, nil
}
