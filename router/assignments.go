package router

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
)

// assigned keeps on disk which parts of delegations were chosen.
type assigned struct {
	store *assign.Store // guarded by Router.applying
	table assign.Table  // guarded by Router.mu
	told  string        // problem that was logged; guarded by Router.applying
}

// openAssigned reads what was chosen in earlier runs. A file that is damaged is no reason not to start: what can be read of it counts.
func (r *Router) openAssigned() {
	store, err := assign.Open(filepath.Join(r.stateDir, "assignments"))
	if err != nil {
		r.log.Error("not all of the parts of delegations that were chosen can be read; what is missing is chosen anew", "error", err)
	}
	r.assigned = assigned{store: store, table: store.Table()}
}

// makePlan plans. What clients have leased is looked up only where a new part has to keep clear of it.
func (r *Router) makePlan(in Inputs) *Plan {
	plan := r.planFollowing(&in)
	if in.Leased == nil && len(placesIn(in.Assigned, plan.Assigned)) > 0 {
		in.Leased = r.leased()
		plan = MakePlan(in)
	}
	return plan
}

// decide plans, and puts on disk what was chosen before anything is made of it. r.applying is held.
func (r *Router) decide(in Inputs) *Plan {
	plan := r.makePlan(in)
	err := r.assigned.store.Keep(plan.Assigned)
	problem := ""
	if err != nil {
		problem = fmt.Sprintf("a part is chosen when it can be kept on disk: %v", err)
		in.Frozen = problem
		plan = r.makePlan(in)
	}
	if problem != r.assigned.told {
		if r.assigned.told = problem; problem != "" {
			r.log.Error("parts of delegations cannot be kept", "error", err)
		}
	}
	r.mu.Lock()
	r.assigned.table = r.assigned.store.Table()
	r.mu.Unlock()
	return plan
}

// leased returns the prefixes that clients have, of all instances.
func (r *Router) leased() []netip.Prefix {
	out := []netip.Prefix{}
	for _, i := range append(r.vrfs.all(), r.main) {
		for _, l := range i.store.All() {
			if l.Key.Kind == lease.Prefix {
				out = append(out, l.Prefix)
			}
		}
	}
	return out
}

// placesIn returns the parts of next that have another place in before, or none.
func placesIn(before, next assign.Table) []assign.Part {
	var out []assign.Part
	for _, p := range next.Parts {
		if old, ok := before.Find(p.Key); !ok || old.Subnet != p.Subnet {
			out = append(out, p)
		}
	}
	return out
}

// previewAssigned tells what would be chosen, and what would only be kept from then on.
func previewAssigned(before assign.Table, plan *Plan) []change.Op {
	var ops []change.Op
	for _, p := range before.Parts {
		if _, ok := plan.Assigned.Find(p.Key); !ok {
			ops = append(ops, change.Op{Class: change.Delete, Object: partName(p.Key), Action: fmt.Sprintf("leave %s, which is kept for its return", assign.Text(p.Subnet))})
		}
	}
	for _, p := range placesIn(before, plan.Assigned) {
		op := change.Op{Object: partName(p.Key), Action: "take " + assign.Text(p.Subnet)}
		if old, ok := before.Find(p.Key); ok {
			op.Class, op.Action = change.Recreate, fmt.Sprintf("move from %s to %s", assign.Text(old.Subnet), assign.Text(p.Subnet))
			op.Disturbs = "hosts that have addresses of the old one"
		}
		ops = append(ops, op)
	}
	return ops
}

// partName writes a part as the configuration does from anywhere.
func partName(k assign.Key) string {
	return config.Expr{Delegation: k.Delegation, Auto: config.Slot{Name: k.Name, Bits: k.Bits}, Prefix: netip.PrefixFrom(netip.IPv6Unspecified(), k.Bits)}.String()
}

// PartStatus is a part of a delegation that was chosen, or could not be.
type PartStatus struct {
	Name   string       // interface, or name of its own; empty: the router itself
	Bits   int          // length
	Subnet netip.Prefix // place in the delegation; invalid: none yet
	Prefix netip.Prefix // what it is now; invalid: nothing, see Reason
	State  string       // active, pending or kept
	Reason string       // why it has this place, or none
}

// partsOf returns what was chosen of a delegation, by place, and last what is kept for those that are gone.
func (p *Plan) partsOf(delegation string, held *pd.Delegation) []PartStatus {
	var base netip.Prefix
	if held != nil {
		base = held.Prefix
	}
	var out []PartStatus
	for _, part := range p.Assigned.Parts {
		if part.Delegation != delegation {
			continue
		}
		s := PartStatus{Name: part.Name, Bits: part.Bits, Subnet: part.Subnet, State: "pending", Reason: p.Unassigned[part.Key]}
		if place, ok := p.Parts[part.Key]; ok && base.IsValid() {
			e := config.Expr{Delegation: delegation, Prefix: place}
			if got, err := e.Resolve(base); err == nil {
				s.Prefix, s.State, s.Reason = got, "active", part.Why
			}
		}
		out = append(out, s)
	}
	for k, why := range p.Unassigned {
		if _, ok := p.Assigned.Find(k); !ok && k.Delegation == delegation {
			out = append(out, PartStatus{Name: k.Name, Bits: k.Bits, State: "pending", Reason: why})
		}
	}
	slices.SortFunc(out, byPlace)
	for _, part := range slices.Backward(p.Assigned.Kept) {
		if part.Delegation == delegation {
			out = append(out, PartStatus{Name: part.Name, Bits: part.Bits, Subnet: part.Subnet, State: "kept", Reason: "nothing uses it now"})
		}
	}
	return out
}

func byPlace(a, b PartStatus) int {
	switch {
	case a.Subnet.IsValid() != b.Subnet.IsValid():
		if a.Subnet.IsValid() {
			return -1
		}
		return 1
	case a.Subnet.IsValid() && a.Subnet != b.Subnet:
		return a.Subnet.Addr().Compare(b.Subnet.Addr())
	}
	if a.Name != b.Name {
		if a.Name < b.Name {
			return -1
		}
		return 1
	}
	return a.Bits - b.Bits
}
