package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
)

// ListAdvertisements serves sixfold.v1.StateService.
func (s *stateService) ListAdvertisements(ctx context.Context, req *sixfoldv1.ListAdvertisementsRequest) (*sixfoldv1.ListAdvertisementsResponse, error) {
	all, err := s.backend.Advertisements(ctx)
	if err != nil {
		return nil, err
	}
	if all, err = named("link with advertise", req.GetLink(), all, func(a ra.Status) []string { return []string{a.Interface.Link} }); err != nil {
		return nil, err
	}
	convert := advertisement
	if req.GetPackets() {
		now := time.Now()
		convert = func(a ra.Status) *sixfoldv1.Advertisement { return withPackets(a, now) }
	}
	items, next, err := listed(req, all, nil, func(a ra.Status) string { return natural(a.Interface.Link) }, convert)
	if err != nil {
		return nil, err
	}
	if err := s.circumstances(ctx, items); err != nil {
		return nil, err
	}
	return &sixfoldv1.ListAdvertisementsResponse{Advertisements: items, NextPageToken: next}, nil
}

// withPackets is the advertisement with what goes out at now. That is what the Sender encodes too, or it would not be advertised.
func withPackets(s ra.Status, now time.Time) *sixfoldv1.Advertisement {
	m := advertisement(s)
	if packets, err := ra.Encode(s.Interface, now); err == nil {
		m.Packets = packets
	}
	return m
}

// advertisedOptions adds to m what an advertisement has beyond RFC 4861 and RFC 8106, and how it is sent.
func advertisedOptions(m *sixfoldv1.Advertisement, i ra.Interface) {
	if len(i.MAC) > 0 {
		m.SourceLinkLayer = i.MAC.String()
	}
	for _, r := range i.Routes {
		m.Routes = append(m.Routes, &sixfoldv1.RouteInformation{
			Prefix: prefixText(r.Prefix), Preference: preference(r.Preference), Lifetime: infinite(r.Lifetime), Until: timestamp(r.Until), Keep: r.Keep,
		})
	}
	for _, p := range i.PREF64 {
		m.Pref64 = append(m.Pref64, &sixfoldv1.Pref64Information{
			Prefix: prefixText(p.Prefix), Lifetime: durationpb.New(p.Lifetime), Until: timestamp(p.Until),
		})
	}
	m.CaptivePortal = clean(i.CaptivePortal)
	for _, r := range i.DNR {
		d := &sixfoldv1.ResolverInformation{
			Name: clean(r.Name), Priority: uint32(r.Priority), Lifetime: infinite(r.Lifetime), Addresses: addrTexts(r.Addresses),
		}
		for _, p := range r.Parameters {
			d.Parameters = append(d.Parameters, clean(p.String()))
		}
		m.Dnr = append(m.Dnr, d)
	}
	if h := i.HomeAgent; h != nil {
		m.HomeAgent = &sixfoldv1.HomeAgentInformation{
			Preference: int32(h.Preference), Lifetime: durationpb.New(h.Lifetime), MobileRouter: h.MobileRouter,
		}
	}
	for _, o := range i.Raw {
		m.Options = append(m.Options, &sixfoldv1.OptionInformation{Type: uint32(o.Type), Data: o.Data})
	}
	m.IntervalOption, m.Snac, m.UnicastOnly = i.Interval, i.SNAC, i.UnicastOnly
	m.Clients, m.Excluded = addrTexts(i.Clients), addrTexts(i.Excluded)
	m.RaMtu, m.Keep, m.KeepDns = uint32(i.PacketSize), i.Keep, i.KeepDNS
	if i.MinDelay > 0 {
		m.MinDelay = durationpb.New(i.MinDelay)
	}
}
