package bgp

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Validate reports everything in c that the speaker cannot do. A Config of zero ASN is always valid.
func (c Config) Validate() error {
	if c.ASN == 0 {
		return nil
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !c.RouterID.Is4() || c.RouterID.IsUnspecified() {
		bad("router identifier %s is not an IPv4 address", c.RouterID)
	}
	for _, name := range slices.Sorted(maps.Keys(c.PrefixSets)) {
		for _, p := range c.PrefixSets[name] {
			if !p.Prefix.IsValid() || p.Min < 0 || p.Min > p.Max || p.Max > p.Prefix.Addr().BitLen() {
				bad("prefix set %s: pattern %s from %d to %d is not valid", name, p.Prefix, p.Min, p.Max)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Filters)) {
		for i, r := range c.Filters[name].Rules {
			if _, ok := c.PrefixSets[r.PrefixSet]; !ok && r.PrefixSet != "" {
				bad("filter %s: rule %d: no prefix set %s", name, i+1, r.PrefixSet)
			}
			if _, ok := c.Neighbors[r.LearnedFrom]; !ok && r.LearnedFrom != "" {
				bad("filter %s: rule %d: no neighbor %s", name, i+1, r.LearnedFrom)
			}
			if r.LocalPref != nil && *r.LocalPref == 0 {
				bad("filter %s: rule %d: a local preference of 0 cannot be set", name, i+1)
			}
			if r.PrependCount < 0 || r.PrependCount > 255 {
				bad("filter %s: rule %d: cannot prepend %d times", name, i+1, r.PrependCount)
			}
		}
	}
	seen := map[netip.Addr]Neighbor{}
	bare := map[netip.Addr]Neighbor{}
	learned := map[string]bool{}
	for _, f := range c.Filters {
		for _, r := range f.Rules {
			learned[r.LearnedFrom] = true
		}
	}
	for _, n := range byAddress(c) {
		if err := n.validate(c); err != nil {
			bad("neighbor %s: %w", n.Name, err)
			continue
		}
		if other, ok := seen[n.Address]; ok {
			bad("neighbors %s and %s both have the address %s", other.Name, n.Name, n.Address)
		}
		seen[n.Address] = n
		// GoBGP's policy looks at addresses without their zone.
		other, ok := bare[n.Address.WithZone("")]
		if ok && (other.Import != n.Import || other.Export != n.Export || other.NextHopSelf != n.NextHopSelf ||
			(other.RemoteAS == c.ASN) != (n.RemoteAS == c.ASN) || learned[other.Name] || learned[n.Name]) {
			bad("neighbors %s and %s have the same link-local address: they cannot have different filters or next_hop_self, nor be named by learned_from",
				other.Name, n.Name)
		}
		bare[n.Address.WithZone("")] = n
	}
	return errors.Join(errs...)
}
