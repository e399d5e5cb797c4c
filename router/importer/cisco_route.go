package importer

import (
	"net/netip"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// route reads ipv6 route PREFIX [INTERFACE] [NEXT-HOP] [DISTANCE].
func (c *ciscoFile) route(l ciscoLine) {
	words := l.words[2:]
	if len(words) > 1 && words[0].isWord("vrf") {
		c.lost(l.words[0], "routes of a VRF are left out: write them under vrfs")
		return
	}
	if len(words) < 2 {
		c.missing(l.words[0], "a prefix and where it leads")
		return
	}
	key := ""
	if strings.Contains(words[0].text, "/") {
		p, ok := c.prefix(words[:1])
		if !ok {
			return
		}
		key, words = p.Masked().String(), words[1:]
	} else {
		p, ok := c.prefix(words[1:2])
		if !ok {
			return
		}
		if key, ok = c.expression(words[0], p.Masked()); !ok {
			return
		}
		words = words[2:]
	}
	if len(words) == 0 {
		c.missing(l.words[0], "where the route leads")
		return
	}
	r := &sixfoldv1.Route{}
	at := path("routes").entry(key)
	if words[0].isWord("Null0") || words[0].isWord("Null") {
		r.Unreachable = true
		words = words[1:]
	} else {
		if _, err := netip.ParseAddr(words[0].text); err != nil && !placeholder(words[0].text) {
			name := words[0]
			words = words[1:]
			if len(words) > 0 && strings.Trim(words[0].text, "0123456789/.") == "" && strings.ContainsAny(words[0].text, "/.") {
				name.text += words[0].text
				words = words[1:]
			}
			r.Interface = c.link(name).name
			c.mark(at.field("interface"), name)
		}
		if len(words) > 0 && strings.Contains(words[0].text, ":") {
			a, ok := c.address(words[0])
			if !ok {
				return
			}
			if a.IsLinkLocalUnicast() && r.Interface == "" {
				c.wrong(words[0], "%s is link-local, and the interface before it is missing: the route is left out", a)
				return
			}
			c.mark(at.field("via"), words[0])
			r.Via = a.String()
			words = words[1:]
		}
	}
	for n, t := range words {
		switch distance, ok := c.distance(t); {
		case n == 0 && ok && distance == 1:
		case n == 0 && ok:
			c.mark(at.field("metric"), t)
			r.Metric = ref(512 + uint32(distance))
			c.tell(t, "the distance %d is a metric of %d here: lower is better", distance, *r.Metric)
		case t.isWord("unicast"), t.isWord("permanent"):
		case t.isWord("name"), t.isWord("tag"), t.isWord("track"), t.isWord("multicast"):
			c.lost(t, "%s of a route has no equivalent: leave it out", t)
			words = nil
		}
		if words == nil {
			break
		}
	}
	if c.conf.Routes == nil {
		c.conf.Routes = map[string]*sixfoldv1.Route{}
	}
	if c.conf.Routes[key] != nil {
		c.lost(l.words[0], "%s has several next hops in this file: the last one counts", key)
	}
	c.mark(at, l.words[0])
	c.conf.Routes[key] = r
}

func (c *ciscoFile) distance(t token) (n int, ok bool) {
	for _, r := range t.text {
		if r < '0' || r > '9' || n > 254 {
			return 0, false
		}
		n = n*10 + int(r-'0')
	}
	return n, t.text != ""
}
