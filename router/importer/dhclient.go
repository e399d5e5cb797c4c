package importer

import (
	"maps"
	"slices"
	"strings"
)

// dhclient reads dhclient.conf(5): what of it concerns DHCPv6. What dhclient asks for, a prefix or an address, it learns from its
// command line, and remembers in dhclient6.leases.
func dhclient(d *draft, s string) error {
	all, err := dhclientStatements(s)
	if err != nil {
		return err
	}
	leases, err := d.readLeases()
	if err != nil {
		return err
	}
	c := &iscClient{draft: d}
	var named []token
	for _, st := range all {
		if name, ok := st.arg(1); ok && st.is("interface") && st.open {
			named = append(named, name)
		}
	}
	c.uplinks(named, leases)
	d.limit(len(all)*len(c.links) <= maxValues*maxItems, token{pos: pos{1, 1}})
	for _, st := range all {
		if d.over != nil {
			break
		}
		name, ok := st.arg(1)
		switch {
		case st.is("interface") && ok && st.open:
			c.here = nil
			if n := d.linkName(name); slices.ContainsFunc(c.links, func(l link) bool { return l.name == n }) {
				c.here = []link{d.link(name)}
			}
			for _, inner := range st.block {
				c.statement(inner)
			}
		default:
			c.here = c.links
			c.statement(st)
		}
	}
	return nil
}

func dhclientStatements(s string) ([]stmt, error) {
	tokens, err := scan(s, lexis{marks: "{};,=", quotes: `"`, escape: true})
	if err != nil {
		return nil, err
	}
	return parse(tokens, grammar{})
}

type iscClient struct {
	*draft
	links []link // that DHCPv6 is asked on
	here  []link // that the statement holds for
	v4    bool   // it was told that DHCPv4 is left out
}

// uplinks finds where to ask, and for what.
func (c *iscClient) uplinks(named []token, leases map[string]*iscLease) {
	start := token{word, "", pos{1, 1}}
	switch {
	case c.options.Interface != "":
		named = []token{{word, c.options.Interface, start.pos}}
	case len(leases) > 0:
		named = nil
		for _, name := range slices.Sorted(maps.Keys(leases)) {
			named = append(named, token{word, name, start.pos})
		}
	case len(named) == 0:
		c.lost(start, "the file does not tell on which interface dhclient -6 runs: say it with --interface NAME")
		return
	}
	for _, t := range named {
		l := c.link(t)
		c.links = append(c.links, l)
		lease := leases[t.text]
		if lease == nil {
			c.delegate(l, "", t)
			c.tell(t, "a prefix is asked for on %s, as by dhclient -6 -P: for an address, as by dhclient -6 or -N, write request_address: true", l.name)
			continue
		}
		for _, ia := range lease.prefixes {
			del, at := c.delegate(l, "", t)
			if ia.id > 0 {
				c.from[at.field("iaid")] = ia.source
				del.Iaid = ref(ia.id)
			}
			if ia.prefix.IsValid() {
				c.from[at.field("prefix")] = ia.source
				del.Prefix = ia.prefix.Masked().String()
			}
		}
		if lease.address {
			l.RequestAddress = true
			l.uplink()
		}
	}
}

// dhclientOptions are the numbers of the DHCPv6 options that dhclient has a name for.
var dhclientOptions = map[string]uint32{
	"sip-servers-names": 21, "sip-servers-addresses": 22, "nis-servers": 27, "nisp-servers": 28, "nis-domain-name": 29,
	"nisp-domain-name": 30, "sntp-servers": 31, "info-refresh-time": 32, "bcms-server-d": 33, "bcms-server-a": 34,
	"geoconf-civic": 36, "remote-id": 37, "subscriber-id": 38, "fqdn": 39, "pana-agent": 40, "new-posix-timezone": 41,
	"new-tzdb-timezone": 42, "lost": 51, "bootfile-url": 59, "bootfile-param": 60, "aftr-name": 64, "vendor-opts": 17,
}

// statement reads one statement of the file or of an interface.
func (c *iscClient) statement(st stmt) {
	name := st.first()
	if st.is("also") && len(st.words) > 1 {
		st.words = st.words[1:]
		name = st.first()
	}
	switch strings.ToLower(name.text) {
	case "timeout", "retry", "select-timeout", "reboot", "backoff-cutoff", "initial-interval", "initial-delay":
		c.onlyV4(name)
	case "request", "require":
		for _, item := range items(st) {
			if len(item) > 0 {
				c.request(item[0])
			}
		}
	case "send":
		c.send(st)
	case "supersede", "prepend", "append", "default":
		t, ok := st.arg(1)
		switch {
		case !ok:
			c.missing(name, "an option")
		case strings.HasPrefix(strings.ToLower(t.text), "dhcp6."):
			c.lost(name, "what the server says is not changed: list servers and domains of our own under advertise.dns and advertise.domains of the interfaces that shall have them")
		default:
			c.onlyV4(name)
		}
	case "default-duid":
		if t, ok := st.arg(1); ok {
			c.defaultDUID(t, source{c.file, t.pos})
		}
	case "script":
		if t, ok := st.arg(1); ok && !strings.HasSuffix(t.text, "/dhclient-script") {
			c.lost(t, "the script is left out: as a hook that reads reason, interface, new_ip6_prefix and old_ip6_prefix it may be written as on_change: {script: {run: [FILE]}} under the delegation; addresses and routes are set by the router itself")
		}
	case "key", "zone", "do-forward-updates":
		c.lost(name, "dynamic DNS updates are left out, with their keys")
	case "option":
		c.onlyV4(name)
	case "lease", "alias", "media", "reject", "hardware", "bootp", "vendor", "medium", "pseudo", "lease-id-format", "db-time-format", "anycast-mac", "nobootp":
		c.onlyV4(name)
	case "interface":
		c.wrong(name, "this is no section: write interface \"NAME\" { ... }")
	case "include":
		c.included(st)
	case "if", "elsif", "else", "switch", "case", "break", "on", "set", "unset", "eval", "execute", "log", "add", "class", "subclass":
		c.lost(name, "%s and what belongs to it is left out: nothing here depends on what a server says; write what holds always without it", name)
	default:
		c.wrong(name, "%s is no statement of dhclient: mend it, or leave it out", name)
	}
}

// onlyV4 notes, once, that DHCPv4 is another program's business.
func (c *iscClient) onlyV4(t token) {
	if !c.v4 {
		c.tell(t, "%s and the like concern DHCPv4, which is left to dhclient", t)
	}
	c.v4 = true
}

func (c *iscClient) request(t token) {
	name, six := strings.CutPrefix(strings.ToLower(t.text), "dhcp6.")
	number, known := dhclientOptions[name]
	switch {
	case !six:
		c.onlyV4(t)
	case name == "name-servers", name == "domain-search":
		// These are asked for always.
	case !known:
		c.lost(t, "%s is not asked for: give it by number under client.request_options", t)
	default:
		for _, l := range c.here {
			c.requestOption(l, t, number)
		}
	}
}

func (c *iscClient) send(st stmt) {
	t, ok := st.arg(1)
	if !ok {
		c.missing(st.first(), "an option")
		return
	}
	name, six := strings.CutPrefix(strings.ToLower(t.text), "dhcp6.")
	value := st.words[2:]
	if len(value) > 0 && value[0].is("=") {
		value = value[1:]
	}
	switch {
	case strings.HasPrefix(name, "fqdn."):
		c.lost(t, "no name is sent to the server")
	case !six:
		c.onlyV4(t)
	case len(value) == 0:
		c.missing(t, "a value")
	case name == "client-id":
		raw, ok := octets(value[0])
		if !ok {
			c.wrong(value[0], "this is no DUID: write its octets in hexadecimal, with colons between them")
			return
		}
		for _, l := range c.here {
			c.mark(l.field("client").field("duid"), value[0])
			l.client().Duid = colons(raw)
		}
	case name == "user-class" && value[0].kind == text:
		for _, l := range c.here {
			c.mark(l.field("client").field("user_classes"), value[0])
			l.client().UserClasses = append(l.client().UserClasses, value[0].text)
		}
	default:
		c.lost(t, "%s is not sent: give it by number under client.send_options of the interface", t)
	}
}
