package router

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/advertised"
)

// parseEarlier reads lines about what was before: what was advertised until now (advertised LINK KIND PREFIX LIFETIME [DELEGATION]; the
// link - is none, of an aggregate), and an earlier prefix that the last delegation lets run out (former PREFIX PREFERRED VALID).
func parseEarlier(f []string, in *Inputs) error {
	switch {
	case f[0] == "former" && len(f) == 4 && len(in.Delegations) > 0:
		prefix, err := netip.ParsePrefix(f[1])
		preferred, err1 := time.ParseDuration(f[2])
		valid, err2 := time.ParseDuration(f[3])
		d := &in.Delegations[len(in.Delegations)-1]
		d.Former = append(d.Former, pd.Former{Prefix: prefix, PreferredUntil: now.Add(preferred), ValidUntil: now.Add(valid)})
		return errors.Join(err, err1, err2)
	case f[0] == "advertised" && len(f) >= 5:
		prefix, err := netip.ParsePrefix(f[3])
		lifetime, err1 := time.ParseDuration(f[4])
		e := advertised.Entry{
			Key:    advertised.Key{Link: f[1], Kind: advertised.Kind(f[2]), Prefix: prefix},
			OnLink: f[2] == "prefix", Autonomous: f[2] == "prefix", Lifetime: lifetime,
		}
		if e.Link == "-" {
			e.Link = ""
		}
		if len(f) > 5 {
			e.Delegation = f[5]
		}
		earlier := map[string]advertised.Link{}
		for _, old := range in.Advertised.All() {
			l := earlier[old.Link]
			l.Current = append(l.Current, old)
			earlier[old.Link] = l
		}
		l := earlier[e.Link]
		l.Current = append(l.Current, e)
		earlier[e.Link] = l
		in.Advertised = advertised.Set{}.Next(now, earlier)
		return errors.Join(err, err1)
	}
	return fmt.Errorf("bad line %q", f)
}

// renderWithdrawn prints what is withdrawn.
func renderWithdrawn(w *bufio.Writer, p *Plan) {
	for _, name := range sortedKeys(p.Advertised) {
		for _, e := range p.Advertised[name].Withdrawn {
			fmt.Fprintf(w, "withdrawn %s %s on %q until %v: %s\n", e.Kind, e.Prefix, name, e.Until.Sub(now), e.Reason)
		}
	}
}
