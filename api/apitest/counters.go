package apitest

import (
	"context"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router"
)

// Counters counts RouteList.
func (b *Backend) Counters(ctx context.Context) (router.Counters, error) {
	routes, err := given(ctx, b, b.RouteList)
	c := router.Counters{
		Routes: map[string]int{}, RoutesInstalled: map[string]int{}, RouteWrites: uint64(len(routes)), RouteAudits: 1,
		Client: map[string]pd.Counters{"wan0": {
			Sent: map[string]uint64{"Solicit": 3, "Request": 1, "Renew": 20}, Received: map[string]uint64{"Advertise": 1, "Reply": 21},
			Dropped: map[string]uint64{"no valid authentication in a Reconfigure": 4},
		}},
		RADropped: map[string]uint64{"hop limit": 2},
	}
	for _, r := range routes {
		c.Routes[r.Source]++
		switch {
		case r.InKernel:
			c.RoutesInstalled[r.Source]++
		case r.Reason != "":
			c.RoutesFailed++
		}
	}
	return c, err
}
