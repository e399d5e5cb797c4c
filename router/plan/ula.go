package plan

import (
	"net/netip"
	"time"

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

// ULAStatus shows the unique local prefix among those that are delegated to us.
func ULAStatus(prefix netip.Prefix, uses map[string][]PrefixUse, parts func(string, *pd.Delegation) []Part) []Delegated {
	if !prefix.IsValid() {
		return nil
	}
	// As of a delegation with infinite lifetimes.
	forever := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	s := Delegated{Uses: uses[config.ULA]}
	s.Name, s.State = config.ULA, "local"
	s.Delegation = &pd.Delegation{Name: config.ULA, Prefix: prefix, PreferredUntil: forever, ValidUntil: forever}
	s.Parts = parts(config.ULA, s.Delegation)
	return []Delegated{s}
}
