package pd

import (
	"net/netip"
	"slices"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// Bounds of the information refresh time, RFC 9915 7.6 and 21.23.
const (
	irtDefault = 86400 * time.Second
	irtMinimum = 600 * time.Second
)

// Resolver is what a server told us about name resolution on a link where we ask for nothing else.
type Resolver struct {
	Link       string
	DNS        []netip.Addr
	Domains    []string
	Server     netip.Addr // source address of the Reply
	ServerDUID []byte
	RefreshAt  time.Time // when it is asked for again; what was told holds until then and, if nobody answers, beyond
}

// same says whether two tell the same.
func (r Resolver) same(o Resolver) bool {
	return r.Link == o.Link && slices.Equal(r.DNS, o.DNS) && slices.Equal(r.Domains, o.Domains) && r.Server == o.Server
}

// clone returns a copy that shares nothing with r.
func (r *Resolver) clone() Resolver {
	c := *r
	c.DNS, c.Domains, c.ServerDUID = slices.Clone(r.DNS), slices.Clone(r.Domains), slices.Clone(r.ServerDUID)
	return c
}

// stateless says whether the uplink is for an Information-request: nothing else is asked for, whose Replies would have it too.
func (m *machine) stateless() bool {
	return m.cfg.Stateless && !m.gone && m.cfg.Address == nil && len(m.cfg.Prefixes) == 0
}

// inform takes over a Reply to an Information-request, RFC 9915 18.2.10.4. The leases get its servers and domains too: a
// Reconfigure may have asked for that.
func (m *machine) inform(now time.Time, a *answer) {
	refresh := irtDefault
	if a.refresh > 0 {
		refresh = max(a.refresh, irtMinimum)
	}
	m.ex, m.out, m.infoAt = nil, nil, time.Time{}
	if m.stateless() {
		m.infoAt = now.Add(refresh)
		m.resolver = &Resolver{Link: m.link, DNS: a.dns, Domains: a.domains, Server: a.from, ServerDUID: a.serverID, RefreshAt: m.infoAt}
		m.infoSince = now
	}
	for _, i := range m.actives() {
		if i.lease != nil && string(i.lease.ServerDUID) == string(a.serverID) {
			i.lease.DNS, i.lease.Domains = a.dns, a.domains
		}
	}
}

// informing says whether the exchange in progress is an Information-request.
func (m *machine) informing() bool {
	return m.ex != nil && m.ex.kind == dhcp6.MessageTypeInformationRequest
}
