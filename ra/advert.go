package ra

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/idna"
)

const (
	minMTU       = 1280 // RFC 8200 section 5: what every link carries
	etherMTU     = 1500
	ipv6Header   = 40
	rdnssServers = 15 // in one option: with 16 it has 264 bytes, and ndp cannot marshal options of 256 bytes and more
	dnsslBytes   = 248 - 8
	// maxRouterLifetime is what fits its field; RFC 8319 lifted the older limit of 9,000 s.
	maxRouterLifetime = 0xffff * time.Second
)

// Encode is the advertisement of i as it is at now: ICMPv6 messages without checksum, which the kernel fills in. It is one message
// as long as the options fit the MTU of the link (LinkMTU, or else the 1280 bytes that every link carries), and several with the
// same header otherwise: RFC 4861 6.2.3 allows that, while fragments are forbidden (RFC 6980). Prefix lifetimes count down to
// ValidUntil and PreferredUntil and end at 0.
func Encode(i Interface, now time.Time) ([][]byte, error) {
	if err := check(i); err != nil {
		return nil, err
	}
	header := &ndp.RouterAdvertisement{
		CurrentHopLimit:      i.HopLimit,
		ManagedConfiguration: i.Managed,
		OtherConfiguration:   i.OtherConfig,
		RouterLifetime:       i.RouterLifetime,
		ReachableTime:        i.ReachableTime,
		RetransmitTimer:      i.RetransTimer,
	}
	if i.RouterLifetime >= time.Second {
		// RFC 4191 2.2: the preference is 00 in what does not come from a default router.
		header.RouterSelectionPreference = ndp.Preference(i.Preference)
	}
	start, err := ndp.MarshalMessage(header)
	if err != nil {
		return nil, err
	}
	options, err := encodeOptions(i, now)
	if err != nil {
		return nil, err
	}
	return pack(start, options, max(minMTU, min(i.LinkMTU, etherMTU))-ipv6Header), nil
}

// final is what is sent when i stops being advertised: no default router, no name servers any more (RFC 4861 6.2.5). The prefixes
// stay as they are: that a router goes does not take the addresses away.
func final(i Interface) Interface {
	i.RouterLifetime = 0
	i.DNSLifetime = 0
	return i
}

// check refuses what has no encoding. ndp would cut it silently to the width of its field.
func check(i Interface) error {
	switch {
	case i.RouterLifetime < 0 || i.RouterLifetime > maxRouterLifetime:
		return fmt.Errorf("router lifetime %s is not within 0 and %s", i.RouterLifetime, maxRouterLifetime)
	case i.Preference > 3 || i.Preference == 2:
		return fmt.Errorf("router preference %d is not 0, 1 or 3", i.Preference)
	case i.ReachableTime < 0 || i.ReachableTime/time.Millisecond > 0xffffffff:
		return fmt.Errorf("reachable time %s is out of range", i.ReachableTime)
	case i.RetransTimer < 0 || i.RetransTimer/time.Millisecond > 0xffffffff:
		return fmt.Errorf("retransmission timer %s is out of range", i.RetransTimer)
	case i.LinkMTU < 0 || i.LinkMTU > 0 && i.LinkMTU < minMTU || int64(i.LinkMTU) > 0xffffffff:
		return fmt.Errorf("link MTU %d is below %d", i.LinkMTU, minMTU)
	case i.DNSLifetime < 0 || i.DNSLifetime > Forever:
		return fmt.Errorf("lifetime %s of name servers is out of range", i.DNSLifetime)
	}
	for _, p := range i.Prefixes {
		if !p.Prefix.IsValid() || !p.Prefix.Addr().Is6() || p.Prefix.Addr().Is4In6() || p.Prefix != p.Prefix.Masked() {
			return fmt.Errorf("%s is not an IPv6 prefix", p.Prefix)
		}
		if p.Valid < 0 || p.Valid > Forever || p.Preferred < 0 || p.Preferred > Forever {
			return fmt.Errorf("a lifetime of prefix %s is out of range", p.Prefix)
		}
	}
	for _, a := range i.RDNSS {
		if !a.Is6() || a.Is4In6() {
			return fmt.Errorf("name server %s is not an IPv6 address", a)
		}
	}
	return nil
}

// encodeOptions gives one slice of bytes an option, in the order in which they are sent.
func encodeOptions(i Interface, now time.Time) ([][]byte, error) {
	var list []ndp.Option
	if len(i.MAC) == 6 {
		list = append(list, &ndp.LinkLayerAddress{Direction: ndp.Source, Addr: i.MAC})
	}
	if i.LinkMTU > 0 {
		list = append(list, ndp.NewMTU(uint32(i.LinkMTU)))
	}
	for _, p := range i.Prefixes {
		valid := remaining(p.Valid, p.ValidUntil, now)
		list = append(list, &ndp.PrefixInformation{
			PrefixLength:                   uint8(p.Prefix.Bits()),
			OnLink:                         p.OnLink,
			AutonomousAddressConfiguration: p.Autonomous,
			ValidLifetime:                  valid,
			// A receiver ignores the prefix if it is preferred for longer than it is valid (RFC 4862 5.5.3 c).
			PreferredLifetime: min(valid, remaining(p.Preferred, p.PreferredUntil, now)),
			Prefix:            p.Prefix.Addr(),
		})
	}
	for servers := i.RDNSS; len(servers) > 0; {
		n := min(len(servers), rdnssServers)
		list = append(list, &ndp.RecursiveDNSServer{Lifetime: i.DNSLifetime, Servers: servers[:n]})
		servers = servers[n:]
	}
	var encoded [][]byte
	for _, o := range list {
		// ndp marshals options only as part of a message: the one with the shortest header.
		b, err := ndp.MarshalMessage(&ndp.RouterSolicitation{Options: []ndp.Option{o}})
		if err != nil {
			return nil, err
		}
		encoded = append(encoded, b[8:])
	}
	search, err := encodeSearchLists(i.DNSSL, i.DNSLifetime)
	return append(encoded, search...), err
}

// remaining is the lifetime at now of something that lives for configured at a time, but not after until.
func remaining(configured time.Duration, until, now time.Time) time.Duration {
	if until.IsZero() {
		return configured
	}
	return min(configured, max(0, until.Sub(now).Truncate(time.Second)))
}

// encodeSearchLists is as many DNSSL options (RFC 8106 5.2) as it takes for the domains. ndp's own encoder fails for more names
// than fit 255 bytes and for a final dot.
func encodeSearchLists(domains []string, lifetime time.Duration) ([][]byte, error) {
	var options [][]byte
	var names []byte
	flush := func() {
		if len(names) == 0 {
			return
		}
		b := make([]byte, 8+(len(names)+7)/8*8)
		b[0], b[1] = optDNSSL, uint8(len(b)/8)
		binary.BigEndian.PutUint32(b[4:], uint32(lifetime/time.Second))
		copy(b[8:], names)
		options, names = append(options, b), nil
	}
	for _, d := range domains {
		name, err := encodeName(d)
		if err != nil {
			return nil, fmt.Errorf("search domain %q: %w", d, err)
		}
		if len(names)+len(name) > dnsslBytes {
			flush()
		}
		names = append(names, name...)
	}
	flush()
	return options, nil
}

// encodeName is domain as in RFC 1035 3.1, uncompressed.
func encodeName(domain string) ([]byte, error) {
	ascii, err := idna.Punycode.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil {
		return nil, err
	}
	var b []byte
	for label := range strings.SplitSeq(ascii, ".") {
		if len(label) == 0 || len(label) > 63 {
			return nil, errors.New("a label must have 1 to 63 bytes")
		}
		b = append(append(b, uint8(len(label))), label...)
	}
	if b = append(b, 0); len(b) > 255 {
		return nil, errors.New("longer than 255 bytes")
	}
	return b, nil
}

// pack distributes options over messages of at most limit bytes that each begin with header, in order. There is at least one
// message. An option that is longer than all the room gets a message of its own.
func pack(header []byte, options [][]byte, limit int) [][]byte {
	messages := [][]byte{append([]byte(nil), header...)}
	for _, o := range options {
		last := &messages[len(messages)-1]
		if len(*last) > len(header) && len(*last)+len(o) > limit {
			messages = append(messages, append([]byte(nil), header...))
			last = &messages[len(messages)-1]
		}
		*last = append(*last, o...)
	}
	return messages
}

// valid reports what makes an interface unusable for sending, apart from its content.
func (i Interface) valid() error {
	switch {
	case i.Index <= 0:
		return errors.New("no interface index")
	case !i.LinkLocal.Is6() || !i.LinkLocal.IsLinkLocalUnicast() || i.LinkLocal.Zone() != "":
		return fmt.Errorf("source address %s is not link-local", addrString(i.LinkLocal))
	case i.MinInterval <= 0 || i.MaxInterval < i.MinInterval:
		return fmt.Errorf("interval of %s to %s", i.MinInterval, i.MaxInterval)
	}
	return nil
}

func addrString(a netip.Addr) string {
	if !a.IsValid() {
		return "(none)"
	}
	return a.String()
}
