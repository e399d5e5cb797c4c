package importer

import (
	"encoding/binary"
	"net/netip"
	"slices"
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

// advertiseDNS puts groups of servers and domains into a section. We have one lifetime for all servers and one for all domains, as the
// first group of each has it, and withdraw all at the end or none: as the first group of all. Groups with another lifetime, or that are
// withdrawn otherwise, become options of their own; these stay as they are to the end.
func (d *draft) advertiseDNS(a *sixfoldv1.Advertise, at path, groups []dnsGroup, raw func(token, uint32, []byte)) {
	if len(groups) == 0 {
		return
	}
	first := groups[0]
	d.limit(len(groups) <= maxItems, first.token)
	for _, g := range groups { // what is withdrawn cannot be an option of its own
		if first.keep && !g.keep {
			first = g
		}
	}
	if first.keep {
		a.WithdrawDns = ref(false)
	}
	lead := map[bool]*dnsGroup{} // of servers, and of domains
	for n, g := range groups {
		if of := len(g.domains) > 0; lead[of] == nil && g.keep == first.keep {
			lead[of] = &groups[n]
		}
	}
	if g := lead[false]; g != nil {
		a.DnsLifetime = seconds(g.lifetime)
		d.mark(at.field("dns_lifetime"), g.token)
	}
	if g := lead[true]; g != nil && (lead[false] == nil || lead[false].lifetime != g.lifetime) {
		a.DomainsLifetime = seconds(g.lifetime)
		d.mark(at.field("domains_lifetime"), g.token)
	}
	for _, g := range groups {
		like := lead[len(g.domains) > 0]
		if like == nil || g.lifetime != like.lifetime || g.keep != like.keep {
			if like == nil {
				like = &first
			}
			kind := uint32(rdnssOption)
			if len(g.domains) > 0 {
				kind = dnsslOption
			}
			raw(g.token, kind, g.data())
			text := "its lifetime, or what becomes of it at the end, is another than in line %d: it is an option of type %d under advertise.options"
			if !g.keep {
				text += ", which is not withdrawn at the end"
			}
			d.tell(g.token, text, like.line, kind)
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
}

func (r *radvdLink) rdnss(st stmt) {
	g := dnsGroup{token: st.first(), lifetime: uint64(r.soFar)}
	for _, t := range st.words[1:] {
		if a, ok := r.address(t); ok {
			g.servers = append(g.servers, a)
		}
	}
	r.dnsOptions(st, "RDNSS", &g, "advrdnsspreference", "advrdnssopen")
	if len(g.servers) > 0 {
		r.dns = append(r.dns, g)
	}
}

func (r *radvdLink) dnssl(st stmt) {
	g := dnsGroup{token: st.first(), lifetime: uint64(r.soFar)}
	for _, t := range st.words[1:] {
		if name, ok := r.domain(t); ok {
			g.domains = append(g.domains, name)
		}
	}
	r.dnsOptions(st, "DNSSL", &g)
	if len(g.domains) > 0 {
		r.domains = append(r.domains, g)
	}
}

// dnsOptions reads the options of RDNSS or DNSSL. radvd itself ignores those in ignored.
func (r *radvdLink) dnsOptions(st stmt, what string, g *dnsGroup, ignored ...string) {
	kind := strings.ToLower(what)
	r.options(st, what, func(name string, t token) bool {
		switch {
		case name == "adv"+kind+"lifetime":
			if n, ok := r.lifetime(t); ok {
				g.lifetime = n
			}
		case name == "flush"+kind:
			on, ok := r.toggle(t)
			g.keep = ok && !on
		case slices.Contains(ignored, name):
			r.tell(t, "radvd ignores this too: RFC 8106 does not have it")
		default:
			return false
		}
		return true
	})
}

// names puts all servers and domains of the interface together.
func (r *radvdLink) names() {
	r.advertiseDNS(r.adv, r.at(), append(r.dns, r.domains...), r.raw)
}
