package ra

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Types of ND options.
const (
	optSourceLLA = 1
	optPrefix    = 3
	optMTU       = 5
	optNonce     = 14 // RFC 3971
	optRoute     = 24 // RFC 4191
	optRDNSS     = 25 // RFC 8106
	optFlags     = 26 // RFC 5175
	optDNSSL     = 31 // RFC 8106
	optContext   = 34 // RFC 6775
	optBorder    = 35 // RFC 6775
)

// Decode reads an ICMPv6 router advertisement, from its type byte on. It fails only for what is no advertisement; an option that
// makes no sense is skipped and noted, as RFC 4861 6.1.2 has it, where ndp.ParseMessage refuses the whole message (and cannot read
// options of 256 bytes and more, nor routes that do not end on a byte). It does not check what only the receiver of the packet
// knows: hop limit and source.
func Decode(b []byte) (Received, error) {
	if len(b) < 16 || b[0] != typeAdvertisement || b[1] != 0 {
		return Received{}, errors.New("not a router advertisement")
	}
	r := Received{
		HopLimit:       b[4],
		Managed:        b[5]&0x80 != 0,
		OtherConfig:    b[5]&0x40 != 0,
		HomeAgent:      b[5]&0x20 != 0,
		Preference:     preference(b[5]),
		Proxy:          b[5]&0x04 != 0,
		SNAC:           b[5]&0x02 != 0,
		RouterLifetime: binary.BigEndian.Uint16(b[6:]),
		ReachableTime:  binary.BigEndian.Uint32(b[8:]),
		RetransTimer:   binary.BigEndian.Uint32(b[12:]),
	}
	if b[5]>>3&3 == 2 {
		r.Notes = append(r.Notes, "the router preference is the reserved value, which counts as medium")
	}
	r.Truncated = !walkOptions(b[16:], func(o []byte) {
		known, err := r.option(o)
		switch {
		case !known:
			r.Unknown = append(r.Unknown, UnknownOption{Type: o[0], Data: Hex(append([]byte(nil), o[2:]...))})
		case err != nil:
			r.Malformed = append(r.Malformed, MalformedOption{Type: o[0], Length: len(o), Reason: err.Error()})
		}
	})
	return r, nil
}

// option adds one option, of at least 8 bytes, to r, or says why it makes no sense.
func (r *Received) option(o []byte) (known bool, err error) {
	switch o[0] {
	case optSourceLLA:
		if err = sized(o, 8); err == nil {
			r.MAC = net.HardwareAddr(o[2:8]).String()
		}
	case optMTU:
		mtu := binary.BigEndian.Uint32(o[4:])
		if err = sized(o, 8); err == nil && mtu < minMTU {
			err = fmt.Errorf("an MTU of %d, below %d", mtu, minMTU)
		}
		if err == nil {
			r.MTU = mtu
		}
	case optPrefix:
		err = r.prefix(o)
	case optRoute:
		err = r.route(o)
	case optRDNSS:
		err = r.servers(o)
	case optDNSSL:
		var domains []string
		if domains, err = decodeNames(o[8:]); err == nil {
			r.DNSSL = append(r.DNSSL, ReceivedDomains{Lifetime: binary.BigEndian.Uint32(o[4:]), Domains: domains})
		}
	case optPREF64:
		err = r.pref64(o)
	case optCaptivePortal:
		err = r.captivePortal(o)
	case optDNR:
		err = r.resolver(o)
	case optInterval:
		if err = sized(o, 8); err == nil {
			r.Interval = binary.BigEndian.Uint32(o[4:])
		}
	case optHomeAgent:
		if err = sized(o, 8); err == nil {
			r.HomeAgentInfo = &ReceivedHomeAgent{
				Preference: int16(binary.BigEndian.Uint16(o[4:])), Lifetime: binary.BigEndian.Uint16(o[6:]), MobileRouter: o[2]&0x80 != 0,
			}
		}
	case optFlags:
		if err = sized(o, 8); err == nil {
			r.MoreFlags = Hex(append([]byte(nil), o[2:8]...))
		}
	case optNonce:
		r.Nonce = Hex(append([]byte(nil), o[2:]...))
	case optContext:
		err = r.context(o)
	case optBorder:
		if err = sized(o, 24); err == nil {
			r.BorderRouters = append(r.BorderRouters, ReceivedBorderRouter{
				Address: netip.AddrFrom16([16]byte(o[8:24])),
				Version: uint32(binary.BigEndian.Uint16(o[4:]))<<16 | uint32(binary.BigEndian.Uint16(o[2:])),
				Minutes: binary.BigEndian.Uint16(o[6:]),
			})
		}
	default:
		return false, nil
	}
	return true, err
}

// sized wants an option of just so many bytes.
func sized(o []byte, want int) error {
	if len(o) != want {
		return fmt.Errorf("%d bytes long instead of %d", len(o), want)
	}
	return nil
}

// prefix reads a prefix information option (RFC 4861 4.6.2, RFC 6275 7.2, RFC 9762 3).
func (r *Received) prefix(o []byte) error {
	if err := sized(o, 32); err != nil {
		return err
	}
	if o[2] > 128 {
		return fmt.Errorf("a prefix of %d bits", o[2])
	}
	addr := netip.AddrFrom16([16]byte(o[16:32]))
	p := ReceivedPrefix{
		Prefix:      netip.PrefixFrom(addr, int(o[2])).Masked(),
		OnLink:      o[3]&0x80 != 0,
		Autonomous:  o[3]&0x40 != 0,
		PDPreferred: o[3]&0x10 != 0,
		Valid:       binary.BigEndian.Uint32(o[4:]),
		Preferred:   binary.BigEndian.Uint32(o[8:]),
	}
	if o[3]&0x20 != 0 {
		p.RouterAddress = addr
	}
	switch {
	case addr.IsMulticast():
		return fmt.Errorf("the multicast prefix %s", p.Prefix)
	case addr.IsLinkLocalUnicast() && p.Prefix.Bits() >= 10:
		p.Problem = "hosts ignore a link-local prefix"
	case p.Autonomous && p.Preferred > p.Valid:
		p.Problem = "preferred for longer than valid: hosts make no address of it"
	case p.Autonomous && p.Prefix.Bits() != 64:
		p.Problem = "not a /64: hosts make no address of it"
	}
	r.Prefixes = append(r.Prefixes, p)
	return nil
}

// route reads a route information option (RFC 4191 2.3).
func (r *Received) route(o []byte) error {
	var a [16]byte
	copy(a[:], o[8:])
	switch {
	case len(o) > 24:
		return fmt.Errorf("%d bytes long, more than 24", len(o))
	case o[2] > 128:
		return fmt.Errorf("a prefix of %d bits", o[2])
	case int(o[2]) > (len(o)-8)*8:
		return fmt.Errorf("a prefix of %d bits in %d bytes", o[2], len(o)-8)
	case o[3]>>3&3 == 2:
		return errors.New("the reserved preference")
	}
	r.Routes = append(r.Routes, ReceivedRoute{
		Prefix:     netip.PrefixFrom(netip.AddrFrom16(a), int(o[2])).Masked(),
		Preference: preference(o[3]),
		Lifetime:   binary.BigEndian.Uint32(o[4:]),
	})
	return nil
}

// pref64 reads a PREF64 option (RFC 8781 4).
func (r *Received) pref64(o []byte) error {
	if err := sized(o, 16); err != nil {
		return err
	}
	head := binary.BigEndian.Uint16(o[2:])
	lengths := []int{96, 64, 56, 48, 40, 32}
	if int(head&7) >= len(lengths) {
		return fmt.Errorf("the reserved prefix length code %d", head&7)
	}
	var a [16]byte
	copy(a[:], o[4:16])
	r.PREF64 = append(r.PREF64, ReceivedPREF64{
		Prefix: netip.PrefixFrom(netip.AddrFrom16(a), lengths[head&7]).Masked(), Lifetime: uint32(head>>3) * 8,
	})
	return nil
}

// context reads a 6LoWPAN context option (RFC 6775 4.2).
func (r *Received) context(o []byte) error {
	var a [16]byte
	copy(a[:], o[8:])
	if len(o) > 24 || o[2] > 128 || int(o[2]) > (len(o)-8)*8 {
		return fmt.Errorf("a context prefix of %d bits in %d bytes", o[2], len(o)-8)
	}
	r.Contexts = append(r.Contexts, ReceivedContext{
		ID: o[3] & 0x0f, Compress: o[3]&0x10 != 0, Minutes: binary.BigEndian.Uint16(o[6:]),
		Prefix: netip.PrefixFrom(netip.AddrFrom16(a), int(o[2])).Masked(),
	})
	return nil
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
