package router

import (
	"fmt"
	"net/netip"
	"path/filepath"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/plan"
)

// assigned keeps on disk which parts of delegations were chosen.
type assigned struct {
	store *assign.Store // guarded by Router.applying
	table assign.Table  // guarded by Router.mu
	told  string        // why no new part can be kept, as it was logged; guarded by Router.applying, and for writing by Router.mu
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
func (r *Router) makePlan(in plan.Inputs) *plan.Plan {
	want := r.planFollowing(&in)
	if in.Leased == nil && len(placesIn(in.Assigned, want.Assigned)) > 0 {
		in.Leased = r.leased()
		want = plan.Make(in)
	}
	return want
}

// decide plans, and puts on disk what was chosen before anything is made of it. r.applying is held.
func (r *Router) decide(in plan.Inputs) *plan.Plan {
	want := r.makePlan(in)
	err := r.assigned.store.Keep(want.Assigned)
	problem := ""
	if err != nil {
		problem = fmt.Sprintf("a part is chosen when it can be kept on disk: %v", err)
		in.Frozen = problem
		want = r.makePlan(in)
	}
	switch {
	case problem != "" && r.assigned.told == "":
		r.log.Error("parts of delegations cannot be kept", "error", err)
	case problem == "" && r.assigned.told != "":
		r.log.Info("parts of delegations can be kept again")
	}
	r.mu.Lock()
	r.assigned.told = problem
	r.assigned.table = r.assigned.store.Table()
	before := r.plan
	r.mu.Unlock()
	want.Keep(before)
	return want
}

// planAside plans for those who look, keeping nothing: what cannot be kept now does not have a place here either.
func (r *Router) planAside(in plan.Inputs) *plan.Plan {
	r.mu.Lock()
	in.Frozen = r.assigned.told
	r.mu.Unlock()
	return r.makePlan(in)
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
func previewAssigned(before assign.Table, want *plan.Plan) []change.Op {
	var ops []change.Op
	for _, p := range before.Parts {
		if _, ok := want.Assigned.Find(p.Key); !ok {
			ops = append(ops, change.Op{Class: change.Delete, Object: plan.PartName(p.Key), Action: fmt.Sprintf("leave %s, which is kept for its return", assign.Text(p.Subnet))})
		}
	}
	for _, p := range placesIn(before, want.Assigned) {
		op := change.Op{Object: plan.PartName(p.Key), Action: "take " + assign.Text(p.Subnet)}
		if old, ok := before.Find(p.Key); ok {
			op.Class, op.Action = change.Recreate, fmt.Sprintf("move from %s to %s", assign.Text(old.Subnet), assign.Text(p.Subnet))
			op.Disturbs = "hosts that have addresses of the old one"
		}
		ops = append(ops, op)
	}
	return ops
}
