package api

import (
	"context"
	"net/netip"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/vxlan"
)

// Backend is the router behind the API. Methods are called concurrently, and give up when ctx ends. What they return is a
// copy: the API may keep and sort it.
type Backend interface {
	// Interfaces returns the links of the kernel and the interfaces of the configuration.
	Interfaces(ctx context.Context) ([]router.InterfaceStatus, error)
	// Routes returns all routes of the router's table, and those that only the kernel has.
	Routes(ctx context.Context) ([]router.RouteStatus, error)
	// Prefixes returns what our DHCPv6 clients asked for.
	Prefixes(ctx context.Context) ([]router.PrefixStatus, error)
	// Leases returns what our DHCPv6 server leased.
	Leases(ctx context.Context) ([]router.LeaseStatus, error)
	// Neighbors returns the neighbor table of the kernel.
	Neighbors(ctx context.Context) ([]kernel.Neighbor, error)
	// BGP returns the state of the speaker; its ASN is 0 if BGP is not configured.
	BGP(ctx context.Context) (bgp.Status, error)
	// BGPPaths returns the paths that filter selects. Its neighbor is one that BGP has.
	BGPPaths(ctx context.Context, filter bgp.PathFilter) ([]bgp.Path, error)
	// Advertisements returns what is advertised on each link.
	Advertisements(ctx context.Context) ([]ra.Status, error)
	// VXLANs returns the VXLAN devices.
	VXLANs(ctx context.Context) ([]vxlan.Status, error)
	// DHCPv6 returns what the DHCPv6 server did.
	DHCPv6(ctx context.Context) (dhcpv6.Status, error)
	// Pending returns what is configured but cannot run yet.
	Pending(ctx context.Context) ([]router.Pending, error)
	// Units returns the health of each part of the router, in the order they start.
	Units(ctx context.Context) ([]router.UnitStatus, error)

	// ApplyConfig makes text the running configuration, or says why not: *config.Errors if the text is not valid. name is
	// what to call the text in messages.
	ApplyConfig(ctx context.Context, name, text string) error
	// RunningConfig returns the running configuration as canonical YAML and as a message, which nobody changes; nil if
	// there is none yet.
	RunningConfig() (text string, message *sixfoldv1.Config)

	// ReleaseDelegation gives a prefix back to the server that delegated it. The name is one that Prefixes has.
	ReleaseDelegation(ctx context.Context, name string) error
	// RenewDelegation asks for an extension now, or for a prefix if none is held. The name is one that Prefixes has.
	RenewDelegation(ctx context.Context, name string) error
	// ReleaseLease forgets a lease. The prefix is one that Leases has.
	ReleaseLease(ctx context.Context, prefix netip.Prefix) error
	// ResetNeighbor takes a BGP session down and up, or, if soft, exchanges its routes again. The name is one that BGP has.
	ResetNeighbor(ctx context.Context, name string, soft bool) error
}
