package router

import (
	"github.com/sixfold-router/sixfold/router/plan"
)

// A unit that makes links lists all links each time it is applied, to find what others changed of those that it made, and what it
// made and is no longer wanted. While there is neither, nothing that is told can be for it, and that is left to the periodic look.

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

// idle reports whether an Apply of the unit, which was told of something, can be left out: it has nothing to do, and had nothing the
// last time. r.applying is held.
func (r *Router) idle(u *unit, p *plan.Plan) bool {
	return r.fresh.told && u.rested && u.idle(p)
}
