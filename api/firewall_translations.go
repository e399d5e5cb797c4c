package api

import (
	"context"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/firewall"
)

func (s *stateService) ListFirewallTranslations(ctx context.Context, req *sixfoldv1.ListFirewallTranslationsRequest) (*sixfoldv1.ListFirewallTranslationsResponse, error) {
	st, err := s.backend.Firewall(ctx)
	if err != nil {
		return nil, err
	}
	items, next, err := listed(req, st.Translations, nil, func(t firewall.TranslationStatus) string { return t.Kind + "\x00" + natural(t.Name) }, firewallTranslation)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListFirewallTranslationsResponse{Translations: items, NextPageToken: next}, nil
}

func firewallTranslation(t firewall.TranslationStatus) *sixfoldv1.FirewallTranslationState {
	m := &sixfoldv1.FirewallTranslationState{
		Kind: t.Kind, Name: clean(t.Name), Zone: clean(t.Zone), From: clean(t.From), To: clean(t.To), ToPort: uint32(t.ToPort), Mss: uint32(t.MSS),
		Where: clean(t.Where), Pending: t.Pending, ConnectionsOut: t.ConnectionsOut, ConnectionsIn: t.ConnectionsIn, Packets: t.Packets,
	}
	for _, p := range t.Protocols {
		m.Protocols = append(m.Protocols, p.String())
	}
	for _, r := range t.Ports {
		m.Ports = append(m.Ports, r.String())
	}
	return m
}
