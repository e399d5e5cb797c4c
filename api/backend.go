package api

import (
	"context"
	"net/netip"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/explain"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/revision"
)

// Backend is the router behind the API. Methods are called concurrently, and give up when ctx ends. What they return is a
// copy: the API may keep and sort it.
type Backend interface {
	MulticastBackend
	RoutersBackend
	FirewallBackend
	ConsumersBackend
	// Interfaces returns the links of the kernel and the interfaces of the configuration.
	Interfaces(ctx context.Context) ([]router.InterfaceStatus, error)
	// Routes returns all routes of the router's table, and those that only the kernel has.
	Routes(ctx context.Context) ([]router.RouteStatus, error)
	// VRFs returns the routing instances beside the default one.
	VRFs(ctx context.Context) ([]router.VRFStatus, error)
	// Resolve looks a name up as the router itself does. Its error is a *net.DNSError.
	Resolve(ctx context.Context, name string) (router.Resolved, error)
	// Prefixes returns what our DHCPv6 clients asked for.
	Prefixes(ctx context.Context) ([]plan.Delegated, error)
	// Leases returns what our DHCPv6 server leased.
	Leases(ctx context.Context) ([]router.LeaseStatus, error)
	// Neighbors returns the neighbor table of the kernel.
	Neighbors(ctx context.Context) ([]kernel.Neighbor, error)
	// BGP returns the state of each speaker: first that of the default instance, whose ASN is 0 if BGP is not configured, then those
	// of the VRFs that have BGP, by name.
	BGP(ctx context.Context) ([]router.BGPStatus, error)
	// BGPPaths returns the paths of a VRF's speaker, or of that of the default instance, that filter selects. Instance and neighbor
	// are such as BGP has.
	BGPPaths(ctx context.Context, vrf string, filter bgp.PathFilter) ([]bgp.Path, error)
	// Advertisements returns what is advertised on each link.
	Advertisements(ctx context.Context) ([]ra.Status, error)
	// VXLANs returns the VXLAN devices.
	VXLANs(ctx context.Context) ([]router.VXLANStatus, error)
	// DHCPv6 returns what the DHCPv6 server did.
	DHCPv6(ctx context.Context) (dhcpv6.Status, error)
	// Pending returns what is configured but cannot run yet.
	Pending(ctx context.Context) ([]plan.Pending, error)
	// Units returns the health of each part of the router, in the order they start.
	Units(ctx context.Context) ([]health.Unit, error)

	// Drift returns what was found changed behind the router's back, oldest first.
	Drift(ctx context.Context) ([]health.Drift, error)
	// Explain tells all that is known of an address, a prefix, a hardware address or a name, in a VRF or in the default instance. Its
	// error is a *explain.SubjectError for what cannot be explained, and for a VRF that there is not.
	Explain(ctx context.Context, vrf, subject string) (explain.Explanation, error)
	// Events is where what happens is published.
	Events() *event.Ring

	// Commit makes a text the running configuration, or says why not: *config.Errors if it is not valid, *router.ConflictError if
	// it was made from another revision than the running one, *router.WaitingError if a revision waits to be confirmed,
	// *router.CommitError if it could not be applied and was undone.
	Commit(ctx context.Context, req router.CommitRequest) (router.Committed, error)
	// Rollback commits the text of an earlier revision. Its errors are those of Commit, and router.ErrNoRevision.
	Rollback(ctx context.Context, req router.RollbackRequest) (router.Committed, error)
	// Confirm keeps the revision that waits for it: id, or whichever does if id is 0. It is router.ErrNothingWaits if none does.
	Confirm(ctx context.Context, id uint64, author string) (revision.Revision, error)
	// Cancel drops the revision that waits, as Confirm, and returns the one that is in force again.
	Cancel(ctx context.Context, id uint64, author string) (revision.Revision, error)
	// Preview tells what a commit would do, and does nothing. Its errors are *config.Errors and router.ErrNoRevision.
	Preview(ctx context.Context, req router.PreviewRequest) (router.Preview, error)
	// Revisions returns what was submitted, oldest first.
	Revisions(ctx context.Context) ([]revision.Revision, error)
	// Revision returns a revision and its text as it was submitted; 0 is the running one. It is router.ErrNoRevision if there is
	// none.
	Revision(ctx context.Context, id uint64) (revision.Revision, string, error)

	// ReleaseDelegation gives a prefix back to the server that delegated it. The name is one that Prefixes has.
	ReleaseDelegation(ctx context.Context, name string) error
	// RenewDelegation asks for an extension now, or for a prefix if none is held. The name is one that Prefixes has.
	RenewDelegation(ctx context.Context, name string) error
	// ReleaseLease forgets a lease. VRF and prefix are such as Leases has.
	ReleaseLease(ctx context.Context, vrf string, prefix netip.Prefix) error
	// ResetNeighbor takes a BGP session down and up, or, if soft, exchanges its routes again. VRF and name are such as BGP has.
	ResetNeighbor(ctx context.Context, vrf, name string, soft bool) error
}
