package router

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/vxlan"
)

// VXLANStatus is a VXLAN device with the prefixes from which its packets are meant to come.
type VXLANStatus struct {
	vxlan.Status
	Sources []netip.Prefix
}

// Accepts reports whether an address is among the sources.
func (s VXLANStatus) Accepts(a netip.Addr) bool {
	return plan.VTEPFilter{Sources: s.Sources}.Accepts(a)
}

// VXLANs returns the VXLAN devices, by name.
func (r *Router) VXLANs(context.Context) ([]VXLANStatus, error) {
	r.mu.Lock()
	sources := map[string][]netip.Prefix{}
	if r.plan != nil {
		for _, f := range r.plan.VTEPs {
			sources[f.Device] = slices.Clone(f.Sources)
		}
	}
	r.mu.Unlock()
	all := r.vxlan.Status()
	out := make([]VXLANStatus, 0, len(all))
	for _, s := range all {
		out = append(out, VXLANStatus{Status: s, Sources: sources[s.Device.Name]})
	}
	return out, nil
}

// metRemote tells of a remote that an address was learnt from, for the first time.
func (r *Router) metRemote(device string, remote netip.Addr, mac vxlan.MAC) {
	r.journal.add(event.Event{
		Kind: event.Neighbor, Subject: remote.String(), Link: device, Action: "remote",
		Text: fmt.Sprintf("%s is a remote of %s: %s is behind it", remote, device, mac),
	}, time.Now())
}
