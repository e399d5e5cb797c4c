package subnet

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// ParseMAC reads a hardware address of 6 or 8 bytes in any usual spelling: 52:54:00:d6:c2:a9, 52-54-0-D6-C2-A9, 5254.00d6.c2a9,
// 5254-00d6-c2a9, 525400d6c2a9.
func ParseMAC(s string) (net.HardwareAddr, error) {
	wrong := fmt.Errorf("%q is not a hardware address such as 52:54:00:d6:c2:a9", s)
	if len(s) > 32 {
		return nil, fmt.Errorf("%q… is too long for a hardware address such as 52:54:00:d6:c2:a9", s[:32])
	}
	separator := ""
	if i := strings.IndexAny(s, ":-. "); i >= 0 {
		separator = s[i : i+1]
	}
	digits := s
	if separator != "" {
		groups := strings.Split(s, separator)
		size := 2
		if n := len(groups); n == 2 || n == 3 || n == 4 {
			size = 4
			if n == 2 {
				size = 6 // 525400-d6c2a9, as Hewlett-Packard writes it
			}
		}
		digits = ""
		for _, g := range groups {
			// Only groups of a byte may leave out zeros: elsewhere it is a mistake.
			if g == "" || len(g) > size || size != 2 && len(g) != size {
				return nil, wrong
			}
			digits += strings.Repeat("0", size-len(g)) + g
		}
	}
	mac, err := hex.DecodeString(digits)
	if err != nil || len(mac) != 6 && len(mac) != 8 {
		return nil, wrong
	}
	return mac, nil
}

// linkLocal is the prefix of link-local addresses (RFC 4291 2.5.6).
var linkLocal = netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80}), 64)

// EUI64 returns the address that a host with the hardware address makes in prefix by stateless autoconfiguration (RFC 4291 appendix A).
func EUI64(prefix netip.Prefix, mac net.HardwareAddr) (netip.Addr, error) {
	switch {
	case !prefix.Addr().Is6():
		return netip.Addr{}, fmt.Errorf("%s is IPv4: only IPv6 addresses are made of a hardware address", prefix)
	case prefix.Bits() < 64:
		return netip.Addr{}, fmt.Errorf("%s holds many /64s: choose one of them, see sixfold subnet split %s 64", prefix, prefix)
	case prefix.Bits() > 64:
		return netip.Addr{}, fmt.Errorf("%s is too small: the 64 bits made of a hardware address need a /64", prefix)
	}
	b := prefix.Masked().Addr().As16()
	switch len(mac) {
	case 6:
		copy(b[8:], mac[:3])
		b[11], b[12] = 0xff, 0xfe
		copy(b[13:], mac[3:])
	case 8:
		copy(b[8:], mac)
	default:
		return netip.Addr{}, fmt.Errorf("%s has %d bytes: a hardware address has 6 or 8", mac, len(mac))
	}
	b[8] ^= 2
	return netip.AddrFrom16(b), nil
}

// LinkLocal returns the link-local address made of the hardware address.
func LinkLocal(mac net.HardwareAddr) (netip.Addr, error) { return EUI64(linkLocal, mac) }

// MAC returns the hardware address that the address was made of, if it looks like one that was: with ff:fe in the middle of its
// last 64 bits.
func MAC(a netip.Addr) (net.HardwareAddr, bool) {
	if !a.Is6() || a.Is4In6() {
		return nil, false
	}
	b := a.As16()
	if b[11] != 0xff || b[12] != 0xfe || a.IsMulticast() {
		return nil, false
	}
	return net.HardwareAddr{b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]}, true
}
