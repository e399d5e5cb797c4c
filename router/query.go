package router

import (
	"context"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// Interfaces returns all links of the machine and all configured interfaces, by name.
func (r *Router) Interfaces(context.Context) ([]InterfaceStatus, error) {
	byName := map[string]InterfaceStatus{}
	for name, l := range r.monitor.Links() {
		byName[name] = InterfaceStatus{Name: name, Link: l}
	}
	if conf := plan.Expand(r.config(), r.monitor.Links()); conf != nil {
		for _, i := range conf.Interfaces {
			s := byName[i.Name]
			s.Name, s.Description, s.Configured, s.Pattern = i.Name, i.Description, true, i.Pattern
			byName[i.Name] = s
		}
	}
	devices, err := r.devices.Status()
	if err != nil {
		return nil, err
	}
	for i := range devices {
		if s, ok := byName[devices[i].Name]; ok {
			s.Device = &devices[i]
			byName[s.Name] = s
		}
	}
	out := make([]InterfaceStatus, 0, len(byName))
	for _, s := range byName {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b InterfaceStatus) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Routes returns the routes of the router's table with what became of them in the kernel, and those of the kernel that are
// not ours.
func (r *Router) Routes(ctx context.Context) ([]RouteStatus, error) {
	var out []RouteStatus
	for _, e := range r.table.Entries(nil) {
		key := e.Route.Key()
		best, _ := r.table.Best(key)
		s := RouteStatus{Route: e.Route, Source: e.Source.String(), Best: best.Source == e.Source}
		s.InKernel = s.Best && r.fib.Installed(key)
		if s.Best && !s.InKernel {
			s.Reason = r.fib.Reason(key)
		}
		if e.Source != rib.Connected && e.Route.Metric == 0 {
			s.Route.Metric = kernel.DefaultMetric
		}
		out = append(out, s)
	}
	connected := map[string]bool{}
	for _, s := range out {
		if s.Source == "connected" {
			connected[s.Route.Prefix.String()+s.Route.Link] = true
		}
	}
	var foreign []kernel.Route
	for _, table := range r.shownTables() {
		part, err := r.monitor.RoutesOf(ctx, table, 0)
		if err != nil {
			return nil, err
		}
		foreign = append(foreign, part...)
	}
	inKernel := map[string]bool{}
	for _, state := range r.monitor.Links() {
		for _, a := range state.Addresses {
			// An address by itself has no route over its link: the kernel's local table alone has it.
			if a.Prefix.IsSingleIP() {
				inKernel[a.Prefix.String()+state.Name] = true
			}
		}
	}
	for _, k := range foreign {
		if k.Ours {
			continue
		}
		if id := k.Prefix.String() + k.Link; connected[id] {
			inKernel[id] = true
			continue
		}
		out = append(out, RouteStatus{Route: k.Route, Source: k.Protocol, Best: true, InKernel: true})
	}
	vrfs := r.vrfsByTable()
	for i := range out {
		out[i].VRF = vrfs[out[i].Route.Key().Table]
		if out[i].Source == "connected" {
			out[i].InKernel = inKernel[out[i].Route.Prefix.String()+out[i].Route.Link]
		}
	}
	slices.SortStableFunc(out, func(a, b RouteStatus) int { return a.Route.Key().Compare(b.Route.Key()) })
	return out, nil
}

// Prefixes returns the delegations that are asked for, what is held, and what it is used for.
func (r *Router) Prefixes(context.Context) ([]plan.Delegated, error) {
	r.mu.Lock()
	var uses map[string][]plan.PrefixUse
	parts := func(string, *pd.Delegation) []plan.Part { return nil }
	if want := r.plan; want != nil {
		uses, parts = want.Uses, want.PartsOf
	}
	r.mu.Unlock()
	var out []plan.Delegated
	asked := map[string]bool{}
	for _, s := range r.pd.Status() {
		asked[s.Link+"\x00"+s.Name] = true
		out = append(out, plan.Delegated{Status: s, Uses: uses[s.Name], Parts: parts(s.Name, s.Delegation)})
	}
	// What is configured but has no link to ask on is shown too.
	if conf := r.config(); conf != nil {
		for _, i := range conf.Interfaces {
			for _, d := range i.Delegations {
				if !asked[i.Name+"\x00"+d.Name] {
					s := plan.Delegated{Uses: uses[d.Name]}
					s.Link, s.Name, s.State, s.Problem, s.Kind = i.Name, d.Name, "waiting", "the link is not ready", "prefix"
					for _, held := range r.pd.Delegations() {
						if held.Name == d.Name && held.Link == i.Name {
							s.Delegation = &held
						}
					}
					s.Parts = parts(s.Name, s.Delegation)
					out = append(out, s)
				}
			}
		}
	}
	out = append(out, plan.ULAStatus(plan.ULAOf(r.config(), r.ula), uses, parts)...)
	for i := range out {
		out[i].Withdrawn = r.withdrawn(out[i].Name)
	}
	return out, nil
}

// Neighbors returns the neighbor table of the kernel.
func (r *Router) Neighbors(ctx context.Context) ([]kernel.Neighbor, error) {
	return r.monitor.Neighbors(ctx)
}

// Advertisements returns what is advertised on each link.
func (r *Router) Advertisements(context.Context) ([]ra.Status, error) { return r.ra.Status(), nil }

// ReleaseDelegation gives a delegated prefix back to the ISP, and does not ask for another until RenewDelegation.
func (r *Router) ReleaseDelegation(ctx context.Context, name string) error {
	return r.pd.Release(ctx, name)
}

// RenewDelegation asks for a delegated prefix now.
func (r *Router) RenewDelegation(ctx context.Context, name string) error {
	return r.pd.Renew(ctx, name)
}

func (r *Router) config() *config.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conf.Config
}
