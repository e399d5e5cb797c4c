package router

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/vxlan/mld"
)

// hook has the subsystems tell of what happens. It is called before any of them runs.
func (r *Router) hook() {
	r.links.OnDrift = r.drifted("kernel")
	r.rules.OnDrift = r.drifted("device")
	r.devices.OnDrift = r.drifted("device")
	r.vxlan.OnDrift = r.drifted("vxlan")
	r.vxlan.OnRemote = r.metRemote
	r.firewall.OnDrift = r.drifted("firewall")
	r.fib.OnDrift = r.drifted("fib")
	r.mld.OnDrift = r.drifted("mld")
	r.mld.OnEvent = func(e mld.Event) { r.journal.add(multicastEvent(e), time.Now()) }
	r.hookInstance(r.main)
	r.hookRouters()
	r.monitor.OnNeighbor = func(e kernel.NeighborEvent) { r.journal.add(neighborEvent(e), time.Now()) }
	r.ra.OnEvent = func(e ra.Event) {
		now, asked := time.Now(), 1
		if e.Kind == ra.Solicited {
			if asked = r.journal.solicit(e.Link, now); asked == 0 {
				return
			}
		}
		r.journal.add(advertEvent(e, asked), now)
	}
}

// hookInstance has the parts of an instance tell of what happens. It is called before any of them runs.
func (r *Router) hookInstance(n *instance) {
	n.dhcp.OnEvent = func(e dhcpv6.Event) { r.journal.add(eventIn(n.name, leaseEvent(e)), time.Now()) }
	n.bgp.OnSession = func(e bgp.SessionEvent) { r.journal.add(eventIn(n.name, sessionEvent(e)), time.Now()) }
	own := &ownAddresses{monitor: r.monitor, table: n.routes.Number()}
	n.bgp.Own = own.has
}

// eventIn says of an event in which VRF it happened.
func eventIn(vrf string, e event.Event) event.Event {
	if vrf != "" {
		e.Text += " (VRF " + vrf + ")"
	}
	return e
}

// tellDrift publishes and logs what was found.
func (r *Router) tellDrift(fresh []health.Drift) {
	for _, d := range fresh {
		if r.journal.add(driftEvent(d), time.Now()) {
			r.log.Warn("changed behind our back", "unit", d.Unit, "object", d.Object, "what", d.What, "mended", d.Problem == "", "error", d.Problem)
		}
	}
}

// tellMended publishes and logs that something is as it should be again.
func (r *Router) tellMended(d health.Drift) {
	e := driftEvent(d)
	e.Action, e.Text = "mended", fmt.Sprintf("%s is as it should be again: %s", d.Object, d.What)
	if r.journal.add(e, time.Now()) {
		r.log.Info("mended", "unit", d.Unit, "object", d.Object, "what", d.What)
	}
}

// tellUnit publishes that the problem of a unit came, changed or went.
func (r *Router) tellUnit(name, problem string) {
	e := event.Event{Kind: event.Unit, Subject: name, Action: "well", Text: fmt.Sprintf("%s: all of its configuration is in force", name)}
	if problem != "" {
		e.Action, e.Text = "problem", fmt.Sprintf("%s: %s", name, problem)
	}
	r.journal.add(e, time.Now())
}

func driftEvent(d health.Drift) event.Event {
	e := event.Event{Kind: event.Drift, Subject: d.Object, Action: "found", Text: fmt.Sprintf("%s was changed behind our back, and is mended: %s", d.Object, d.What)}
	if d.Problem != "" {
		e.Action, e.Text = "problem", fmt.Sprintf("%s was changed behind our back: %s; it cannot be mended: %s", d.Object, d.What, d.Problem)
	}
	return e
}

func leaseEvent(e dhcpv6.Event) event.Event {
	action := string(e.Kind)
	switch e.Kind {
	case dhcpv6.Leased:
		action = "bound"
	case dhcpv6.Extended:
		action = "renewed"
	}
	l := e.Lease
	what, who := l.Prefix.String(), ""
	if l.Key.Kind == lease.Address {
		what = l.Prefix.Addr().String()
	}
	switch {
	case len(l.MAC) > 0:
		who = l.MAC.String()
	case l.Client.IsValid():
		who = l.Client.String()
	default:
		who = fmt.Sprintf("client %x", l.Key.DUID)
	}
	until := ""
	if !l.Valid.IsZero() {
		until = " until " + l.Valid.UTC().Format(time.RFC3339)
	}
	var text string
	switch e.Kind {
	case dhcpv6.Leased:
		text = fmt.Sprintf("%s on %s got %s%s", who, l.Key.Link, what, until)
	case dhcpv6.Extended:
		text = fmt.Sprintf("%s on %s keeps %s%s", who, l.Key.Link, what, until)
	case dhcpv6.Released:
		text = fmt.Sprintf("%s, which %s on %s had, was given back", what, who, l.Key.Link)
	case dhcpv6.Declined:
		text = fmt.Sprintf("%s on %s found that another host uses %s", who, l.Key.Link, what)
	case dhcpv6.Expired:
		text = fmt.Sprintf("%s, which %s on %s had, expired", what, who, l.Key.Link)
	case dhcpv6.Withdrawn:
		text = fmt.Sprintf("%s was taken from %s on %s", what, who, l.Key.Link)
	case dhcpv6.Told:
		text = fmt.Sprintf("%s on %s is told to renew", who, l.Key.Link)
	case dhcpv6.Silent:
		text = fmt.Sprintf("%s on %s was told to renew, and does not come", who, l.Key.Link)
	case dhcpv6.Conflict:
		text = fmt.Sprintf("%s is reserved for %s on %s, who cannot have it now", what, who, l.Key.Link)
	default:
		text = fmt.Sprintf("%s of %s on %s: %s", what, who, l.Key.Link, action)
	}
	if e.Note != "" {
		text += ": " + e.Note
	}
	return event.Event{Kind: event.Lease, Subject: l.Prefix.String(), Link: l.Key.Link, Action: action, Text: text}
}

func sessionEvent(e bgp.SessionEvent) event.Event {
	out := event.Event{Kind: event.BGP, Subject: e.Neighbor, Link: e.Address.Zone(), Action: "up", Text: fmt.Sprintf("neighbor %s (%s) is up", e.Neighbor, e.Address)}
	if !e.Up {
		out.Action = "down"
		out.Text = fmt.Sprintf("neighbor %s (%s) is down: %s", e.Neighbor, e.Address, cmp.Or(e.Reason, "no reason was given"))
	}
	return out
}

// advertEvent tells of advertisements. asked is how often hosts asked since the last that was told of.
func advertEvent(e ra.Event, asked int) event.Event {
	out := event.Event{Kind: event.RA, Subject: e.Link, Link: e.Link, Action: string(e.Kind)}
	switch e.Kind {
	case ra.Started:
		out.Text = fmt.Sprintf("%s is advertised on", e.Link)
	case ra.Stopped:
		out.Text = fmt.Sprintf("%s is advertised on no more", e.Link)
	case ra.Failed:
		out.Text = fmt.Sprintf("an advertisement on %s could not be sent: %v", e.Link, e.Err)
	case ra.Recovered:
		out.Text = fmt.Sprintf("advertisements on %s are sent again", e.Link)
	case ra.Solicited:
		host := e.Host.String()
		if e.Host.IsUnspecified() {
			host = "a host without an address"
		}
		out.Text = fmt.Sprintf("%s on %s asked for an advertisement and is answered", host, e.Link)
		if asked > 1 {
			out.Text += fmt.Sprintf(", the last of %d", asked)
		}
	}
	return out
}

func neighborEvent(e kernel.NeighborEvent) event.Event {
	out := event.Event{Kind: event.Neighbor, Subject: e.Address.String(), Link: e.Link, Action: e.Action}
	switch e.Action {
	case kernel.NeighborNew:
		out.Text = fmt.Sprintf("%s on %s is at %s", e.Address, e.Link, e.MAC)
	case kernel.NeighborMoved:
		out.Text = fmt.Sprintf("%s on %s is at %s now, and was at %s", e.Address, e.Link, e.MAC, e.Was)
	case kernel.NeighborFailed:
		out.Text = fmt.Sprintf("%s on %s does not answer any more", e.Address, e.Link)
	case kernel.NeighborBack:
		out.Text = fmt.Sprintf("%s on %s answers again, at %s", e.Address, e.Link, e.MAC)
	}
	return out
}

// delegationEvents tells how what is delegated to us differs from before. Both are sorted by name.
func delegationEvents(before, now []pd.Delegation) []event.Event {
	type key struct{ link, name string }
	old := map[key]pd.Delegation{}
	for _, d := range before {
		old[key{d.Link, d.Name}] = d
	}
	var out []event.Event
	tell := func(d pd.Delegation, action, format string, args ...any) {
		out = append(out, event.Event{
			Kind: event.Delegation, Subject: cmp.Or(d.Name, d.Prefix.Addr().String()), Link: d.Link, Action: action, Text: fmt.Sprintf(format, args...),
		})
	}
	for _, d := range now {
		k := key{d.Link, d.Name}
		was, known := old[k]
		delete(old, k)
		until := d.ValidUntil.UTC().Format(time.RFC3339)
		switch {
		case !known:
			tell(d, "bound", "%s got %s until %s", delegated(d), printed(d.Prefix), until)
		case was.Prefix != d.Prefix:
			tell(d, "changed", "%s is %s until %s, and was %s%s", delegated(d), printed(d.Prefix), until, printed(was.Prefix), farewell(d, was.Prefix))
		case d.ValidUntil.After(was.ValidUntil):
			tell(d, "renewed", "%s keeps %s until %s", delegated(d), printed(d.Prefix), until)
		}
		if text, news := renamed(was, d); known && news {
			tell(d, "dns", "%s: %s", delegated(d), text)
		}
	}
	for _, d := range before {
		if _, lost := old[key{d.Link, d.Name}]; lost {
			tell(d, "lost", "%s lost %s", delegated(d), printed(d.Prefix))
		}
	}
	return out
}

func delegated(d pd.Delegation) string {
	if d.Name == "" {
		return "the address of " + d.Link
	}
	return fmt.Sprintf("delegation %s on %s", d.Name, d.Link)
}

func printed(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// observe tells of what has no hook, and of what was gathered, until ctx ends.
func (r *Router) observe(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	defer r.monitor.Watch(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	links, held := r.monitor.Links(), r.pd.Delegations()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	stirred := true
	var full <-chan time.Time // what drift was gathered is to be told
	for {
		var due <-chan time.Time
		if stirred {
			due = second.C // a ticker that nobody waits for wakes nobody
		}
		select {
		case <-r.stirred:
			stirred = true
		case <-r.journal.wake:
			stirred = true
		case <-ctx.Done():
			r.tellDrift(r.drifts.flush())
			return nil
		case <-changed:
			now := r.monitor.Links()
			for _, e := range linkEvents(links, now) {
				r.journal.add(e, time.Now())
			}
			links = now
		case <-r.drifts.wake:
			if full == nil {
				full = time.After(gather)
			}
		case <-full:
			full = nil
			r.tellDrift(r.drifts.flush())
		case <-due:
			now := r.pd.Delegations()
			for _, e := range delegationEvents(held, now) {
				r.journal.add(e, time.Now())
			}
			held = now
			r.journal.settle(time.Now())
			stirred = len(held) > 0 || r.journal.busy()
		}
	}
}
