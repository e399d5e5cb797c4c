package config

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// builder makes the typed configuration. What cannot be read is reported and left at its zero value, which the checks that
// follow pass over; a list keeps its length, so that its items are still found by number.
type builder struct {
	*report
	root        *spot
	delegations map[string]*delegation // by name, before anything refers to them
	interfaces  []string
	inVRFs      []member
	message     *sixfoldv1.Config
	here        string              // interface that is being read; empty: outside of interfaces
	rests       map[string]*spot    // pools of all that is left, by name of the delegation
	lengths     map[[2]string][]int // of parts among the addresses, by delegation and name: see lengthsOf
	parts       []partOf            // of delegations that the router chooses, as they were spoken of
	files       map[string]*spot    // that consumers write, by path
}

// delegation is where a delegated prefix comes from.
type delegation struct {
	link string
	spot *spot
	bits int // length that is asked for, or 0
}

// build converts and checks a message. Its result is of use only when nothing was reported.
func build(m *sixfoldv1.Config, root *spot, r *report) *Config {
	checkRules(m, root, r)
	b := &builder{report: r, root: root, message: m, rests: map[string]*spot{}, delegations: map[string]*delegation{}}
	b.collect(m)
	cfg := &Config{}
	cfg.ULA = b.ula(m)
	b.system(m.GetSystem(), root.field("system"), cfg)
	links := root.field("interfaces")
	for _, name := range inOrder(m.GetInterfaces(), links) {
		cfg.Interfaces = append(cfg.Interfaces, b.iface(name, m.GetInterfaces()[name], links.entry(name)))
	}
	b.instances(m, cfg)
	cfg.Routes = b.routeList(m.GetRoutes(), root.field("routes"), "")
	b.instanceRoutes(m, cfg)
	if m.GetBgp() != nil {
		cfg.BGP = b.bgp(m.GetBgp(), root.field("bgp"), cfg.RouterID)
	}
	b.locals(m, root.field("local"), cfg)
	if m.GetFirewall() != nil {
		cfg.Firewall = b.firewall(m.GetFirewall(), root.field("firewall"))
	}
	b.api(m.GetApi(), root.field("api"), cfg)
	b.metrics(m.GetMetrics(), root.field("metrics"), cfg)
	if m.GetMulticast() != nil {
		cfg.Multicast = b.multicast(m.GetMulticast(), root.field("multicast"))
	}
	b.checkPatterns(cfg)
	b.checkAddresses(cfg)
	b.checkLocals(cfg)
	b.checkVXLANs(cfg)
	b.checkDevices(cfg)
	b.checkMTU(cfg)
	b.checkPools(cfg)
	b.checkReservations(cfg)
	b.checkMulticast(cfg)
	b.checkSpeakers(cfg)
	b.checkDNSFrom(cfg)
	b.checkParts(cfg)
	sortByName(cfg.Interfaces, func(i Interface) string { return i.Name })
	return cfg
}

// collect notes the names that may be referred to from anywhere.
func (b *builder) collect(m *sixfoldv1.Config) {
	links := b.root.field("interfaces")
	for _, name := range inOrder(m.GetInterfaces(), links) {
		b.interfaces = append(b.interfaces, name)
		at := links.entry(name).field("delegations")
		asked := m.GetInterfaces()[name].GetDelegations()
		for _, d := range inOrder(asked, at) {
			s := at.entry(d)
			if first, ok := b.delegations[d]; ok {
				b.key(s, "%s is already the name of %s; each delegation needs its own", d, first.spot.where())
				continue
			}
			b.delegations[d] = &delegation{link: name, spot: s, bits: int(asked[d].GetLength())}
			if p, err := netip.ParsePrefix(asked[d].GetPrefix()); err == nil {
				b.delegations[d].bits = p.Bits()
			}
		}
	}
}

func (b *builder) system(m *sixfoldv1.System, s *spot, cfg *Config) {
	if cfg.Hostname = m.GetHostname(); cfg.Hostname != "" {
		if err := checkDomain(cfg.Hostname); err != nil {
			b.errorf(s.field("hostname"), "%v", err)
		}
	}
	cfg.RouterID = b.routerID(m.GetRouterId(), s.field("router_id"))
	cfg.DUID = b.duid(m.GetDuid(), s.field("duid"))
}

// routerID reads a BGP identifier; RFC 6286 takes all but zero.
func (b *builder) routerID(text string, s *spot) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		b.errorf(s, "%q is not a router identifier: four numbers as in 192.0.2.1", excerpt(text))
		return netip.Addr{}
	}
	if a.IsUnspecified() {
		b.errorf(s, "0.0.0.0 cannot be a router identifier")
		return netip.Addr{}
	}
	return a
}

// duid reads a DUID; without a text it is nil.
func (b *builder) duid(text string, s *spot) []byte {
	if text == "" {
		return nil
	}
	d, err := ParseDUID(text)
	if err != nil {
		b.errorf(s, "%v", err)
		return nil
	}
	return d
}

func parseHex(text string) ([]byte, error) {
	if !strings.ContainsAny(text, ":-") {
		return hex.DecodeString(text)
	}
	var digits strings.Builder
	for _, octet := range strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == '-' }) {
		if len(octet) > 2 {
			return nil, errors.New("more than two digits between colons")
		}
		fmt.Fprintf(&digits, "%02s", octet)
	}
	if strings.Count(text, ":")+strings.Count(text, "-")+1 != digits.Len()/2 {
		return nil, errors.New("nothing between colons")
	}
	return hex.DecodeString(digits.String())
}

// duration reads a duration, or returns what holds without one. It must be whole in units of step, from least to most.
func (b *builder) duration(d *durationpb.Duration, s *spot, step, least, most, absent time.Duration) time.Duration {
	if d == nil {
		return absent
	}
	v, err := fromProto(d)
	switch {
	case err != nil:
		b.errorf(s, "%v", err)
	case v < least || v > most:
		b.errorf(s, "%s is out of range; accepted: %s to %s", FormatDuration(v), FormatDuration(least), FormatDuration(most))
	case v%step != 0:
		b.errorf(s, "%s is too fine; it goes by %s", FormatDuration(v), FormatDuration(step))
	default:
		return v
	}
	return absent
}

// lifetime reads a lifetime as DHCPv6 and advertisements carry it: seconds in 32 bits.
func (b *builder) lifetime(d *durationpb.Duration, s *spot, absent time.Duration) time.Duration {
	return b.duration(d, s, time.Second, 0, Forever, absent)
}

// expr reads an address or prefix and checks that its delegation is known and can hold it.
func (b *builder) expr(text string, s *spot) Expr {
	e, err := ParseExpr(text)
	if err != nil {
		b.errorf(s, "%v", err)
		return Expr{}
	}
	if e.Auto != (Slot{}) {
		return b.auto(e, s)
	}
	if !b.delegated(e.Delegation, e.Prefix.Addr(), e.Prefix.Bits(), s) {
		return Expr{}
	}
	return e
}

func (b *builder) delegated(name string, a netip.Addr, bits int, s *spot) bool {
	if name == "" {
		return true
	}
	if !b.delegationKnown(name, s) {
		return false
	}
	if d := b.delegations[name]; d.bits > 0 && (bits < d.bits || !fits(a, d.bits)) {
		b.errorf(s, "%s %s can never fit: %s asks for a /%d (%s)", name, spread(netip.PrefixFrom(a, bits)), name, d.bits, d.spot.where())
		return false
	}
	return true
}

// delegationKnown checks that an interface asks for the delegation.
func (b *builder) delegationKnown(name string, s *spot) bool {
	if _, ok := b.delegations[name]; !ok && name == ULA {
		b.errorf(s, "there is no unique local prefix: write ula: auto, or ula with a prefix of fd00::/8, beside interfaces")
		return false
	} else if !ok {
		names := make([]string, 0, len(b.delegations))
		for n := range b.delegations {
			names = append(names, n)
		}
		if len(names) == 0 {
			b.errorf(s, "no delegation has the name %s; none is configured under interfaces.NAME.delegations", name)
			return false
		}
		b.accepted(s, some(names), "no delegation has the name %s%s", name, suggest(name, names))
		return false
	}
	return true
}

// prefix reads a prefix, which has no host bits.
func (b *builder) prefix(text string, s *spot) Expr {
	e := b.expr(text, s)
	if !e.IsValid() {
		return e
	}
	_, rest := splitName(text)
	if !strings.Contains(rest, "/") {
		b.errorf(s, "%s needs a prefix length, as %s/%d", rest, rest, usualBits(e))
		return Expr{}
	}
	if e.Masked() != e {
		b.errorf(s, "%s has bits beyond its length; did you mean %s?", e, e.Masked())
		return Expr{}
	}
	return e
}

// prefix6 reads an IPv6 prefix of unicast addresses.
func (b *builder) prefix6(text string, s *spot) Expr {
	e := b.prefix(text, s)
	switch a := e.Prefix.Addr(); {
	case !e.IsValid():
		return e
	case a.Is4():
		b.errorf(s, "%s is IPv4; an IPv6 prefix belongs here", text)
	case a.IsMulticast():
		b.errorf(s, "%s is multicast", text)
	case a.IsLinkLocalUnicast():
		b.errorf(s, "%s is link-local", text)
	default:
		return e
	}
	return Expr{}
}

// host reads an IPv6 address of another machine. Only one in a delegated prefix may have a length.
func (b *builder) host(text string, s *spot) Expr {
	e := b.expr(text, s)
	if !e.IsValid() {
		return e
	}
	a := e.Prefix.Addr()
	switch _, rest := splitName(text); {
	case e.Delegation == "" && strings.Contains(rest, "/"):
		b.errorf(s, "%s is a prefix; an address belongs here, without a length", rest)
	case a.Is4():
		b.errorf(s, "%s is IPv4; an IPv6 address belongs here", rest)
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() && e.Delegation == "":
		b.errorf(s, "%s is not the address of a machine", rest)
	default:
		return Expr{Delegation: e.Delegation, Auto: e.Auto, Prefix: netip.PrefixFrom(a, 128)}
	}
	return Expr{}
}

// relative reads an address in a delegated prefix; ok is false for one that is literal.
func (b *builder) relative(text string, s *spot) (h Host, ok bool) {
	if name, _ := splitName(text); name == "" {
		return Host{}, false
	}
	e := b.host(text, s)
	return Host{Delegation: e.Delegation, Auto: e.Auto, Addr: e.Prefix.Addr()}, true
}

func (b *builder) domains(names []string, s *spot) []string {
	for i, name := range names {
		if err := checkDomain(name); err != nil {
			b.errorf(s.item(i), "%v", err)
		}
	}
	return slices.Clone(names)
}

// checkDomain checks a domain name by RFC 1035 2.3.1, with the underscore that people use.
func checkDomain(name string) error {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 {
		return fmt.Errorf("a domain name has 1 to 253 characters, this one has %d", len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return fmt.Errorf("%q is not a domain name: between its dots are 1 to 63 characters", excerpt(name))
		}
		wrong := strings.IndexFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if wrong >= 0 {
			return fmt.Errorf("%q is not a domain name: it has letters, digits and hyphens between dots (other letters as xn--…)", excerpt(name))
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return fmt.Errorf("%q is not a domain name: a hyphen stands at the start or end of a part", excerpt(name))
		}
	}
	return nil
}

// link checks that an interface is configured.
func (b *builder) link(name string, s *spot) bool {
	if IsPattern(name) {
		b.errorf(s, "%s is a pattern; one interface belongs here", excerpt(name))
		return false
	}
	if slices.ContainsFunc(b.interfaces, func(i string) bool { return MatchInterface(i, name) }) {
		return true
	}
	b.accepted(s, some(b.interfaces), "%s", b.unknownLink(name))
	return false
}

func usualBits(e Expr) int {
	if e.Prefix.Addr().Is4() {
		return 24
	}
	return 64
}

func sortByName[T any](list []T, name func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(name(a), name(b)) })
}
