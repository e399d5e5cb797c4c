package router

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
)

// parseClient reads lines about the delegation before them: spare PREFIX PREFERRED VALID, excluded PREFIX, told SERVER|DOMAIN…; and
// told LINK SERVER|DOMAIN… of a link that was asked for nothing else.
func parseClient(f []string, in *Inputs) error {
	var d *pd.Delegation
	if n := len(in.Delegations); n > 0 {
		d = &in.Delegations[n-1]
	}
	switch {
	case f[0] == "spare" && len(f) == 4 && d != nil:
		prefix, err := netip.ParsePrefix(f[1])
		preferred, err1 := time.ParseDuration(f[2])
		valid, err2 := time.ParseDuration(f[3])
		d.Spare = append(d.Spare, pd.Former{Prefix: prefix, PreferredUntil: now.Add(preferred), ValidUntil: now.Add(valid)})
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

// clientWords prints what is configured of a client.
func clientWords(u pd.Uplink) string {
	out := show(" information", u.Stateless)
	if !u.Reconfigure {
		out += " no Reconfigure"
	}
	if u.DUID != nil {
		out += fmt.Sprintf(" duid %x", u.DUID)
	}
	if len(u.Request) > 0 {
		out += fmt.Sprintf(" asks for %v", u.Request)
	}
	for _, o := range u.Send {
		out += fmt.Sprintf(" sends %d:%x", o.Code, o.Data)
	}
	return out
}
