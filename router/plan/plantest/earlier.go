package plantest

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/advertised"
	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/plan"
)

// parseEarlier reads lines about what was before: what was advertised until now (advertised LINK KIND PREFIX LIFETIME [DELEGATION]; the
// link - is none, of an aggregate), and an earlier prefix that the last delegation lets run out (former PREFIX PREFERRED VALID).
func parseEarlier(f []string, in *plan.Inputs) error {
	switch {
	case f[0] == "former" && len(f) == 4 && len(in.Delegations) > 0:
		prefix, err := netip.ParsePrefix(f[1])
		preferred, err1 := time.ParseDuration(f[2])
		valid, err2 := time.ParseDuration(f[3])
		d := &in.Delegations[len(in.Delegations)-1]
		d.Former = append(d.Former, pd.Former{Prefix: prefix, PreferredUntil: in.Now.Add(preferred), ValidUntil: in.Now.Add(valid)})
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
		in.Advertised = advertised.Set{}.Next(in.Now, earlier)
		return errors.Join(err, err1)
	}
	return fmt.Errorf("bad line %q", f)
}

// parseAssigned reads a line of the state: assigned DELEGATION NAME SUBNET, kept likewise (the name - is that of the router), or
// leased PREFIX.
func parseAssigned(f []string, in *plan.Inputs) error {
	if f[0] == "leased" {
		p, err := netip.ParsePrefix(f[1])
		in.Leased = append(in.Leased, p)
		return err
	}
	p, err := netip.ParsePrefix(f[3])
	if err != nil {
		return err
	}
	part := assign.Part{Key: assign.Key{Delegation: f[1], Name: f[2], Bits: p.Bits()}, Subnet: p}
	if part.Name == "-" {
		part.Name = ""
	}
	if f[0] == "kept" {
		in.Assigned.Kept = append(in.Assigned.Kept, part)
	} else {
		in.Assigned.Parts = append(in.Assigned.Parts, part)
	}
	return nil
}
