package importer

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// What IOS advertises where nothing is said, in seconds.
const (
	ciscoInterval = 200
	ciscoRouter   = 1800
)

// ciscoInterface is an interface section.
type ciscoInterface struct {
	*ciscoFile
	link
	at         token
	named      string // in the file
	suppressed bool
	uplinked   bool // DHCPv6 or autoconfiguration: advertisements come in here
	said       bool // something of advertisements was configured
	lifetime   bool // the router lifetime was
	own        bool // there is an IPv6 address with a prefix, or ipv6 enable
	adv        *sixfoldv1.Advertise
	prefixes   []netip.Prefix // of literal addresses
	commands   []ciscoLine
}

func (c *ciscoFile) iface(name token) *ciscoInterface {
	return &ciscoInterface{ciscoFile: c, link: c.link(name), at: name, named: name.text, adv: &sixfoldv1.Advertise{}}
}

func (i *ciscoInterface) advertised() path { return i.link.field("advertise") }

// command keeps a command: what is advertised depends on all of them.
func (i *ciscoInterface) command(l ciscoLine) { i.commands = append(i.commands, l) }

func (i *ciscoInterface) finish() {
	for _, l := range i.commands {
		i.read(l)
	}
	advertises := i.own && !i.suppressed && !i.uplinked && i.broadcast()
	if !advertises {
		if i.said && !i.suppressed {
			i.lost(i.at, "IOS does not advertise on an interface of this kind unless it is told to (no ipv6 nd ra suppress): neither do we on %s", i.link.name)
		}
		return
	}
	if i.adv.MaxInterval == nil {
		i.adv.MaxInterval = seconds(ciscoInterval)
	}
	if !i.lifetime {
		i.adv.RouterLifetime = seconds(ciscoRouter)
	}
	i.mark(i.advertised(), i.at)
	i.link.Advertise = i.adv
}

// broadcast tells whether IOS advertises on interfaces of this kind without being told to.
func (i *ciscoInterface) broadcast() bool {
	name := strings.ToLower(i.named)
	for _, kind := range []string{"loopback", "tunnel", "serial", "dialer", "null", "virtual-template", "cellular", "async"} {
		if strings.HasPrefix(name, kind) {
			return false
		}
	}
	return true
}

// read reads one command of an interface.
func (i *ciscoInterface) read(l ciscoLine) {
	t, given := l.arg(2)
	switch {
	case l.has("description"):
		var words []string
		for _, w := range l.words[1:] {
			words = append(words, printable(w.text))
		}
		i.mark(i.link.field("description"), l.words[0])
		i.Description = strings.Join(words, " ")
	case l.has("mtu") && len(l.words) > 1:
		if n, ok := i.number(l.words[1], 65535); ok {
			i.mark(i.link.field("mtu"), l.words[1])
			i.Mtu = ref(uint32(n))
		}
	case l.has("ipv6", "mtu") && given:
		if n, ok := i.number(t, 65535); ok {
			i.mark(i.advertised().field("link_mtu"), t)
			i.adv.LinkMtu = ref(uint32(n))
		}
	case l.has("ipv6", "enable"):
		i.own = true
	case l.has("ipv6", "address") && given:
		i.address6(l)
	case l.has("ip", "address") && given:
		i.address4(l)
	case l.has("ipv6", "dhcp", "client", "pd"):
		i.clientPD(l)
	case l.has("ipv6", "dhcp", "server"):
		if name, ok := l.arg(3); ok {
			i.servePool(i.link, name, l.words[4:])
		} else if len(i.pools) == 1 {
			for _, p := range i.pools {
				i.servePool(i.link, token{word, p.text, l.words[0].pos}, nil)
			}
		} else {
			i.lost(l.words[0], "which pool is served is chosen for each client, which has no equivalent: name the pool")
		}
	case l.has("ipv6", "dhcp", "relay"):
		i.lost(l.words[0], "this router does not relay DHCPv6")
	case l.has("ipv6", "nd") || l.has("no", "ipv6", "nd"):
		i.neighbor(l)
	case l.has("ipv6", "mld"):
		i.listeners(l)
	case l.has("shutdown"):
		i.lost(l.words[0], "an interface cannot be held down: leave %s out, or set it down on the machine", i.link.name)
	case l.has("no", "shutdown"), l.has("no", "ip"), l.has("no", "ipv6", "redirects"), l.has("duplex"), l.has("speed"), l.has("negotiation"),
		l.has("no", "cdp"), l.has("media-type"):
		// As it is anyway, or the business of the driver.
	default:
		i.lost(l.words[0], "%s on %s: no equivalent for this", quoted(l.heading()), i.link.name)
	}
}

// address6 reads ipv6 address in its forms: ADDRESS/LENGTH, NAME ADDRESS/LENGTH, ADDRESS link-local, autoconfig and dhcp.
func (i *ciscoInterface) address6(l ciscoLine) {
	words := l.words[2:]
	t := words[0]
	switch {
	case t.isWord("autoconfig"):
		i.mark(i.link.field("accept_ra"), t)
		i.link.uplink()
		i.uplinked = true
	case t.isWord("dhcp"):
		i.mark(i.link.field("request_address"), t)
		i.RequestAddress = true
		i.link.uplink()
		i.uplinked = true
		if len(words) > 1 {
			i.lost(words[1], "%s for an address has no equivalent: leave it out", words[1])
		}
	case strings.Contains(t.text, "/"):
		p, ok := i.prefix(words[:1])
		if !ok {
			return
		}
		if len(words) > 1 && words[1].isWord("eui-64") {
			p = i.eui64(words[1], p)
		}
		i.prefixes = append(i.prefixes, p.Masked())
		i.addAddress(t, p.String())
	case len(words) > 1 && words[1].isWord("link-local"):
		if a, ok := i.address(t); ok {
			i.addAddress(t, a.String()+"/64")
		}
	case len(words) > 1:
		p, ok := i.prefix(words[1:2])
		if !ok {
			return
		}
		if len(words) > 2 && words[2].isWord("eui-64") {
			p = i.eui64(words[2], p)
		}
		if text, ok := i.expression(t, p); ok {
			i.addAddress(t, text)
		}
	default:
		i.wrong(t, "%s is no address with a prefix length: write ADDRESS/LENGTH", t)
	}
}

// eui64 takes ::1 for a host part that is made of the hardware address.
func (i *ciscoInterface) eui64(t token, p netip.Prefix) netip.Prefix {
	i.lost(t, "an address is not made of the hardware address: ::1 of the prefix is taken")
	return netip.PrefixFrom(p.Masked().Addr().Next(), p.Bits())
}

func (i *ciscoInterface) addAddress(t token, s string) {
	i.own = true
	if slices.Contains(i.Addresses, s) {
		return
	}
	i.mark(i.link.field("addresses").item(len(i.Addresses)), t)
	i.Addresses = append(i.Addresses, s)
	i.limit(len(i.Addresses) <= maxItems, t)
}

// address4 reads ip address ADDRESS MASK [secondary].
func (i *ciscoInterface) address4(l ciscoLine) {
	t := l.words[2]
	if t.isWord("dhcp") || t.isWord("negotiated") {
		i.lost(t, "IPv4 addresses are configured here, or by another program: %s is left out", t)
		return
	}
	mask, ok := l.arg(3)
	if !ok {
		i.missing(t, "a mask")
		return
	}
	a, err := netip.ParseAddr(t.text)
	m, err2 := netip.ParseAddr(mask.text)
	if err != nil || err2 != nil || !a.Is4() || !m.Is4() {
		i.wrong(t, "%s %s is no IPv4 address with a mask", t.text, mask.text)
		return
	}
	b := m.As4()
	bits := 0
	for bits < 32 && b[bits/8]&(0x80>>(bits%8)) != 0 {
		bits++
	}
	if netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), bits).Masked().Addr() != m {
		i.wrong(mask, "%s is no mask: its ones do not stand together", mask)
		return
	}
	text := netip.PrefixFrom(a, bits).String()
	i.mark(i.link.field("addresses").item(len(i.Addresses)), t)
	i.Addresses = append(i.Addresses, text)
}

// clientPD reads ipv6 dhcp client pd NAME [rapid-commit], or hint PREFIX.
func (i *ciscoInterface) clientPD(l ciscoLine) {
	i.uplinked = true
	t, ok := l.arg(4)
	if !ok {
		i.missing(l.words[0], "the name of the prefix")
		return
	}
	if t.isWord("hint") {
		hint, ok := l.arg(5)
		if !ok {
			i.missing(t, "a prefix")
			return
		}
		p, ok := i.prefix(l.words[5:6])
		if !ok {
			return
		}
		if len(i.Delegations) == 0 {
			i.delegate(i.link, "", t)
		}
		for name, del := range i.Delegations {
			at := i.link.field("delegations").entry(name)
			if p.Addr().IsUnspecified() {
				i.mark(at.field("length"), hint)
				del.Length = ref(uint32(p.Bits()))
			} else {
				i.mark(at.field("prefix"), hint)
				del.Prefix = p.Masked().String()
			}
		}
		return
	}
	name := delegationName(t.text)
	if name != t.text {
		i.lost(t, "%s cannot be the name of a delegation: it is called %s", t, name)
	}
	if i.asked[name] && i.Delegations[name] == nil {
		i.lost(t, "the prefix %s is asked for on another interface already: each needs a name of its own", name)
		return
	}
	i.asked[name] = true
	del, _ := i.delegate(i.link, name, t)
	for _, w := range l.words[5:] {
		if w.isWord("rapid-commit") {
			del.RapidCommit = true
		} else {
			i.lost(w, "%s has no equivalent: leave it out", w)
		}
	}
}

// listeners reads ipv6 mld.
func (i *ciscoInterface) listeners(l ciscoLine) {
	t, given := l.arg(3)
	m := i.Mld
	if m == nil {
		m = &sixfoldv1.Mld{}
	}
	field := func(name string, to **durationpb.Duration) {
		if n, ok := i.number(t, maxUint32); given && ok {
			i.mark(i.link.field("mld").field(name), t)
			*to = seconds(n)
			i.Mld = m
		}
	}
	switch {
	case l.has("ipv6", "mld", "query-interval"):
		field("query_interval", &m.QueryInterval)
	case l.has("ipv6", "mld", "query-max-response-time"):
		field("query_response_interval", &m.QueryResponseInterval)
	case l.has("ipv6", "mld", "version") && given:
		if n, ok := i.number(t, 2); ok {
			i.mark(i.link.field("mld").field("version"), t)
			m.Version, i.Mld = ref(uint32(n)), m
		}
	case l.has("ipv6", "mld", "limit") && given:
		if n, ok := i.number(t, 65536); ok {
			i.mark(i.link.field("mld").field("max_groups"), t)
			m.MaxGroups, i.Mld = ref(uint32(n)), m
		}
	default:
		i.lost(l.words[0], "%s on %s: no equivalent for this", quoted("ipv6 mld "+l.words[min(2, len(l.words)-1)].text), i.link.name)
	}
}

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
	i.dnsLifetime(l, 4)
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
	i.dnsLifetime(l, n+1)
}

// dnsLifetime reads the lifetime of a server or domain, which is the same for all here.
func (i *ciscoInterface) dnsLifetime(l ciscoLine, n int) {
	t, ok := l.arg(n)
	if !ok {
		return
	}
	v, ok := i.lifetimeOf(t)
	switch {
	case !ok:
	case i.adv.DnsLifetime == nil:
		i.mark(i.advertised().field("dns_lifetime"), t)
		i.adv.DnsLifetime = seconds(v)
	case i.adv.DnsLifetime.Seconds != int64(v):
		i.lost(t, "servers and domains have one lifetime, %d seconds: this one is left out", i.adv.DnsLifetime.Seconds)
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
