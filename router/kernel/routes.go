package kernel

import (
	"context"
	"fmt"
	"slices"

	"github.com/sixfold-router/sixfold/router/rib"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Routes lists the unicast, unreachable, blackhole and prohibit routes of the main table, of whatever protocol, ordered by
// prefix and metric. family is 4 or 6; 0 lists both. A route with several next hops is listed once for each.
func (m *Monitor) Routes(ctx context.Context, family int) ([]Route, error) {
	return m.RoutesOf(ctx, rib.MainTable, family)
}

// RoutesOf is Routes for any table.
func (m *Monitor) RoutesOf(ctx context.Context, table uint32, family int) ([]Route, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.close()
	names := m.names()
	var out []Route
	for _, f := range families(family) {
		from := len(out)
		err := dumpRoutes(ctx, c, f, table, func() { out = out[:from] }, func(p parsedRoute) {
			if p.key.Table != table {
				return
			}
			_, ours := protocolSource(p.route.proto)
			r := Route{Protocol: protocolName(p.route.proto), Ours: ours}
			r.Route = rib.Route{Prefix: p.key.Prefix, Kind: p.route.kind, Table: p.key.Table, Metric: p.route.metric, Src: p.route.src}
			hops := p.hops
			if hops == nil {
				hops = []hop{{p.route.link, p.route.via}}
			}
			for _, h := range hops {
				r.Via, r.Link = h.via, names[int(h.link)]
				out = append(out, r)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b Route) int {
		if c := a.Key().Compare(b.Key()); c != 0 {
			return c
		}
		return int(int64(a.Metric) - int64(b.Metric))
	})
	return out, nil
}

func families(family int) []uint8 {
	switch family {
	case 4:
		return []uint8{unix.AF_INET}
	case 6:
		return []uint8{unix.AF_INET6}
	}
	return []uint8{unix.AF_INET6, unix.AF_INET}
}

// dumpRoutes calls fn for each route of a table, 0 for all tables. Old kernels ignore the table: fn looks itself.
func dumpRoutes(ctx context.Context, c *conn, family uint8, table uint32, reset func(), fn func(parsedRoute)) error {
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, 0)
	req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: family}})
	if table != 0 {
		req.AddData(nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(table)))
	}
	err := c.dump(ctx, req, reset, func(typ uint16, data []byte) {
		if p, ok := parseRoute(data); ok && typ == unix.RTM_NEWROUTE && !p.cloned {
			fn(p)
		}
	})
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	return nil
}
