package importer

import (
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// neighbor reads ipv6 nd, and no ipv6 nd.
func (i *ciscoInterface) neighbor(l ciscoLine) {
	no := l.has("no")
	words := l.words[2:]
	if no {
		words = l.words[3:]
	}
	if len(words) == 0 {
		i.missing(l.words[0], "what of neighbor discovery is meant")
		return
	}
	two := ciscoLine{words: words}
	a, at := i.adv, i.advertised()
	t, given := two.arg(1)
	i.said = true
	switch {
	case two.has("managed-config-flag"):
		a.Managed = ref(!no)
	case two.has("other-config-flag"):
		a.OtherConfig = ref(!no)
	case two.has("ra", "suppress"), two.has("suppress-ra"):
		i.suppressed = !no
		if no {
			i.own = true
		}
		if all, ok := two.arg(2); ok && !no && !all.isWord("all") {
			i.wrong(all, "%s does not belong here", all)
		}
	case two.has("ra", "interval"), two.has("ra-interval"):
		i.interval(two, no)
	case two.has("ra", "lifetime"), two.has("ra-lifetime"):
		t := words[len(words)-1]
		if n, ok := i.number(t, 65535); ok && !no {
			i.mark(at.field("router_lifetime"), t)
			a.RouterLifetime, i.lifetime = seconds(n), true
		}
	case two.has("router-preference") && given:
		i.mark(at.field("preference"), t)
		a.Preference = i.preferenceOf(t)
	case two.has("ra", "hop-limit"):
		if t, ok := two.arg(2); ok && t.isWord("unspecified") {
			a.HopLimit = ref(uint32(0))
		} else if n, ok2 := i.number(t, 255); ok && ok2 {
			a.HopLimit = ref(uint32(n))
		}
	case two.has("ra", "mtu", "suppress"):
		i.tell(words[0], "the MTU is sent only where link_mtu or the mtu of the interface is configured")
	case two.has("ra", "dns", "server"):
		i.dnsServer(two)
	case two.has("ra", "dns", "search-list"), two.has("ra", "dns-search-list"):
		i.searchList(two)
	case two.has("ra", "solicited", "unicast"):
		// Solicitations are answered by unicast.
	case two.has("reachable-time") && given:
		if n, ok := i.number(t, 3600000); ok {
			a.ReachableTime = durationpb.New(time.Duration(n) * time.Millisecond)
		}
	case two.has("ns-interval") && given:
		if n, ok := i.number(t, maxUint32); ok {
			a.RetransTimer = durationpb.New(time.Duration(n) * time.Millisecond)
		}
	case two.has("advertisement-interval"):
		a.IntervalOption = !no
	case two.has("prefix"), two.has("prefix-advertisement"):
		i.ndPrefix(two)
	case two.has("nat64", "prefix"), two.has("ra", "nat64-prefix"):
		i.pref64(two)
	case two.has("dad", "attempts"):
		if t, ok := two.arg(2); ok {
			if n, ok := i.number(t, 100); ok {
				i.mark(i.link.field("dad_transmits"), t)
				if n == 0 {
					i.Dad = ref(false)
				} else {
					i.DadTransmits = ref(uint32(n))
				}
			}
		}
		i.said = false
	default:
		i.said = false
		i.lost(l.words[0], "%s on %s: no equivalent for this", quoted("ipv6 nd "+words[0].text), i.link.name)
	}
}

// interval reads ra interval MAX [MIN], and ra interval msec MAX [MIN].
func (i *ciscoInterface) interval(l ciscoLine, no bool) {
	if no {
		return
	}
	var numbers []token
	unit := time.Second
	for _, t := range l.words[1:] {
		switch {
		case t.isWord("interval"):
		case t.isWord("msec"):
			unit = time.Millisecond
		default:
			numbers = append(numbers, t)
		}
	}
	for n, t := range numbers {
		v, ok := i.number(t, 65535000)
		if !ok {
			continue
		}
		d := durationpb.New(time.Duration(v) * unit)
		switch n {
		case 0:
			i.mark(i.advertised().field("max_interval"), t)
			i.adv.MaxInterval = d
		case 1:
			i.mark(i.advertised().field("min_interval"), t)
			i.adv.MinInterval = d
		}
	}
	if m := i.adv.MaxInterval; m != nil && m.AsDuration() < 4*time.Second {
		i.adv.MinDelay = durationpb.New(max(m.AsDuration()/3, 30*time.Millisecond))
	}
}

// dnsServer reads ra dns server ADDRESS [LIFETIME].
func (i *ciscoInterface) dnsServer(l ciscoLine) {
	t, ok := l.arg(3)
	if !ok {
		i.missing(l.words[0], "an address")
		return
	}
	a, ok := i.address(t)
	if !ok {
		return
	}
	i.mark(i.advertised().field("dns").item(len(i.adv.Dns)), t)
	i.adv.Dns = append(i.adv.Dns, a.String())
	i.dnsLifetime(l, 4, "dns_lifetime", &i.adv.DnsLifetime)
}

func (i *ciscoInterface) searchList(l ciscoLine) {
	n := 3
	if l.has("ra", "dns-search-list") {
		n = 2
	}
	if t, ok := l.arg(n); ok && t.isWord("domain") {
		n++
	}
	t, ok := l.arg(n)
	if !ok {
		i.missing(l.words[0], "a domain")
		return
	}
	if name, ok := i.domain(t); ok {
		i.mark(i.advertised().field("domains").item(len(i.adv.Domains)), t)
		i.adv.Domains = append(i.adv.Domains, name)
	}
	i.dnsLifetime(l, n+1, "domains_lifetime", &i.adv.DomainsLifetime)
}

// dnsLifetime reads the lifetime of a server or domain into what all servers or all domains have here.
func (i *ciscoInterface) dnsLifetime(l ciscoLine, n int, field string, all **durationpb.Duration) {
	t, ok := l.arg(n)
	if !ok {
		return
	}
	v, ok := i.lifetimeOf(t)
	switch {
	case !ok:
	case *all == nil:
		i.mark(i.advertised().field(field), t)
		*all = seconds(v)
	case (*all).Seconds != int64(v):
		i.lost(t, "all of them have one lifetime, %d seconds: this one is left out", (*all).Seconds)
	}
}

func (i *ciscoInterface) lifetimeOf(t token) (uint64, bool) { return i.ciscoFile.lifetime(t) }

// ndPrefix reads prefix PREFIX|default [no-advertise | VALID PREFERRED [off-link] [no-autoconfig] ...], also at DATE.
func (i *ciscoInterface) ndPrefix(l ciscoLine) {
	words := l.words[1:]
	if len(words) == 0 {
		i.missing(l.words[0], "a prefix")
		return
	}
	head := words[0]
	o := &sixfoldv1.AdvertisedPrefix{}
	key := ""
	switch {
	case head.isWord("default"):
		words = words[1:]
	case strings.Contains(head.text, "/"):
		p, ok := i.prefix(words[:1])
		if !ok {
			return
		}
		key, words = p.Masked().String(), words[1:]
		if p.Bits() != 64 {
			o.Autonomous = ref(true)
		}
	case len(words) > 1:
		p, ok := i.prefix(words[1:2])
		if !ok {
			return
		}
		if key, ok = i.expression(head, p.Masked()); !ok {
			return
		}
		words = words[2:]
	}
	var numbers []uint64
	for n := 0; n < len(words); n++ {
		switch t := words[n]; {
		case t.isWord("no-advertise"):
			o.Skip = true
		case t.isWord("off-link"), t.isWord("no-onlink"):
			o.OnLink = ref(false)
		case t.isWord("no-autoconfig"):
			o.Autonomous = ref(false)
		case t.isWord("infinite"), strings.Trim(t.text, "0123456789") == "":
			if v, ok := i.lifetimeOf(t); ok {
				numbers = append(numbers, v)
			}
		case t.isWord("at"):
			i.lost(t, "lifetimes that end at a time are left out: write valid_until and preferred_until, as in 2026-12-31T12:00:00Z")
			n = len(words)
		default:
			i.lost(t, "%s of a prefix has no equivalent: leave it out", t)
		}
	}
	if len(numbers) > 1 && numbers[1] > numbers[0] {
		i.wrong(head, "the preferred lifetime (%d) is longer than the valid one (%d): %d is taken for both", numbers[1], numbers[0], numbers[0])
		numbers[1] = numbers[0]
	}
	if len(numbers) > 0 {
		o.ValidLifetime = seconds(numbers[0])
	}
	if len(numbers) > 1 {
		o.PreferredLifetime = seconds(numbers[1])
	}
	a, at := i.adv, i.advertised()
	if key == "" {
		if o.Skip {
			i.lost(head, "write skip: true under advertise.prefixes for each prefix that is not to be advertised")
		}
		a.ValidLifetime, a.PreferredLifetime, a.OnLink, a.Autonomous = o.ValidLifetime, o.PreferredLifetime, o.OnLink, o.Autonomous
		i.mark(at.field("valid_lifetime"), head)
		i.mark(at.field("preferred_lifetime"), head)
		return
	}
	if a.Prefixes == nil {
		a.Prefixes = map[string]*sixfoldv1.AdvertisedPrefix{}
	}
	i.mark(at.field("prefixes").entry(key), head)
	a.Prefixes[key] = o
}

// pref64 reads ra nat64-prefix PREFIX [lifetime SECONDS].
func (i *ciscoInterface) pref64(l ciscoLine) {
	for n, t := range l.words {
		if !strings.Contains(t.text, "/") {
			continue
		}
		p, ok := i.prefix(l.words[n : n+1])
		if !ok {
			return
		}
		o := &sixfoldv1.AdvertisedPref64{}
		for _, w := range l.words[n+1:] {
			if v, err := strconv.ParseUint(w.text, 10, 16); err == nil {
				o.Lifetime = seconds(v)
			}
		}
		if i.adv.Pref64 == nil {
			i.adv.Pref64 = map[string]*sixfoldv1.AdvertisedPref64{}
		}
		i.mark(i.advertised().field("pref64").entry(p.Masked().String()), t)
		i.adv.Pref64[p.Masked().String()] = o
		return
	}
	i.missing(l.words[0], "a prefix")
}
