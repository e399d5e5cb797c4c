package kernel

import "net/netip"

// Config is the desired state of links: what Apply makes so. Links that are not in it, and addresses that we did not add, are
// left alone.
type Config struct {
	Forwarding bool            // net.ipv6.conf.all.forwarding and net.ipv4.ip_forward
	AnyIP      bool            // programs may bind to addresses of local routes, which are on no link (net.ipv6.ip_nonlocal_bind)
	Links      map[string]Link // by name; a link that does not exist yet is configured when it appears
}

// Link is the desired state of one link.
type Link struct {
	Name      string
	MTU       int  // 0: as it is
	AcceptRA  bool // accept_ra 2 if set, 0 otherwise
	DAD       bool // duplicate address detection of our addresses
	Addresses []Address
	Sysctls   []Sysctl // further settings; they win over those that follow from the rest
	Made      bool     // the router made the link, and removes it: its MTU and whether it is up need not be put back
}

// Sysctl is a setting of the kernel for a link: net/ipv6/conf/eth0/accept_ra_pinfo.
type Sysctl struct{ Path, Value string }

// Address is an address to have. Lifetimes of addresses cut from a delegation end with it.
type Address struct {
	Prefix     netip.Prefix // the address with the length of its on-link prefix
	Deprecated bool         // IPv6: no new connections from it (RFC 4862 5.5.4), though it stays usable
}
