package importer

import (
	"net/netip"
	"slices"
	"strings"

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
