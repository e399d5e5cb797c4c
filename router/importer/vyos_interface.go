package importer

import (
	"net/netip"
	"strconv"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// vyosSections are the sections at the top, behind which a section follows.
var vyosSections = []string{
	"container", "firewall", "high-availability", "load-balancing", "nat", "nat66", "pki", "policy", "protocols", "protocols static", "qos",
	"service", "system", "traffic-policy", "vpn", "vrf", "zone-policy",
}

// iface reads a line of an interface.
func (v *vyosFile) iface(kind string, name token, w words) {
	// A section that was not closed swallows the next one.
	for _, other := range []string{"ethernet", "vxlan", "bridge", "bonding", "dummy", "loopback", "tunnel"} {
		if w.is(other) && len(w) > 1 && w[1].text != "" && kind != other {
			key := "brace " + w[1].text
			if !v.noted[key] {
				v.noted[key] = true
				v.wrong(w[0], "%s %s stands within %s %s: a } is missing before it", other, w[1].text, kind, name.text)
			}
			v.iface(other, w[1], w[2:])
			return
		}
	}
	l := v.link(name)
	switch kind {
	case "dummy":
		if l.Dummy == nil {
			l.Dummy = &sixfoldv1.Dummy{}
		}
	case "bridge":
		if l.Bridge == nil {
			l.Bridge = &sixfoldv1.Bridge{}
		}
	case "vxlan":
		if l.Vxlan == nil {
			l.Vxlan = &sixfoldv1.Vxlan{}
			v.mark(l.field("vxlan"), name)
		}
	}
	if len(w) > 0 {
		v.setting(kind, l, name, w)
	}
}

// setting reads a setting of an interface.
func (v *vyosFile) setting(kind string, l link, name token, w words) {
	t, given := w.at(1)
	switch w[0].text {
	case "address":
		v.address6(l, t)
	case "description":
		if given {
			v.mark(l.field("description"), t)
			l.Description = printable(t.text)
		}
	case "mtu":
		if n, ok := v.number(t, 65535); ok {
			v.mark(l.field("mtu"), t)
			l.Mtu = ref(uint32(n))
		}
	case "mac":
		v.mark(l.field("mac"), t)
		l.Mac = strings.ToLower(t.text)
	case "hw-id", "duplex", "speed", "smp-affinity", "smp_affinity", "offload", "offload-options", "ring-buffer":
		// The names of interfaces and what drivers do are the machine's.
	case "vif":
		n, ok := v.number(t, 4094)
		if !ok {
			return
		}
		sub := name
		sub.text = l.name + "." + strconv.FormatUint(n, 10)
		inner := v.link(sub)
		if inner.Vlan == nil {
			inner.Vlan = &sixfoldv1.Vlan{Link: l.name, Id: uint32(n)}
			v.mark(inner.field("vlan"), t)
		}
		if len(w) > 2 {
			v.setting("vif", inner, sub, w[2:])
		}
	case "group", "vni", "link", "remote", "source-address", "source-interface", "port":
		if kind == "vxlan" {
			v.vxlan(l, w[0], t)
		} else {
			v.lost(w[0], "%s of %s: no equivalent for this", quoted(w[0].text), name.text)
		}
	case "member":
		if x, ok := w.at(2); ok && w.is("member", "interface") {
			port := v.link(x)
			v.mark(port.field("master"), x)
			port.Master = l.name
		}
	case "ip":
		v.arp(l, w[1:])
	case "ipv6":
		v.ipv6(l, name, w[1:])
	case "dhcpv6-options":
		v.delegation(l, w[1:])
	default:
		v.lost(w[0], "%s of %s: no equivalent for this", quoted(w[0].text), name.text)
	}
}

// address6 reads an address of either family, or how to get one.
func (v *vyosFile) address6(l link, t token) {
	switch t.text {
	case "dhcpv6":
		v.mark(l.field("request_address"), t)
		l.RequestAddress = true
		l.uplink()
		return
	case "dhcp":
		v.lost(t, "an IPv4 address by DHCP is left to another program")
		return
	}
	p, err := netip.ParsePrefix(t.text)
	if err != nil {
		v.wrong(t, "%s is no address with a prefix length: write ADDRESS/LENGTH", t)
		return
	}
	v.mark(l.field("addresses").item(len(l.Addresses)), t)
	l.Addresses = append(l.Addresses, p.String())
}

func (v *vyosFile) vxlan(l link, name, t token) {
	at := l.field("vxlan")
	switch name.text {
	case "vni":
		if n, ok := v.number(t, 1<<24-1); ok {
			v.mark(at.field("vni"), t)
			l.Vxlan.Vni = uint32(n)
		}
	case "port":
		if n, ok := v.number(t, 65535); ok {
			v.mark(at.field("port"), t)
			l.Vxlan.Port = ref(uint32(n))
		}
	case "group":
		v.mark(at.field("group"), t)
		l.Vxlan.Group = t.text
	case "link", "source-interface":
		v.mark(at.field("link"), t)
		l.Vxlan.Link = v.linkName(t)
	case "source-address":
		v.mark(at.field("local"), t)
		l.Vxlan.Local = t.text
	case "remote":
		v.mark(at.field("remotes").item(len(l.Vxlan.Remotes)), t)
		l.Vxlan.Remotes = append(l.Vxlan.Remotes, t.text)
	}
}

func (v *vyosFile) arp(l link, w words) {
	if len(w) == 0 {
		return
	}
	if l.Arp == nil {
		l.Arp = &sixfoldv1.Arp{}
	}
	switch w[0].text {
	case "enable-arp-accept":
		l.Arp.Accept = ref(true)
	case "enable-arp-announce":
		l.Arp.Announce = ref(uint32(1))
	case "enable-arp-ignore":
		l.Arp.Ignore = ref(uint32(1))
	case "enable-proxy-arp":
		l.Arp.Proxy = ref(true)
	default:
		v.lost(w[0], "%s: no equivalent for this", quoted("ip "+w[0].text))
	}
}

func (v *vyosFile) ipv6(l link, name token, w words) {
	if len(w) == 0 {
		return
	}
	t, _ := w.at(1)
	switch {
	case w.is("dup-addr-detect-transmits"):
		n, ok := v.number(t, 100)
		switch {
		case ok && n == 0:
			l.Dad = ref(false)
		case ok:
			v.mark(l.field("dad_transmits"), t)
			l.DadTransmits = ref(uint32(n))
		}
	case w.is("router-advert"):
		v.advertise(l, name, w[1:], 0)
	case w.is("address", "autoconf"):
		v.mark(l.field("accept_ra"), t)
		l.uplink()
	case w.is("address", "no-default-link-local"):
	default:
		v.lost(w[0], "%s: no equivalent for this", quoted("ipv6 "+w[0].text))
	}
}

// delegation reads dhcpv6-options: pd NUMBER length LENGTH, and pd NUMBER interface NAME sla-id ID or address HOST.
func (v *vyosFile) delegation(l link, w words) {
	if len(w) == 0 {
		return
	}
	number, ok := w.at(1)
	switch {
	case w.is("pd") && ok:
		name := "isp"
		if number.text != "0" {
			name = "isp" + strings.Trim(number.text, "/:. ")
		}
		del, at := v.delegate(l, delegationName(name), number)
		if t, ok := w.at(3); ok && w[2].text == "length" {
			t.text = strings.TrimPrefix(t.text, "/")
			if n, ok := v.number(t, 64); ok {
				v.mark(at.field("length"), t)
				del.Length = ref(uint32(n))
			}
		}
		if t, ok := w.at(3); ok && w[2].text == "interface" {
			v.part(delegationName(name), t, w[4:])
		}
	case w.is("rapid-commit"):
		for _, del := range l.Delegations {
			del.RapidCommit = true
		}
	case w.is("duid") && ok:
		if raw, ok := v.hexadecimal(number); ok {
			v.mark(l.field("client").field("duid"), number)
			l.client().Duid = colons(raw)
		}
	case w.is("parameters-only"):
		l.client().Stateless = true
		l.uplink()
	default:
		v.lost(w[0], "%s: no equivalent for this", quoted("dhcpv6-options "+w[0].text))
	}
}

// part gives an interface an address in a subnet of a delegation. sla-id and address are lines of their own.
func (v *vyosFile) part(delegation string, name token, w words) {
	l := v.link(name)
	index := -1
	for n, a := range l.Addresses {
		if strings.HasPrefix(a, delegation+" ") {
			index = n
		}
	}
	var subnet, host uint64 = 0, 1
	if index >= 0 {
		_, text, _ := strings.Cut(l.Addresses[index], " ")
		if p, err := netip.ParsePrefix(text); err == nil {
			b := p.Addr().As16()
			subnet, host = 0, 0
			for i := range 8 {
				subnet, host = subnet<<8|uint64(b[i]), host<<8|uint64(b[8+i])
			}
		}
	} else {
		index = len(l.Addresses)
		l.Addresses = append(l.Addresses, "")
		v.mark(l.field("addresses").item(index), name)
	}
	if t, ok := w.at(1); ok {
		switch {
		case w.is("sla-id"):
			if n, ok := v.number(t, 65535); ok {
				subnet = n
			}
		case w.is("address"):
			if n, ok := v.number(t, 1<<62); ok && n > 0 {
				host = n
			}
		}
	}
	l.Addresses[index] = relative(delegation, subnet, host)
}
