package subnet

import "net/netip"

// Kind is what an address or prefix is for, as the registries of IANA say (RFC 6890 and what was added since, RFC 4291).
type Kind struct {
	Prefix netip.Prefix
	Name   string
	RFC    string
	Global bool // it may be reachable from anywhere
}

// KindOf returns the narrowest entry of the registries that holds all of p. The second result is false if p is so large that
// nothing is true of all of it.
func KindOf(p netip.Prefix) (Kind, bool) {
	var best Kind
	for _, k := range kinds() {
		r := Relate(k.Prefix, p)
		if (r == Contains || r == Equal) && (!best.Prefix.IsValid() || k.Prefix.Bits() > best.Prefix.Bits()) {
			best = k
		}
	}
	if best.Prefix.IsValid() {
		return best, true
	}
	for _, k := range kinds() {
		if Relate(k.Prefix, p) == Within {
			return Kind{}, false
		}
	}
	if p.Addr().Is4() {
		return Kind{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{}), 0), Name: "global unicast", RFC: "RFC 791", Global: true}, true
	}
	return Kind{Prefix: netip.PrefixFrom(netip.IPv6Unspecified(), 0), Name: "reserved by the IETF", RFC: "RFC 4291"}, true
}

func kinds() []Kind {
	k := func(prefix, name, rfc string, global bool) Kind {
		return Kind{netip.MustParsePrefix(prefix), name, rfc, global}
	}
	return []Kind{
		k("::/128", "unspecified address", "RFC 4291", false),
		k("::1/128", "loopback address", "RFC 4291", false),
		k("::/96", "IPv4-compatible (deprecated)", "RFC 4291", false),
		k("::ffff:0:0/96", "IPv4-mapped", "RFC 4291", false),
		k("64:ff9b::/96", "NAT64 well-known prefix", "RFC 6052", true),
		k("64:ff9b:1::/48", "NAT64 of local use", "RFC 8215", false),
		k("100::/64", "discard-only", "RFC 6666", false),
		k("100:0:0:1::/64", "dummy prefix", "RFC 9780", false),
		k("2000::/3", "global unicast", "RFC 4291", true),
		k("2001::/23", "IETF protocol assignments", "RFC 2928", false),
		k("2001::/32", "Teredo", "RFC 4380", true),
		k("2001:1::1/128", "Port Control Protocol anycast", "RFC 7723", true),
		k("2001:1::2/128", "TURN anycast", "RFC 8155", true),
		k("2001:1::3/128", "DNS-SD Service Registration Protocol anycast", "RFC 9665", true),
		k("2001:2::/48", "benchmarking", "RFC 5180", false),
		k("2001:3::/32", "AMT", "RFC 7450", true),
		k("2001:4:112::/48", "AS112", "RFC 7535", true),
		k("2001:10::/28", "ORCHID (deprecated)", "RFC 4843", false),
		k("2001:20::/28", "ORCHIDv2", "RFC 7343", true),
		k("2001:30::/28", "drone remote identification", "RFC 9374", true),
		k("2001:db8::/32", "documentation", "RFC 3849", false),
		k("2002::/16", "6to4", "RFC 3056", true),
		k("2620:4f:8000::/48", "AS112 direct delegation", "RFC 7534", true),
		k("3fff::/20", "documentation", "RFC 9637", false),
		k("5f00::/16", "segment routing identifiers", "RFC 9602", false),
		k("fc00::/8", "unique local, not assigned", "RFC 4193", false),
		k("fd00::/8", "unique local", "RFC 4193", false),
		k("fc00::/7", "unique local", "RFC 4193", false),
		k("fe80::/10", "link-local", "RFC 4291", false),
		k("fec0::/10", "site-local (deprecated)", "RFC 3879", false),
		k("ff00::/8", "multicast", "RFC 4291", true),

		k("0.0.0.0/8", "this network", "RFC 791", false),
		k("0.0.0.0/32", "this host on this network", "RFC 1122", false),
		k("10.0.0.0/8", "private", "RFC 1918", false),
		k("100.64.0.0/10", "shared by carriers (CGN)", "RFC 6598", false),
		k("127.0.0.0/8", "loopback", "RFC 1122", false),
		k("169.254.0.0/16", "link-local", "RFC 3927", false),
		k("172.16.0.0/12", "private", "RFC 1918", false),
		k("192.0.0.0/24", "IETF protocol assignments", "RFC 6890", false),
		k("192.0.0.0/29", "IPv4 service continuity", "RFC 7335", false),
		k("192.0.0.8/32", "IPv4 dummy address", "RFC 7600", false),
		k("192.0.0.9/32", "Port Control Protocol anycast", "RFC 7723", true),
		k("192.0.0.10/32", "TURN anycast", "RFC 8155", true),
		k("192.0.0.170/31", "NAT64/DNS64 discovery", "RFC 7050", false),
		k("192.0.2.0/24", "documentation (TEST-NET-1)", "RFC 5737", false),
		k("192.31.196.0/24", "AS112", "RFC 7535", true),
		k("192.52.193.0/24", "AMT", "RFC 7450", true),
		k("192.88.99.0/24", "6to4 relay anycast (deprecated)", "RFC 7526", false),
		k("192.168.0.0/16", "private", "RFC 1918", false),
		k("192.175.48.0/24", "AS112 direct delegation", "RFC 7534", true),
		k("198.18.0.0/15", "benchmarking", "RFC 2544", false),
		k("198.51.100.0/24", "documentation (TEST-NET-2)", "RFC 5737", false),
		k("203.0.113.0/24", "documentation (TEST-NET-3)", "RFC 5737", false),
		k("224.0.0.0/4", "multicast", "RFC 5771", true),
		k("240.0.0.0/4", "reserved", "RFC 1112", false),
		k("255.255.255.255/32", "limited broadcast", "RFC 919", false),
	}
}
