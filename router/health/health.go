// Package health has the words for what of a router is not as it is configured.
package health

import "time"

// Unit is the health of one subsystem.
type Unit struct {
	Name    string // kernel, fib, vxlan, bgp, pd, ra, dhcpv6
	Problem string // why its part of the configuration is not in force; empty: it is
	Since   time.Time
}

// Drift is a difference between what the router had made so and what it found.
type Drift struct {
	ID      uint64 // rising by one
	Time    time.Time
	Unit    string // kernel, vxlan, fib
	Object  string // what was changed: vxlan1000, 2001:db8::/32
	What    string // address 2001:db8::1/64 was missing
	Problem string // why it could not be mended; empty: it was
}
