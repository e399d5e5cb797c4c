package dhcpv6

import (
	"encoding/binary"
	"net/netip"
)

const (
	serverPort = 547
	clientPort = 546

	ipv6Header = 40
	udpHeader  = 8
	nextUDP    = 17
	hopLimit   = 64
)

// The groups of RFC 8415 7.1. ISC's relay uses the second one.
var (
	allAgentsAndServers = netip.MustParseAddr("ff02::1:2")
	allServers          = netip.MustParseAddr("ff05::1:3")
)

// parseFrame takes an IPv6 packet apart. The message of a client has no extension header; one that is so large that it came
// in fragments is not served. A packet that is not taken has a reason, in the words of Status.Dropped.
func parseFrame(b []byte, checksummed bool) (source netip.Addr, payload []byte, reason string) {
	if len(b) < ipv6Header+udpHeader {
		return source, nil, "truncated"
	}
	if b[0]>>4 != 6 || b[6] != nextUDP {
		return source, nil, "not-udp"
	}
	size := int(binary.BigEndian.Uint16(b[4:]))
	if size < udpHeader || size > len(b)-ipv6Header {
		return source, nil, "truncated"
	}
	udp := b[ipv6Header : ipv6Header+size] // what follows is padding of the link
	length := int(binary.BigEndian.Uint16(udp[4:]))
	if length < udpHeader || length > size {
		return source, nil, "udp-length"
	}
	udp = udp[:length]
	dst := netip.AddrFrom16([16]byte(b[24:40]))
	if dst != allAgentsAndServers || binary.BigEndian.Uint16(udp[2:]) != serverPort {
		return source, nil, "not-for-a-server"
	}
	if !checksummed && !checksumOK(b[8:40], udp) {
		return source, nil, "checksum"
	}
	source = netip.AddrFrom16([16]byte(b[8:24]))
	// RFC 8415 13.2: clients use their link-local address, which is what the reply and the routes go to.
	if !source.IsLinkLocalUnicast() {
		return source, nil, "source-address"
	}
	return source, udp[udpHeader:], ""
}

// buildFrame is an IPv6 packet with a message to a client. It does not ask for the path to the client: that is one link.
func buildFrame(source, to netip.Addr, payload []byte) []byte {
	size := udpHeader + len(payload)
	b := make([]byte, ipv6Header, ipv6Header+size)
	b[0], b[6], b[7] = 0x60, nextUDP, hopLimit
	binary.BigEndian.PutUint16(b[4:], uint16(size))
	src, dst := source.As16(), to.As16()
	copy(b[8:], src[:])
	copy(b[24:], dst[:])
	for _, n := range [...]int{serverPort, clientPort, size, 0} {
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	b = append(b, payload...)
	sum := ^sumOf(b[8:40], b[ipv6Header:])
	if sum == 0 {
		sum = 0xffff // RFC 8200 8.1: zero would be none
	}
	binary.BigEndian.PutUint16(b[ipv6Header+6:], sum)
	return b
}

// checksumOK verifies the checksum of RFC 8200 8.1 over the addresses and the UDP datagram. Zero means none, which IPv6 does
// not allow.
func checksumOK(addresses, udp []byte) bool {
	if udp[6] == 0 && udp[7] == 0 {
		return false
	}
	return sumOf(addresses, udp) == 0xffff
}

// sumOf is the ones' complement sum of the pseudo-header and the UDP datagram.
func sumOf(addresses, udp []byte) uint16 {
	sum := uint64(len(udp)) + nextUDP
	for _, b := range [...][]byte{addresses, udp} {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint64(b[0])<<8 | uint64(b[1])
		}
		if len(b) == 1 {
			sum += uint64(b[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
