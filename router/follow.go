package router

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// readLimit bounds how long a plan waits for routes that were not followed yet.
const readLimit = 5 * time.Second

// advertisePart is what the unit of advertisements takes from a plan.
type advertisePart struct {
	Sent       any
	Observe    ra.ObserveConfig
	Follow     []rib.Key
	Selections map[string]plan.RouteSelection
}

func advertisePartOf(p *plan.Plan) any {
	return advertisePart{advertPartOf(p), p.Observe, p.Follow, p.Selections}
}

// applyAdvertise has the routes followed that advertisements depend on, sends them, and listens to those of others.
func (r *Router) applyAdvertise(ctx context.Context, p *plan.Plan) error {
	r.feed.want(p.Selections)
	now := reasonsOf(p)
	for _, e := range defaultEvents(r.defaults, now) {
		r.journal.add(e, time.Now())
	}
	r.defaults = now
	return errors.Join(r.routes.Want(ctx, p.Follow), r.applyAdvertisements(ctx, p), r.observer.Apply(ctx, p.Observing()))
}

// reasonsOf says of the links whose router lifetime depends on something why it is 0; empty: it is not.
func reasonsOf(p *plan.Plan) map[string]string {
	out := map[string]string{}
	for link, d := range p.DefaultRouters {
		out[link] = d.Reason
	}
	return out
}

// defaultEvents tells which links became or ceased to be default routers, one event for all that have the same reason.
func defaultEvents(before, now map[string]string) []event.Event {
	links := map[string][]string{}
	for _, link := range slices.Sorted(maps.Keys(now)) {
		if was, known := before[link]; was != now[link] || !known && now[link] != "" {
			links[now[link]] = append(links[now[link]], link)
		}
	}
	var out []event.Event
	for _, reason := range slices.Sorted(maps.Keys(links)) {
		list := links[reason]
		e := event.Event{Kind: event.RA, Subject: list[0], Link: list[0], Action: "no-default", Text: fmt.Sprintf("hosts on %s do not take us as their default router: %s", plan.Few(list, len(list)), reason)}
		if reason == "" {
			e.Action, e.Text = "default", fmt.Sprintf("hosts on %s take us as their default router again", plan.Few(list, len(list)))
		}
		out = append(out, e)
	}
	return out
}

// planFollowing plans. Routes that the plan depends on and that are not followed yet are read, so that nobody is told for a moment what
// is not so.
func (r *Router) planFollowing(in *plan.Inputs) *plan.Plan {
	want := plan.Make(*in)
	var keys []rib.Key
	for _, k := range want.Follow {
		if _, known := in.Routes[k]; !known {
			keys = append(keys, k)
		}
	}
	again := false
	if len(keys) > 0 {
		ctx, cancel := context.WithTimeout(r.life, readLimit)
		defer cancel()
		if routes, err := r.routes.Read(ctx, keys); err == nil { // else applyAdvertise fails with the same, and is tried again
			maps.Copy(routes, in.Routes)
			in.Routes, again = routes, true
		}
	}
	offers := maps.Clone(in.Offered)
	for name, s := range want.Selections {
		if _, known := in.Offered[name]; !known {
			if offers == nil {
				offers = map[string]plan.Offer{}
			}
			offers[name], again = r.feed.look(s), true
		}
	}
	if !again {
		return want
	}
	in.Offered = offers
	return plan.Make(*in)
}

// notForwarding returns the links of which the kernel does not forward what comes in although we told it to. What was switched off a
// moment ago is switched on again, and is not among them. r.mu is held.
func (r *Router) notForwarding() map[string]bool {
	refused := false
	for _, u := range r.units {
		refused = refused || u.name == "kernel" && u.problem != ""
	}
	if !refused {
		return nil
	}
	return stopped(r.monitor.Links())
}

// stopped returns the links that the kernel does not forward IPv6 packets from.
func stopped(links kernel.Links) map[string]bool {
	out := map[string]bool{}
	for name, l := range links {
		if len(l.Settings.V6) > 0 && l.Settings.V6[0] == 0 { // forwarding
			out[name] = true
		}
	}
	return out
}

// Routers returns the other routers that advertise on our links, and what came in on each link.
func (r *Router) Routers(context.Context) ([]ra.RouterStatus, []ra.Observation, error) {
	return r.observer.Routers(), r.observer.Links(), nil
}

// AdvertiseStatus is why a link is advertised as it is.
type AdvertiseStatus struct {
	Default plan.DefaultRouter
	Offer   plan.LinkOffer
}

// Advertising returns why each link that is advertised on is or is no default router, and how many routes there are for it.
func (r *Router) Advertising(context.Context) (map[string]AdvertiseStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]AdvertiseStatus{}
	if r.plan == nil {
		return out, nil
	}
	for name := range r.plan.RA.Interfaces {
		out[name] = AdvertiseStatus{Default: r.plan.DefaultRouters[name], Offer: r.plan.Offers[name]}
	}
	return out, nil
}

// routerEvent tells of another router.
func routerEvent(e ra.RouterEvent) event.Event {
	who := e.Router.String()
	if e.MAC != "" {
		who += " (" + e.MAC + ")"
	}
	out := event.Event{Kind: event.RA, Subject: e.Router.String(), Link: e.Link, Action: string(e.Kind)}
	switch e.Kind {
	case ra.RouterMet:
		out.Text = fmt.Sprintf("%s advertises on %s too: %s", who, e.Link, e.What)
	case ra.RouterRogue:
		out.Text = fmt.Sprintf("ALARM: %s advertises on %s and is not in known_routers: %s", who, e.Link, e.What)
	case ra.RouterResigned:
		out.Text = fmt.Sprintf("%s on %s is no default router any more", who, e.Link)
	case ra.RouterTook:
		out.Text = fmt.Sprintf("%s on %s is a default router now, %s", who, e.Link, e.What)
	case ra.RouterDiffers:
		out.Text = fmt.Sprintf("%s on %s does not agree with what we advertise: %s", who, e.Link, e.What)
	case ra.RouterAgrees:
		out.Text = fmt.Sprintf("%s on %s agrees with what we advertise again", who, e.Link)
	case ra.RouterLost:
		out.Text = fmt.Sprintf("%s on %s was not heard for %s", who, e.Link, e.What)
	case ra.RouterImpostor:
		out.Text = fmt.Sprintf("ALARM: somebody else advertises on %s as %s, which is this router: %s; %d such advertisements", e.Link, who, e.What, e.Count)
	case ra.RouterFlood:
		out.Text = fmt.Sprintf("ALARM: more routers advertise on %s than are remembered, now %s; %d advertisements were not looked at", e.Link, who, e.Count)
	}
	if e.Untold > 0 {
		out.Text += fmt.Sprintf("; %d more such events on the link were not told of", e.Untold)
	}
	return out
}

// hookRouters has what happens to other routers told, and what advertisements depend on looked at. It is called before any of it runs.
func (r *Router) hookRouters() {
	r.routes.OnChange = r.Wake
	r.observer.OnImpostor = r.ra.Repeat
	r.observer.OnEvent = func(e ra.RouterEvent) {
		told := routerEvent(e)
		if !r.journal.add(told, time.Now()) {
			return
		}
		if e.Kind == ra.RouterRogue || e.Kind == ra.RouterFlood || e.Kind == ra.RouterImpostor || e.Kind == ra.RouterDiffers {
			r.log.Warn("another router", "link", e.Link, "router", e.Router, "what", told.Text)
		}
	}
}
