package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/notify"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/revision"
)

// Backend is the router as the metrics need it. Methods are called one after the other, and give up when ctx ends.
type Backend interface {
	multicastBackend
	firewallBackend
	Interfaces(ctx context.Context) ([]router.InterfaceStatus, error)
	Prefixes(ctx context.Context) ([]plan.Delegated, error)
	Leases(ctx context.Context) ([]router.LeaseStatus, error)
	BGP(ctx context.Context) ([]router.BGPStatus, error)
	Advertisements(ctx context.Context) ([]ra.Status, error)
	Routers(ctx context.Context) ([]ra.RouterStatus, []ra.Observation, error)
	VXLANs(ctx context.Context) ([]router.VXLANStatus, error)
	DHCPv6(ctx context.Context) (dhcpv6.Status, error)
	Consumers(ctx context.Context) ([]notify.Status, error)
	Pending(ctx context.Context) ([]plan.Pending, error)
	Units(ctx context.Context) ([]health.Unit, error)
	Drift(ctx context.Context) ([]health.Drift, error)
	Revision(ctx context.Context, id uint64) (revision.Revision, string, error)
	Counters(ctx context.Context) (router.Counters, error)
}

// section is a part of a scrape that may fail by itself.
type section struct {
	name    string
	collect func(context.Context, Backend, *set) error
}

var sections = [...]section{
	{"units", collectUnits},
	{"config", collectConfig},
	{"drift", collectDrift},
	{"interfaces", collectInterfaces},
	{"routes", collectRoutes},
	{"ra", collectRA},
	{"routers", collectRouters},
	{"dhcpv6", collectDHCPv6},
	{"leases", collectLeases},
	{"delegations", collectDelegations},
	{"client", collectClient},
	{"consumers", collectConsumers},
	{"bgp", collectBGP},
	{"vxlan", collectVXLAN},
	{"multicast", collectMulticast},
	{"firewall", collectFirewall},
}

func collectUnits(ctx context.Context, b Backend, s *set) error {
	units, err := b.Units(ctx)
	up := s.gauge("sixfold_unit_up", "Whether the part of the configuration that belongs to this unit is in force.", "unit")
	since := s.gauge("sixfold_unit_change_timestamp_seconds", "When the unit came up or failed, in Unix time.", "unit")
	for _, u := range units {
		up.add(truth(u.Problem == ""), u.Name)
		if !u.Since.IsZero() {
			since.add(seconds(u.Since), u.Name)
		}
	}
	return err
}

func collectConfig(ctx context.Context, b Backend, s *set) error {
	pending, err := b.Pending(ctx)
	if err == nil {
		s.gauge("sixfold_config_pending", "Parts of the configuration that cannot run yet.").add(float64(len(pending)))
	}
	running, _, missing := b.Revision(ctx, 0)
	if errors.Is(missing, router.ErrNoRevision) {
		running, missing = revision.Revision{}, nil
	}
	if missing != nil {
		return errors.Join(err, missing)
	}
	waits := running.Result == revision.Unconfirmed
	s.gauge("sixfold_config_revision", "Revision that runs; 0 if none does.").add(float64(running.ID))
	s.gauge("sixfold_config_confirm_pending", "Whether the revision that runs waits to be confirmed.").add(truth(waits))
	if running.ID != 0 {
		s.gauge("sixfold_config_apply_timestamp_seconds", "When the revision that runs was submitted, in Unix time.").add(seconds(running.Time))
	}
	if waits {
		s.gauge("sixfold_config_confirm_by_timestamp_seconds", "When the router goes back unless it is told to stay, in Unix time.").add(seconds(running.ConfirmBy))
	}
	return err
}

func collectDrift(ctx context.Context, b Backend, s *set) error {
	drift, err := b.Drift(ctx)
	if err != nil {
		return err
	}
	// They are numbered from 1, and the oldest are forgotten.
	total, broken := uint64(0), 0
	for _, d := range drift {
		total = max(total, d.ID)
		if d.Problem != "" {
			broken++
		}
	}
	s.counter("sixfold_drift_total", "Changes by others to what the router had made so.").add(float64(total))
	s.gauge("sixfold_drift_unmended", "Changes by others, of those remembered, that could not be mended.").add(float64(broken))
	return nil
}

func collectInterfaces(ctx context.Context, b Backend, s *set) error {
	all, err := b.Interfaces(ctx)
	if err != nil {
		return err
	}
	up := s.gauge("sixfold_interface_up", "Whether a configured interface exists, is up and has a carrier.", "interface")
	mtu := s.gauge("sixfold_interface_mtu_bytes", "Largest packet of a configured interface.", "interface")
	addresses := s.gauge("sixfold_interface_addresses", "Addresses of a configured interface, by who made them.", "interface", "origin")
	foreign := 0
	for _, i := range all {
		if !i.Configured {
			foreign++
			continue
		}
		up.add(truth(i.Link.Up && i.Link.Running), i.Name)
		if i.Link.Index == 0 {
			continue
		}
		mtu.add(float64(i.Link.MTU), i.Name)
		for _, a := range i.Link.Addresses {
			origin := "other"
			if a.Ours {
				origin = "configured"
			}
			addresses.add(1, i.Name, origin)
		}
	}
	s.gauge("sixfold_interfaces_unmanaged", "Interfaces that are not configured.").add(float64(foreign))
	return nil
}

func collectRoutes(ctx context.Context, b Backend, s *set) error {
	c, err := b.Counters(ctx)
	if err != nil {
		return err
	}
	routes := s.gauge("sixfold_routes", "Routes of the router's table, by source.", "source")
	for src, n := range c.Routes {
		routes.add(float64(n), src)
	}
	installed := s.gauge("sixfold_routes_installed", "Routes of ours in the kernel, by source. Connected ones are the kernel's.", "source")
	for src, n := range c.RoutesInstalled {
		installed.add(float64(n), src)
	}
	s.gauge("sixfold_routes_failed", "Routes that should be in the kernel and are not.").add(float64(c.RoutesFailed))
	s.counter("sixfold_route_writes_total", "Messages to the kernel that added, replaced or removed a route.").add(float64(c.RouteWrites))
	s.counter("sixfold_route_audits_total", "Comparisons of our routes with those of the kernel.").add(float64(c.RouteAudits))
	s.counter("sixfold_route_repairs_total", "Routes that were found not as the router left them.").add(float64(c.RouteRepairs))
	dropped := s.counter("sixfold_ra_solicitations_dropped_total", "Router solicitations that were not answered, by reason.", "reason")
	for reason, n := range c.RADropped {
		dropped.add(float64(n), reason)
	}
	return nil
}

// seconds is a point in time as Unix counts it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
