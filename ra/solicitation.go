package ra

import "net/netip"

const (
	typeSolicitation  = 133
	typeAdvertisement = 134
	infiniteHops      = 255 // the hop limit that no packet from behind a router can have
)

// packetInfo is what the socket tells of a packet beside its bytes.
type packetInfo struct {
	index     int        // the interface it came in on
	source    netip.Addr // without zone
	hopLimit  int        // -1: not told
	truncated bool
}

// checkSolicitation applies RFC 4861 6.1.1 to an ICMPv6 message, whose checksum the kernel has verified. It returns why the
// message must be dropped, or "".
func checkSolicitation(b []byte, info packetInfo) string {
	switch {
	case len(b) < 1 || b[0] != typeSolicitation:
		return DropType
	case info.truncated:
		return DropTruncated
	case info.hopLimit != infiniteHops:
		return DropHopLimit
	case len(b) < 8:
		return DropShort
	case b[1] != 0:
		return DropCode
	case !info.source.Is6() || info.source.IsMulticast() || info.source.IsLoopback():
		return DropSource
	}
	reason := ""
	intact := walkOptions(b[8:], func(o []byte) {
		if o[0] == optSourceLLA && info.source.IsUnspecified() {
			reason = DropLinkLayer
		}
	})
	if !intact {
		return DropOption
	}
	return reason
}

// walkOptions calls each with every option of an ND message, type and length bytes included: at least 8 bytes. It reports false,
// having stopped there, when an option has length 0 or runs over the end.
func walkOptions(b []byte, each func(o []byte)) bool {
	for len(b) > 0 {
		if len(b) < 8 {
			return false
		}
		n := int(b[1]) * 8
		if n == 0 || n > len(b) {
			return false
		}
		each(b[:n])
		b = b[n:]
	}
	return true
}
