package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showDHCPv6(a *app) *cobra.Command {
	return view(a, "dhcpv6", "DHCPv6 pools and messages", getDHCPv6, printDHCPv6)
}

func getDHCPv6(ctx context.Context, c *client) (*sixfoldv1.GetDhcpv6Response, error) {
	return c.state.GetDhcpv6(ctx, &sixfoldv1.GetDhcpv6Request{})
}

func printDHCPv6(p printer, m *sixfoldv1.GetDhcpv6Response) error {
	if len(m.GetLinks()) == 0 && len(m.GetDropped()) == 0 {
		return p.none("no DHCPv6: no interface has dhcpv6")
	}
	pools := p.table("LINK", "POOL", "KIND", "RANGE", ">LEASED", ">DECLINED", ">SIZE", ">USED")
	messages := p.table("LINK", "MESSAGE", ">RECEIVED", ">SENT")
	for _, l := range m.GetLinks() {
		for _, o := range l.GetPools() {
			pools.add(l.GetLink(), o.GetName(), o.GetKind(), o.GetRange(), number(o.GetLeased()), number(o.GetDeclined()),
				poolSize(o.GetSize()), share(o.GetLeased()+o.GetDeclined(), o.GetSize()))
		}
		kinds := map[string]bool{}
		for k := range l.GetReceived() {
			kinds[k] = true
		}
		for k := range l.GetSent() {
			kinds[k] = true
		}
		for _, k := range slices.Sorted(maps.Keys(kinds)) {
			messages.add(l.GetLink(), k, number(l.GetReceived()[k]), number(l.GetSent()[k]))
		}
	}
	dropped := p.table("DROPPED", ">DATAGRAMS")
	for _, reason := range slices.Sorted(maps.Keys(m.GetDropped())) {
		dropped.add(reason, number(m.GetDropped()[reason]))
	}
	telling := p.table("LINK", "CLIENT", "DUID", ">TOLD", ">NEXT", "TO RENEW BECAUSE OF WHAT IS")
	for _, r := range m.GetReconfigures() {
		telling.add(r.GetLink(), r.GetClient(), shortDUID(r.GetDuid()), number(r.GetSent()), left(r.GetNext(), p.now), r.GetReason())
	}
	told := p.table("TOLD TO RENEW", ">CLIENTS")
	if m.GetReconfigured()+m.GetReconfigureFailed() > 0 {
		told.add("came", number(m.GetReconfigured()))
		told.add("silent", number(m.GetReconfigureFailed()))
	}
	return writeTables(p, pools, messages, telling, told, dropped)
}

// poolSize writes a number that may be beyond counting.
func poolSize(n float64) string {
	if n < 1e9 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return fmt.Sprintf("%.2g", n)
}

func share(n uint64, size float64) string {
	if size <= 0 {
		return ""
	}
	percent := float64(n) / size * 100
	if n > 0 && percent < 0.1 {
		return "<0.1%"
	}
	return fmt.Sprintf("%.1f%%", percent)
}
