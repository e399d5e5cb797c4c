package router

import (
	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/rib"
)

// InterfaceStatus is a link with what is configured for it. Link is zero if the link does not exist.
type InterfaceStatus struct {
	Name        string
	Description string
	Configured  bool
	Pattern     string // of the configuration that it is configured by; empty: by its name, or not at all
	Link        kernel.LinkState
	Device      *device.Status // what the link is and is a port of; nil: it does not exist
}

// RouteStatus is a route of the router's table with what the kernel says of it, or one of the kernel alone.
type RouteStatus struct {
	Route    rib.Route
	Source   string // a source of the rib, or the kernel's protocol for routes that are not ours
	Best     bool   // preferred among the sources of this prefix
	InKernel bool
	Reason   string // why the best route is not in the kernel; empty: it is, or nothing was tried yet
	VRF      string // whose table it is in; empty: the default instance
}

// BGPStatus is the state of the speaker of one instance.
type BGPStatus struct {
	VRF string // empty: the default instance
	bgp.Status
}

// LeaseStatus is a lease with its next hop's state.
type LeaseStatus struct {
	VRF string // of the client; empty: the default instance
	lease.Lease
	Routed bool // a delegated prefix whose route is in the kernel
}
