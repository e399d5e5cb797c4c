package router

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/firewall"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

// Firewall returns the state of the firewall, with what its counters say now.
func (r *Router) Firewall(context.Context) (firewall.Status, error) { return r.firewall.Status() }

// PacketTest describes the first packet of a connection.
type PacketTest struct {
	From, To         string // a zone, a link, or router; To may be empty: the routes say
	Source           netip.Addr
	Destination      netip.Addr
	Protocol         packet.Protocol
	SrcPort, DstPort uint16
	ICMPType         uint8
}

// PacketFate is what the firewall does with a packet.
type PacketFate struct {
	Action   firewall.Action
	From, To string // zones; empty: none
	Where    string // place in the configuration; empty: what holds without a policy
	Line     int    // of that place in the text that runs; 0: not known
	Reason   string // what decided, in words
	Path     []string
}

// TestError says what is wrong with a PacketTest.
type TestError struct{ Reason string }

func (e *TestError) Error() string { return e.Reason }

// TestFirewall tells what the firewall does with a packet. Its error is a *TestError for what cannot be a packet.
func (r *Router) TestFirewall(ctx context.Context, t PacketTest) (PacketFate, error) {
	r.mu.Lock()
	want, text := r.plan, r.conf.Text
	r.mu.Unlock()
	if want == nil {
		want = &plan.Plan{}
	}
	if t.Source.Is4() != t.Destination.Is4() {
		return PacketFate{}, &TestError{"source and destination are not of the same family"}
	}
	links := r.monitor.Links()
	route := func(a netip.Addr) (string, error) {
		k, ok, err := r.monitor.Match(ctx, a)
		if !ok || err != nil {
			return "", err
		}
		return k.Link, nil
	}
	back, err := route(t.Source)
	if err != nil {
		return PacketFate{}, fmt.Errorf("look up the route to %s: %w", t.Source, err)
	}
	forth, err := route(t.Destination)
	if err != nil {
		return PacketFate{}, fmt.Errorf("look up the route to %s: %w", t.Destination, err)
	}
	p, fate, err := describe(want.Firewall, links, t, back, forth)
	if err != nil {
		return PacketFate{}, err
	}
	rules := firewall.Compile(want.Firewall)
	out := rules.Evaluate(p)
	fate.Action, fate.Path = out.Action, out.Path
	fate.Where, fate.Reason = "", out.Where
	if line, _ := config.Position([]byte(text), out.Where); isPlace(out.Where) && line > 0 {
		fate.Where, fate.Line = out.Where, line
		fate.Reason = out.Rule
	}
	if out.Chain == "" {
		fate.Reason = "nothing filters it"
	}
	return fate, nil
}

// describe makes the packet of a test. back and forth are the links by which its source and its destination are reached; empty: none.
func describe(conf firewall.Config, links kernel.Links, t PacketTest, back, forth string) (firewall.Packet, PacketFate, error) {
	p := firewall.Packet{
		Hook: firewall.ForwardHook, Src: t.Source, Dst: t.Destination, Protocol: t.Protocol, SrcPort: t.SrcPort, DstPort: t.DstPort,
		ICMPType: t.ICMPType, HopLimit: 64, State: firewall.StateNew, Routing: -1, SrcRoute: back,
	}
	var fate PacketFate
	var err error
	to := t.To
	if isOurs(links, t.Destination) {
		p.DstLocal = true
		if to == "" {
			to = firewall.Router
		}
	}
	if p.In, fate.From, err = side(conf, links, t.From, back); err != nil {
		return p, fate, err
	}
	if to == "" {
		if to = forth; to == "" {
			return p, fate, &TestError{fmt.Sprintf("there is no route to %s; say where the packet goes", t.Destination)}
		}
	}
	if p.Out, fate.To, err = side(conf, links, to, forth); err != nil {
		return p, fate, err
	}
	switch {
	case fate.From == firewall.Router && fate.To == firewall.Router:
		return p, fate, &TestError{"what this router sends to itself is not filtered"}
	case fate.From == firewall.Router:
		p.Hook, p.In = firewall.Output, ""
	case fate.To == firewall.Router:
		p.Hook, p.Out, p.DstLocal = firewall.Input, "", true
	}
	for _, z := range conf.Zones {
		if z.Name == fate.From && z.Stateless && !p.DstLocal {
			p.State = firewall.StateUntracked
		}
	}
	return p, fate, nil
}

// side returns the link and the zone of one end: of a zone the link that the routes say, if it is in that, else any.
func side(conf firewall.Config, links kernel.Links, name, route string) (link, zone string, err error) {
	if name == firewall.Router {
		return "", firewall.Router, nil
	}
	for _, z := range conf.Zones {
		switch {
		case z.Name == name && slices.Contains(z.Interfaces, route):
			return route, name, nil
		case z.Name == name && len(z.Interfaces) > 0:
			return z.Interfaces[0], name, nil
		case z.Name == name:
			return "", "", &TestError{fmt.Sprintf("no link is in zone %s", name)}
		}
	}
	for _, z := range conf.Zones {
		if slices.Contains(z.Interfaces, name) {
			return name, z.Name, nil
		}
	}
	if _, ok := links[name]; !ok {
		return "", "", &TestError{fmt.Sprintf("%q is neither a zone nor a link", name)}
	}
	return name, "", nil
}

func isOurs(links kernel.Links, a netip.Addr) bool {
	for _, name := range slices.Sorted(maps.Keys(links)) {
		if slices.ContainsFunc(links[name].Addresses, func(s kernel.AddressState) bool { return s.Prefix.Addr().WithZone("") == a }) {
			return true
		}
	}
	return a.IsLoopback()
}

// isPlace reports whether a rule is there because of a place in the configuration.
func isPlace(where string) bool { return len(where) > 9 && where[:9] == "firewall." }
