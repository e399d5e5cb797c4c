package pd

import (
	"encoding/binary"
	"errors"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// Bounds of what a server may send us. A Reply with all we can ask for is far below them.
const (
	maxDatagram = 4096
	maxOptions  = 128 // at the top level, and in each identity association
	maxIAs      = 64
	maxServers  = 16
	maxExtra    = 32 // options that we do not know
	maxDomains  = 32
	maxDUID     = 130 // RFC 8415 11.1: 128 octets and the type
	minDUID     = 3
)

// Why a datagram was dropped. The texts are the keys of Client.Dropped.
var (
	errTooLong   = errors.New("datagram too long")
	errTooShort  = errors.New("datagram too short")
	errType      = errors.New("not for a client")
	errTruncated = errors.New("option truncated")
	errTooMany   = errors.New("too many options")
	errClientID  = errors.New("bad client identifier")
	errServerID  = errors.New("bad server identifier")
)

// guarded is a datagram that is safe to give to the library.
type guarded struct {
	clean              []byte   // header and the options we use, every one well-formed
	clientID, serverID []byte   // opaque (RFC 8415 11): kept from the library, which takes them apart
	extra              []Option // options that we do not know, as they came
}

// precheck is the part of guard and of machine.receive that needs four octets only: is it an answer, and to what was sent?
func precheck(data []byte, expected uint32, keys []key) error {
	switch {
	case len(data) > maxDatagram:
		return errTooLong
	case len(data) < 4:
		return errTooShort
	}
	switch dhcp6.MessageType(data[0]) {
	case dhcp6.MessageTypeAdvertise, dhcp6.MessageTypeReply:
	case dhcp6.MessageTypeReconfigure:
		_, err := parseReconfigure(data, keys)
		return err
	default:
		return errType
	}
	if expected != expecting|transaction(data[1:4]) {
		return errUnasked
	}
	return nil
}

// transaction is a transaction id as a number.
func transaction(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// guard checks a received datagram and copies from it what we use. The library's parser has no bounds, refuses a
// message for one bad option of no interest, and reads prefix lengths that do not exist; so it sees only Advertise and
// Reply messages, at most three levels deep, with options whose lengths were checked here. A malformed option that we can
// do without is left out, as RFC 8415 16 has it.
func guard(data []byte) (guarded, error) {
	switch {
	case len(data) > maxDatagram:
		return guarded{}, errTooLong
	case len(data) < 4:
		return guarded{}, errTooShort
	}
	if t := dhcp6.MessageType(data[0]); t != dhcp6.MessageTypeAdvertise && t != dhcp6.MessageTypeReply {
		return guarded{}, errType
	}
	g := guarded{clean: append(make([]byte, 0, len(data)), data[:4]...)}
	seen := make(map[dhcp6.OptionCode]bool)
	ias := 0
	err := walk(data[4:], func(code dhcp6.OptionCode, body []byte) error {
		switch code {
		case dhcp6.OptionClientID:
			if g.clientID != nil || len(body) < minDUID || len(body) > maxDUID {
				return errClientID
			}
			g.clientID = append([]byte(nil), body...)
			return nil
		case dhcp6.OptionServerID:
			if g.serverID != nil || len(body) < minDUID || len(body) > maxDUID {
				return errServerID
			}
			g.serverID = append([]byte(nil), body...)
			return nil
		case dhcp6.OptionIANA, dhcp6.OptionIAPD:
			if ias++; ias > maxIAs {
				return errTooMany
			}
			if len(body) < 12 {
				return nil
			}
			inner, err := guardIA(code, body)
			if err != nil {
				return err
			}
			g.clean = appendOption(g.clean, code, inner)
			return nil
		}
		if seen[code] {
			return nil
		}
		if !known(code) && len(g.extra) < maxExtra {
			seen[code] = true
			g.extra = append(g.extra, Option{Code: uint16(code), Data: append([]byte{}, body...)})
		}
		if !wellFormed(code, body) {
			return nil
		}
		seen[code] = true
		g.clean = appendOption(g.clean, code, body)
		return nil
	})
	return g, err
}

// guardIA copies an identity association with the leases and the status in it.
func guardIA(ia dhcp6.OptionCode, body []byte) ([]byte, error) {
	out := append(make([]byte, 0, len(body)), body[:12]...)
	status := false
	err := walk(body[12:], func(code dhcp6.OptionCode, body []byte) error {
		switch {
		case code == dhcp6.OptionStatusCode && !status && len(body) >= 2:
			status = true
			out = appendOption(out, code, body)
		case ia == dhcp6.OptionIANA && code == dhcp6.OptionIAAddr && len(body) >= 24:
			return appendLease(&out, code, body, 24)
		case ia == dhcp6.OptionIAPD && code == dhcp6.OptionIAPrefix && len(body) >= 25 && body[8] >= 1 && body[8] <= 128:
			return appendLease(&out, code, body, 25)
		}
		return nil
	})
	return out, err
}

// appendLease copies an IAADDR or IAPREFIX whose fixed part has n bytes, with the status and what is excluded.
func appendLease(out *[]byte, code dhcp6.OptionCode, body []byte, n int) error {
	lease := append(make([]byte, 0, len(body)), body[:n]...)
	status, exclude := false, false
	err := walk(body[n:], func(inner dhcp6.OptionCode, body []byte) error {
		switch {
		case inner == dhcp6.OptionStatusCode && !status && len(body) >= 2:
			status = true
			lease = appendOption(lease, inner, body)
		case inner == dhcp6.OptionPDExclude && code == dhcp6.OptionIAPrefix && !exclude && len(body) >= 2 && len(body) <= 17:
			exclude = true
			lease = appendOption(lease, inner, body)
		}
		return nil
	})
	*out = appendOption(*out, code, lease)
	return err
}

// wellFormed says whether body is a value of an option that we use outside of identity associations.
func wellFormed(code dhcp6.OptionCode, body []byte) bool {
	switch code {
	case dhcp6.OptionPreference:
		return len(body) == 1
	case dhcp6.OptionStatusCode:
		return len(body) >= 2
	case dhcp6.OptionRapidCommit:
		return len(body) == 0
	case dhcp6.OptionDNSRecursiveNameServer:
		return len(body) > 0 && len(body)%16 == 0
	case dhcp6.OptionDomainSearchList:
		return validDomains(body)
	case dhcp6.OptionSolMaxRT, dhcp6.OptionInfMaxRT, dhcp6.OptionInformationRefreshTime:
		return len(body) == 4
	case dhcp6.OptionAuth:
		return len(body) == rkapSize
	}
	return false
}

// known says whether an option is one that we use, or that has no place at the top of an answer.
func known(code dhcp6.OptionCode) bool {
	switch code {
	case dhcp6.OptionPreference, dhcp6.OptionStatusCode, dhcp6.OptionRapidCommit, dhcp6.OptionDNSRecursiveNameServer,
		dhcp6.OptionDomainSearchList, dhcp6.OptionSolMaxRT, dhcp6.OptionInfMaxRT, dhcp6.OptionInformationRefreshTime, dhcp6.OptionAuth:
		return true
	}
	return false
}

// validDomains checks a list of domain names: none compressed (RFC 8415 10), each complete and of legal length.
func validDomains(b []byte) bool {
	names, length := 0, 0
	for len(b) > 0 {
		n := int(b[0])
		if n > 63 || n+1 > len(b) {
			return false
		}
		if n == 0 {
			if names++; names > maxDomains {
				return false
			}
			length = 0
		} else if length += n + 1; length > 254 {
			return false
		}
		b = b[n+1:]
	}
	return names > 0 && length == 0
}

// walk calls f for each option in b.
func walk(b []byte, f func(code dhcp6.OptionCode, body []byte) error) error {
	for n := 0; len(b) > 0; n++ {
		if n == maxOptions {
			return errTooMany
		}
		if len(b) < 4 {
			return errTruncated
		}
		code, size := dhcp6.OptionCode(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+size {
			return errTruncated
		}
		if err := f(code, b[4:4+size]); err != nil {
			return err
		}
		b = b[4+size:]
	}
	return nil
}

// appendOption appends an option to b.
func appendOption(b []byte, code dhcp6.OptionCode, body []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return append(b, body...)
}
