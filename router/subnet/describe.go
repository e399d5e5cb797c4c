package subnet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// Fact is one thing that an address says about itself.
type Fact struct {
	Name  string // mac, 6to4, scope …
	Value string
}

// Facts returns what the bits of the address p.Addr() mean, in a subnet of the length of p: the hardware address, the IPv4 address
// or the multicast scope in it, and the addresses that follow from it.
func Facts(p netip.Prefix) []Fact {
	a := p.Addr()
	var f facts
	switch {
	case a.Is4():
		f.ipv4(p)
	case a.IsMulticast():
		f.multicast(a)
	default:
		f.embedded(a)
		f.identifier(p)
	}
	return f
}

type facts []Fact

func (f *facts) add(name, format string, args ...any) {
	*f = append(*f, Fact{name, fmt.Sprintf(format, args...)})
}

func (f *facts) ipv4(p netip.Prefix) {
	a := p.Addr()
	b := a.As4()
	if a.IsMulticast() {
		f.add("group mac", "01:00:5e:%02x:%02x:%02x", b[1]&0x7f, b[2], b[3])
		return
	}
	if p.Bits() <= 30 {
		f.add("netmask", "%s", ones(32).xor(ones(32-p.Bits())).addr(32))
		f.add("broadcast", "%s", Last(p))
	}
	f.add("mapped", "::ffff:%s", a)
	if k, ok := KindOf(netip.PrefixFrom(a, 32)); ok && k.Global {
		f.add("6to4 prefix", "%s", netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 2, b[0], b[1], b[2], b[3]}), 48))
		f.add("nat64", "%s", netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b, 12: b[0], b[1], b[2], b[3]}))
	}
}

// embedded tells of the IPv4 addresses in IPv6 addresses of transition.
func (f *facts) embedded(a netip.Addr) {
	b := a.As16()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	in := func(prefix string) bool { return netip.MustParsePrefix(prefix).Contains(a) }
	switch {
	case a.Is4In6():
		f.add("ipv4", "%s", at(12))
	case in("::/96") && binary.BigEndian.Uint32(b[12:]) > 0xffff:
		f.add("ipv4", "%s", at(12))
	case in("64:ff9b::/96"):
		f.add("ipv4", "%s", at(12))
	case in("2002::/16"):
		f.add("6to4 gateway", "%s", at(2))
	case in("2001::/32"):
		f.add("teredo server", "%s", at(4))
		flags := binary.BigEndian.Uint16(b[8:])
		nat := "restricted"
		if flags&0x8000 != 0 {
			nat = "cone"
		}
		f.add("teredo client", "%d.%d.%d.%d port %d, %s NAT", b[12]^0xff, b[13]^0xff, b[14]^0xff, b[15]^0xff, binary.BigEndian.Uint16(b[10:])^0xffff, nat)
	case in("fd00::/8"):
		f.add("global id", "%x", b[1:6])
		f.add("subnet id", "%x", b[6:8])
	}
}

// identifier tells what the host part of a unicast address is, and what follows from it.
func (f *facts) identifier(p netip.Prefix) {
	a := p.Addr()
	b := a.As16()
	if a.IsUnspecified() || a.IsLoopback() || a.Is4In6() {
		return
	}
	host := number{}
	if p.Bits() < 128 {
		host = numberOf(a).and(ones(128 - p.Bits()))
	}
	length := max(p.Bits(), 64)
	if p.Bits() == 128 {
		length = 64 // the address alone: its subnet is most likely a /64
	}
	id := numberOf(a).lo
	switch mac, ok := MAC(a); {
	case host == (number{}) && p.Bits() >= 64 && p.Bits() < 127:
		f.add("identifier", "subnet-router anycast address (RFC 4291 2.6.1)")
	case id == 0 && p.Bits() == 128:
		f.add("identifier", "subnet-router anycast address if the subnet is a /64 (RFC 4291 2.6.1)")
	case ok:
		scope := "universal"
		if mac[0]&2 != 0 {
			scope = "locally administered"
		}
		f.add("identifier", "EUI-64 of a hardware address (RFC 4291 appendix A)")
		f.add("mac", "%s, %s", mac, scope)
	case binary.BigEndian.Uint32(b[8:])&^0x02000000 == 0x00005efe:
		f.add("identifier", "ISATAP (RFC 5214)")
		f.add("ipv4", "%s", netip.AddrFrom4([4]byte(b[12:])))
	case length < 127 && anycast(a, length):
		f.add("identifier", "reserved subnet anycast address %d (RFC 2526)%s", b[15]&0x7f, mobile(b[15]&0x7f))
	case reserved(a, length):
		f.add("identifier", "reserved (RFC 5453)")
	}
	if p.Bits() == 128 || host != (number{}) {
		f.add("solicited-node", "ff02::1:ff%02x:%x", b[13], binary.BigEndian.Uint16(b[14:]))
	}
}

// anycast reports whether a is one of the highest 128 addresses of its subnet (RFC 2526), where a /64 has the universal bit clear.
func anycast(a netip.Addr, length int) bool {
	host := numberOf(a).and(ones(128 - length))
	if length == 64 {
		return host.lo >= 0xfdffffffffffff80 && host.lo <= 0xfdffffffffffffff
	}
	top := ones(128 - length).xor(ones(7))
	return 128-length >= 8 && host.and(top) == top
}

func mobile(id byte) string {
	if id == 0x7e {
		return ": Mobile IPv6 home agents"
	}
	return ""
}

// multicast tells of the flags (RFC 4291 2.7, RFC 7371) and the scope of a group, and what is embedded in it.
func (f *facts) multicast(a netip.Addr) {
	b := a.As16()
	flags := b[1] >> 4
	var names []string
	for _, flag := range []struct {
		bit  byte
		name string
	}{{4, "R: rendezvous point embedded (RFC 3956)"}, {2, "P: from a unicast prefix (RFC 3306)"}, {1, "T: not assigned by IANA"}} {
		if flags&flag.bit != 0 {
			names = append(names, flag.name)
		}
	}
	if len(names) == 0 {
		names = []string{"none: assigned by IANA"}
	}
	f.add("flags", "%s", strings.Join(names, ", "))
	f.add("scope", "%d, %s", b[1]&15, scopeName(b[1]&15))
	if name := groupName(a); name != "" {
		f.add("group", "%s", name)
	}
	if flags&2 != 0 && b[3] <= 64 {
		var prefix [16]byte
		copy(prefix[:8], b[4:12])
		p := netip.PrefixFrom(netip.AddrFrom16(prefix), int(b[3])).Masked()
		switch {
		case b[3] == 0 && flags&4 == 0:
			f.add("unicast prefix", "none: source-specific (RFC 4607)")
		case b[3] != 0:
			f.add("unicast prefix", "%s", p)
		}
		if flags&4 != 0 && b[3] != 0 && b[2]&15 != 0 {
			rp := p.Addr().As16()
			rp[15] = b[2] & 15
			f.add("rendezvous point", "%s", netip.AddrFrom16(rp))
		}
	}
	if solicited := netip.MustParsePrefix("ff02::1:ff00:0/104"); solicited.Contains(a) {
		f.add("group", "solicited-node of addresses that end in %02x:%02x%02x", b[13], b[14], b[15])
	}
	f.add("group mac", "33:33:%02x:%02x:%02x:%02x", b[12], b[13], b[14], b[15])
}

func scopeName(scope byte) string {
	switch scope {
	case 0, 15:
		return "reserved"
	case 1:
		return "interface-local"
	case 2:
		return "link-local"
	case 3:
		return "realm-local"
	case 4:
		return "admin-local"
	case 5:
		return "site-local"
	case 8:
		return "organization-local"
	case 14:
		return "global"
	}
	return "not assigned"
}

// groupName names the groups that a router meets.
func groupName(a netip.Addr) string {
	b := a.As16()
	if b[1]>>4 != 0 {
		return ""
	}
	scope := b[1] & 15
	b[1] = 0x02
	name, scopes := "", ""
	switch netip.AddrFrom16(b).String() {
	case "ff02::1":
		name, scopes = "all nodes", "\x01\x02"
	case "ff02::2":
		name, scopes = "all routers", "\x01\x02\x05"
	case "ff02::5":
		name, scopes = "all OSPF routers", "\x02"
	case "ff02::6":
		name, scopes = "OSPF designated routers", "\x02"
	case "ff02::9":
		name, scopes = "RIP routers", "\x02"
	case "ff02::a":
		name, scopes = "EIGRP routers", "\x02"
	case "ff02::d":
		name, scopes = "all PIM routers", "\x02"
	case "ff02::12":
		name, scopes = "VRRP", "\x02"
	case "ff02::16":
		name, scopes = "all MLDv2 routers", "\x02"
	case "ff02::6a":
		name, scopes = "all snoopers", "\x02"
	case "ff02::fb":
		name = "mDNS"
	case "ff02::101":
		name = "NTP"
	case "ff02::1:2":
		name, scopes = "all DHCPv6 servers and relay agents", "\x02"
	case "ff02::1:3":
		switch scope {
		case 2:
			return "LLMNR"
		case 5:
			return "all DHCPv6 servers"
		}
		return ""
	}
	if scopes != "" && !strings.Contains(scopes, string(rune(scope))) {
		return ""
	}
	return name
}
