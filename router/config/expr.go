package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ParseExpr reads an address or prefix, literal ("2001:db8::1/64"), relative to a delegated prefix ("isp ::1/64"), or in a part of
// one that the router chooses ("isp auto/64", "isp auto ::5/64", "isp auto:guests/60"). Without a length an address is meant, /128 or
// /32; the part that it is in then has the length -1.
func ParseExpr(s string) (Expr, error) {
	name, rest := splitName(s)
	if name != "" && !isDelegationName(name) {
		return Expr{}, fmt.Errorf("%q is not the name of a delegation", name)
	}
	if label, tail, ok := cutAuto(rest); ok && name != "" {
		return parseAuto(name, label, tail)
	}
	word, _, _ := strings.Cut(rest, "/")
	switch {
	case name == "" && word == "auto":
		return Expr{}, fmt.Errorf("%s needs the name of a delegation before it, as \"isp %s\"", rest, rest)
	case name == "" && (rest == "default" || rest == "any"):
		return Expr{}, fmt.Errorf("%s is written as ::/0, or 0.0.0.0/0 for IPv4", rest)
	case name == "" && isDelegationName(word):
		return Expr{}, fmt.Errorf("%q is not an address; of a delegation a part is written as \"%s auto/64\" or \"%s ::1/64\"", word, word, word)
	case name != "" && rest == "rest":
		return Expr{}, fmt.Errorf("what is left of %s is no prefix of its own; only a pool of dhcpv6.delegate can have it", name)
	}
	p, err := parsePrefix(rest)
	if err != nil {
		return Expr{}, err
	}
	if name != "" && p.Addr().Is4() {
		return Expr{}, fmt.Errorf("%s is IPv4, and delegated prefixes are IPv6", rest)
	}
	return Expr{Delegation: name, Prefix: p}, nil
}

// splitName splits "isp ::1/64" at the blanks.
func splitName(s string) (name, rest string) {
	s = strings.TrimSpace(s)
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return "", s
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

// isDelegationName holds the pattern that config.proto has for the keys of delegations.
func isDelegationName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '_' && r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := parseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil {
		if p.Addr().Is4In6() {
			return netip.Prefix{}, fmt.Errorf("%s is an IPv4 address written as IPv6", s)
		}
		return p, nil
	}
	text, length, _ := strings.Cut(s, "/")
	if a, err := parseAddr(text); err != nil {
		return netip.Prefix{}, err
	} else if a.Is4() {
		return netip.Prefix{}, fmt.Errorf("%q is not a prefix length from 0 to 32", length)
	}
	return netip.Prefix{}, fmt.Errorf("%q is not a prefix length from 0 to 128", length)
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case s == "":
		return a, errors.New("there is no address")
	case err != nil && isRelative(s):
		return a, fmt.Errorf("%q is in a delegated prefix, which cannot stand here; give a plain address", s)
	case err != nil:
		return a, fmt.Errorf("%q is not an IPv6 or IPv4 address", s)
	case a.Zone() != "":
		return a, fmt.Errorf("%s has a zone, which has no place here", s)
	case a.Is4In6():
		return a, fmt.Errorf("%s is an IPv4 address written as IPv6: write %s", s, a.Unmap())
	}
	return a, nil
}

// isRelative tells whether a text is the name of a delegation and something in it.
func isRelative(s string) bool {
	name, rest := splitName(s)
	if !isDelegationName(name) {
		return false
	}
	if _, _, ok := cutAuto(rest); ok || rest == "rest" {
		return true
	}
	rest, _, _ = strings.Cut(rest, "/")
	_, err := netip.ParseAddr(rest)
	return err == nil
}

// IsValid tells whether the expression holds a prefix.
func (e Expr) IsValid() bool { return e.Prefix.IsValid() }

// String returns the expression as the configuration has it, always with a length.
func (e Expr) String() string {
	if e.Delegation == "" || !e.Prefix.IsValid() {
		return e.Prefix.String()
	}
	if e.Auto != (Slot{}) {
		switch {
		case e.Prefix.Bits() != e.Auto.Bits:
			return autoText(e.Delegation, e.Auto, spreadAddr(e.Prefix.Addr()))
		case e.Prefix == e.Prefix.Masked():
			return autoText(e.Delegation, e.Auto, "")
		}
		return autoText(e.Delegation, e.Auto, spread(e.Prefix))
	}
	return e.Delegation + " " + spread(e.Prefix)
}

// Masked returns the expression without host bits.
func (e Expr) Masked() Expr {
	return Expr{Delegation: e.Delegation, Auto: e.Auto, Prefix: e.Prefix.Masked()}
}

// Resolve puts the expression into base, the prefix that was delegated under its name. A literal does not look at base.
// The bits of base must not be taken by the expression: that tells a delegation that is smaller than was hoped for. An expression in
// a part that the router chooses has to be put into that part first, by In.
func (e Expr) Resolve(base netip.Prefix) (netip.Prefix, error) {
	if e.Delegation == "" {
		return e.Prefix, nil
	}
	if !e.Prefix.IsValid() || !base.IsValid() || base.Addr().Is4() || e.Auto != (Slot{}) {
		return netip.Prefix{}, fmt.Errorf("%s has no usable prefix", e.Delegation)
	}
	if e.Prefix.Bits() < base.Bits() || !fits(e.Prefix.Addr(), base.Bits()) {
		return netip.Prefix{}, fmt.Errorf("%s is %s, too small for %s", e.Delegation, base.Masked(), spread(e.Prefix))
	}
	return netip.PrefixFrom(join(base, e.Prefix.Addr()), e.Prefix.Bits()), nil
}

// IsValid tells whether there is an address.
func (h Host) IsValid() bool { return h.Addr.IsValid() }

// Expr returns the address as an expression, without its zone.
func (h Host) Expr() Expr {
	a := h.Addr.WithZone("")
	return Expr{Delegation: h.Delegation, Auto: h.Auto, Prefix: netip.PrefixFrom(a, a.BitLen())}
}

// String returns the address as the configuration has it.
func (h Host) String() string {
	if h.Delegation == "" || !h.IsValid() {
		return h.Addr.String()
	}
	if h.Auto != (Slot{}) {
		return autoText(h.Delegation, h.Auto, spreadAddr(h.Addr))
	}
	return h.Delegation + " " + spreadAddr(h.Addr)
}

// Resolve puts the range into base as Expr.Resolve does.
func (p AddressPool) Resolve(base netip.Prefix) (first, last netip.Addr, err error) {
	if p.Delegation == "" {
		return p.First, p.Last, nil
	}
	if !p.First.Is6() || !p.Last.Is6() || !base.IsValid() || base.Addr().Is4() {
		return first, last, fmt.Errorf("%s has no usable prefix", p.Delegation)
	}
	if !fits(p.First, base.Bits()) || !fits(p.Last, base.Bits()) {
		return first, last, fmt.Errorf("%s is %s, too small for %s-%s", p.Delegation, base.Masked(), spreadAddr(p.First), spreadAddr(p.Last))
	}
	return join(base, p.First), join(base, p.Last), nil
}

// String returns the range as the configuration has it.
func (p AddressPool) String() string {
	if p.Delegation == "" {
		return p.First.String() + "-" + p.Last.String()
	}
	if p.Auto != (Slot{}) {
		return autoText(p.Delegation, p.Auto, spreadAddr(p.First)+"-"+spreadAddr(p.Last))
	}
	return p.Delegation + " " + spreadAddr(p.First) + "-" + spreadAddr(p.Last)
}

// fits tells whether the first bits of a are zero.
func fits(a netip.Addr, bits int) bool {
	p, err := a.Prefix(bits)
	return err == nil && p.Addr() == netip.IPv6Unspecified()
}

func join(base netip.Prefix, a netip.Addr) netip.Addr {
	b, s := base.Masked().Addr().As16(), a.As16()
	for i := range b {
		b[i] |= s[i]
	}
	return netip.AddrFrom16(b)
}

// spread writes a relative prefix with the groups that choose the subnet in full, 0:0:0:100::1/64: in it the place of the
// digits matters, and netip's shortest form (::100:0:0:0:1/64) hides it.
func spread(p netip.Prefix) string {
	text := spreadAddr(p.Addr())
	return fmt.Sprintf("%s/%d", text, p.Bits())
}

func spreadAddr(a netip.Addr) string {
	b := a.As16()
	var groups [8]uint16
	for i := range groups {
		groups[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	if groups[0]|groups[1]|groups[2]|groups[3] == 0 || groups[4] != 0 {
		return a.String()
	}
	rest := 5
	for rest < 8 && groups[rest] == 0 {
		rest++
	}
	var s strings.Builder
	for _, g := range groups[:4] {
		fmt.Fprintf(&s, "%x:", g)
	}
	for _, g := range groups[rest:] {
		fmt.Fprintf(&s, ":%x", g)
	}
	if rest == 8 {
		s.WriteByte(':')
	}
	return s.String()
}
