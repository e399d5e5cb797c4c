package ra

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Types of ND options.
const (
	optSourceLLA = 1
	optPrefix    = 3
	optMTU       = 5
	optRoute     = 24 // RFC 4191
	optRDNSS     = 25 // RFC 8106
	optDNSSL     = 31 // RFC 8106
)

// Received is an advertisement of some router, in a form that is ready for JSON. Lifetimes are in seconds as on the wire:
// 4294967295 is forever.
type Received struct {
	Time   time.Time  `json:"time"`   // when it came; zero from Decode
	Index  int        `json:"index"`  // interface it came in on; zero from Decode
	Router netip.Addr `json:"router"` // its link-local address; invalid from Decode
	MAC    string     `json:"mac,omitempty"`

	HopLimit       uint8  `json:"hop_limit"`
	Managed        bool   `json:"managed"`
	OtherConfig    bool   `json:"other_config"`
	Preference     string `json:"preference"` // low, medium, high
	RouterLifetime uint16 `json:"router_lifetime_seconds"`
	ReachableTime  uint32 `json:"reachable_time_milliseconds"`
	RetransTimer   uint32 `json:"retrans_timer_milliseconds"`
	MTU            uint32 `json:"mtu,omitempty"` // 0: there was no such option

	Prefixes []ReceivedPrefix  `json:"prefixes,omitempty"`
	Routes   []ReceivedRoute   `json:"routes,omitempty"`
	RDNSS    []ReceivedServers `json:"rdnss,omitempty"`
	DNSSL    []ReceivedDomains `json:"dnssl,omitempty"`

	Unknown   []uint8 `json:"unknown_options,omitempty"`   // types of well-formed options that Decode does not know
	Malformed []uint8 `json:"malformed_options,omitempty"` // types of options that were skipped because they make no sense
	Truncated bool    `json:"truncated,omitempty"`         // the last option runs over the end or has length 0
}

// ReceivedPrefix is a prefix information option.
type ReceivedPrefix struct {
	Prefix     netip.Prefix `json:"prefix"`
	OnLink     bool         `json:"on_link"`
	Autonomous bool         `json:"autonomous"`
	Valid      uint32       `json:"valid_lifetime_seconds"`
	Preferred  uint32       `json:"preferred_lifetime_seconds"`
}

// ReceivedRoute is a route information option (RFC 4191).
type ReceivedRoute struct {
	Prefix     netip.Prefix `json:"prefix"`
	Preference string       `json:"preference"`
	Lifetime   uint32       `json:"lifetime_seconds"`
}

// ReceivedServers is a recursive DNS server option (RFC 8106 5.1).
type ReceivedServers struct {
	Lifetime uint32       `json:"lifetime_seconds"`
	Servers  []netip.Addr `json:"servers"`
}

// ReceivedDomains is a DNS search list option (RFC 8106 5.2). Bytes other than letters, digits, hyphens and underscores are
// written as \DDD: the names come from the network and go to a terminal.
type ReceivedDomains struct {
	Lifetime uint32   `json:"lifetime_seconds"`
	Domains  []string `json:"domains"`
}

// Decode reads an ICMPv6 router advertisement, from its type byte on. It fails only for what is no advertisement; an option that
// makes no sense is skipped and noted, as RFC 4861 6.1.2 has it, where ndp.ParseMessage refuses the whole message (and cannot read
// options of 256 bytes and more). It does not check what only the receiver of the packet knows: hop limit and source.
func Decode(b []byte) (Received, error) {
	if len(b) < 16 || b[0] != typeAdvertisement || b[1] != 0 {
		return Received{}, errors.New("not a router advertisement")
	}
	r := Received{
		HopLimit:       b[4],
		Managed:        b[5]&0x80 != 0,
		OtherConfig:    b[5]&0x40 != 0,
		Preference:     preference(b[5]),
		RouterLifetime: binary.BigEndian.Uint16(b[6:]),
		ReachableTime:  binary.BigEndian.Uint32(b[8:]),
		RetransTimer:   binary.BigEndian.Uint32(b[12:]),
	}
	r.Truncated = !walkOptions(b[16:], func(o []byte) {
		known, ok := r.option(o)
		switch {
		case !known:
			r.Unknown = append(r.Unknown, o[0])
		case !ok:
			r.Malformed = append(r.Malformed, o[0])
		}
	})
	return r, nil
}

// option adds one option, of at least 8 bytes, to r.
func (r *Received) option(o []byte) (known, ok bool) {
	switch o[0] {
	case optSourceLLA:
		if len(o) == 8 {
			r.MAC = net.HardwareAddr(o[2:8]).String()
		}
		return true, len(o) == 8
	case optMTU:
		if len(o) == 8 {
			r.MTU = binary.BigEndian.Uint32(o[4:])
		}
		return true, len(o) == 8
	case optPrefix:
		if len(o) != 32 || o[2] > 128 {
			return true, false
		}
		r.Prefixes = append(r.Prefixes, ReceivedPrefix{
			Prefix:     netip.PrefixFrom(netip.AddrFrom16([16]byte(o[16:32])), int(o[2])).Masked(),
			OnLink:     o[3]&0x80 != 0,
			Autonomous: o[3]&0x40 != 0,
			Valid:      binary.BigEndian.Uint32(o[4:]),
			Preferred:  binary.BigEndian.Uint32(o[8:]),
		})
		return true, true
	case optRoute:
		var a [16]byte
		copy(a[:], o[8:])
		// RFC 4191 2.3: a reserved preference means that the option is ignored; the length must hold the prefix.
		if len(o) > 24 || o[2] > 128 || int(o[2]) > (len(o)-8)*8 || o[3]>>3&3 == 2 {
			return true, false
		}
		r.Routes = append(r.Routes, ReceivedRoute{
			Prefix:     netip.PrefixFrom(netip.AddrFrom16(a), int(o[2])).Masked(),
			Preference: preference(o[3]),
			Lifetime:   binary.BigEndian.Uint32(o[4:]),
		})
		return true, true
	case optRDNSS:
		if len(o) < 24 || (len(o)-8)%16 != 0 {
			return true, false
		}
		s := ReceivedServers{Lifetime: binary.BigEndian.Uint32(o[4:])}
		for a := o[8:]; len(a) > 0; a = a[16:] {
			s.Servers = append(s.Servers, netip.AddrFrom16([16]byte(a[:16])))
		}
		r.RDNSS = append(r.RDNSS, s)
		return true, true
	case optDNSSL:
		domains, ok := decodeNames(o[8:])
		if ok {
			r.DNSSL = append(r.DNSSL, ReceivedDomains{Lifetime: binary.BigEndian.Uint32(o[4:]), Domains: domains})
		}
		return true, ok
	}
	return false, false
}

// preference reads bits 3 and 4 of flags (RFC 4191 2.1); the reserved value counts as medium (2.2).
func preference(flags byte) string {
	switch flags >> 3 & 3 {
	case 1:
		return "high"
	case 3:
		return "low"
	}
	return "medium"
}

// decodeNames reads uncompressed domain names up to the padding.
func decodeNames(b []byte) ([]string, bool) {
	var names []string
	for len(b) > 0 && b[0] != 0 {
		var name strings.Builder
		size := 1
		for {
			if len(b) == 0 {
				return nil, false
			}
			n := int(b[0])
			if n == 0 {
				b = b[1:]
				break
			}
			if size += n + 1; n > 63 || n >= len(b) || size > 255 {
				return nil, false
			}
			if name.Len() > 0 {
				name.WriteByte('.')
			}
			for _, c := range b[1 : n+1] {
				writeEscaped(&name, c)
			}
			b = b[n+1:]
		}
		names = append(names, name.String())
	}
	return names, len(names) > 0
}

// writeEscaped writes a byte of a label as in a zone file (RFC 1035 5.1).
func writeEscaped(w *strings.Builder, c byte) {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		w.WriteByte(c)
	default:
		w.Write([]byte{'\\', '0' + c/100, '0' + c/10%10, '0' + c%10})
	}
}
