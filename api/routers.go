package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router"
)

// RoutersBackend is the part of a Backend about other routers, and about what our advertisements depend on.
type RoutersBackend interface {
	// Routers returns the other routers that advertise on our links, and what came in on each link that is listened on.
	Routers(ctx context.Context) ([]ra.RouterStatus, []ra.Observation, error)
	// Advertising returns why each link that is advertised on is or is no default router, and how many routes there are for it.
	Advertising(ctx context.Context) (map[string]router.AdvertiseStatus, error)
}

// ListRouters serves sixfold.v1.StateService.
func (s *stateService) ListRouters(ctx context.Context, req *sixfoldv1.ListRoutersRequest) (*sixfoldv1.ListRoutersResponse, error) {
	routers, links, err := s.backend.Routers(ctx)
	if err != nil {
		return nil, err
	}
	if links, err = named("link that is listened on", req.GetLink(), links, func(o ra.Observation) []string { return []string{o.Link} }); err != nil {
		return nil, err
	}
	items, next, err := listed(req, routers,
		func(r ra.RouterStatus) bool { return req.GetLink() == "" || r.Link == req.GetLink() },
		func(r ra.RouterStatus) string { return natural(r.Link) + "\x00" + addrKey(r.State.Router) }, foreignRouter)
	if err != nil {
		return nil, err
	}
	out := &sixfoldv1.ListRoutersResponse{Routers: items, NextPageToken: next}
	if req.GetPageToken() == "" {
		for _, o := range links {
			out.Links = append(out.Links, observedLink(o))
		}
	}
	return out, nil
}

func observedLink(o ra.Observation) *sixfoldv1.ObservedLink {
	m := &sixfoldv1.ObservedLink{
		Link: clean(o.Link), Compared: o.Compared, Known: o.Known, Routers: uint32(o.Routers), Received: o.Received,
		Inconsistent: o.Inconsistent, Rogue: o.Rogue, Dropped: o.Dropped, Overflow: o.Overflow,
	}
	if o.Known != nil && len(o.Known) == 0 {
		m.Known = []string{"none"}
	}
	return m
}

func foreignRouter(s ra.RouterStatus) *sixfoldv1.ForeignRouter {
	r := s.State
	m := &sixfoldv1.ForeignRouter{
		Link: clean(s.Link), Address: addrText(r.Router), Mac: r.MAC, Standing: string(s.Standing),
		RouterLifetime: durationpb.New(time.Duration(r.RouterLifetime) * time.Second), Preference: r.Preference, Managed: r.Managed,
		OtherConfig: r.OtherConfig, HopLimit: uint32(r.HopLimit), Mtu: r.MTU, CaptivePortal: clean(r.CaptivePortal),
		First: timestamp(s.First), Last: timestamp(r.Time), Received: s.Received, Inconsistent: s.Inconsistent,
	}
	for _, p := range r.Prefixes {
		m.Prefixes = append(m.Prefixes, &sixfoldv1.ForeignPrefix{
			Prefix: prefixText(p.Prefix), OnLink: p.OnLink, Autonomous: p.Autonomous, Valid: wireLifetime(p.Valid), Preferred: wireLifetime(p.Preferred),
			CountingDown: slices.Contains(s.CountingDown, p.Prefix), Last: timestamp(s.PrefixHeard[p.Prefix]),
		})
	}
	for _, o := range r.Routes {
		m.Routes = append(m.Routes, &sixfoldv1.ForeignRoute{Prefix: prefixText(o.Prefix), Preference: o.Preference, Lifetime: wireLifetime(o.Lifetime)})
	}
	for _, o := range r.RDNSS {
		m.Dns = append(m.Dns, addrTexts(o.Servers)...)
	}
	for _, o := range r.DNSSL {
		m.Domains = append(m.Domains, cleanAll(o.Domains)...)
	}
	for _, o := range r.PREF64 {
		m.Pref64 = append(m.Pref64, prefixText(o.Prefix))
	}
	for _, d := range s.Disagreements {
		m.Disagreements = append(m.Disagreements, &sixfoldv1.RouterDisagreement{What: d.What, Ours: clean(d.Ours), Theirs: clean(d.Theirs), Since: timestamp(d.Since)})
	}
	for _, o := range r.Malformed {
		m.Malformed = append(m.Malformed, fmt.Sprintf("option of type %d: %s", o.Type, clean(o.Reason)))
	}
	return m
}

// wireLifetime is a lifetime in seconds; nil if it is infinite.
func wireLifetime(seconds uint32) *durationpb.Duration {
	if seconds == 0xffffffff {
		return nil
	}
	return durationpb.New(time.Duration(seconds) * time.Second)
}

// circumstances adds to advertisements what the router depends on, and who else advertises.
func (s *stateService) circumstances(ctx context.Context, list []*sixfoldv1.Advertisement) error {
	why, err := s.backend.Advertising(ctx)
	if err != nil {
		return err
	}
	routers, _, err := s.backend.Routers(ctx)
	if err != nil {
		return err
	}
	byLink := map[string]*sixfoldv1.Advertisement{}
	for _, m := range list {
		byLink[m.GetLink()] = m
		at := why[m.GetLink()]
		m.NoRouterReason, m.RoutesMatched = clean(at.Default.Reason), uint32(at.Offer.Matched)
	}
	for _, r := range routers {
		m := byLink[r.Link]
		if m == nil {
			continue
		}
		m.OtherRouters++
		if r.Standing == ra.Rogue {
			m.RogueRouters++
		}
		if len(r.Disagreements) > 0 {
			m.DisagreeingRouters++
		}
	}
	return nil
}
