package api

import (
	"encoding/hex"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/plan"
)

// clientState fills in what the DHCPv6 client tells beside the prefix in use.
func clientState(m *sixfoldv1.PrefixState, p plan.Delegated, now time.Time) {
	m.Kind, m.Duid, m.Hint = clean(p.Kind), hex.EncodeToString(p.DUID), clean(p.Hint)
	m.Message, m.Attempts, m.NextAt = clean(p.Message), uint32(p.Attempts), until(p.Next, now)
	m.Reconfigurable = p.Reconfigurable
	if r := p.Resolver; r != nil {
		m.Server, m.ServerDuid = addrText(r.Server), hex.EncodeToString(r.ServerDUID)
		m.Dns, m.Domains = addrTexts(r.DNS), cleanAll(r.Domains)
		m.RenewAt = until(r.RefreshAt, now)
	}
	d := p.Delegation
	if d == nil {
		return
	}
	m.Excluded = prefixText(d.Exclude)
	for _, f := range d.Spare {
		m.Spare = append(m.Spare, prefixLifetime(f, now))
	}
	for _, o := range d.Options {
		m.Options = append(m.Options, &sixfoldv1.ReceivedOption{Code: uint32(o.Code), Data: hex.EncodeToString(o.Data)})
	}
}

func prefixLifetime(f pd.Former, now time.Time) *sixfoldv1.PrefixLifetime {
	return &sixfoldv1.PrefixLifetime{Prefix: prefixText(f.Prefix), PreferredUntil: until(f.PreferredUntil, now), ValidUntil: until(f.ValidUntil, now)}
}
