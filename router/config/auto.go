package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sixfold-router/sixfold/router/rib"
)

// Slot is a part of a delegation that the router chooses: NAME auto/LENGTH. The zero Slot is none.
type Slot struct {
	Name string // interface, or a name of its own; empty: the router itself, outside of interfaces
	Bits int    // length of the part
}

// noLength is the length of a part where the text has none: that of the interface's own address counts.
const noLength = -1

// cutAuto splits what follows the name of a delegation: "auto/64", "auto:guests/60", "auto ::1/64".
func cutAuto(rest string) (label, tail string, ok bool) {
	tail, ok = strings.CutPrefix(rest, "auto")
	if !ok || tail != "" && !strings.ContainsAny(tail[:1], ":/ \t") {
		return "", rest, false
	}
	if labelled, ok := strings.CutPrefix(tail, ":"); ok {
		end := strings.IndexAny(labelled, "/ \t")
		if end < 0 {
			end = len(labelled)
		}
		label, tail = labelled[:end], labelled[end:]
		if label == "" {
			label = ":" // no name that checkLabel accepts
		}
	}
	return label, strings.TrimLeft(tail, " \t"), true
}

// parseAuto reads what follows the name of a delegation and auto.
func parseAuto(name, label, tail string) (Expr, error) {
	if err := checkLabel(label); err != nil {
		return Expr{}, err
	}
	e := Expr{Delegation: name, Auto: Slot{Name: label, Bits: noLength}}
	text, length, hasLength := strings.Cut(tail, "/")
	if tail == "" {
		return Expr{}, fmt.Errorf("%s auto needs the length of the part: %[1]s auto/64", name)
	}
	bits := 128
	if hasLength {
		n, err := strconv.Atoi(length)
		if err != nil || n < 1 || n > 128 || strconv.Itoa(n) != length {
			return Expr{}, fmt.Errorf("%q is not the length of a part: 1 to 128", length)
		}
		bits, e.Auto.Bits = n, n
	}
	a := netip.IPv6Unspecified()
	if text != "" {
		var err error
		if a, err = parseAddr(text); err != nil {
			return Expr{}, err
		}
		if a.Is4() {
			return Expr{}, fmt.Errorf("%s is IPv4, and delegated prefixes are IPv6", text)
		}
	}
	e.Prefix = netip.PrefixFrom(a, bits)
	if hasLength && !fits(a, bits) {
		return Expr{}, fmt.Errorf("%s has digits where the router chooses: before its last %d bits there are only zeros, as in ::5/%d", text, 128-bits, bits)
	}
	return e, nil
}

func checkLabel(label string) error {
	if len(label) > 32 || strings.ContainsAny(label, ":%*?[]{}\"'#,") {
		return errors.New("after auto: stands the name of an interface, or another name of up to 32 letters, as auto:guests/60")
	}
	return nil
}

// autoText writes a part, or an address in one.
func autoText(delegation string, s Slot, rest string) string {
	text := delegation + " auto"
	if s.Name != "" {
		text += ":" + s.Name
	}
	if rest == "" {
		return fmt.Sprintf("%s/%d", text, s.Bits)
	}
	return text + " " + rest
}

// On returns the text of the expression as one writes it under the interface: its own part without its name.
func (e Expr) On(link string) string {
	if e.Auto.Name == link {
		e.Auto.Name = ""
	}
	return e.String()
}

// In puts the expression into the part that was chosen for its Slot. The result is relative to the delegation alone.
func (e Expr) In(part netip.Prefix) Expr {
	if e.Auto == (Slot{}) {
		return e
	}
	return Expr{Delegation: e.Delegation, Prefix: netip.PrefixFrom(join(part, e.Prefix.Addr()), e.Prefix.Bits())}
}

// partOf is a part of a delegation that the text speaks of.
type partOf struct {
	delegation string
	slot       Slot
	spot       *spot
}

// auto completes an expression with a part that the router chooses, as it stands at s.
func (b *builder) auto(e Expr, s *spot) Expr {
	if !b.delegationKnown(e.Delegation, s) {
		return Expr{}
	}
	if !b.slot(e.Delegation, &e.Auto, s) {
		return Expr{}
	}
	if !fits(e.Prefix.Addr(), e.Auto.Bits) {
		b.errorf(s, "%s has digits where the router chooses: before its last %d bits there are only zeros", spreadAddr(e.Prefix.Addr()), 128-e.Auto.Bits)
		return Expr{}
	}
	return e
}

// slot completes a part with the interface that it stands under, and with the length that it has there.
func (b *builder) slot(delegation string, slot *Slot, s *spot) bool {
	if slot.Name == "" {
		slot.Name = b.here
	}
	if slot.Bits == noLength {
		lengths, link := b.lengthsOf(delegation, slot.Name)
		switch {
		case len(lengths) == 1:
			slot.Bits = lengths[0]
		case len(lengths) > 1:
			b.errorf(s, "%s has parts of %s of several lengths (/%d, /%d); give one of them a name of its own, as \"%s auto:NAME/%d\"", link, delegation, lengths[0], lengths[1], delegation, lengths[1])
			return false
		case slot.Name == "":
			b.errorf(s, "whose part of %s? write \"%[1]s auto:INTERFACE ADDRESS\", or a length after the address", delegation)
			return false
		default:
			b.errorf(s, "%s has no part of %s among its addresses; give it \"%[2]s auto/64\", or write a length here", slot.Name, delegation)
			return false
		}
	}
	if d := b.delegations[delegation]; d.bits > 0 && slot.Bits < d.bits {
		b.errorf(s, "a /%d of %s can never be had: %[2]s asks for a /%d (%s)", slot.Bits, delegation, d.bits, d.spot.where())
		return false
	}
	b.parts = append(b.parts, partOf{delegation, *slot, s})
	return true
}

// lengthsOf returns the lengths of the parts of a name among the addresses of all interfaces, and the name or pattern that it is
// configured by.
func (b *builder) lengthsOf(delegation, name string) (lengths []int, link string) {
	if b.lengths == nil {
		b.lengths = map[[2]string][]int{}
		for i, m := range b.message.GetInterfaces() {
			for _, text := range m.GetAddresses() {
				e, err := ParseExpr(text)
				key := [2]string{e.Delegation, cmp.Or(e.Auto.Name, i)}
				if err == nil && e.Auto.Bits > 0 && !slices.Contains(b.lengths[key], e.Auto.Bits) {
					b.lengths[key] = append(b.lengths[key], e.Auto.Bits)
				}
			}
		}
		for _, l := range b.lengths {
			slices.Sort(l)
		}
	}
	if l, ok := b.lengths[[2]string{delegation, name}]; ok {
		return l, name
	}
	for _, i := range b.interfaces {
		if IsPattern(i) && MatchInterface(i, name) && len(b.lengths[[2]string{delegation, i}]) > 0 {
			return b.lengths[[2]string{delegation, i}], i
		}
	}
	return nil, name
}

// restOf reads "NAME rest", the pool of all that nothing uses; ok is false for another text.
func (b *builder) restOf(text string, p *PrefixPool, s *spot) (ok bool) {
	name, rest := splitName(text)
	if name == "" || rest != "rest" {
		return false
	}
	at := s.field("pool")
	if !isDelegationName(name) {
		b.errorf(at, "%q is not the name of a delegation", excerpt(name))
		return true
	}
	if !b.delegationKnown(name, at) {
		return true
	}
	if first, ok := b.rests[name]; ok {
		b.errorf(at, "the rest of %s is already the pool %s: it can be given out once", name, first.where())
		return true
	}
	b.rests[name] = at
	p.Rest, p.Pool = true, Expr{Delegation: name}
	if d := b.delegations[name]; d.bits > 0 && p.Length > 0 && (p.Length <= d.bits || p.Length > d.bits+maxPieceBits) {
		b.errorf(s.field("length"), "a /%d does not fit into what is left of a /%d, for which %s asks (%s); accepted: %d to %d", p.Length, d.bits, name, d.spot.where(), d.bits+1, min(d.bits+maxPieceBits, 128))
	}
	return true
}

// Claim is a prefix that the configuration uses for something, as opposed to one that it only speaks of, as a filter does.
type Claim struct {
	Expr
	Where string // path in the configuration
}

// Claims returns all that is used of delegated prefixes. What stands under a pattern is there as often as links match it: call it on
// what Expand returned.
func (c *Config) Claims() []Claim {
	var out []Claim
	add := func(where string, e Expr) {
		if e.Delegation != "" && e.IsValid() {
			out = append(out, Claim{e.Masked(), where})
		}
	}
	for _, i := range c.Interfaces {
		where := "interfaces." + i.Name
		for _, e := range i.Addresses {
			add(where+".addresses", e)
		}
		if i.Client != nil {
			add(where+".client.fallback_address", i.Client.Fallback)
		}
		if i.Advertise != nil {
			for _, p := range i.Advertise.Prefixes {
				if !p.Skip {
					add(where+".advertise.prefixes", p.Prefix)
				}
			}
		}
		if i.DHCPv6 == nil {
			continue
		}
		for _, p := range i.DHCPv6.Delegate {
			add(where+".dhcpv6.delegate."+p.Name, p.Pool)
		}
		for _, r := range i.DHCPv6.Reservations {
			for _, e := range r.Prefixes {
				add(where+".dhcpv6.reservations."+r.Name, e)
			}
		}
		for _, f := range i.DHCPv6.Former {
			add(where+".dhcpv6.former", f.Prefix)
		}
	}
	routes := func(where string, list []Route) {
		for _, r := range list {
			// A route that discards is for what nobody uses.
			if r.Kind == rib.Unicast || r.Prefix.Auto != (Slot{}) {
				add(where, r.Prefix)
			}
		}
	}
	routes("routes", c.Routes)
	for _, e := range c.Local {
		add("local", e)
	}
	for _, v := range c.VRFs {
		where := "vrfs." + v.Name
		if v.Management {
			where = "management"
		}
		routes(where+".routes", v.Routes)
		for _, e := range v.Local {
			add(where+".local", e)
		}
	}
	if c.Firewall != nil {
		for _, t := range c.Firewall.Translations {
			add("firewall.translate."+t.Name, t.Outside)
		}
	}
	return out
}

// checkParts reports parts that are spoken of, and that nothing uses: most often a name is wrong.
func (b *builder) checkParts(cfg *Config) {
	if len(b.errs) > 0 {
		return // what uses them may be what could not be read
	}
	used := map[partOf]bool{}
	var names []string
	for _, c := range cfg.Claims() {
		if c.Auto != (Slot{}) {
			used[partOf{delegation: c.Delegation, slot: c.Auto}] = true
			names = append(names, autoText(c.Delegation, c.Auto, ""))
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	b.checkRoomOfParts(used)
	for _, p := range b.parts {
		if used[partOf{delegation: p.delegation, slot: p.slot}] || slices.ContainsFunc(b.interfaces, func(i string) bool {
			return IsPattern(i) && MatchInterface(i, p.slot.Name) && used[partOf{delegation: p.delegation, slot: Slot{i, p.slot.Bits}}]
		}) {
			continue
		}
		text := autoText(p.delegation, p.slot, "")
		if len(names) == 0 {
			b.errorf(p.spot, "nothing uses %q; a part is used by an address, a pool, a route, local or an advertised prefix", text)
			continue
		}
		b.accepted(p.spot, some(names), "nothing uses %q%s; a part is used by an address, a pool, a route, local or an advertised prefix", text, suggest(text, names))
	}
}

// checkRoomOfParts warns of more parts than fit into what is asked for.
func (b *builder) checkRoomOfParts(used map[partOf]bool) {
	need := map[string]float64{} // in units of the whole delegation
	for p := range used {
		if d := b.delegations[p.delegation]; d != nil && d.bits > 0 {
			need[p.delegation] += math.Ldexp(1, d.bits-p.slot.Bits)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(need)) {
		if n, d := need[name], b.delegations[name]; n > 1 {
			bits := d.bits - int(math.Ceil(math.Log2(n)))
			b.warnf(d.spot, "all the parts of %s together need a /%d, and a /%d is asked for; those that come last by name get none of that", name, bits, d.bits)
		}
	}
}
