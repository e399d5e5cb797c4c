package plan

import (
	"maps"
	"slices"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/rib"
)

// Expand returns a configuration as it is for links: with an interface for each link that a pattern matches.
func Expand(conf *config.Config, links kernel.Links) *config.Config {
	if conf == nil {
		return nil
	}
	return conf.Expand(slices.Collect(maps.Keys(links)))
}

// linkSettings returns the settings of a link that the configuration names.
func linkSettings(i config.Interface) []kernel.Sysctl {
	var out []kernel.Sysctl
	for _, s := range i.Sysctls {
		out = append(out, kernel.Sysctl{Path: s.Path(i.Name), Value: s.Value})
	}
	return out
}

// planLocal plans the routes that make every address of a prefix ours.
func (p *planner) planLocal() {
	for _, e := range p.Config.Local {
		p.plan.Kernel.AnyIP = p.plan.Kernel.AnyIP || e.Prefix.Addr().Is6()
	}
	for _, c := range p.resolveEvery("local", p.Config.Local) {
		p.plan.Local = append(p.plan.Local, rib.Route{Prefix: c.prefix.Masked(), Kind: rib.Deliver})
	}
}
