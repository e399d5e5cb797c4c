package importer

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"

	"github.com/sixfold-router/sixfold/router/config"
)

// cisco reads the running configuration of IOS: what of it concerns IPv6, and IPv4 addresses. Commands are read word by word; a
// command that begins with a blank belongs to the section before it.
func cisco(d *draft, s string) error {
	c := &ciscoFile{draft: d, pools: map[string]*ciscoPool{}, local: map[string]ciscoLocal{}, general: map[string]token{}, asked: map[string]bool{}, literal: map[string]netip.Prefix{}}
	c.split(s)
	for _, l := range c.lines {
		if !l.inner {
			c.define(l)
		}
	}
	c.sections()
	c.undefined()
	c.steadfast()
	if len(c.lines) == 0 {
		d.note(pos{1, 1}, Warning, "there is nothing in this file")
	}
	return nil
}

// ciscoLine is one command.
type ciscoLine struct {
	words []token
	inner bool // it belongs to the section before it
}

// has tells whether the command begins with these words.
func (l ciscoLine) has(words ...string) bool {
	if len(words) > len(l.words) {
		return false
	}
	for n, w := range words {
		if !l.words[n].isWord(w) {
			return false
		}
	}
	return true
}

// arg is the word with number n, and ok if there is one; else the first, for the place.
func (l ciscoLine) arg(n int) (token, bool) {
	if n < len(l.words) {
		return l.words[n], true
	}
	return l.words[0], false
}

// heading is how a command is called in a note: its first word, and the second one behind words that never have a secret there.
func (l ciscoLine) heading() string {
	if len(l.words) > 1 && slices.ContainsFunc(ciscoSections, l.words[0].isWord) {
		return l.words[0].text + " " + l.words[1].text
	}
	return l.words[0].text
}

var ciscoSections = []string{
	"aaa", "access-list", "address-family", "class-map", "crypto", "dialer", "enable", "encapsulation", "ip", "ipv6", "line", "lldp", "neighbor",
	"network", "no", "policy-map", "ppp", "pppoe-client", "route-map", "router", "service", "service-policy", "snmp-server", "spanning-tree",
	"switchport", "tunnel", "vlan", "vrf",
}

type ciscoFile struct {
	*draft
	lines   []ciscoLine
	pools   map[string]*ciscoPool   // ipv6 dhcp pool
	local   map[string]ciscoLocal   // ipv6 local pool
	general map[string]token        // where the name of a delegated prefix is used, before it is known who asks for it
	literal map[string]netip.Prefix // ipv6 general-prefix with a prefix
	asked   map[string]bool         // ipv6 dhcp client pd
	given   []ciscoGiven            // of what clients are given, what is not relative to a delegation
}

// split makes commands of lines. Everything between the marks of a banner is left out.
func (c *ciscoFile) split(s string) {
	var banner string
	number := 0
	for text := range strings.SplitSeq(s, "\n") {
		number++
		if banner != "" {
			if strings.Contains(text, banner) {
				banner = ""
			}
			continue
		}
		trimmed := strings.TrimLeft(text, " \t")
		if trimmed == "" || trimmed[0] == '!' {
			continue
		}
		l := ciscoLine{inner: trimmed != text}
		column := len(text) - len(trimmed) + 1
		for trimmed != "" {
			n := strings.IndexAny(trimmed, " \t\r")
			if n < 0 {
				n = len(trimmed)
			}
			if n > 0 {
				l.words = append(l.words, token{word, trimmed[:n], pos{number, column}})
			}
			rest := strings.TrimLeft(trimmed[n:], " \t\r")
			column += len([]rune(trimmed[:n])) + len(trimmed) - n - len(rest)
			trimmed = rest
		}
		if len(l.words) == 0 {
			continue
		}
		if t, ok := l.arg(2); ok && l.has("banner") {
			banner = t.text[:min(2, len(t.text))]
			if strings.Count(text, banner) > 1 {
				banner = ""
			}
			continue
		}
		c.lines = append(c.lines, l)
	}
}

// define reads the commands whose names others refer to.
func (c *ciscoFile) define(l ciscoLine) {
	name, ok := l.arg(3)
	switch {
	case !ok:
	case l.has("ipv6", "general-prefix"):
		t, _ := l.arg(2)
		if l.words[3].isWord("6to4") {
			c.lost(t, "a prefix made of an IPv4 address (6to4) is left out: RFC 7526 gave 6to4 up")
			c.literal[t.text] = netip.Prefix{}
			return
		}
		p, _ := c.prefix(l.words[3:4])
		c.literal[t.text] = p.Masked()
	case l.has("ipv6", "local", "pool"):
		prefix, ok := l.arg(4)
		length, ok2 := l.arg(5)
		if !ok || !ok2 {
			c.missing(name, "a prefix and a length")
			return
		}
		p, ok := c.prefix([]token{prefix})
		n, ok2 := c.number(length, 128)
		if ok && ok2 {
			c.local[name.text] = ciscoLocal{name, p.Masked(), uint32(n)}
		}
		if t, ok := l.arg(6); ok {
			c.lost(t, "%s of a pool has no equivalent: leave it out", t)
		}
	case l.has("ipv6", "dhcp", "pool"):
		c.pools[name.text] = &ciscoPool{token: name}
	}
}

// sections reads all commands in their order.
func (c *ciscoFile) sections() {
	var pool *ciscoPool
	// Pools come first, as interfaces refer to them.
	for _, l := range c.lines {
		if !l.inner {
			pool = nil
			if name, ok := l.arg(3); ok && l.has("ipv6", "dhcp", "pool") {
				pool = c.pools[name.text]
			}
			continue
		}
		if pool != nil {
			c.poolCommand(pool, l)
		}
	}
	var i *ciscoInterface
	inPool, ignored := false, false
	for _, l := range c.lines {
		switch {
		case l.inner && inPool:
		case l.inner && i != nil:
			i.command(l)
		case l.inner:
			if !ignored {
				c.lost(l.words[0], "%s: no equivalent for this", quoted(l.heading()))
			}
		default:
			if i != nil {
				i.finish()
			}
			i, ignored = nil, true
			inPool = l.has("ipv6", "dhcp", "pool")
			if name, ok := l.arg(1); ok && l.has("interface") {
				for _, t := range l.words[2:] { // interface GigabitEthernet 0/0
					name.text += t.text
				}
				i = c.iface(name)
				continue
			}
			if !inPool {
				c.global(l)
			}
		}
	}
	if i != nil {
		i.finish()
	}
}

// global reads a command outside of sections.
func (c *ciscoFile) global(l ciscoLine) {
	switch {
	case l.has("ipv6", "unicast-routing"), l.has("ipv6", "cef"), l.has("ip", "cef"), l.has("end"), l.has("version"), l.has("exit"),
		l.has("no", "ipv6", "cef"), l.has("no", "ip"), l.has("no", "aaa"), l.has("boot-start-marker"), l.has("boot-end-marker"),
		l.has("Building"), l.has("Current"), l.has("enable") && len(l.words) == 1, l.has("configure"), l.has("service", "timestamps"):
		// How a router always is, or how the text came about.
	case l.has("hostname"):
		if t, ok := l.arg(1); ok {
			if name, ok := c.domain(t); ok {
				if c.conf.System == nil {
					c.conf.System = &sixfoldv1.System{}
				}
				c.mark("system.hostname", t)
				c.conf.System.Hostname = name
			}
		}
	case l.has("ipv6", "general-prefix"), l.has("ipv6", "local", "pool"):
	case l.has("ipv6", "route"):
		c.route(l)
	default:
		c.lost(l.words[0], "%s: no equivalent for this, and for what belongs to it", quoted(l.heading()))
	}
}

// expression writes an address or prefix of IOS that is relative to a general prefix. ok is false if the name stands for none.
func (c *ciscoFile) expression(name token, p netip.Prefix) (string, bool) {
	if base, ok := c.literal[name.text]; ok {
		e, err := config.Expr{Delegation: "x", Prefix: p}.Resolve(base)
		if err != nil {
			c.wrong(name, "%s is %s, in which %s does not fit", name.text, base, p)
			return "", false
		}
		return e.String(), true
	}
	if _, ok := c.general[name.text]; !ok {
		c.general[name.text] = name
	}
	return config.Expr{Delegation: delegationName(name.text), Prefix: p}.String(), true
}

// delegationName makes a name of IOS one that a delegation can have.
func delegationName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, s)
	if s == "" || !(s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z') {
		s = "p" + s
	}
	return s[:min(len(s), 32)]
}

// undefined asks for the prefixes that are used, and that no interface of the file asks for.
func (c *ciscoFile) undefined() {
	for _, name := range slices.Sorted(maps.Keys(c.general)) {
		t := c.general[name]
		if c.asked[delegationName(name)] {
			continue
		}
		uplink := c.options.Interface
		if uplink == "" {
			uplink = "uplink"
			c.lost(t, "no interface in this file asks for the prefix %s (ipv6 dhcp client pd %s): it is asked for on an interface called uplink; say which one it is with --interface NAME",
				name, name)
		} else {
			c.tell(t, "the prefix %s is asked for on %s", name, uplink)
		}
		l := c.link(token{word, uplink, t.pos})
		c.delegate(l, delegationName(name), t)
	}
}
