package explain

import (
	"fmt"
	"net/netip"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/plan"
)

// delegation checks that we hold a prefix: the uplink and the delegation. With a prefix in hand the uplink is not asked about,
// because it stays ours over a loss of carrier.
func (v View) delegation(name string) []check {
	what := "delegation " + name
	for _, s := range v.Prefixes {
		if s.Name != name || name == "" {
			continue
		}
		if d := s.Delegation; d != nil && name == config.ULA && s.Link == "" {
			return []check{good("delegation", "unique local prefix", "%s is %s, the unique local prefix of this site, which does not end", name, d.Prefix)}
		} else if d != nil && v.Now.Before(d.ValidUntil) {
			return []check{v.held(s, *d)}
		}
		renew := "sixfold delegation renew " + name
		var c check
		switch {
		case s.State == "released" || s.State == "releasing":
			c = bad("delegation", what, "to ask for it again: "+renew, "delegation %s was given back%s", name, v.since(s))
		case s.State == "waiting" && s.Problem == "":
			c = bad("delegation", what, "try "+renew, "delegation %s is waiting%s", name, v.since(s))
		case s.Problem != "":
			c = bad("delegation", what, fmt.Sprintf("is there a DHCPv6 server on %s, and does it know us%s? try %s", s.Link, known(s), renew),
				"delegation %s is %s%s: %s", name, s.State, v.since(s), s.Problem)
		default:
			c = bad("delegation", what, "is the cable in the right socket? try "+renew,
				"delegation %s is %s%s; no server has answered on %s", name, s.State, v.since(s), s.Link)
		}
		return []check{v.link(s.Link), c}
	}
	for _, i := range v.Config.Interfaces {
		for _, d := range i.Delegations {
			if d.Name == name {
				return []check{v.link(i.Name), bad("delegation", what, "", "delegation %s is not asked for yet on %s", name, i.Name)}
			}
		}
	}
	return []check{bad("delegation", what, "ask for it under interfaces.UPLINK.delegations", "no interface asks for a delegation named %s", name)}
}

func (v View) since(s plan.Delegated) string {
	if s.Since.IsZero() {
		return ""
	}
	return " since " + change.Rough(v.Now.Sub(s.Since))
}

func (v View) held(s plan.Delegated, d pd.Delegation) check {
	server := "the server"
	if d.Server.IsValid() {
		server = d.Server.WithZone("").String()
	}
	text := fmt.Sprintf("%s is %s, from %s on %s, preferred %s, valid %s", s.Name, d.Prefix, server, d.Link, v.left(d.PreferredUntil), v.left(d.ValidUntil))
	c := good("delegation", "delegation "+s.Name, "%s", text)
	switch {
	case !v.Now.Before(d.PreferredUntil):
		c.state, c.advice = Broken, "hosts avoid it for new connections; try sixfold delegation renew "+s.Name
		c.text += "; the server let it run out"
	case s.State == "rebinding":
		c.state, c.advice = Info, "the server no longer answers"
		c.text += ", rebinding" + v.since(s)
	case d.T1.After(v.Now):
		c.text += ", renewed in " + change.Rough(d.T1.Sub(v.Now))
	}
	if s.Problem != "" {
		c = c.with(note("delegation", "", "%s", s.Problem))
	}
	return c.with(v.aside(d)...)
}

// aside tells what the server gave beside the prefix in use.
func (v View) aside(d pd.Delegation) []check {
	var out []check
	for _, f := range d.Former {
		if v.Now.Before(f.ValidUntil) {
			out = append(out, note("delegation", "", "the server lets %s run out beside it, valid %s", f.Prefix, v.left(f.ValidUntil)))
		}
	}
	for _, f := range d.Spare {
		if v.Now.Before(f.ValidUntil) {
			out = append(out, note("delegation", "", "%s is spare: it takes over when %s ends, valid %s", f.Prefix, d.Prefix, v.left(f.ValidUntil)))
		}
	}
	if d.Exclude.IsValid() {
		out = append(out, note("delegation", "", "the ISP keeps %s of it for the link (RFC 6603)", d.Exclude))
	}
	return out
}

// known is as whom a server knows us, which is what the ISP will want to hear.
func known(s plan.Delegated) string {
	if len(s.DUID) == 0 {
		return "" // the link was never ready
	}
	return fmt.Sprintf(" as %s, IAID %d", config.FormatDUID(s.DUID), s.IAID)
}

// containing returns the delegations that a prefix was cut from.
func (v View) containing(p netip.Prefix) []plan.Delegated {
	var out []plan.Delegated
	for _, s := range v.Prefixes {
		if d := s.Delegation; d != nil && s.Name != "" && d.Prefix.Bits() <= p.Bits() && d.Prefix.Contains(p.Addr()) {
			out = append(out, s)
		}
	}
	return out
}

// cutFrom tells the delegation that a prefix was cut from, and by which expressions of the configuration.
func (v View) cutFrom(p netip.Prefix) []check {
	var out []check
	for _, s := range v.containing(p) {
		c := v.delegation(s.Name)[0].with(v.parts(s, p)...)
		for _, u := range v.Plan.Uses[s.Name] {
			q, err := netip.ParsePrefix(u.Prefix)
			if err != nil {
				if a, err := netip.ParseAddr(u.Prefix); err == nil {
					q = netip.PrefixFrom(a, a.BitLen())
				}
			}
			if q.IsValid() && q != s.Delegation.Prefix && q.Overlaps(p) {
				c = c.with(note("configuration", "", "%s has %q: %s", u.Where, u.Expr, u.Prefix))
			}
		}
		out = append(out, c)
	}
	return append(out, v.earlier(p)...)
}

func (v View) taleOfDelegation(name string) tale {
	t := tale{bad: map[string]string{"": "is not held", "configuration": "is too small", "consumer": "is held, but not all who shall know of it were told"}}
	steps := v.delegation(name)
	var uses []check
	for _, u := range v.Plan.Uses[name] {
		uses = append(uses, good("configuration", "", "%s has %q: %s", u.Where, u.Expr, u.Prefix))
	}
	for _, p := range v.Plan.Pending {
		if waitsFor(p, name) {
			uses = append(uses, bad("configuration", p.What, "", "%s: %s", p.What, p.Reason))
		}
	}
	last := &steps[len(steps)-1]
	if last.state == OK {
		t.good = last.text
		for _, s := range v.Prefixes {
			if s.Name == name && s.Delegation != nil {
				uses = append(uses, v.parts(s, netip.Prefix{})...)
				uses = append(uses, v.heard(s.Delegation.Prefix)...)
			}
		}
	} else {
		t.good = fmt.Sprintf("delegation %s", last.text)
	}
	*last = last.with(uses...)
	t.checks = append(chain(steps), v.consumers(name)...)
	return t
}

func waitsFor(p plan.Pending, delegation string) bool {
	prefix := "no prefix " + delegation + " yet"
	return len(p.Reason) >= len(prefix) && p.Reason[:len(prefix)] == prefix
}
