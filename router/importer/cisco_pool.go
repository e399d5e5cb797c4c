package importer

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// ciscoLocal is ipv6 local pool NAME PREFIX LENGTH.
type ciscoLocal struct {
	token
	prefix netip.Prefix
	length uint32
}

// Lifetimes of IOS where none are said, in seconds.
const (
	ciscoValid     = 2592000
	ciscoPreferred = 604800
)

// ciscoPool is ipv6 dhcp pool NAME.
type ciscoPool struct {
	token
	dns, domains []token
	from         []ciscoDelegate
	addresses    []ciscoAddresses
	fixed        []ciscoFixed
	used         bool
}

// ciscoDelegate is prefix-delegation pool NAME.
type ciscoDelegate struct {
	name             token
	valid, preferred uint64
}

// ciscoAddresses is address prefix PREFIX.
type ciscoAddresses struct {
	at               token
	text             string
	prefix           netip.Prefix // invalid: relative
	valid, preferred uint64
}

// ciscoFixed is prefix-delegation PREFIX DUID.
type ciscoFixed struct {
	at     token
	prefix netip.Prefix
	duid   []byte
}

// poolCommand reads one command of a pool.
func (c *ciscoFile) poolCommand(p *ciscoPool, l ciscoLine) {
	t, given := l.arg(1)
	switch {
	case l.has("dns-server") && given:
		p.dns = append(p.dns, l.words[1:]...)
	case l.has("domain-name") && given:
		p.domains = append(p.domains, t)
	case l.has("prefix-delegation", "pool"):
		name, ok := l.arg(2)
		if !ok {
			c.missing(l.words[0], "the name of a local pool")
			return
		}
		d := ciscoDelegate{name: name}
		d.valid, d.preferred = c.ciscoLifetimes(l.words[3:])
		p.from = append(p.from, d)
	case l.has("prefix-delegation", "aaa"):
		c.lost(l.words[0], "prefixes are not asked of a RADIUS server: give pools or reservations")
	case l.has("prefix-delegation") && given:
		prefix, ok := c.prefix(l.words[1:2])
		id, ok2 := l.arg(2)
		if !ok || !ok2 {
			if ok {
				c.missing(l.words[0], "the DUID of the client")
			}
			return
		}
		raw, ok := c.hexadecimal(id)
		if ok {
			p.fixed = append(p.fixed, ciscoFixed{t, prefix.Masked(), raw})
		}
		if len(l.words) > 3 {
			c.lost(l.words[3], "a client is known by its DUID alone, and its prefix has the lifetimes of all")
		}
	case l.has("address", "prefix"):
		words := l.words[2:]
		if len(words) == 0 {
			c.missing(l.words[0], "a prefix")
			return
		}
		a := ciscoAddresses{at: words[0]}
		if !strings.Contains(words[0].text, "/") && len(words) > 1 {
			q, ok := c.prefix(words[1:2])
			if !ok {
				return
			}
			if a.text, ok = c.expression(words[0], q.Masked()); !ok {
				return
			}
			words = words[1:]
		} else {
			q, ok := c.prefix(words[:1])
			if !ok {
				return
			}
			a.prefix, a.text = q.Masked(), q.Masked().String()
		}
		a.valid, a.preferred = c.ciscoLifetimes(words[1:])
		p.addresses = append(p.addresses, a)
	case l.has("link-address"):
		c.lost(l.words[0], "what is served belongs to the link of the clients: relays are not served by link-address")
	case l.has("import"):
		c.tell(l.words[0], "to hand out what the provider gives, write dns_from: NAME, the name of the delegation, under dhcpv6 of the interface")
	default:
		c.lost(l.words[0], "%s of a DHCPv6 pool: no equivalent for this", quoted(l.words[0].text))
	}
}

// ciscoLifetimes reads lifetime VALID PREFERRED.
func (d *draft) ciscoLifetimes(words []token) (valid, preferred uint64) {
	valid, preferred = ciscoValid, ciscoPreferred
	if len(words) > 2 && words[0].isWord("lifetime") {
		if n, ok := d.lifetime(words[1]); ok {
			valid = n
		}
		if n, ok := d.lifetime(words[2]); ok {
			preferred = n
		}
		if preferred > valid {
			d.wrong(words[2], "the preferred lifetime (%d) is longer than the valid one (%d): %d is taken for both", preferred, valid, valid)
			preferred = valid
		}
	}
	return valid, preferred
}

// servePool puts a pool on an interface. words are those behind its name: rapid-commit, preference and others.
func (c *ciscoFile) servePool(l link, name token, words []token) {
	p := c.pools[name.text]
	if p == nil {
		c.wrong(name, "there is no ipv6 dhcp pool %s in this file: nothing is served", name)
		return
	}
	s, at := l.serve(), l.field("dhcpv6")
	c.mark(at, name)
	for n := 0; n < len(words); n++ {
		switch t := words[n]; {
		case t.isWord("rapid-commit"):
			s.RapidCommit = true
		case t.isWord("preference") && n+1 < len(words):
			n++
			if v, ok := c.number(words[n], 255); ok && v > 0 {
				c.mark(at.field("preference"), words[n])
				s.Preference = ref(uint32(v))
			}
		case t.isWord("allow-hint"):
			c.tell(t, "what a client asks for is given where it is free")
		default:
			c.lost(t, "%s has no equivalent: leave it out", t)
		}
	}
	for _, t := range p.dns {
		if a, ok := c.address(t); ok && !slices.Contains(s.Dns, a.String()) {
			c.mark(at.field("dns").item(len(s.Dns)), t)
			s.Dns = append(s.Dns, a.String())
		}
	}
	for _, t := range p.domains {
		if d, ok := c.domain(t); ok && !slices.Contains(s.Domains, d) {
			c.mark(at.field("domains").item(len(s.Domains)), t)
			s.Domains = append(s.Domains, d)
		}
	}
	if p.used && len(p.from)+len(p.addresses)+len(p.fixed) > 0 {
		c.lost(name, "the pool %s is served on another interface already: a pool belongs to one link, so only servers and domains of it are served here", name)
		return
	}
	p.used = true
	c.delegatePools(s, at, p)
	c.addressPools(l, s, at, p)
	for _, f := range p.fixed {
		r := "client" + strconv.Itoa(len(s.Reservations)+1)
		if s.Reservations == nil {
			s.Reservations = map[string]*sixfoldv1.Reservation{}
		}
		c.mark(at.field("reservations").entry(r), f.at)
		c.given = append(c.given, ciscoGiven{f.at, f.prefix})
		s.Reservations[r] = &sixfoldv1.Reservation{Duid: colons(f.duid), Prefixes: []string{f.prefix.String()}}
	}
}

func (c *ciscoFile) delegatePools(s *sixfoldv1.Dhcpv6, at path, p *ciscoPool) {
	for _, d := range p.from {
		local, ok := c.local[d.name.text]
		if !ok {
			c.wrong(d.name, "there is no valid ipv6 local pool %s in this file: no prefixes are delegated", d.name)
			continue
		}
		if s.Delegate == nil {
			s.Delegate = map[string]*sixfoldv1.PrefixPool{}
		}
		name := poolName(d.name.text)
		c.mark(at.field("delegate").entry(name), local.token)
		c.given = append(c.given, ciscoGiven{local.token, local.prefix})
		s.Delegate[name] = &sixfoldv1.PrefixPool{
			Pool: local.prefix.String(), Length: local.length, ValidLifetime: seconds(d.valid), PreferredLifetime: seconds(d.preferred),
		}
	}
}

func (c *ciscoFile) addressPools(l link, s *sixfoldv1.Dhcpv6, at path, p *ciscoPool) {
	for _, a := range p.addresses {
		if s.Pools == nil {
			s.Pools = map[string]*sixfoldv1.AddressPool{}
		}
		name := poolName(p.text)
		if s.Pools[name] != nil {
			name = poolName(name + "-" + a.text)
		}
		c.mark(at.field("pools").entry(name), a.at)
		if a.prefix.IsValid() {
			c.given = append(c.given, ciscoGiven{a.at, a.prefix})
		}
		s.Pools[name] = &sixfoldv1.AddressPool{Range: a.text}
		if s.ValidLifetime == nil {
			s.ValidLifetime, s.PreferredLifetime = seconds(a.valid), seconds(a.preferred)
		}
	}
}

// ciscoGiven is a literal prefix of which clients are given something.
type ciscoGiven struct {
	at     token
	prefix netip.Prefix
}

// customary is the length of a delegation of which the file says nothing.
const customary = 48

// steadfast tells of literal prefixes in a file that asks for a delegation: whether they are part of it is not known here, and they do not
// change with it.
func (c *ciscoFile) steadfast() {
	known := maps.Clone(c.asked)
	for name := range c.general {
		known[delegationName(name)] = true
	}
	if len(known) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(known))
	for _, g := range c.given {
		if g.prefix.Bits() <= customary || g.prefix.Addr().IsPrivate() {
			continue
		}
		b := g.prefix.Addr().As16()
		clear(b[:customary/8])
		part := config.Expr{Delegation: names[0], Prefix: netip.PrefixFrom(netip.AddrFrom16(b), g.prefix.Bits())}
		c.tell(g.at, "%s stays as it is when the delegation changes: if it is part of %s, write %q (for a /%d)", g.prefix, strings.Join(names, " or "), part, customary)
	}
}

// poolName makes a name one that a pool can have.
func poolName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, s)
	if s = strings.TrimLeft(s, "_.-"); s == "" {
		s = "pool"
	}
	return s[:min(len(s), 64)]
}
