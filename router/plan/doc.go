// Package plan decides what a configuration means on a machine. Make is a pure function from {configuration, links, delegations, what
// was chosen and advertised before, the default routes of the kernel} to the desired state of every subsystem: what a delegated prefix
// becomes (an address, an advertised prefix, a pool, an unreachable route, an announcement) is decided here and nowhere else.
//
// Equal inputs give equal plans, so that whoever applies one compares it with the last and leaves alone what did not change. What
// cannot be decided yet is in Plan.Pending, with the reason.
//
// The files follow the configuration: lan.go, routes.go, firewall.go, vxlan.go and so on; advertise.go, withdraw.go, former.go,
// default.go, offer.go and observed.go are about router advertisements, resolve.go and assign.go about what is cut from delegations.
package plan
