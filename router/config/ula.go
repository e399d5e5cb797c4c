package config

import (
	"net/netip"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// ULA is the name by which the unique local prefix stands where a delegation can.
const ULA = "ula"

// Local is the unique local prefix (RFC 4193) of the router.
type Local struct {
	Auto   bool         // the router makes one and keeps it
	Prefix netip.Prefix // invalid if Auto is set
}

// autoULA is how long a prefix is that the router makes.
const autoULA = 48

var uniqueLocal = netip.MustParsePrefix("fd00::/8")

// ula reads the unique local prefix, whose name is one that may be referred to from anywhere.
func (b *builder) ula(m *sixfoldv1.Config) *Local {
	text, s := m.GetUla(), b.root.field("ula")
	if text == "" {
		return nil
	}
	if first, ok := b.delegations[ULA]; ok {
		b.errorf(s, "%s is already the name of a delegation (%s); give that another one", ULA, first.spot.where())
		return nil
	}
	b.delegations[ULA] = &delegation{spot: s, bits: autoULA}
	if text == "auto" {
		return &Local{Auto: true}
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p != p.Masked() || p.Bits() < uniqueLocal.Bits() || p.Bits() > 64 || !uniqueLocal.Contains(p.Addr()) {
		b.errorf(s, "%q is no unique local prefix; accepted: auto, or a prefix of fd00::/8 of at most 64 bits, as fd12:3456:789a::/48", excerpt(text))
		return nil
	}
	b.delegations[ULA].bits = p.Bits()
	return &Local{Prefix: p}
}
