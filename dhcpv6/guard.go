package dhcpv6

import (
	"encoding/binary"
	"net"
	"net/netip"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// Limits on what is read from the wire. No client or relay in use comes near them; the library behind has none of its own.
const (
	maxDatagram  = 4096
	maxRelays    = 8   // HOP_COUNT_LIMIT of RFC 8415 7.6
	maxOptions   = 64  // options side by side, at any level
	maxIAs       = 16  // identity associations in one message
	maxLeases    = 16  // addresses or prefixes in one identity association
	maxRequested = 128 // codes in one Option Request option
	maxText      = 256 // bytes of a status message
	minDUID      = 3   // a type and one byte, RFC 8415 11.1
	maxDUID      = 130
	maxOpaque    = 256 // bytes of an Interface-Id
)

// datagram is what the guard lets through: the relay layers, outermost first, and the client's message with only those
// options that the server looks at.
type datagram struct {
	relays  []relayLayer
	message []byte
	client  []byte // Client Identifier; nil if there is none
	server  []byte // Server Identifier; nil if there is none
	hasIA   bool   // an identity association of any kind is there, IA_TA too
}

// relayLayer is one Relay-forward header with the options that the server needs or mirrors.
type relayLayer struct {
	hops        uint8
	link, peer  netip.Addr
	interfaceID []byte // nil if there is none
	relayPort   []byte // two bytes of RFC 8357, or nil
	mac         net.HardwareAddr
}

// guard checks the raw datagram and takes it apart, in time and memory linear in its size. A datagram that is not taken has
// a reason, in the words that Status.Dropped counts under.
//
// Options that the server does not look at are checked for their place only and left out of the message, so that a client
// with an odd vendor option is served all the same, and no decoder of such options ever sees it.
func guard(b []byte) (d datagram, reason string) {
	if len(b) > maxDatagram {
		return d, "too-long"
	}
	for len(b) > 0 && dhcp6.MessageType(b[0]) == dhcp6.MessageTypeRelayForward {
		if len(d.relays) == maxRelays {
			return d, "too-many-relays"
		}
		layer, inner, reason := guardRelay(b)
		if reason != "" {
			return d, reason
		}
		d.relays = append(d.relays, layer)
		b = inner
	}
	if len(b) < dhcp6.MessageHeaderSize {
		return d, "truncated"
	}
	switch dhcp6.MessageType(b[0]) {
	case dhcp6.MessageTypeSolicit, dhcp6.MessageTypeRequest, dhcp6.MessageTypeConfirm, dhcp6.MessageTypeRenew,
		dhcp6.MessageTypeRebind, dhcp6.MessageTypeRelease, dhcp6.MessageTypeDecline, dhcp6.MessageTypeInformationRequest:
	default:
		return d, "not-for-a-server"
	}
	return d, d.guardMessage(b)
}

func guardRelay(b []byte) (l relayLayer, inner []byte, reason string) {
	if len(b) < dhcp6.RelayHeaderSize {
		return l, nil, "truncated"
	}
	l.hops = b[1]
	if l.hops > maxRelays {
		return l, nil, "hop-count"
	}
	l.link = netip.AddrFrom16([16]byte(b[2:18]))
	l.peer = netip.AddrFrom16([16]byte(b[18:34]))
	reason = eachOption(b[dhcp6.RelayHeaderSize:], func(code dhcp6.OptionCode, data []byte) string {
		switch code {
		case dhcp6.OptionRelayMsg:
			if inner != nil {
				return "duplicate-option"
			}
			inner = data
		case dhcp6.OptionInterfaceID:
			if len(data) > maxOpaque {
				return "interface-id-length"
			}
			l.interfaceID = append([]byte{}, data...)
		case dhcp6.OptionRelayPort:
			if len(data) != 2 {
				return "relay-port-length"
			}
			l.relayPort = append([]byte{}, data...)
		case dhcp6.OptionClientLinkLayerAddr:
			// RFC 6939: hardware type, then the address. Only Ethernet is compared with reservations.
			if len(data) == 8 && binary.BigEndian.Uint16(data) == 1 {
				l.mac = append(net.HardwareAddr{}, data[2:]...)
			}
		}
		return ""
	})
	if reason == "" && inner == nil {
		reason = "no-relay-message"
	}
	return l, inner, reason
}

// guardMessage checks the message of a client and sets the fields of d from it.
func (d *datagram) guardMessage(b []byte) string {
	out := make([]byte, 0, len(b))
	out = append(out, b[:dhcp6.MessageHeaderSize]...)
	type ia struct {
		code dhcp6.OptionCode
		id   [4]byte
	}
	var ias []ia
	reason := eachOption(b[dhcp6.MessageHeaderSize:], func(code dhcp6.OptionCode, data []byte) string {
		switch code {
		case dhcp6.OptionClientID, dhcp6.OptionServerID:
			if len(data) < minDUID || len(data) > maxDUID {
				return "duid-length"
			}
			to := &d.client
			if code == dhcp6.OptionServerID {
				to = &d.server
			}
			if *to != nil {
				return "duplicate-option"
			}
			*to = append([]byte{}, data...)
		case dhcp6.OptionIATA:
			d.hasIA = true
		case dhcp6.OptionIANA, dhcp6.OptionIAPD:
			d.hasIA = true
			if len(data) < 12 {
				return "ia-length"
			}
			if len(ias) == maxIAs {
				return "too-many-ias"
			}
			this := ia{code, [4]byte(data[:4])}
			for _, other := range ias {
				if other == this {
					return "duplicate-iaid"
				}
			}
			ias = append(ias, this)
			var reason string
			out, reason = guardIA(out, code, data)
			return reason
		case dhcp6.OptionORO:
			if len(data)%2 != 0 || len(data) > 2*maxRequested {
				return "option-request-length"
			}
			out = appendOption(out, code, data)
		case dhcp6.OptionRapidCommit:
			if len(data) != 0 {
				return "rapid-commit-length"
			}
			out = appendOption(out, code, data)
		case dhcp6.OptionReconfAccept:
			if len(data) != 0 {
				return "reconfigure-accept-length"
			}
			out = appendOption(out, code, data)
		}
		return ""
	})
	d.message = out
	return reason
}

// guardIA appends the checked identity association to out, its addresses or prefixes without options of their own.
func guardIA(out []byte, code dhcp6.OptionCode, data []byte) ([]byte, string) {
	start := len(out)
	out = appendOption(out, code, data[:12])
	leases := 0
	reason := eachOption(data[12:], func(sub dhcp6.OptionCode, data []byte) string {
		switch sub {
		case dhcp6.OptionStatusCode:
			return guardStatus(sub, data)
		case dhcp6.OptionIAAddr, dhcp6.OptionIAPrefix:
		default:
			return ""
		}
		if leases++; leases > maxLeases {
			return "too-many-leases"
		}
		size := 24
		if sub == dhcp6.OptionIAPrefix {
			size = 25
		}
		if len(data) < size {
			return "lease-length"
		}
		if sub == dhcp6.OptionIAPrefix && data[8] > 128 {
			return "prefix-length"
		}
		if reason := eachOption(data[size:], guardStatus); reason != "" {
			return reason
		}
		switch {
		case sub == dhcp6.OptionIAAddr && code != dhcp6.OptionIANA, sub == dhcp6.OptionIAPrefix && code != dhcp6.OptionIAPD:
			// In the wrong kind of association: it means nothing there.
		case sub == dhcp6.OptionIAPrefix && data[8] == 0, sub == dhcp6.OptionIAAddr && [16]byte(data) == [16]byte{}:
			// No wish at all, which some clients spell out. The library would make a nil prefix of it.
		default:
			out = appendOption(out, sub, data[:size])
		}
		return ""
	})
	binary.BigEndian.PutUint16(out[start+2:], uint16(len(out)-start-4))
	return out, reason
}

func guardStatus(code dhcp6.OptionCode, data []byte) string {
	if code == dhcp6.OptionStatusCode && (len(data) < 2 || len(data) > 2+maxText) {
		return "status-length"
	}
	return ""
}

// eachOption calls f for each option of one level, until f gives a reason to stop.
func eachOption(b []byte, f func(code dhcp6.OptionCode, data []byte) string) string {
	for count := 0; len(b) > 0; count++ {
		if count == maxOptions {
			return "too-many-options"
		}
		if len(b) < 4 {
			return "truncated"
		}
		code, size := dhcp6.OptionCode(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
		if len(b)-4 < size {
			return "truncated"
		}
		if reason := f(code, b[4:4+size:4+size]); reason != "" {
			return reason
		}
		b = b[4+size:]
	}
	return ""
}

func appendOption(b []byte, code dhcp6.OptionCode, data []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}
