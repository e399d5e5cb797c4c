package ra

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/mdlayher/ndp"
)

const (
	minMTU     = 1280 // RFC 8200 section 5: what every link carries
	etherMTU   = 1500
	ipv6Header = 40
	raHeader   = 16
	flagSNAC   = 0x02 // bit 6 of the flags, which ndp does not know
	// maxRouterLifetime is what fits its field; RFC 8319 lifted the older limit of 9,000 s.
	maxRouterLifetime = 0xffff * time.Second
	// deprecated is the longest valid lifetime that stays of a prefix that is given up: hosts cut theirs to two hours and no further
	// (RFC 4862 5.5.3 e).
	deprecated = 2 * time.Hour
)

// Encode is the advertisement of i as it is at now: ICMPv6 messages without checksum, which the kernel fills in. It is one message
// as long as the options fit into a packet (PacketSize), and several with the same header otherwise: RFC 4861 6.2.3 allows that,
// while fragments are forbidden (RFC 6980). Lifetimes count down to the moments that cap them and end at 0. The bytes are the same
// for any now up to Lasting.
func Encode(i Interface, now time.Time) ([][]byte, error) {
	if err := check(i); err != nil {
		return nil, err
	}
	header := &ndp.RouterAdvertisement{
		CurrentHopLimit:      i.HopLimit,
		ManagedConfiguration: i.Managed,
		OtherConfiguration:   i.OtherConfig,
		MobileIPv6HomeAgent:  i.HomeAgent != nil,
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
	if i.SNAC {
		start[5] |= flagSNAC
	}
	options, err := encodeOptions(i, now)
	if err != nil {
		return nil, err
	}
	limit := i.packetSize() - ipv6Header
	for _, o := range options {
		if len(o) > limit-raHeader {
			return nil, fmt.Errorf("an option of type %d has %d bytes; %d fit into an advertisement", o[0], len(o), limit-raHeader)
		}
	}
	return pack(start, options, limit), nil
}

func (i Interface) packetSize() int {
	if i.PacketSize > 0 {
		return i.PacketSize
	}
	return max(minMTU, min(i.LinkMTU, etherMTU))
}

// final is what is sent when i stops being advertised: no default router any more (RFC 4861 6.2.5), no name servers, routes and
// NAT64 prefixes that would lead to us. The prefixes stay as they are: that a router goes does not take the addresses away, unless
// Deprecate says so.
func final(i Interface) Interface {
	i.RouterLifetime = 0
	i.HomeAgent = nil // the lifetime of one is never 0 (RFC 6275 7.4)
	if !i.KeepDNS {
		i.DNSLifetime, i.DNSSLLifetime = 0, 0
		i.DNR = slices.Clone(i.DNR)
		for n := range i.DNR {
			i.DNR[n].Lifetime = 0
		}
	}
	i.Routes, i.PREF64, i.Prefixes = slices.Clone(i.Routes), slices.Clone(i.PREF64), slices.Clone(i.Prefixes)
	for n := range i.Routes {
		if !i.Routes[n].Keep {
			i.Routes[n].Lifetime = 0
		}
	}
	for n := range i.PREF64 {
		i.PREF64[n].Lifetime = 0
	}
	for n := range i.Prefixes {
		if p := &i.Prefixes[n]; p.Deprecate {
			p.Preferred, p.Valid = 0, min(p.Valid, deprecated)
		}
	}
	return i
}

// moved is what is sent from an address when i is advertised from another one (RFC 4861 6.2.8): what hosts know by the router is
// withdrawn, and what they know by itself is left to the new address.
func moved(i Interface) Interface {
	i.RouterLifetime, i.HomeAgent = 0, nil
	i.Routes = slices.Clone(i.Routes)
	for n := range i.Routes {
		i.Routes[n].Lifetime = 0
	}
	return i
}

// pack distributes options over messages of at most limit bytes that each begin with header, in order. There is at least one
// message.
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
