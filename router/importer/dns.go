package importer

import (
	"encoding/binary"
	"net/netip"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// dnsGroup is a list of servers, or of search domains, that have one lifetime in a file.
type dnsGroup struct {
	token
	servers  []netip.Addr
	domains  []string
	lifetime uint64 // seconds
	keep     bool   // not withdrawn at the end
}

// The option types of RFC 8106.
const (
	rdnssOption = 25
	dnsslOption = 31
)

// data is the option as it is on the wire, without its type and length (RFC 8106 5.1, 5.2).
func (g dnsGroup) data() []byte {
	b := make([]byte, 6)
	binary.BigEndian.PutUint32(b[2:], uint32(g.lifetime))
	for _, a := range g.servers {
		b = append(b, a.AsSlice()...)
	}
	for _, name := range g.domains {
		for label := range strings.SplitSeq(name, ".") {
			b = append(append(b, byte(len(label))), label...)
		}
		b = append(b, 0)
	}
	return b
}

// advertiseDNS puts groups of servers and domains into a section. We have one lifetime for all: that of the first group counts, and
// groups with another one become options of their own.
func (d *draft) advertiseDNS(a *sixfoldv1.Advertise, at path, groups []dnsGroup, raw func(token, uint32, []byte)) {
	if len(groups) == 0 {
		return
	}
	first := groups[0]
	a.DnsLifetime = seconds(first.lifetime)
	d.mark(at.field("dns_lifetime"), first.token)
	keep := 0
	for _, g := range groups {
		if g.keep {
			keep++
		}
		if g.lifetime != first.lifetime {
			kind := uint32(rdnssOption)
			if len(g.domains) > 0 {
				kind = dnsslOption
			}
			raw(g.token, kind, g.data())
			d.tell(g.token, "its lifetime of %ds is another than that of line %d: it is an option of type %d under advertise.options", g.lifetime, first.line, kind)
			continue
		}
		for _, s := range g.servers {
			d.mark(at.field("dns").item(len(a.Dns)), g.token)
			a.Dns = append(a.Dns, s.String())
		}
		for _, s := range g.domains {
			d.mark(at.field("domains").item(len(a.Domains)), g.token)
			a.Domains = append(a.Domains, s)
		}
	}
	switch keep {
	case 0:
	case len(groups):
		a.WithdrawDns = ref(false)
	default:
		d.lost(first.token, "servers and domains are withdrawn together at the end, or not at all: write withdraw_dns: false, if none shall be")
	}
}

func (r *radvdLink) rdnss(st stmt) {
	g := dnsGroup{token: st.first(), lifetime: uint64(2 * r.max)}
	for _, t := range st.words[1:] {
		if a, ok := r.address(t); ok {
			g.servers = append(g.servers, a)
		}
	}
	r.options(st, "RDNSS", func(name string, t token) bool {
		switch name {
		case "advrdnsslifetime":
			if n, ok := r.lifetime(t); ok {
				g.lifetime = n
			}
		case "flushrdnss":
			on, ok := r.toggle(t)
			g.keep = ok && !on
		case "advrdnsspreference", "advrdnssopen":
			r.tell(t, "radvd ignores this too: RFC 8106 does not have it")
		default:
			return false
		}
		return true
	})
	if len(g.servers) > 0 {
		r.dns = append(r.dns, g)
	}
}

func (r *radvdLink) dnssl(st stmt) {
	g := dnsGroup{token: st.first(), lifetime: uint64(2 * r.max)}
	for _, t := range st.words[1:] {
		if name, ok := r.domain(t); ok {
			g.domains = append(g.domains, name)
		}
	}
	r.options(st, "DNSSL", func(name string, t token) bool {
		switch name {
		case "advdnssllifetime":
			if n, ok := r.lifetime(t); ok {
				g.lifetime = n
			}
		case "flushdnssl":
			on, ok := r.toggle(t)
			g.keep = ok && !on
		default:
			return false
		}
		return true
	})
	if len(g.domains) > 0 {
		r.domains = append(r.domains, g)
	}
}

// names puts all servers and domains of the interface together.
func (r *radvdLink) names() {
	r.advertiseDNS(r.adv, r.at(), append(r.dns, r.domains...), r.raw)
}
