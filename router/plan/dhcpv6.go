package plan

import (
	"slices"

	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/router/config"
)

// planMotion says how clients learn that what they hold changed, and what of it is ours only as long as a delegation has it.
func planMotion(d *config.DHCPv6, out *dhcpv6.Interface) {
	out.Reconfigure = !d.NoReconfigure
	for _, pool := range d.Delegate {
		if pool.Pool.Delegation != "" {
			out.Follow.Delegate = append(out.Follow.Delegate, pool.Name)
		}
	}
	for _, r := range d.Reservations {
		if slices.ContainsFunc(r.Prefixes, func(e config.Expr) bool { return e.Delegation != "" }) {
			out.Follow.Reservations = append(out.Follow.Reservations, r.Name)
		}
	}
}
