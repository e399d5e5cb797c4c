package importer

import (
	"net/netip"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// prefixInformation reads a prefix, if the group has one.
func (l *rtadvdLink) prefixInformation(group map[string]capability) bool {
	addr, ok := group["addr"]
	if !ok {
		for _, name := range []string{"prefixlen", "pinfoflags", "vltime", "pltime", "vltimedecr", "pltimedecr"} {
			if c, ok := group[name]; ok {
				l.tell(c.name, "%s says nothing, as there is no addr that belongs to it: rtadvd ignores it too", c.name)
			}
		}
		return false
	}
	a, ok := l.address(addr.value)
	if !ok {
		return false
	}
	bits := uint64(64)
	if c, ok := group["prefixlen"]; ok {
		if bits, ok = l.value(c, 128); !ok {
			return false
		}
	}
	p := netip.PrefixFrom(a, int(bits))
	key := p.Masked().String()
	if p != p.Masked() {
		l.tell(addr.value, "%s has host bits, which are not sent: the prefix is %s", p, key)
	}
	o := &sixfoldv1.AdvertisedPrefix{}
	on := uint64(0xc0)
	if c, ok := group["pinfoflags"]; ok {
		if flags, ok := l.flags(c, map[rune]uint64{'l': 0x80, 'a': 0x40}); ok {
			on = flags
		}
	}
	if on&0x80 == 0 {
		o.OnLink = ref(false)
	}
	if autonomous := on&0x40 != 0; autonomous != (bits == 64) {
		o.Autonomous = &autonomous
	}
	if on&0x20 != 0 {
		o.RouterAddress = ref(true)
	}
	o.ValidLifetime, o.PreferredLifetime = l.prefixLifetimes(group)
	valid, preferred := group["vltimedecr"], group["pltimedecr"]
	switch {
	case valid.name.text != "" && preferred.name.text != "":
		o.Decrement = ref(true)
	case valid.name.text != "":
		l.lost(valid.name, "both lifetimes of a prefix count down, or none: write decrement: true for %s, if both shall", key)
	case preferred.name.text != "":
		l.lost(preferred.name, "both lifetimes of a prefix count down, or none: write decrement: true for %s, if both shall", key)
	}
	if l.adv.Prefixes == nil {
		l.adv.Prefixes = map[string]*sixfoldv1.AdvertisedPrefix{}
	}
	if l.adv.Prefixes[key] != nil {
		l.wrong(addr.value, "%s is here a second time: the last one counts", key)
	}
	l.mark(l.at().field("prefixes").entry(key), addr.value)
	l.adv.Prefixes[key] = o
	return true
}

// prefixLifetimes returns the lifetimes of a prefix where they are not ours by default; those of rtadvd are the same.
func (l *rtadvdLink) prefixLifetimes(group map[string]capability) (valid, preferred *durationpb.Duration) {
	v, p := uint64(rtadvdValid), uint64(rtadvdPreferred)
	c, ok := group["vltime"]
	if ok {
		if n, ok := l.value(c, maxUint32); ok {
			v = n
		}
	}
	c, ok = group["pltime"]
	if ok {
		if n, ok := l.value(c, maxUint32); ok {
			p = n
		}
	}
	if p > v {
		if ok {
			l.wrong(c.value, "pltime (%d) is longer than vltime (%d): %d is taken for both", p, v, v)
		}
		p = v
	}
	if v != rtadvdValid {
		valid = seconds(v)
	}
	if p != min(rtadvdPreferred, v) {
		preferred = seconds(p)
	}
	return valid, preferred
}

// route reads a route, if the group has one.
func (l *rtadvdLink) route(group map[string]capability) {
	c, ok := group["rtprefix"]
	if !ok {
		return
	}
	a, ok := l.address(c.value)
	if !ok {
		return
	}
	bits := uint64(64)
	if c, ok := group["rtplen"]; ok {
		if bits, ok = l.value(c, 128); !ok {
			return
		}
	}
	key := netip.PrefixFrom(a, int(bits)).Masked().String()
	at := l.at().field("routes").entry(key)
	o := &sixfoldv1.AdvertisedRoute{Lifetime: seconds(l.lifetime)}
	if c, ok := group["rtltime"]; ok {
		if n, ok := l.value(c, maxUint32); ok {
			l.mark(at.field("lifetime"), c.value)
			o.Lifetime = seconds(n)
		}
	}
	if c, ok := group["rtflags"]; ok {
		if flags, ok := l.flags(c, map[rune]uint64{'h': 0x08, 'l': 0x18}); ok {
			o.Preference = l.preference(c, flags)
		}
	}
	if l.adv.Routes == nil {
		l.adv.Routes = map[string]*sixfoldv1.AdvertisedRoute{}
	}
	l.mark(at, c.value)
	l.adv.Routes[key] = o
}

// names reads the servers or domains of a group; where there is no lifetime it is one and a half times the interval.
func (l *rtadvdLink) names(group map[string]capability, field string) []dnsGroup {
	c, ok := group[field]
	if !ok {
		return nil
	}
	g := dnsGroup{token: c.value, lifetime: l.max * 3 / 2}
	if c, ok := group[field+"ltime"]; ok {
		if n, ok := l.value(c, maxUint32); ok {
			g.lifetime = n
		}
	}
	for _, t := range listItems(c.value) {
		if field == "rdnss" {
			if a, ok := l.address(t); ok {
				g.servers = append(g.servers, a)
			}
		} else if name, ok := l.domain(t); ok {
			g.domains = append(g.domains, name)
		}
	}
	if len(g.servers)+len(g.domains) == 0 {
		return nil
	}
	return []dnsGroup{g}
}

// listItems cuts a text at its commas; the places are those of the items.
func listItems(t token) []token {
	var all []token
	column := t.column
	if t.kind == text {
		column++
	}
	for part := range strings.SplitSeq(t.text, ",") {
		item := token{word, strings.TrimSpace(part), pos{t.line, column + len([]rune(part)) - len([]rune(strings.TrimLeft(part, " \t")))}}
		column += len([]rune(part)) + 1
		all = append(all, item)
	}
	return all
}
