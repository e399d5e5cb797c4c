package plantest

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/plan"
)

// parseClient reads lines about the delegation before them: spare PREFIX PREFERRED VALID, excluded PREFIX, told SERVER|DOMAIN…; and
// told LINK SERVER|DOMAIN… of a link that was asked for nothing else.
func parseClient(f []string, in *plan.Inputs) error {
	var d *pd.Delegation
	if n := len(in.Delegations); n > 0 {
		d = &in.Delegations[n-1]
	}
	switch {
	case f[0] == "spare" && len(f) == 4 && d != nil:
		prefix, err := netip.ParsePrefix(f[1])
		preferred, err1 := time.ParseDuration(f[2])
		valid, err2 := time.ParseDuration(f[3])
		d.Spare = append(d.Spare, pd.Former{Prefix: prefix, PreferredUntil: in.Now.Add(preferred), ValidUntil: in.Now.Add(valid)})
		return errors.Join(err, err1, err2)
	case f[0] == "excluded" && len(f) == 2 && d != nil:
		var err error
		d.Exclude, err = netip.ParsePrefix(f[1])
		return err
	case f[0] == "told":
		dns, domains := d, d
		words := f[1:]
		var r pd.Resolver
		if _, ok := in.Links[f[1]]; ok {
			r.Link, words = f[1], f[2:]
			dns, domains = &pd.Delegation{}, &pd.Delegation{}
		}
		for _, w := range words {
			if a, err := netip.ParseAddr(w); err == nil {
				dns.DNS = append(dns.DNS, a)
			} else {
				domains.Domains = append(domains.Domains, w)
			}
		}
		if r.Link != "" {
			r.DNS, r.Domains = dns.DNS, domains.Domains
			in.Resolvers = append(in.Resolvers, r)
		}
		return nil
	}
	return fmt.Errorf("unknown line %q", strings.Join(f, " "))
}
