package explain

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
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/notify"
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

	Prefixes  []plan.Delegated // delegated to us, or asked for
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

	Units     []health.Unit
	Consumers []notify.Status // who is told of delegations
	Drift     []health.Drift
}

// FIBOutcome is what became of the best route of a prefix.
type FIBOutcome struct {
	Installed bool
	Reason    string // why it is not; empty: not tried yet
}

// Of tells the story of a subject. The error is a *SubjectError.
func Of(v View, text string) (Explanation, error) {
	text, err := v.Literal(text)
	if err != nil {
		return Explanation{}, err
	}
	s, err := Parse(text)
	if err != nil {
		return Explanation{}, err
	}
	if s, err = v.Identify(s); err != nil {
		return Explanation{}, err
	}
	if v.Plan == nil {
		v.Plan = &plan.Plan{}
	}
	if v.Config == nil {
		v.Config = &config.Config{}
	}
	var t tale
	switch s.Kind {
	case KindAddress:
		t = v.taleOfAddress(s.Addr)
	case KindPrefix:
		t = v.taleOfPrefix(s.Prefix)
	case KindMAC:
		t = v.taleOfMAC(s.MAC)
	case KindInterface:
		t = v.taleOfInterface(s.Name)
	case KindDelegation:
		t = v.taleOfDelegation(s.Name)
	case KindNeighbor:
		t = v.taleOfNeighbor(s.Name)
	case KindReservation:
		t = v.taleOfReservation(s.Name)
	case KindPool:
		t = v.taleOfPool(s.Name)
	case KindConsumer:
		t = v.taleOfConsumer(s.Name)
	case KindUnit:
		t = v.taleOfUnit(s.Name)
	}
	return t.explanation(s), nil
}

// Identify finds what a name without a kind is of.
func (v View) Identify(s Subject) (Subject, error) {
	if s.Kind == KindAddress || s.Kind == KindPrefix {
		return s, nil
	}
	if s.Kind == "" || s.Kind == KindConsumer {
		s = v.consumerNamed(s)
	}
	name := s.Name
	kinds := v.kindsOf(name)
	switch {
	case s.Kind == KindMAC:
		return s, nil
	case s.Kind != "" && slices.Contains(kinds, s.Kind):
		return s, nil
	case s.Kind != "":
		return s, &SubjectError{Subject: name, Reason: fmt.Sprintf("there is no %s of this name%s", s.Kind, oneOf(v.names(s.Kind)))}
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
	s.Kind = kinds[0]
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
	if kind == KindInterface {
		for name := range v.Links {
			found[name] = true
		}
	}
	if kind == KindConsumer {
		for _, s := range v.Consumers {
			found[consumerID(s)] = true
		}
	}
	if kind == KindUnit {
		for _, u := range v.Units {
			found[u.Name] = true
		}
	}
	if v.Config != nil {
		found[config.ULA] = kind == KindDelegation && v.Config.ULA != nil
		for _, i := range v.Config.Interfaces {
			if kind == KindInterface {
				found[i.Name] = true
			}
			for _, d := range i.Delegations {
				found[d.Name] = found[d.Name] || kind == KindDelegation
			}
			if d := i.DHCPv6; d != nil {
				for _, p := range d.Pools {
					found[p.Name] = found[p.Name] || kind == KindPool
				}
				for _, p := range d.Delegate {
					found[p.Name] = found[p.Name] || kind == KindPool
				}
				for _, r := range d.Reservations {
					found[r.Name] = found[r.Name] || kind == KindReservation
				}
			}
		}
		if b := v.Config.BGP; b != nil && kind == KindNeighbor {
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

// Covering returns the routes to prefixes that contain p, the longest first and each prefix in order of preference.
func Covering(list []rib.Entry, p netip.Prefix) []rib.Entry {
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
