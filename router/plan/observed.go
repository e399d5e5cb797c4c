package plan

import "github.com/sixfold-router/sixfold/ra"

// planObserved plans where the advertisements of others are listened to: where we advertise, to compare them with ours; where we take
// them, as they are our way out; and where it is said who may advertise. What we advertise there is in the plan already: see
// Observing.
func (p *planner) planObserved() {
	for _, i := range p.Config.Interfaces {
		state, there := p.Links[i.Name]
		if !there || state.Index == 0 || i.Advertise == nil && !i.AcceptRA && i.KnownRouters == nil {
			continue
		}
		o := ra.Observed{Index: state.Index}
		for _, a := range state.Addresses {
			if addr := a.Prefix.Addr(); addr.Is6() && addr.IsLinkLocalUnicast() {
				o.Own = append(o.Own, addr.WithZone(""))
			}
		}
		if k := i.KnownRouters; k != nil {
			o.Known = &ra.Known{Addresses: k.Addresses, MACs: k.MACs}
		}
		if p.plan.Observe.Links == nil {
			p.plan.Observe.Links = map[string]ra.Observed{}
		}
		p.plan.Observe.Links[i.Name] = o
	}
}

// Observing is where the advertisements of others are listened to, with ours to compare them with.
func (p *Plan) Observing() ra.ObserveConfig {
	out := ra.ObserveConfig{Links: make(map[string]ra.Observed, len(p.Observe.Links))}
	for name, o := range p.Observe.Links {
		if ours, advertised := p.RA.Interfaces[name]; advertised {
			o.Ours = &ours
		}
		out.Links[name] = o
	}
	return out
}
