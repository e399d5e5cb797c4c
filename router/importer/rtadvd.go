package importer

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// What rtadvd advertises where its file says nothing.
const (
	rtadvdMaxInterval    = 600
	rtadvdRouterLifetime = 1800
	rtadvdValid          = 2592000
	rtadvdPreferred      = 604800
)

// Bounds of entries that refer to one another.
const (
	maxReferences = 16   // one after the other
	maxExpanded   = 5000 // in a file
	maxFields     = 4096
)

// rtadvd reads rtadvd.conf(5) of FreeBSD and NetBSD.
func rtadvd(d *draft, s string) error {
	records, err := termcap(s)
	if err != nil {
		return err
	}
	f := &rtadvdFile{draft: d, byName: map[string]record{}, referred: map[string]bool{}, absent: map[string]bool{}}
	for _, r := range records {
		for _, name := range r.names {
			if first, again := f.byName[name]; again {
				d.wrong(r.name, "%s is here a second time, first in line %d: the first one counts", quoted(name), first.name.line)
				continue
			}
			f.byName[name] = r
		}
		for _, c := range r.fields {
			if c.name.text == "tc" {
				f.referred[c.value.text] = true
			}
		}
	}
	for _, r := range records {
		// An entry that others refer to is a template, unless it has a prefix of its own.
		referred := slices.ContainsFunc(r.names, func(name string) bool { return f.referred[name] })
		template := r.names[0] == "default" || referred && !slices.ContainsFunc(r.fields, func(c capability) bool {
			return strings.HasPrefix(c.name.text, "addr") && c.kind == '='
		})
		switch {
		case template:
		case strings.ContainsAny(r.names[0], " \t") || r.names[0] == "" || len(r.fields) == 0 && !strings.HasSuffix(r.name.text, ":") && len(r.names[0]) > linkLength:
			d.wrong(r.name, "%s is no entry: write NAME:FIELD:FIELD:", quoted(r.name.text))
		default:
			f.entries(r)
		}
	}
	if len(records) == 0 {
		d.note(pos{1, 1}, Warning, "there is nothing in this file: rtadvd advertises the prefixes of its interfaces with its defaults then; write advertise: {} for each interface")
	}
	return nil
}

type rtadvdFile struct {
	*draft
	byName   map[string]record
	referred map[string]bool
	absent   map[string]bool // templates that were missed already
	expanded int
}

// expand returns the fields of an entry and of those it refers to. Of two of the same name the first counts.
func (f *rtadvdFile) expand(r record, depth int, seen map[string]bool) []capability {
	var all []capability
	for _, c := range r.fields {
		if c.name.text != "tc" {
			if name := c.name.text; !seen[name] && len(all) < maxFields {
				seen[name] = true
				if !strings.HasSuffix(name, "@") { // a field that is cancelled here
					all = append(all, c)
				} else {
					seen[strings.TrimSuffix(name, "@")] = true
				}
			}
			continue
		}
		f.expanded++
		if f.limit(f.expanded <= maxExpanded, c.value); f.over != nil {
			return all
		}
		next, ok := f.byName[c.value.text]
		switch {
		case ok && depth < maxReferences:
			all = append(all, f.expand(next, depth+1, seen)...)
		case ok:
			f.wrong(c.value, "tc=%s goes in a circle: leave it out", c.value.text)
		case c.value.text == "default":
			if !f.absent["default"] {
				f.tell(c.value, "there is no entry default in this file: rtadvd's own defaults are taken, which are those that FreeBSD's file has there")
			}
			f.absent["default"] = true
		default:
			f.wrong(c.value, "there is no entry %s in this file: add it, or leave tc= out", c.value)
		}
	}
	return all
}

// rtadvdLink is one interface.
type rtadvdLink struct {
	*rtadvdFile
	link     link
	adv      *sixfoldv1.Advertise
	max      uint64
	lifetime uint64
	said     bool // router lifetime

	numbered map[string]map[string]capability // of prefixes and routes, by number and field
	order    []string
}

// rtadvdNumbered are the fields that may have a number behind them.
var rtadvdNumbered = []string{
	"addr", "prefixlen", "pinfoflags", "vltime", "vltimedecr", "pltime", "pltimedecr",
	"rtprefix", "rtplen", "rtflags", "rtltime", "rtrprefix", "rtrplen", "rtrflags", "rtrltime",
	"rdnss", "rdnssltime", "dnssl", "dnsslltime",
}

// entries reads an entry for each interface that it names: all names of termcap(5) are as good as the first, but for one of several
// words, which is a description.
func (f *rtadvdFile) entries(r record) {
	name := r.name
	for n, text := range r.names {
		name.text = text
		if f.byName[text].name.pos == r.name.pos && (n == 0 || text != "" && !strings.ContainsAny(text, " \t")) && f.over == nil {
			f.entry(r, name)
		}
		name.column += len([]rune(text)) + 1
	}
}

// entry reads an entry for the interface of that name.
func (f *rtadvdFile) entry(r record, name token) {
	l := &rtadvdLink{rtadvdFile: f, link: f.link(name), max: rtadvdMaxInterval, lifetime: rtadvdRouterLifetime, numbered: map[string]map[string]capability{}}
	l.adv = l.link.advertise()
	f.mark(l.at(), name)
	for _, c := range f.expand(r, 0, map[string]bool{}) {
		if base, number, ok := numberedName(c.name.text); ok {
			if l.numbered[number] == nil {
				l.numbered[number] = map[string]capability{}
				l.order = append(l.order, number)
			}
			// The words that began with rtr are the old ones of those that begin with rt.
			if strings.HasPrefix(base, "rtr") {
				base = "rt" + base[3:]
			}
			l.numbered[number][base] = c
			continue
		}
		l.field(c)
	}
	slices.SortStableFunc(l.order, func(a, b string) int {
		x, _ := strconv.Atoi("0" + a)
		y, _ := strconv.Atoi("0" + b)
		return x - y
	})
	l.lifetimes()
	var servers, domains []dnsGroup
	prefixes := 0
	for _, n := range l.order {
		group := l.numbered[n]
		if l.prefixInformation(group) {
			prefixes++
		}
		l.route(group)
		servers = append(servers, l.names(group, "rdnss")...)
		domains = append(domains, l.names(group, "dnssl")...)
	}
	f.advertiseDNS(l.adv, l.at(), append(servers, domains...), func(t token, kind uint32, data []byte) {
		(&radvdLink{draft: f.draft, link: l.link, adv: l.adv}).raw(t, kind, data)
	})
	f.ownAddresses(name, l.link, "rtadvd")
	if prefixes == 0 {
		f.tell(name, "rtadvd advertises the prefixes that %s has: list its addresses under interfaces.%s.addresses, and so do we", l.link.name, l.link.name)
	}
}

// numberedName splits a name such as prefixlen2.
func numberedName(s string) (base, number string, ok bool) {
	base = strings.TrimRight(s, "0123456789")
	return base, s[len(base):], slices.Contains(rtadvdNumbered, base)
}

func (l *rtadvdLink) at() path { return l.link.field("advertise") }

// value reads the number of a field.
func (l *rtadvdLink) value(c capability, most uint64) (uint64, bool) {
	if c.kind == 0 || c.value.text == "" {
		l.missing(c.name, "#NUMBER")
		return 0, false
	}
	t := c.value
	base := 10
	if rest, ok := strings.CutPrefix(strings.ToLower(t.text), "0x"); ok {
		base, t.text = 16, rest
	}
	n, err := strconv.ParseUint(t.text, base, 64)
	switch {
	case err != nil:
		l.wrong(c.value, "%s is no number: write %s#NUMBER", c.value, c.name.text)
		return 0, false
	case n > most:
		l.wrong(c.value, "%d is too large: give a number from 0 to %d", n, most)
		return 0, false
	}
	return n, true
}

// field reads one field of the advertisement itself.
func (l *rtadvdLink) field(c capability) {
	a := l.adv
	mark := func(name string) { l.mark(l.at().field(name), c.name) }
	switch c.name.text {
	case "maxinterval":
		if n, ok := l.value(c, 65535); ok {
			mark("max_interval")
			l.max = n
			a.MaxInterval = seconds(n)
		}
	case "mininterval":
		if n, ok := l.value(c, 65535); ok {
			mark("min_interval")
			a.MinInterval = seconds(n)
		}
	case "chlim":
		if n, ok := l.value(c, 255); ok {
			mark("hop_limit")
			a.HopLimit = ref(uint32(n))
		}
	case "raflags":
		flags, ok := l.flags(c, map[rune]uint64{'m': 0x80, 'o': 0x40, 'h': 0x08, 'l': 0x18})
		if !ok {
			return
		}
		mark("managed")
		a.Managed, a.OtherConfig = ref(flags&0x80 != 0), ref(flags&0x40 != 0)
		a.Preference = l.preference(c, flags)
		if flags&0x20 != 0 {
			a.HomeAgent = &sixfoldv1.AdvertisedHomeAgent{}
		}
	case "rltime":
		if n, ok := l.value(c, 65535); ok {
			mark("router_lifetime")
			l.lifetime, l.said = n, true
		}
	case "rtime":
		if n, ok := l.value(c, maxUint32); ok {
			mark("reachable_time")
			a.ReachableTime = durationpb.New(time.Duration(n) * time.Millisecond)
		}
	case "retrans":
		if n, ok := l.value(c, maxUint32); ok {
			mark("retrans_timer")
			a.RetransTimer = durationpb.New(time.Duration(n) * time.Millisecond)
		}
	case "mtu":
		if c.value.text == "auto" {
			l.tell(c.name, "mtu=auto sends the MTU of the interface: write it as interfaces.%s.mtu, and it is advertised", l.link.name)
			return
		}
		if n, ok := l.value(c, maxUint32); ok && n > 0 {
			mark("link_mtu")
			a.LinkMtu = ref(uint32(n))
		}
	case "nolladdr":
		mark("source_link_layer")
		a.SourceLinkLayer = ref(false)
	case "hapref", "hatime":
		n, ok := l.value(c, 65520)
		if !ok {
			return
		}
		mark("home_agent")
		if a.HomeAgent == nil {
			a.HomeAgent = &sixfoldv1.AdvertisedHomeAgent{}
		}
		if c.name.text == "hatime" {
			a.HomeAgent.Lifetime = seconds(n)
		} else {
			a.HomeAgent.Preference = int32(int16(n))
		}
	case "noifprefix":
		l.tell(c.name, "the prefixes of the addresses under interfaces.%s.addresses are advertised: write skip: true under advertise.prefixes for those that are not to be", l.link.name)
	case "clockskew":
		l.tell(c.name, "differences to the advertisements of other routers are judged without clockskew")
	case "addrs", "routes":
		// How many there are shows in what follows; rtadvd looks at it no longer.
	default:
		l.wrong(c.name, "rtadvd has no field %s: mend it, or leave it out", c.name)
	}
}

// flags reads a number, or letters that stand for bits.
func (l *rtadvdLink) flags(c capability, letters map[rune]uint64) (uint64, bool) {
	if c.kind == '#' || c.value.kind != text && strings.Trim(c.value.text, "0123456789") == "" {
		return l.value(c, 255)
	}
	var bits uint64
	for _, r := range c.value.text {
		bit, ok := letters[r]
		if !ok {
			l.wrong(c.value, "%s in %s is no flag: leave it out", quoted(string(r)), c.value)
			continue
		}
		bits |= bit
	}
	return bits, true
}

// preference is what the bits 4 and 3 of flags say (RFC 4191 2.2).
func (l *rtadvdLink) preference(c capability, flags uint64) string {
	switch flags & 0x18 {
	case 0x08:
		return "high"
	case 0x18:
		return "low"
	case 0x10:
		l.wrong(c.value, "the preference of these flags is reserved: medium is taken")
	}
	return ""
}

// lifetimes sets the router lifetime where ours would be another one: rtadvd's does not follow from the interval.
func (l *rtadvdLink) lifetimes() {
	if l.said || l.lifetime != 3*l.max {
		l.adv.RouterLifetime = seconds(l.lifetime)
	}
}
