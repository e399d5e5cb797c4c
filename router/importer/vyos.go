package importer

import (
	"maps"
	"net/netip"
	"slices"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// vyos reads the configuration of VyOS and EdgeOS, as show configuration or show configuration commands print it: interfaces with
// their addresses, VLANs, VXLANs and advertisements, static routes and prefix delegation.
func vyos(d *draft, s string) error {
	tokens, err := scan(s, lexis{marks: "{}", quotes: `"'`, slashes: true, lines: true})
	if err != nil {
		return err
	}
	all, err := parse(tokens, grammar{lines: true})
	if err != nil {
		return err
	}
	v := &vyosFile{draft: d, adverts: map[string]*vyosAdvert{}, noted: map[string]bool{}}
	for _, st := range all {
		v.flatten(nil, st)
	}
	v.finish()
	if len(all) == 0 {
		d.note(pos{1, 1}, Warning, "there is nothing in this file")
	}
	return nil
}

type vyosFile struct {
	*draft
	adverts map[string]*vyosAdvert // by our name of the interface
	noted   map[string]bool        // sections that were noted as left out
}

// words is a line of the configuration: its sections and the value, as a set command has them.
type words []token

// is tells whether the line goes on with these words.
func (w words) is(names ...string) bool {
	if len(w) < len(names) {
		return false
	}
	for n, name := range names {
		if w[n].text != name {
			return false
		}
	}
	return true
}

// at returns the word with number n, and ok if there is one; else the last, for the place.
func (w words) at(n int) (token, bool) {
	switch {
	case n < len(w):
		return w[n], true
	case len(w) == 0:
		return token{pos: pos{1, 1}}, false
	}
	return w[len(w)-1], false
}

// flatten makes lines of sections.
func (v *vyosFile) flatten(above words, st stmt) {
	line := append(slices.Clone(above), st.words...)
	if len(above) == 0 && st.is("set") {
		line = line[1:]
	}
	if len(line) == 0 {
		return
	}
	if !st.open {
		v.line(line)
		return
	}
	if len(st.block) == 0 {
		v.line(line)
	}
	for _, inner := range st.block {
		v.flatten(line, inner)
	}
}

func (v *vyosFile) line(w words) {
	switch {
	case w.is("interfaces") && len(w) > 2:
		v.iface(w[1].text, w[2], w[3:])
	case w.is("service", "router-advert", "interface") && len(w) > 3:
		v.advertise(v.link(w[3]), w[3], w[4:], radvdPreferred)
	case w.is("protocols", "static") && len(w) > 4:
		v.route(w[2:])
	case w.is("system", "host-name") && len(w) > 2:
		if name, ok := v.domain(w[2]); ok {
			if v.conf.System == nil {
				v.conf.System = &sixfoldv1.System{}
			}
			v.mark("system.hostname", w[2])
			v.conf.System.Hostname = name
		}
	default:
		v.left(w)
	}
}

// left notes a section that is not carried over, once.
func (v *vyosFile) left(w words) {
	name := w[0].text
	if len(w) > 1 && slices.Contains(vyosSections, name) {
		name += " " + w[1].text
	}
	if !v.noted[name] {
		v.noted[name] = true
		v.lost(w[0], "%s: no equivalent for this, and for what belongs to it", quoted(name))
	}
}

// route reads route6 PREFIX next-hop ADDRESS and the like.
func (v *vyosFile) route(w words) {
	if w[0].text != "route" && w[0].text != "route6" && w[0].text != "interface-route" && w[0].text != "interface-route6" {
		v.left(words{{word, "protocols static", w[0].pos}, w[0]})
		return
	}
	p, err := netip.ParsePrefix(w[1].text)
	if err != nil {
		v.wrong(w[1], "%s is no valid prefix: write it as ADDRESS/LENGTH", w[1])
		return
	}
	key := p.Masked().String()
	at := path("routes").entry(key)
	if v.conf.Routes == nil {
		v.conf.Routes = map[string]*sixfoldv1.Route{}
	}
	r := v.conf.Routes[key]
	if r == nil {
		r = &sixfoldv1.Route{}
		v.conf.Routes[key] = r
		v.mark(at, w[1])
	}
	t, ok := w.at(3)
	rest := w[min(4, len(w)):]
	switch {
	case w[2].text == "blackhole":
		r.Blackhole = true
	case w[2].text == "reject", w[2].text == "unreachable":
		r.Unreachable = true
	case w[2].text == "next-hop" && ok:
		if r.Via != "" && r.Via != t.text {
			v.lost(t, "%s has several next hops in this file: the first one counts", key)
			return
		}
		v.mark(at.field("via"), t)
		r.Via = t.text
	case (w[2].text == "interface" || w[2].text == "next-hop-interface") && ok:
		v.mark(at.field("interface"), t)
		r.Interface = v.linkName(t)
	}
	if x, ok := rest.at(1); len(rest) > 0 && ok && rest[0].text == "interface" {
		r.Interface = v.linkName(x)
	}
	if x, ok := rest.at(1); len(rest) > 0 && ok && rest[0].text == "distance" {
		if n, ok := v.number(x, 255); ok && n > 1 {
			v.mark(at.field("metric"), x)
			r.Metric = ref(512 + uint32(n))
			v.tell(x, "the distance %d is a metric of %d here: lower is better", n, *r.Metric)
		}
	}
}

func (v *vyosFile) finish() {
	for _, name := range slices.Sorted(maps.Keys(v.adverts)) {
		v.adverts[name].finish()
	}
}
