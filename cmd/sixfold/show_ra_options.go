package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/change"
)

// counted is a lifetime as it is advertised now, which may count down to a moment.
func counted(p printer, configured *durationpb.Duration, until *timestamppb.Timestamp) string {
	if until != nil {
		if d := until.AsTime().Sub(p.now); configured == nil || d < configured.AsDuration() {
			return change.Rough(d)
		}
	}
	return lifetime(configured)
}

// prefixRows are the rows of one prefix; the second has what few use.
func prefixRows(p printer, i *sixfoldv1.PrefixInformation) [][]string {
	valid := counted(p, i.GetValid(), until(i.GetValidUntil(), i.GetSince(), i.GetValid()))
	preferred := counted(p, i.GetPreferred(), until(i.GetPreferredUntil(), i.GetSince(), i.GetPreferred()))
	rows := [][]string{{
		"prefix", i.GetPrefix(), "valid " + valid + ", preferred " + preferred,
		strings.Join(words(yes(i.GetOnLink(), "on-link"), yes(i.GetAutonomous(), "autonomous")), " "),
	}}
	router := i.GetRouterAddress()
	flags := words(yes(router != "", "router"), yes(i.GetPdPreferred(), "pd-preferred"), yes(i.GetSince() != nil, "decrement"),
		yes(i.GetDeprecate(), "deprecate"))
	if len(flags) > 0 {
		rows = append(rows, []string{"", router, strings.Join(flags, " ")})
	}
	return rows
}

// until is the earlier end of a prefix's lifetime: that of the delegation, or that of counting down.
func until(capped, since *timestamppb.Timestamp, lifetime *durationpb.Duration) *timestamppb.Timestamp {
	if since == nil || lifetime == nil {
		return capped
	}
	end := since.AsTime().Add(lifetime.AsDuration())
	if capped != nil && capped.AsTime().Before(end) {
		return capped
	}
	return timestamppb.New(end)
}

// optionDetails are the rows for what advertisements have beyond RFC 4861 and RFC 8106.
func optionDetails(p printer, r *sixfoldv1.Advertisement) [][]string {
	var rows [][]string
	add := func(cells ...string) { rows = append(rows, cells) }
	for _, o := range r.GetRoutes() {
		if isWithdrawn(r, "route", o.GetPrefix()) {
			continue
		}
		add("route", o.GetPrefix(), "for "+counted(p, o.GetLifetime(), o.GetUntil()), strings.Join(words("preference "+o.GetPreference(),
			yes(o.GetKeep(), "stays at the end")), ", "))
	}
	for _, o := range r.GetPref64() {
		if isWithdrawn(r, "pref64", o.GetPrefix()) {
			continue
		}
		add("nat64", o.GetPrefix(), "for "+counted(p, o.GetLifetime(), o.GetUntil()))
	}
	for _, o := range r.GetDnr() {
		add("resolver", o.GetName(), "for "+lifetime(o.GetLifetime()), fmt.Sprintf("priority %d", o.GetPriority()))
		for _, address := range o.GetAddresses() {
			add("", address)
		}
		for _, parameter := range o.GetParameters() {
			add("", parameter)
		}
	}
	if uri := r.GetCaptivePortal(); uri != "" {
		add("portal", uri)
	}
	if h := r.GetHomeAgent(); h != nil {
		add("home agent", fmt.Sprintf("preference %d", h.GetPreference()), "for "+change.Rough(h.GetLifetime().AsDuration()), yes(h.GetMobileRouter(), "mobile networks"))
	}
	for _, o := range r.GetOptions() {
		add("option", fmt.Sprintf("type %d", o.GetType()), fmt.Sprintf("%x", o.GetData()))
	}
	return rows
}

// sendingDetails are the rows for how advertisements are sent.
func sendingDetails(r *sixfoldv1.Advertisement) [][]string {
	var rows [][]string
	add := func(set bool, cells ...string) {
		if set {
			rows = append(rows, cells)
		}
	}
	add(r.GetSource() != "", "source", r.GetSource(), r.GetSourceLinkLayer())
	add(r.GetIntervalOption(), "interval", change.Rough(r.GetMaxInterval().AsDuration())+" is advertised")
	add(r.GetUnicastOnly(), "sending", "by unicast only")
	add(len(r.GetClients()) > 0, "clients", strings.Join(r.GetClients(), ", "))
	add(len(r.GetExcluded()) > 0, "excluded", strings.Join(r.GetExcluded(), ", "))
	add(r.GetMinDelay() != nil, "distance", "at least "+change.Rough(r.GetMinDelay().AsDuration()))
	add(r.GetRaMtu() != 0, "size", "at most "+number(r.GetRaMtu()))
	add(r.GetKeep(), "end", "nothing is withdrawn")
	add(r.GetKeepDns() && !r.GetKeep(), "end", "name servers are not withdrawn")
	return rows
}
