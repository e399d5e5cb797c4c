package router

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
	"github.com/sixfold-router/sixfold/vxlan"
)

// View is what an explanation follows from: the state of all parts of the router at one time. It has what the subject needs, not
// all there is: of the routes those that cover an address or prefix in question, and its next hops.
type View struct {
	Now       time.Time
	Config    *config.Config // nil: none yet
	Plan      *plan.Plan     // nil: none yet
	Links     kernel.Links
	Neighbors []kernel.Neighbor

	Routes []rib.Entry            // of all sources
	FIB    map[rib.Key]FIBOutcome // of their keys
	Kernel []kernel.Route         // by which the kernel sends, whoever made them

	Prefixes  []PrefixStatus // delegated to us, or asked for
	Leases    []lease.Lease
	DHCP      dhcpv6.Status
	RA        []ra.Status
	Routers   []ra.RouterStatus // others that advertise
	VXLAN     []vxlan.Status
	Multicast MulticastView   // of an address that is a group
	Devices   []device.Status // what links are

	BGP   bgp.Status
	Paths []bgp.Path            // of the prefixes in Routes
	Told  map[string][]bgp.Path // what neighbors are told of them, by name

	// TooLarge says that Told is empty, because it takes too long to ask. What neighbors are told then follows from the filters.
	TooLarge bool

	Units []UnitStatus
	Drift []Drift
}

// FIBOutcome is what became of the best route of a prefix.
type FIBOutcome struct {
	Installed bool
	Reason    string // why it is not; empty: not tried yet
}

// explain tells the story of a subject. The error is a *SubjectError.
func explain(v View, text string) (Explanation, error) {
	text, err := v.literal(text)
	if err != nil {
		return Explanation{}, err
	}
	s, err := parseSubject(text)
	if err != nil {
		return Explanation{}, err
	}
	if s, err = v.identify(s); err != nil {
		return Explanation{}, err
	}
	if v.Plan == nil {
		v.Plan = &plan.Plan{}
	}
	if v.Config == nil {
		v.Config = &config.Config{}
	}
	var t tale
	switch s.kind {
	case kindAddress:
		t = v.taleOfAddress(s.addr)
	case kindPrefix:
		t = v.taleOfPrefix(s.prefix)
	case kindMAC:
		t = v.taleOfMAC(s.mac)
	case kindInterface:
		t = v.taleOfInterface(s.name)
	case kindDelegation:
		t = v.taleOfDelegation(s.name)
	case kindNeighbor:
		t = v.taleOfNeighbor(s.name)
	case kindReservation:
		t = v.taleOfReservation(s.name)
	case kindPool:
		t = v.taleOfPool(s.name)
	case kindUnit:
		t = v.taleOfUnit(s.name)
	}
	return t.explanation(s), nil
}

// identify finds what a name without a kind is of.
func (v View) identify(s subject) (subject, error) {
	if s.kind == kindAddress || s.kind == kindPrefix {
		return s, nil
	}
	name := s.name
	kinds := v.kindsOf(name)
	switch {
	case s.kind == kindMAC:
		return s, nil
	case s.kind != "" && slices.Contains(kinds, s.kind):
		return s, nil
	case s.kind != "":
		return s, &SubjectError{Subject: name, Reason: fmt.Sprintf("there is no %s of this name%s", s.kind, oneOf(v.names(s.kind)))}
	case len(kinds) == 0:
		var known []string
		for _, kind := range subjectKinds {
			known = append(known, v.names(kind)...)
		}
		return s, &SubjectError{Subject: name, Reason: "there is nothing of this name" + oneOf(known) + "; " + subjectHelp}
	case len(kinds) > 1:
		var say []string
		for _, kind := range kinds {
			say = append(say, kind+" "+name)
		}
		return s, &SubjectError{Subject: name, Reason: "there are several things of this name; say " + strings.Join(say, " or ")}
	}
	s.kind = kinds[0]
	return s, nil
}

func oneOf(names []string) string {
	const most = 20
	if len(names) == 0 {
		return ""
	}
	if len(names) > most {
		return fmt.Sprintf("; there are %s … and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return "; there are " + strings.Join(names, ", ")
}

func (v View) kindsOf(name string) []string {
	var kinds []string
	for _, kind := range subjectKinds {
		if slices.Contains(v.names(kind), name) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// names lists what there is of a kind, sorted.
func (v View) names(kind string) []string {
	found := map[string]bool{}
	if kind == kindInterface {
		for name := range v.Links {
			found[name] = true
		}
	}
	if kind == kindUnit {
		for _, u := range v.Units {
			found[u.Name] = true
		}
	}
	if v.Config != nil {
		found[config.ULA] = kind == kindDelegation && v.Config.ULA != nil
		for _, i := range v.Config.Interfaces {
			if kind == kindInterface {
				found[i.Name] = true
			}
			for _, d := range i.Delegations {
				found[d.Name] = found[d.Name] || kind == kindDelegation
			}
			if d := i.DHCPv6; d != nil {
				for _, p := range d.Pools {
					found[p.Name] = found[p.Name] || kind == kindPool
				}
				for _, p := range d.Delegate {
					found[p.Name] = found[p.Name] || kind == kindPool
				}
				for _, r := range d.Reservations {
					found[r.Name] = found[r.Name] || kind == kindReservation
				}
			}
		}
		if b := v.Config.BGP; b != nil && kind == kindNeighbor {
			for _, n := range b.Neighbors {
				found[n.Name] = true
			}
		}
	}
	var names []string
	for name, ok := range found {
		if ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// configured returns the configuration of an interface, or nil.
func (v View) configured(link string) *config.Interface {
	for n := range v.Config.Interfaces {
		if v.Config.Interfaces[n].Name == link {
			return &v.Config.Interfaces[n]
		}
	}
	return nil
}

// covering returns the routes to prefixes that contain p, the longest first and each prefix in order of preference.
func covering(list []rib.Entry, p netip.Prefix) []rib.Entry {
	var out []rib.Entry
	for _, e := range list {
		q := e.Route.Prefix
		if q.Bits() <= p.Bits() && q.Contains(p.Addr().WithZone("")) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b rib.Entry) int {
		if c := b.Route.Prefix.Bits() - a.Route.Prefix.Bits(); c != 0 {
			return c
		}
		return int(a.Source) - int(b.Source)
	})
	return slices.Compact(out)
}
