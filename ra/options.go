package ra

import (
	"encoding/binary"
	"time"

	"github.com/mdlayher/ndp"
)

// Options that RFC 4861 does not have, beside those that decode.go names.
const (
	optInterval      = 7   // RFC 6275 7.3
	optHomeAgent     = 8   // RFC 6275 7.4
	optCaptivePortal = 37  // RFC 8910
	optPREF64        = 38  // RFC 8781
	optDNR           = 144 // RFC 9463
)

// maxOption is what the length field of an option can say.
const maxOption = 255 * 8

// cautious is the interval below which that in the option gets a leeway for how exactly a router keeps it (RFC 6275 7.5).
const (
	cautious = 200 * time.Millisecond
	leeway   = 20 * time.Millisecond
)

// encodeOptions gives one slice of bytes an option, in the order in which they are sent. ndp encodes those where it knows every
// flag and every length; it knows neither the R nor the P flag of prefixes, cuts routes to whole bytes, and fails for options of 256
// bytes and more.
func encodeOptions(i Interface, now time.Time) ([][]byte, error) {
	var list []ndp.Option
	if len(i.MAC) == 6 {
		list = append(list, &ndp.LinkLayerAddress{Direction: ndp.Source, Addr: i.MAC})
	}
	if i.LinkMTU > 0 {
		list = append(list, ndp.NewMTU(uint32(i.LinkMTU)))
	}
	var all [][]byte
	for _, o := range list {
		// ndp marshals options only as part of a message: the one with the shortest header.
		b, err := ndp.MarshalMessage(&ndp.RouterSolicitation{Options: []ndp.Option{o}})
		if err != nil {
			return nil, err
		}
		all = append(all, b[8:])
	}
	for _, p := range i.Prefixes {
		all = append(all, encodePrefix(p, now))
	}
	for _, r := range i.Routes {
		all = append(all, encodeRoute(r, now))
	}
	all = append(all, encodeServers(i.RDNSS, i.DNSLifetime)...)
	all = append(all, encodeServers(i.GoneRDNSS, 0)...)
	search, err := encodeSearchLists(i.DNSSL, i.DNSSLLifetime)
	if err != nil {
		return nil, err
	}
	all = append(all, search...)
	for _, p := range i.PREF64 {
		all = append(all, encodePREF64(p, now))
	}
	if i.CaptivePortal != "" {
		all = append(all, encodeRaw(RawOption{Type: optCaptivePortal, Data: []byte(i.CaptivePortal)}))
	}
	// A host that forgets a resolver by its name alone finds it again in what follows, if only its addresses changed.
	for _, o := range i.GoneDNR {
		all = append(all, encodeRaw(o))
	}
	for _, r := range i.DNR {
		b, err := encodeResolver(r)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	if i.Interval {
		all = append(all, encodeInterval(i.MaxInterval))
	}
	if h := i.HomeAgent; h != nil && (h.MobileRouter || h.Preference != 0 || h.Lifetime.Truncate(time.Second) != i.RouterLifetime.Truncate(time.Second)) {
		all = append(all, encodeHomeAgent(*h))
	}
	for _, o := range i.Raw {
		all = append(all, encodeRaw(o))
	}
	return all, nil
}

// newOption is an option with room for n bytes of content, padded to whole units of 8.
func newOption(kind uint8, n int) []byte {
	b := make([]byte, (n+2+7)/8*8)
	b[0], b[1] = kind, uint8(len(b)/8)
	return b
}

// encodePrefix is a prefix information option (RFC 4861 4.6.2, RFC 6275 7.2, RFC 9762 3).
func encodePrefix(p Prefix, now time.Time) []byte {
	b := newOption(optPrefix, 30)
	b[2] = uint8(p.Prefix.Bits())
	for _, flag := range []struct {
		set bool
		bit byte
	}{{p.OnLink, 0x80}, {p.Autonomous, 0x40}, {p.RouterAddress.IsValid(), 0x20}, {p.PDPreferred, 0x10}} {
		if flag.set {
			b[3] |= flag.bit
		}
	}
	valid, preferred := p.lifetimes(now)
	binary.BigEndian.PutUint32(b[4:], seconds32(valid))
	binary.BigEndian.PutUint32(b[8:], seconds32(preferred))
	address := p.Prefix.Addr()
	if p.RouterAddress.IsValid() {
		address = p.RouterAddress
	}
	copy(b[16:], address.AsSlice())
	return b
}

// encodeRoute is a route information option (RFC 4191 2.3), as short as its prefix allows.
func encodeRoute(r Route, now time.Time) []byte {
	b := newOption(optRoute, 6+(r.Prefix.Bits()+63)/64*8)
	b[2], b[3] = uint8(r.Prefix.Bits()), r.Preference<<3
	binary.BigEndian.PutUint32(b[4:], seconds32(remaining(r.Lifetime, r.Until, now)))
	copy(b[8:], r.Prefix.Addr().AsSlice())
	return b
}

// encodePREF64 is a PREF64 option (RFC 8781 4).
func encodePREF64(p PREF64, now time.Time) []byte {
	b := newOption(optPREF64, 14)
	code, _ := pref64Code(p.Prefix.Bits())
	binary.BigEndian.PutUint16(b[2:], uint16(units(remaining(p.Lifetime, p.Until, now)))<<3|code)
	copy(b[4:16], p.Prefix.Addr().AsSlice())
	return b
}

// units is a lifetime in the 8 s of a PREF64 option. It is rounded up (RFC 8781 4.1), so that one that is not over does not end.
func units(lifetime time.Duration) time.Duration {
	return (lifetime + 8*time.Second - 1) / (8 * time.Second)
}

// pref64Code is the prefix length code of RFC 8781 4.
func pref64Code(bits int) (uint16, bool) {
	for code, length := range []int{96, 64, 56, 48, 40, 32} {
		if bits == length {
			return uint16(code), true
		}
	}
	return 0, false
}

func encodeInterval(most time.Duration) []byte {
	if most < cautious {
		most += leeway
	}
	b := newOption(optInterval, 6)
	binary.BigEndian.PutUint32(b[4:], uint32(most/time.Millisecond))
	return b
}

// encodeHomeAgent is a home agent information option (RFC 6275 7.4, RFC 3963 5.1).
func encodeHomeAgent(h HomeAgent) []byte {
	b := newOption(optHomeAgent, 6)
	if h.MobileRouter {
		b[2] = 0x80
	}
	binary.BigEndian.PutUint16(b[4:], uint16(h.Preference))
	binary.BigEndian.PutUint16(b[6:], uint16(h.Lifetime/time.Second))
	return b
}

func encodeRaw(o RawOption) []byte {
	b := newOption(o.Type, len(o.Data))
	copy(b[2:], o.Data)
	return b
}

func seconds32(d time.Duration) uint32 { return uint32(d / time.Second) }
