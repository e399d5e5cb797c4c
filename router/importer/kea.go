package importer

import (
	"fmt"
	"net/netip"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// kea reads kea-dhcp6.conf.
func kea(d *draft, s string) error {
	root, err := parseJSON(s)
	if err != nil {
		return err
	}
	k := &keaFile{draft: d, own: map[string][]ownAddress{}}
	v, ok := root.get("Dhcp6")
	if !ok {
		return failed(root.pos, "this is no configuration of kea-dhcp6: there is no Dhcp6 in it")
	}
	k.read(v)
	return nil
}

type keaFile struct {
	*draft
	global keaScope
	links  []token                 // of interfaces-config
	own    map[string][]ownAddress // addresses of interfaces-config
}

type ownAddress struct {
	token
	netip.Addr
}

// keaScope is what holds for all in it, unless it is said again.
type keaScope struct {
	renew, rebind, preferred, valid value
	rapid                           value
	dns, domains                    []token
}

// scoped reads a field that may stand at any level. It tells whether it was one.
func (k *keaFile) scoped(s *keaScope, m member) bool {
	switch m.name.text {
	case "renew-timer":
		s.renew = m.value
	case "rebind-timer":
		s.rebind = m.value
	case "preferred-lifetime":
		s.preferred = m.value
	case "valid-lifetime":
		s.valid = m.value
	case "rapid-commit":
		s.rapid = m.value
	case "option-data":
		k.optionData(s, m.value)
	case "min-preferred-lifetime", "max-preferred-lifetime", "min-valid-lifetime", "max-valid-lifetime", "calculate-tee-times", "t1-percent", "t2-percent":
		k.tell(m.name, "clients get the lifetimes that are configured, whatever they ask for")
	case "comment", "user-context", "store-extended-info", "cache-threshold", "cache-max-age", "allocator", "pd-allocator":
	default:
		return false
	}
	return true
}

func (k *keaFile) optionData(s *keaScope, v value) {
	s.dns, s.domains = nil, nil
	for _, o := range v.items {
		name, _ := o.get("name")
		code, _ := o.get("code")
		data, ok := o.get("data")
		switch {
		case !ok:
			k.missing(o.token, "data")
		case name.text == "dns-servers", name.text == "" && code.text == "23":
			s.dns = append(s.dns, listItems(data.token)...)
		case name.text == "domain-search", name.text == "" && code.text == "24":
			s.domains = append(s.domains, listItems(data.token)...)
		default:
			k.lost(o.token, "option %s is not served: only DNS servers and search domains are", quoted(name.text+code.text))
		}
	}
}

func (k *keaFile) read(v value) {
	var subnets []value
	for _, m := range v.members {
		switch m.name.text {
		case "interfaces-config":
			k.interfaces(m.value)
		case "subnet6":
			subnets = append(subnets, m.items...)
		case "shared-networks":
			for _, network := range m.items {
				k.network(network, &subnets)
			}
		case "reservations":
			if len(m.items) > 0 {
				k.lost(m.name, "reservations belong to an interface: write them under dhcpv6.reservations of the one that the client is on")
			}
		case "mac-sources":
			k.tell(m.name, "the hardware address of a client is that of the frame that came in")
		case "lease-database":
			k.tell(m.name, "leases are kept in the state directory: those of Kea are not carried over, and clients get others at their next Renew")
		case "server-id":
			k.serverID(m.value)
		case "hooks-libraries", "client-classes", "hosts-database", "hosts-databases", "dhcp-ddns", "config-control", "option-def":
			if m.kind == 0 || len(m.items)+len(m.members) > 0 {
				k.lost(m.name, "%s has no equivalent: leave it out", m.name)
			}
		case "control-socket", "control-sockets", "loggers", "multi-threading", "sanity-checks", "expired-leases-processing", "decline-probation-period",
			"dhcp4o6-port", "server-tag", "host-reservation-identifiers", "reservation-mode", "reservations-global", "reservations-in-subnet",
			"reservations-out-of-pool", "parked-packet-limit", "statistic-default-sample-count", "statistic-default-sample-age", "ip-reservations-unique",
			"early-global-reservations-lookup", "Logging", "data-directory", "relay-supplied-options", "compatibility":
			// How Kea itself runs.
		default:
			if !k.scoped(&k.global, m) {
				k.lost(m.name, "%s has no equivalent: leave it out", m.name)
			}
		}
	}
	for _, s := range subnets {
		if k.over != nil {
			return
		}
		k.subnet(s)
	}
	if len(subnets) == 0 {
		k.lost(v.token, "there is no subnet6 in this file: nothing is served")
	}
}

// network reads a shared network: what it says holds for its subnets.
func (k *keaFile) network(network value, subnets *[]value) {
	inner, _ := network.get("subnet6")
	for _, s := range inner.items {
		for _, m := range network.members {
			if _, said := s.get(m.name.text); !said && m.name.text != "subnet6" && m.name.text != "name" {
				s.members = append(s.members, m)
			}
		}
		*subnets = append(*subnets, s)
	}
}

// interfaces reads names as eth1, eth1/2001:db8::1 and *.
func (k *keaFile) interfaces(v value) {
	list, _ := v.get("interfaces")
	for _, i := range list.items {
		name, address, ok := strings.Cut(i.text, "/")
		t := i.token
		t.text = name
		if name == "*" {
			continue
		}
		k.links = append(k.links, t)
		if ok {
			at := i.token
			at.text, at.column = address, i.column+len(name)+2
			if a, ok := k.address(at); ok {
				k.own[name] = append(k.own[name], ownAddress{at, a})
			}
		}
	}
}

// serverID makes the DUID of the server that of the router, where the file has all of it.
func (k *keaFile) serverID(v value) {
	kind, _ := v.get("type")
	identifier, ok := v.get("identifier")
	enterprise, _ := v.get("enterprise-id")
	if !ok || kind.text == "LLT" || kind.text == "LL" {
		k.lost(v.token, "the DUID of the server is made by Kea: write it as system.duid, from the file kea-dhcp6-serverid, if clients shall find the same server")
		return
	}
	raw, ok := k.hexadecimal(identifier.token)
	if !ok {
		return
	}
	head := []byte{0, 4}
	if kind.text == "EN" {
		n, ok := k.number(enterprise.token, maxUint32)
		if !ok {
			return
		}
		head = []byte{0, 2, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	}
	k.setDUID(append(head, raw...), source{k.file, identifier.pos})
}

// linkOf finds the interface of a subnet: the one it names, the one with an address in it, or the only one.
func (k *keaFile) linkOf(s value, p netip.Prefix) (token, bool) {
	if i, ok := s.get("interface"); ok && i.text != "" {
		return i.token, true
	}
	for _, l := range k.links {
		for _, a := range k.own[l.text] {
			if p.Contains(a.Addr) {
				return l, true
			}
		}
	}
	if _, relayed := s.get("interface-id"); relayed {
		return token{}, false
	}
	if _, relayed := s.get("relay"); relayed {
		return token{}, false
	}
	switch {
	case k.options.Interface != "":
		return token{word, k.options.Interface, s.pos}, true
	case len(k.links) == 1:
		return k.links[0], true
	}
	return token{}, false
}

func (k *keaFile) subnet(v value) {
	text, ok := v.get("subnet")
	if !ok {
		k.missing(v.token, "subnet")
		return
	}
	p, ok := k.prefix([]token{text.token})
	if !ok {
		return
	}
	p = p.Masked()
	name, ok := k.linkOf(v, p)
	if !ok {
		k.lost(text.token, "this subnet names no interface (clients behind relays are not served): say which one it is with --interface NAME")
		return
	}
	l := k.link(name)
	if l.Dhcpv6 != nil {
		k.tell(text.token, "%s has several subnets: timers, servers and domains are those of the last one", l.name)
	}
	s := &keaSubnet{service{draft: k.draft, link: l, at: l.field("dhcpv6"), to: l.serve()}}
	k.mark(s.at, text.token)
	for _, a := range k.own[name.text] {
		if p.Contains(a.Addr) {
			k.mark(l.field("addresses").item(len(l.Addresses)), a.token)
			l.Addresses = append(l.Addresses, netip.PrefixFrom(a.Addr, p.Bits()).String())
		}
	}
	scope := k.global
	for _, m := range v.members {
		switch m.name.text {
		case "subnet", "id", "interface", "reservation-mode", "reservations-global", "reservations-in-subnet", "reservations-out-of-pool":
		case "pools":
			for _, pool := range m.items {
				s.keaPool(pool)
			}
		case "pd-pools":
			for _, pool := range m.items {
				s.pdPool(pool)
			}
		case "reservations":
			for _, r := range m.items {
				s.reservation(r)
			}
		default:
			if !k.scoped(&scope, m) {
				k.lost(m.name, "%s of a subnet has no equivalent: leave it out", m.name)
			}
		}
	}
	s.scope(scope)
	if len(s.to.Pools)+len(s.to.Reservations) > 0 {
		s.ownAddress(text.token, p)
	}
}

// keaSubnet is what Kea serves on one interface.
type keaSubnet struct{ service }

// ownAddress gives the interface an address in the subnet, unless the file tells one.
func (s *keaSubnet) ownAddress(t token, p netip.Prefix) {
	for _, a := range s.link.Addresses {
		if q, err := netip.ParsePrefix(a); err == nil && q.Masked() == p {
			return
		}
	}
	s.service.pools = append([]poolRange{{t, p.Addr(), lastAddress(p)}}, s.service.pools...)
	s.addresses("Kea")
}

func (s *keaSubnet) scope(k keaScope) {
	for _, f := range []struct {
		name string
		v    value
		to   **durationpb.Duration
	}{
		{"renew_time", k.renew, &s.to.RenewTime}, {"rebind_time", k.rebind, &s.to.RebindTime},
		{"preferred_lifetime", k.preferred, &s.to.PreferredLifetime}, {"valid_lifetime", k.valid, &s.to.ValidLifetime},
	} {
		if f.v.text == "" {
			continue
		}
		if n, ok := s.lifetime(f.v.token); ok {
			s.mark(s.at.field(f.name), f.v.token)
			*f.to = seconds(n)
		}
	}
	s.to.RapidCommit = k.rapid.text == "true"
	s.to.Dns, s.to.Domains = nil, nil
	for _, t := range k.dns {
		if a, ok := s.address(t); ok {
			s.mark(s.at.field("dns").item(len(s.to.Dns)), t)
			s.to.Dns = append(s.to.Dns, a.String())
		}
	}
	for _, t := range k.domains {
		if name, ok := s.domain(t); ok {
			s.mark(s.at.field("domains").item(len(s.to.Domains)), t)
			s.to.Domains = append(s.to.Domains, name)
		}
	}
}

func (s *keaSubnet) keaPool(v value) {
	for _, m := range v.members {
		switch m.name.text {
		case "pool":
			t := m.token
			low, high, ranged := strings.Cut(t.text, "-")
			if ranged {
				t.text = strings.TrimSpace(low) + "-" + strings.TrimSpace(high)
			}
			s.pool(t)
		case "comment", "user-context", "id", "pool-id":
		default:
			s.lost(m.name, "%s of a pool has no equivalent: leave it out", m.name)
		}
	}
}

func (s *keaSubnet) pdPool(v value) {
	prefix, _ := v.get("prefix")
	length, _ := v.get("prefix-len")
	piece, _ := v.get("delegated-len")
	if prefix.text == "" || length.text == "" || piece.text == "" {
		s.missing(v.token, "prefix, prefix-len and delegated-len")
		return
	}
	t := prefix.token
	t.text += "/" + length.text
	p, ok := s.prefix([]token{t})
	if !ok {
		return
	}
	n, ok := s.number(piece.token, 128)
	if !ok {
		return
	}
	name := fmt.Sprintf("pool%d", len(s.to.Delegate)+1)
	pool := &sixfoldv1.PrefixPool{Pool: p.Masked().String(), Length: uint32(n)}
	if s.to.Delegate == nil {
		s.to.Delegate = map[string]*sixfoldv1.PrefixPool{}
	}
	s.mark(s.at.field("delegate").entry(name), prefix.token)
	s.to.Delegate[name] = pool
	for _, m := range v.members {
		switch m.name.text {
		case "prefix", "prefix-len", "delegated-len", "comment", "user-context", "id", "pool-id":
		case "excluded-prefix":
			s.excluded(pool, m, v, p.Masked())
		case "excluded-prefix-len":
		default:
			s.lost(m.name, "%s of a pool has no equivalent: leave it out", m.name)
		}
	}
}

// excluded reads the part of each piece that clients leave alone: here it is written from the beginning of a piece.
func (s *keaSubnet) excluded(pool *sixfoldv1.PrefixPool, m member, v value, whole netip.Prefix) {
	length, _ := v.get("excluded-prefix-len")
	t := m.token
	t.text += "/" + length.text
	p, ok := s.prefix([]token{t})
	if !ok {
		return
	}
	if !whole.Contains(p.Addr()) || p.Bits() <= int(pool.Length) {
		s.wrong(t, "%s is no part of a /%d of %s", p, pool.Length, whole)
		return
	}
	b := p.Masked().Addr().As16()
	for i := range int(pool.Length) {
		b[i/8] &^= 0x80 >> (i % 8)
	}
	pool.Exclude = netip.PrefixFrom(netip.AddrFrom16(b), p.Bits()).String()
}

func (s *keaSubnet) reservation(v value) {
	r := &sixfoldv1.Reservation{}
	name := fmt.Sprintf("client%d", len(s.to.Reservations)+1)
	at := s.at.field("reservations").entry(name)
	for _, m := range v.members {
		switch m.name.text {
		case "hw-address":
			s.mark(at.field("mac"), m.token)
			r.Mac = strings.ToLower(m.text)
		case "duid":
			if raw, ok := s.hexadecimal(m.token); ok {
				s.mark(at.field("duid"), m.token)
				r.Duid = colons(raw)
			}
		case "ip-addresses":
			for _, i := range m.items {
				if a, ok := s.address(i.token); ok {
					s.mark(at.field("addresses").item(len(r.Addresses)), i.token)
					r.Addresses = append(r.Addresses, a.String())
				}
			}
		case "prefixes":
			for _, i := range m.items {
				if p, ok := s.prefix([]token{i.token}); ok {
					s.mark(at.field("prefixes").item(len(r.Prefixes)), i.token)
					r.Prefixes = append(r.Prefixes, p.Masked().String())
				}
			}
		case "hostname", "comment", "user-context":
		case "option-data", "client-classes":
			if len(m.items) > 0 {
				s.lost(m.name, "%s is the same for all clients of an interface: that of one client is left out", m.name)
			}
		default:
			s.lost(m.name, "%s of a reservation has no equivalent: leave it out", m.name)
		}
	}
	if host, ok := v.get("hostname"); ok {
		if n := poolName(host.text); n != "pool" && s.to.Reservations[n] == nil {
			name = n
		}
	}
	if s.to.Reservations == nil {
		s.to.Reservations = map[string]*sixfoldv1.Reservation{}
	}
	s.mark(s.at.field("reservations").entry(name), v.token)
	s.to.Reservations[name] = r
}
