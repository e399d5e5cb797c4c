package plan

import (
	"net/netip"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/config"
)

// ULAOf returns the unique local prefix of a configuration; invalid: it has none. made is the one that the router keeps.
func ULAOf(conf *config.Config, made netip.Prefix) netip.Prefix {
	switch {
	case conf == nil || conf.ULA == nil:
		return netip.Prefix{}
	case conf.ULA.Auto:
		return made
	}
	return conf.ULA.Prefix
}

// holdULA makes the unique local prefix one that addresses and prefixes can be cut from, as from a delegation; but it does not end.
func (p *planner) holdULA() {
	if prefix := ULAOf(p.Config, p.ULA); prefix.IsValid() {
		p.held[config.ULA] = pd.Delegation{Name: config.ULA, Prefix: prefix}
	}
}
