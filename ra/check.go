package ra

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// check refuses what has no encoding, and what a receiver would have to ignore.
func check(i Interface) error {
	switch {
	case i.RouterLifetime < 0 || i.RouterLifetime > maxRouterLifetime:
		return fmt.Errorf("router lifetime %s is not within 0 and %s", i.RouterLifetime, maxRouterLifetime)
	case !isPreference(i.Preference):
		return fmt.Errorf("router preference %d is not 0, 1 or 3", i.Preference)
	case !fits32(i.ReachableTime, time.Millisecond):
		return fmt.Errorf("reachable time %s is out of range", i.ReachableTime)
	case !fits32(i.RetransTimer, time.Millisecond):
		return fmt.Errorf("retransmission timer %s is out of range", i.RetransTimer)
	case i.LinkMTU < 0 || i.LinkMTU > 0 && i.LinkMTU < minMTU || int64(i.LinkMTU) > 0xffffffff:
		return fmt.Errorf("link MTU %d is below %d", i.LinkMTU, minMTU)
	case i.PacketSize != 0 && i.PacketSize < minMTU || i.PacketSize > 0xffff:
		return fmt.Errorf("advertisements of %d bytes are not within %d and 65535", i.PacketSize, minMTU)
	case !fits32(i.DNSLifetime, time.Second):
		return fmt.Errorf("lifetime %s of name servers is out of range", i.DNSLifetime)
	case !fits32(i.DNSSLLifetime, time.Second):
		return fmt.Errorf("lifetime %s of search domains is out of range", i.DNSSLLifetime)
	case i.Interval && !fits32(i.MaxInterval, time.Millisecond):
		return fmt.Errorf("advertisement interval %s is out of range", i.MaxInterval)
	}
	for _, p := range i.Prefixes {
		if err := p.check(); err != nil {
			return err
		}
	}
	for _, a := range slices.Concat(i.RDNSS, i.GoneRDNSS) {
		if !isIPv6(a) {
			return fmt.Errorf("name server %s is not an IPv6 address", a)
		}
	}
	return checkExtensions(i)
}

// checkExtensions checks the options of the RFCs after 4861.
func checkExtensions(i Interface) error {
	for _, r := range i.Routes {
		switch {
		case !isPrefix(r.Prefix):
			return fmt.Errorf("route %s is not an IPv6 prefix", r.Prefix)
		case !isPreference(r.Preference):
			return fmt.Errorf("preference %d of route %s is not 0, 1 or 3", r.Preference, r.Prefix)
		case !fits32(r.Lifetime, time.Second):
			return fmt.Errorf("lifetime %s of route %s is out of range", r.Lifetime, r.Prefix)
		}
	}
	for _, p := range i.PREF64 {
		if _, ok := pref64Code(p.Prefix.Bits()); !ok || !isPrefix(p.Prefix) {
			return fmt.Errorf("NAT64 prefix %s does not have 32, 40, 48, 56, 64 or 96 bits", p.Prefix)
		}
		if p.Lifetime < 0 || p.Lifetime > MaxPREF64Lifetime {
			return fmt.Errorf("lifetime %s of NAT64 prefix %s is not within 0 and %s", p.Lifetime, p.Prefix, MaxPREF64Lifetime)
		}
	}
	for _, r := range i.DNR {
		if err := r.check(); err != nil {
			return fmt.Errorf("resolver %s: %w", r.Name, err)
		}
	}
	if h := i.HomeAgent; h != nil && (h.Lifetime < time.Second || h.Lifetime > maxRouterLifetime) {
		return fmt.Errorf("home agent lifetime %s is not within 1s and %s", h.Lifetime, maxRouterLifetime)
	}
	for _, o := range slices.Concat(i.GoneDNR, i.Raw) {
		if o.Type == 0 || len(o.Data) > maxOption-2 {
			return fmt.Errorf("option of type %d and %d bytes: accepted are types from 1, and %d bytes", o.Type, len(o.Data), maxOption-2)
		}
	}
	return nil
}

func (p Prefix) check() error {
	switch {
	case !isPrefix(p.Prefix):
		return fmt.Errorf("%s is not an IPv6 prefix", p.Prefix)
	case !fits32(p.Valid, time.Second) || !fits32(p.Preferred, time.Second):
		return fmt.Errorf("a lifetime of prefix %s is out of range", p.Prefix)
	case p.RouterAddress.IsValid() && (!isIPv6(p.RouterAddress) || !p.Prefix.Contains(p.RouterAddress)):
		return fmt.Errorf("router address %s is not within %s", p.RouterAddress, p.Prefix)
	}
	return nil
}

func (r Resolver) check() error {
	switch {
	case r.Priority == 0:
		return errors.New("priority 0 would make it an alias (RFC 9460 2.4.2)")
	case !fits32(r.Lifetime, time.Second):
		return fmt.Errorf("lifetime %s is out of range", r.Lifetime)
	case len(r.Addresses) == 0 && len(r.Parameters) > 0:
		return errors.New("service parameters without an address")
	}
	for _, a := range r.Addresses {
		if !isIPv6(a) {
			return fmt.Errorf("%s is not an IPv6 address", a)
		}
	}
	for n, p := range r.Parameters {
		if len(p.Value) > 0xffff {
			return fmt.Errorf("service parameter %d has %d bytes", p.Key, len(p.Value))
		}
		if n > 0 && r.Parameters[n-1].Key >= p.Key {
			return fmt.Errorf("service parameter %d is not in ascending order", p.Key)
		}
	}
	return nil
}

// isPreference holds what RFC 4191 2.1 does not reserve.
func isPreference(p uint8) bool { return p == 0 || p == 1 || p == 3 }

func isIPv6(a netip.Addr) bool { return a.Is6() && !a.Is4In6() && a.Zone() == "" }

func isPrefix(p netip.Prefix) bool { return p.IsValid() && isIPv6(p.Addr()) && p == p.Masked() }

// fits32 tells whether d fits 32 bits in units of unit.
func fits32(d, unit time.Duration) bool { return d >= 0 && d <= 0xffffffff*unit }
