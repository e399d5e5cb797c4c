package router

import (
	"github.com/sixfold-router/sixfold/router/plan"
)

// A unit that makes links lists all links each time it is applied, to find what others changed of those that it made, and what it
// made and is no longer wanted. While there is neither, it does not list them once more: the monitor has just read them, or told of all
// that happened to them.

// idleDevices reports whether the device unit has nothing to make, and no link has its marks.
func (r *Router) idleDevices(p *plan.Plan) bool {
	if p.Rules || len(p.Devices.Devices)+len(p.Devices.MACs)+len(p.Ports) > 0 {
		return false
	}
	for _, m := range p.Devices.Members {
		if m.Master != "" {
			return false
		}
	}
	for _, l := range r.monitor.Links() {
		if l.Group != 0 {
			return false
		}
	}
	return true
}

// idleVXLAN reports whether the VXLAN unit has nothing to make, and there is no link of its kind.
func (r *Router) idleVXLAN(p *plan.Plan) bool {
	if len(p.VXLAN.Devices) > 0 {
		return false
	}
	for _, l := range r.monitor.Links() {
		if l.Kind == "vxlan" {
			return false
		}
	}
	return true
}

// idle reports whether an Apply of the unit can be left out: it has nothing to do, and had nothing the last time; and what is known of
// the links is what the unit itself would read. r.applying is held.
func (r *Router) idle(u *unit, p *plan.Plan) bool {
	known := r.fresh.told || r.fresh.read && r.fresh.writes == r.linkWrites()
	return known && u.idle != nil && (u.rested || !u.tried) && u.idle(p)
}
