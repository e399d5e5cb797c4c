package router

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/rib"
	"github.com/sixfold-router/sixfold/router/vrf"
)

// VRFStatus is a routing instance beside the default one.
type VRFStatus struct {
	Name       string // of its device
	Table      uint32
	Management bool
	Up         bool     // the device is there and up
	Interfaces []string // links that belong to it now, by name
	Routes     int      // of the kernel in its table, without those of its own addresses
	DNS        []netip.Addr
	Services   []string
	Problem    string // why it is not as it is configured; empty: it is
}

// VRFs returns the instances that are configured, by name.
func (r *Router) VRFs(ctx context.Context) ([]VRFStatus, error) {
	conf, links := r.config(), r.monitor.Links()
	if conf == nil {
		return nil, nil
	}
	var out []VRFStatus
	for i := range conf.VRFs {
		v := &conf.VRFs[i]
		s := VRFStatus{Name: v.Name, Table: v.Table, Management: v.Management}
		if v.Management && conf.Management != nil {
			s.DNS, s.Services = slices.Clone(conf.Management.DNS), slices.Clone(conf.Management.Services)
		}
		device, ok := links[v.Name]
		s.Up = ok && device.Kind == "vrf" && device.Up
		for name, l := range links {
			if ok && l.Master == device.Index {
				s.Interfaces = append(s.Interfaces, name)
			}
		}
		slices.Sort(s.Interfaces)
		s.Problem = vrfProblem(v, ok, device.Kind, device.Table)
		routes, err := r.monitor.RoutesOf(ctx, v.Table, 0)
		if err != nil {
			return nil, err
		}
		s.Routes = len(routes)
		out = append(out, s)
	}
	return out, nil
}

// vrfProblem says why the device of an instance cannot be what it should be.
func vrfProblem(v *config.VRF, exists bool, kind string, table uint32) string {
	switch {
	case !exists:
		return "there is no device yet; see sixfold show units"
	case kind != "vrf":
		return fmt.Sprintf("the link %s is no VRF device", v.Name)
	case table != v.Table:
		return fmt.Sprintf("the device has table %d", table)
	}
	return ""
}

// vrfsByTable returns the names of the instances that are configured.
func (r *Router) vrfsByTable() map[uint32]string {
	names := map[uint32]string{}
	if conf := r.config(); conf != nil {
		for _, v := range conf.VRFs {
			names[v.Table] = v.Name
		}
	}
	return names
}

// shownTables are those whose routes are listed: the main one and those of the instances.
func (r *Router) shownTables() []uint32 {
	tables := []uint32{rib.MainTable}
	for t := range r.vrfsByTable() {
		tables = append(tables, t)
	}
	slices.Sort(tables)
	return tables
}

// Resolved is what became of a lookup.
type Resolved struct {
	Addresses []netip.Addr
	VRF       string       // that it was made in; empty: the default instance
	Servers   []netip.Addr // that were to be asked; none: those of the machine
}

// Resolve looks a name up as the router itself does: in the management instance, if there is one, by its DNS servers. Its error is a
// *net.DNSError.
func (r *Router) Resolve(ctx context.Context, name string) (Resolved, error) {
	resolver := r.resolver()
	found, err := resolver.Lookup(ctx, name)
	return Resolved{Addresses: found, VRF: resolver.Device, Servers: slices.Clone(resolver.Servers)}, err
}

// resolver is for all lookups of our own.
func (r *Router) resolver() vrf.Resolver {
	conf := r.config()
	if conf == nil || conf.Management == nil {
		return vrf.Resolver{}
	}
	m := conf.Management
	return vrf.Resolver{Device: m.VRF, Servers: m.DNS, Domains: m.Domains}
}
