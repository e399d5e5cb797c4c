package config

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// Client is what is said about the DHCPv6 client of a link beside the delegations and the address that it asks for.
type Client struct {
	DUID        []byte // nil: that of the router
	Reconfigure bool
	Stateless   bool // ask for DNS servers and domains alone
	Fallback    Expr // our address while no server gives one; invalid: none
	Request     []uint16
	Send        []DHCPOption // sorted by number
}

// DHCPOption is a DHCPv6 option as it is on the wire.
type DHCPOption struct {
	Code uint16
	Data []byte
}

// Numbers of options that have a field of their own.
const (
	optionUserClass   = 15
	optionVendorClass = 16
)

// clientSends are the options that the client sees to by itself, and what in the configuration decides on them.
var clientSends = map[uint16]string{
	1: "it is set by duid", 2: "it is that of the server", 3: "it is sent with request_address", 4: "no server gives temporary addresses",
	5: "it belongs into option 3", 6: "it is set by request_options", 8: "the client sets it", 9: "it is for relays", 11: "servers send it",
	13: "servers send it", 14: "it is set by rapid_commit", optionUserClass: "it is set by user_classes", optionVendorClass: "it is set by vendor_classes",
	18: "it is for relays", 19: "servers send it", 20: "it is set by reconfigure", 25: "it is sent with delegations", 26: "it belongs into option 25",
}

// client converts what is said about the client of a link.
func (b *builder) client(m *sixfoldv1.Interface, s *spot) *Client {
	c := m.GetClient()
	if c == nil {
		return nil
	}
	out := &Client{DUID: b.duid(c.GetDuid(), s.field("duid")), Reconfigure: true, Stateless: c.GetStateless()}
	if c.Reconfigure != nil {
		out.Reconfigure = c.GetReconfigure()
	}
	switch asks := len(m.GetDelegations()) > 0 || m.GetRequestAddress(); {
	case asks && c.GetStateless():
		b.errorf(s.field("stateless"), "DNS servers and domains come with what is asked for on this link: leave it out")
	case !asks && !c.GetStateless():
		b.errorf(s, "nothing is asked for on this link: add delegations, request_address, or client.stateless")
	}
	if text := c.GetFallbackAddress(); text != "" {
		out.Fallback = b.fallback(text, m, s.field("fallback_address"))
	}
	out.Request = b.requested(c.GetRequestOptions(), s.field("request_options"))
	out.Send = b.sent(c, s)
	return out
}

// fallback reads the address of the link while no server gives one.
func (b *builder) fallback(text string, m *sixfoldv1.Interface, s *spot) Expr {
	e := b.ownAddress(text, s)
	switch {
	case !e.IsValid():
	case e.Delegation == "":
		b.errorf(s, "%s does not come from a delegation; list it in addresses", text)
	case !m.GetRequestAddress() && !m.GetAcceptRa():
		b.errorf(s, "no address is asked for on this link (request_address, accept_ra): list it in addresses")
	default:
		return e
	}
	return Expr{}
}

// requested reads the numbers of options to ask for.
func (b *builder) requested(codes []uint32, s *spot) []uint16 {
	var all []uint16
	for n, code := range codes {
		if code == 0 || code > 0xffff {
			b.errorf(s.item(n), "%d is not the number of an option; accepted: 1 to 65535", code)
			continue
		}
		if slices.Contains(all, uint16(code)) {
			b.errorf(s.item(n), "%d is in the list twice", code)
		}
		all = append(all, uint16(code))
	}
	return all
}

// sent returns the options to send: classes, and those that are given as they are.
func (b *builder) sent(c *sixfoldv1.DhcpClient, s *spot) []DHCPOption {
	var all []DHCPOption
	if classes := c.GetUserClasses(); len(classes) > 0 {
		all = append(all, DHCPOption{optionUserClass, classData(nil, classes)})
	}
	seen := map[uint32]bool{}
	for n, v := range c.GetVendorClasses() {
		if seen[v.GetEnterprise()] {
			b.errorf(s.field("vendor_classes").item(n), "enterprise %d is in the list twice", v.GetEnterprise())
		}
		seen[v.GetEnterprise()] = true
		all = append(all, DHCPOption{optionVendorClass, classData(binary.BigEndian.AppendUint32(nil, v.GetEnterprise()), v.GetData())})
	}
	at := s.field("send_options")
	for _, key := range inOrder(c.GetSendOptions(), at) {
		code, err := strconv.ParseUint(key, 10, 16)
		if err != nil || code == 0 {
			b.key(at.entry(key), "%s is not the number of an option; accepted: 1 to 65535", excerpt(key))
			continue
		}
		if why, ok := clientSends[uint16(code)]; ok {
			b.key(at.entry(key), "option %d cannot be given here: %s", code, why)
			continue
		}
		data, err := parseHex(c.GetSendOptions()[key])
		switch {
		case err != nil:
			b.errorf(at.entry(key), "%q is not octets in hexadecimal", excerpt(c.GetSendOptions()[key]))
		case len(data) > 512:
			b.errorf(at.entry(key), "an option of %d octets is too long; accepted: up to 512", len(data))
		default:
			all = append(all, DHCPOption{uint16(code), data})
		}
	}
	slices.SortStableFunc(all, func(a, b DHCPOption) int { return int(a.Code) - int(b.Code) })
	return all
}

// classData writes classes, each after its length (RFC 9915 21.15, 21.16).
func classData(head []byte, classes []string) []byte {
	for _, c := range classes {
		head = binary.BigEndian.AppendUint16(head, uint16(len(c)))
		head = append(head, c...)
	}
	return head
}

// excludedAddress reads the address on the uplink in what a server excludes: the bits below /64.
func (b *builder) excludedAddress(text string, s *spot) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	a, err := parseAddr(text)
	switch {
	case err != nil:
		b.errorf(s, "%v", err)
	case !a.Is6() || a.IsUnspecified() || !fits(a, 64):
		b.errorf(s, "%s has no place in a prefix of 64 bits: give an address as ::1", text)
	default:
		return a
	}
	return netip.Addr{}
}

// checkDNSFrom reports names from which no DNS servers can come.
func (b *builder) checkDNSFrom(cfg *Config) {
	learns := map[string]bool{}
	var names []string
	for name, d := range b.delegations {
		if d.link != "" {
			names = append(names, name)
			learns[name] = true
		}
	}
	for _, i := range cfg.Interfaces {
		if i.RequestAddress || len(i.Delegations) > 0 || i.Client != nil {
			names = append(names, i.Name)
			learns[i.Name] = true
		}
	}
	check := func(name string, s *spot) {
		if name == "" || learns[name] {
			return
		}
		if len(names) == 0 {
			b.errorf(s, "nothing is learnt from %s: no interface has delegations, request_address or client", excerpt(name))
			return
		}
		b.accepted(s, some(names), "nothing is learnt from %s: it is neither a delegation nor an interface with delegations, request_address or client%s",
			excerpt(name), suggest(name, names))
	}
	for _, i := range cfg.Interfaces {
		if i.Advertise != nil {
			check(i.Advertise.DNSFrom, b.at(i.Name).field("advertise").field("dns_from"))
		}
		if i.DHCPv6 != nil && (i.Advertise == nil || i.DHCPv6.DNSFrom != i.Advertise.DNSFrom) {
			check(i.DHCPv6.DNSFrom, b.at(i.Name).field("dhcpv6").field("dns_from"))
		}
	}
}

// String returns the option as number and octets.
func (o DHCPOption) String() string { return fmt.Sprintf("%d %x", o.Code, o.Data) }
