package importer

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// birdLink is an interface of radv.
type birdLink struct {
	*birdProtocol
	link            link
	adv             *sixfoldv1.Advertise
	max             uint64
	insensitive     bool // the router lifetime does not follow the trigger
	servers, domain []dnsGroup
}

func (l *birdLink) at() path { return l.link.field("advertise") }

func (l *birdLink) read(name token, st stmt) {
	l.link.Advertise = l.adv
	l.mark(l.at(), name)
	l.adv.ValidLifetime, l.adv.PreferredLifetime = seconds(radvdValid), seconds(radvdPreferred)
	var local [2]bool
	for _, s := range st.block {
		if rest, ok := phrase(s, "max", "ra", "interval"); ok && len(rest) > 0 {
			if n, ok := l.number(rest[0], 65535); ok {
				l.mark(l.at().field("max_interval"), rest[0])
				l.max, l.adv.MaxInterval = n, seconds(n)
			}
		}
		if rest, ok := phrase(s, "rdnss", "local"); ok {
			local[0], _ = birdSwitch(rest)
		}
		if rest, ok := phrase(s, "dnssl", "local"); ok {
			local[1], _ = birdSwitch(rest)
		}
	}
	for _, s := range l.global {
		if l.over != nil {
			return
		}
		if !(local[0] && s.is("rdnss") || local[1] && s.is("dnssl")) {
			l.statement(s)
		}
	}
	for _, s := range st.block {
		l.statement(s)
	}
	l.advertiseDNS(l.adv, l.at(), append(l.servers, l.domain...), func(t token, kind uint32, data []byte) {
		(&radvdLink{draft: l.draft, link: l.link, adv: l.adv}).raw(t, kind, data)
	})
	if l.trigger != "" && !l.insensitive {
		l.mark(l.at().field("router_while"), l.triggers)
		l.adv.RouterWhile = &sixfoldv1.RouterWhile{Routes: []string{l.trigger}}
	}
	if len(l.link.Addresses) == 0 && !l.told {
		l.told = true
		l.tell(name, "BIRD advertises the prefixes that its interfaces have: list their addresses under interfaces.NAME.addresses, and so do we")
	}
}

// statement reads one statement of an interface, or one outside that holds for all.
func (l *birdLink) statement(st stmt) {
	a := l.adv
	number := func(most uint64, words ...string) (uint64, bool) {
		rest, ok := phrase(st, words...)
		if !ok || len(rest) == 0 {
			return 0, false
		}
		n, ok := l.number(rest[0], most)
		return n, ok
	}
	is := func(words ...string) bool { _, ok := phrase(st, words...); return ok }
	mark := func(name string) { l.mark(l.at().field(name), st.first()) }
	milliseconds := func(n uint64) *durationpb.Duration { return durationpb.New(time.Duration(n) * time.Millisecond) }
	switch {
	case is("max", "ra", "interval"), is("rdnss", "local"), is("dnssl", "local"): // noted before
	case is("min", "ra", "interval"):
		if n, ok := number(65535, "min", "ra", "interval"); ok {
			mark("min_interval")
			a.MinInterval = seconds(n)
		}
	case is("min", "delay"):
		if n, ok := number(65535, "min", "delay"); ok {
			mark("min_delay")
			a.MinDelay = seconds(n)
		}
	case is("solicited", "ra", "unicast"):
		rest, _ := phrase(st, "solicited", "ra", "unicast")
		if on, ok := birdSwitch(rest); ok && !on {
			l.tell(st.first(), "solicitations are answered by unicast (RFC 7772)")
		}
	case is("managed"):
		l.flag(st, 1, "managed", &a.Managed)
	case is("other", "config"):
		l.flag(st, 2, "other_config", &a.OtherConfig)
	case is("link", "mtu"):
		if n, ok := number(maxUint32, "link", "mtu"); ok && n > 0 {
			mark("link_mtu")
			a.LinkMtu = ref(uint32(n))
		}
	case is("reachable", "time"):
		if n, ok := number(3600000, "reachable", "time"); ok {
			mark("reachable_time")
			a.ReachableTime = milliseconds(n)
		}
	case is("retrans", "timer"):
		if n, ok := number(maxUint32, "retrans", "timer"); ok {
			mark("retrans_timer")
			a.RetransTimer = milliseconds(n)
		}
	case is("current", "hop", "limit"):
		if n, ok := number(255, "current", "hop", "limit"); ok {
			a.HopLimit = ref(uint32(n))
		}
	case is("default", "lifetime"):
		if n, ok := number(65535, "default", "lifetime"); ok {
			mark("router_lifetime")
			a.RouterLifetime = seconds(n)
		}
		if len(st.words) > 3 && st.words[3].isWord("sensitive") {
			on, ok := birdSwitch(st.words[4:])
			l.insensitive = ok && !on
		}
	case is("default", "preference") && len(st.words) > 2:
		mark("preference")
		a.Preference = l.preferenceOf(st.words[2])
	case is("route", "lifetime"), is("route", "preference"), is("route", "linger", "time"):
		l.lost(st.first(), "%s %s belongs to routes_from: write it there", st.words[0].text, st.words[1].text)
	case is("prefix", "linger", "time"):
		l.tell(st.first(), "a prefix that goes is withdrawn as long as hosts may have it (RFC 9096)")
	case is("prefix"):
		l.prefixOptions(st)
	case is("rdnss"):
		l.names(st, "ns", func(g *dnsGroup, t token) {
			if a, ok := l.address(t); ok {
				g.servers = append(g.servers, a)
			}
		}, &l.servers)
	case is("dnssl"):
		l.names(st, "domain", func(g *dnsGroup, t token) {
			if name, ok := l.domainName(t); ok {
				g.domains = append(g.domains, name)
			}
		}, &l.domain)
	case is("custom", "option"):
		l.custom(st)
	default:
		l.wrong(st.first(), "%s is no statement of an interface of radv: mend it, or leave it out", st.first())
	}
}

func (l *birdLink) domainName(t token) (string, bool) { return l.draft.domain(t) }

func (l *birdLink) flag(st stmt, n int, name string, to **bool) {
	if on, ok := birdSwitch(st.words[n:]); ok {
		l.mark(l.at().field(name), st.first())
		*to = &on
	}
}

// names reads one server or domain, or a block of them with a lifetime, which may be a multiple of the interval.
func (l *birdLink) names(st stmt, word string, add func(*dnsGroup, token), to *[]dnsGroup) {
	g := dnsGroup{token: st.first(), lifetime: 3 * l.max}
	for _, t := range st.words[1:] {
		add(&g, t)
	}
	for _, s := range st.block {
		t, ok := s.arg(1)
		switch {
		case !ok:
			l.missing(s.first(), "a value")
		case s.is(word):
			add(&g, t)
		case s.is("lifetime") && t.isWord("mult") && len(s.words) > 2:
			if n, ok := l.number(s.words[2], 254); ok {
				g.lifetime = n * l.max
			}
		case s.is("lifetime"):
			if n, ok := l.number(t, maxUint32); ok {
				g.lifetime = n
			}
		default:
			l.wrong(s.first(), "%s does not belong here: mend it, or leave it out", s.first())
		}
	}
	if len(g.servers)+len(g.domains) > 0 {
		*to = append(*to, g)
	}
}

// prefixOptions reads what is said of the prefixes of the interface that lie in one: ::/0 is all of them.
func (l *birdLink) prefixOptions(st stmt) {
	p, ok := l.prefix(st.words[1:min(2, len(st.words))])
	if !ok {
		return
	}
	o := &sixfoldv1.AdvertisedPrefix{}
	for _, s := range st.block {
		number := func(n int) *durationpb.Duration {
			if len(s.words) <= n {
				return nil
			}
			if len(s.words) > n+1 && s.words[n+1].isWord("sensitive") {
				if on, _ := birdSwitch(s.words[n+2:]); on {
					l.lost(s.words[n+1], "lifetimes of prefixes do not follow a trigger: those of a delegation follow it")
				}
			}
			if v, ok := l.number(s.words[n], maxUint32); ok {
				return seconds(v)
			}
			return nil
		}
		on, ok := birdSwitch(s.words[1:])
		switch {
		case s.is("skip"):
			o.Skip = on
		case s.is("onlink") && ok:
			o.OnLink = &on
		case s.is("autonomous") && ok:
			o.Autonomous = &on
		case s.is("pd"):
			on, _ := birdSwitch(s.words[min(2, len(s.words)):])
			o.PdPreferred = &on
		case s.is("valid"):
			o.ValidLifetime = number(2)
		case s.is("preferred"):
			o.PreferredLifetime = number(2)
		default:
			l.wrong(s.first(), "a prefix of radv has no %s: mend it, or leave it out", s.first())
		}
	}
	switch {
	case p.Bits() == 0 && !o.Skip:
		if o.ValidLifetime != nil {
			l.adv.ValidLifetime = o.ValidLifetime
		}
		if o.PreferredLifetime != nil {
			l.adv.PreferredLifetime = o.PreferredLifetime
		}
		l.adv.OnLink, l.adv.Autonomous = o.OnLink, o.Autonomous
		l.mark(l.at().field("valid_lifetime"), st.words[1])
		l.mark(l.at().field("preferred_lifetime"), st.words[1])
	case p.Bits() < 64:
		l.lost(st.words[1], "what holds for the prefixes in %s has to be written for each under advertise.prefixes", p)
	default:
		if l.adv.Prefixes == nil {
			l.adv.Prefixes = map[string]*sixfoldv1.AdvertisedPrefix{}
		}
		key := p.Masked().String()
		l.mark(l.at().field("prefixes").entry(key), st.words[1])
		l.adv.Prefixes[key] = o
	}
}

// custom reads custom option type NUMBER value HEX.
func (l *birdLink) custom(st stmt) {
	rest, _ := phrase(st, "custom", "option")
	if len(rest) < 4 || !rest[0].isWord("type") || !rest[2].isWord("value") {
		l.wrong(st.first(), "this is no option: write custom option type NUMBER value HEX")
		return
	}
	n, ok := l.number(rest[1], 255)
	if !ok {
		return
	}
	t := rest[3]
	t.text = strings.TrimPrefix(t.text, "hex:")
	if raw, ok := l.hexadecimal(t); ok {
		(&radvdLink{draft: l.draft, link: l.link, adv: l.adv}).raw(rest[1], uint32(n), raw)
	}
}
