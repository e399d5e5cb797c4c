package importer

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

type dibblerServerFile struct {
	*draft
	global []stmt
}

// dibblerServer reads server.conf.
func dibblerServer(d *draft, all []stmt) {
	f := &dibblerServerFile{draft: d}
	for _, st := range all {
		switch {
		case st.is("iface"):
		case st.is("script"):
			t, _ := st.arg(1)
			d.lost(t, "programs are not told of leases: leave the script out, or follow sixfold monitor")
		case st.is("client-class"):
			d.lost(st.first(), "classes of clients are left out: give single clients a reservation")
		case strings.HasPrefix(strings.ToLower(st.first().text), "bulk-leasequery"):
			d.lost(st.first(), "leasequery is not served")
		case d.dibblerOption(st):
		default:
			f.global = append(f.global, st)
		}
	}
	for _, st := range all {
		if st.is("iface") {
			f.iface(st)
		}
	}
}

func (f *dibblerServerFile) iface(st stmt) {
	name, ok := st.arg(1)
	if !ok {
		f.missing(st.first(), "the name of an interface")
		return
	}
	for _, s := range st.block {
		if s.is("relay") {
			f.lost(name, "%s serves clients behind a relay, which is left out: what is served belongs to the link of the clients", name)
			return
		}
	}
	l := f.link(name)
	s := &dibblerService{service{draft: f.draft, link: l, at: l.field("dhcpv6"), to: l.serve()}}
	f.mark(s.at, name)
	for _, g := range f.global {
		if f.over != nil {
			return
		}
		s.statement(g)
	}
	for _, inner := range st.block {
		s.statement(inner)
	}
	s.addresses("dibbler")
}

// dibblerService is what dibbler serves on one interface.
type dibblerService struct{ service }

// statement reads one statement of an interface.
func (s *dibblerService) statement(st stmt) {
	name := st.first()
	t, given := st.arg(1)
	switch strings.ToLower(name.text) {
	case "t1":
		s.time(t, given, "renew_time", &s.to.RenewTime)
	case "t2":
		s.time(t, given, "rebind_time", &s.to.RebindTime)
	case "prefered-lifetime", "preferred-lifetime":
		s.time(t, given, "preferred_lifetime", &s.to.PreferredLifetime)
	case "valid-lifetime":
		s.time(t, given, "valid_lifetime", &s.to.ValidLifetime)
	case "preference":
		if n, ok := s.number(t, 255); ok && n > 0 {
			s.mark(s.at.field("preference"), t)
			s.to.Preference = ref(uint32(n))
		}
	case "rapid-commit":
		if on, ok := s.boolean(t); ok {
			s.mark(s.at.field("rapid_commit"), t)
			s.to.RapidCommit = on
		}
	case "class":
		s.class(st)
	case "pd-class":
		s.prefixClass(st)
	case "ta-class":
		s.lost(name, "temporary addresses are not served: RFC 9915 no longer has them")
	case "client":
		s.client(st)
	case "option":
		s.option(st)
	case "stateless":
	case "reconfigure-enabled":
		if on, ok := s.boolean(t); ok && !on {
			s.mark(s.at.field("reconfigure"), t)
			s.to.Reconfigure = ref(false)
		}
	case "unicast", "drop-unicast":
		s.lost(name, "messages by unicast are not answered: RFC 9915 no longer has them")
	case "iface-max-lease", "client-max-lease", "cache-size":
		s.lost(name, "%s has no equivalent: limits of this kind are the router's own", name)
	case "interface-id", "subnet":
		s.lost(name, "%s is for clients behind relays, which are not served here", name)
	case "accept-only", "reject-clients", "allow", "deny":
		s.lost(name, "all clients of the link are served: leave the list out")
	case "accept-leasequery":
		s.lost(name, "leasequery is not served")
	case "next-hop", "route":
		s.lost(name, "routes are given by router advertisements: list them under interfaces.%s.advertise.routes", s.link.name)
	case "guess-mode":
		s.tell(name, "the link of a client is known from where its messages come in")
	case "no-config":
	default:
		if !s.dibblerOption(st) {
			s.wrong(name, "%s is no statement of dibbler-server: mend it, or leave it out", name)
		}
	}
}

// time reads seconds, or a range of them, of which the lower end is taken: a client may wish for more.
func (s *dibblerService) time(t token, given bool, field string, to **durationpb.Duration) {
	if !given {
		s.missing(t, "a number of seconds")
		return
	}
	low, high, ranged := strings.Cut(t.text, "-")
	number := t
	if ranged {
		number.text = low
	}
	n, ok := s.lifetime(number)
	if !ok {
		return
	}
	if ranged && low != high {
		s.tell(t, "clients cannot choose from %s: %d is taken", quoted(t.text), n)
	}
	s.mark(s.at.field(field), t)
	*to = seconds(n)
}

// class reads a class of addresses.
func (s *dibblerService) class(st stmt) {
	for _, inner := range st.block {
		name := inner.first()
		switch strings.ToLower(name.text) {
		case "pool":
			for _, t := range values(inner, 1) {
				s.pool(t)
			}
		case "share":
			s.lost(name, "pools are used one after the other: share has no equivalent")
		case "t1", "t2", "prefered-lifetime", "preferred-lifetime", "valid-lifetime", "rapid-commit":
			s.lost(name, "%s holds for all pools of an interface: write it outside of the class", name)
		case "class-max-lease", "accept-only", "reject-clients", "allow", "deny", "addr-params":
			s.lost(name, "%s of a class has no equivalent: leave it out", name)
		default:
			s.wrong(name, "%s is no statement of a class: mend it, or leave it out", name)
		}
	}
}

// prefixClass reads a class of prefixes.
func (s *dibblerService) prefixClass(st stmt) {
	var pools []token
	var length uint64
	for _, inner := range st.block {
		name := inner.first()
		t, given := inner.arg(1)
		switch strings.ToLower(name.text) {
		case "pd-pool":
			pools = append(pools, values(inner, 1)...)
		case "pd-length":
			if given {
				length, _ = s.number(t, 128)
			}
		case "prefered-lifetime", "preferred-lifetime", "valid-lifetime": // below
		case "t1", "t2":
			s.lost(name, "%s is the same for all that is served on an interface: write it outside of the class", name)
		default:
			s.lost(name, "%s of a class of prefixes has no equivalent: leave it out", name)
		}
	}
	if length == 0 {
		s.missing(st.first(), "pd-length")
		return
	}
	for _, t := range pools {
		p, ok := s.prefix([]token{t})
		if !ok {
			continue
		}
		name := fmt.Sprintf("pool%d", len(s.to.Delegate)+1)
		at := s.at.field("delegate").entry(name)
		pool := &sixfoldv1.PrefixPool{Pool: p.Masked().String(), Length: uint32(length)}
		for _, inner := range st.block {
			value, given := inner.arg(1)
			n := &pool.ValidLifetime
			switch {
			case inner.is("valid-lifetime"):
			case inner.is("prefered-lifetime"), inner.is("preferred-lifetime"):
				n = &pool.PreferredLifetime
			default:
				continue
			}
			value.text, _, _ = strings.Cut(value.text, "-")
			if v, ok := s.lifetime(value); given && ok {
				*n = seconds(v)
			}
		}
		if s.to.Delegate == nil {
			s.to.Delegate = map[string]*sixfoldv1.PrefixPool{}
		}
		s.mark(at, t)
		s.to.Delegate[name] = pool
	}
}

// client reads what one client gets.
func (s *dibblerService) client(st stmt) {
	kind, ok := st.arg(1)
	id, given := st.arg(2)
	if !ok || !given || !kind.isWord("duid") {
		s.lost(st.first(), "only clients that are known by their DUID or hardware address can have a reservation: this one is left out")
		return
	}
	raw, ok := s.hexadecimal(id)
	if !ok {
		return
	}
	name := fmt.Sprintf("client%d", len(s.to.Reservations)+1)
	at := s.at.field("reservations").entry(name)
	r := &sixfoldv1.Reservation{Duid: colons(raw)}
	for _, inner := range st.block {
		t, given := inner.arg(1)
		switch {
		case inner.is("address") && given:
			if a, ok := s.address(t); ok {
				s.mark(at.field("addresses").item(len(r.Addresses)), t)
				r.Addresses = append(r.Addresses, a.String())
			}
		case inner.is("prefix") && given:
			if p, ok := s.prefix([]token{t}); ok {
				s.mark(at.field("prefixes").item(len(r.Prefixes)), t)
				r.Prefixes = append(r.Prefixes, p.Masked().String())
			}
		case inner.is("option"):
			s.lost(inner.first(), "options are the same for all clients of an interface: those of one client are left out")
		default:
			s.wrong(inner.first(), "%s is no statement of a client: mend it, or leave it out", inner.first())
		}
	}
	if len(r.Addresses)+len(r.Prefixes) == 0 {
		return
	}
	if s.to.Reservations == nil {
		s.to.Reservations = map[string]*sixfoldv1.Reservation{}
	}
	s.mark(at, id)
	s.to.Reservations[name] = r
}

func (s *dibblerService) option(st stmt) {
	t, ok := st.arg(1)
	if !ok {
		s.missing(st.first(), "the name of an option")
		return
	}
	switch strings.ToLower(t.text) {
	case "dns-server":
		for _, w := range values(st, 2) {
			if a, ok := s.address(w); ok {
				s.mark(s.at.field("dns").item(len(s.to.Dns)), w)
				s.to.Dns = append(s.to.Dns, a.String())
			}
		}
	case "domain":
		for _, w := range values(st, 2) {
			if name, ok := s.domain(w); ok {
				s.mark(s.at.field("domains").item(len(s.to.Domains)), w)
				s.to.Domains = append(s.to.Domains, name)
			}
		}
	default:
		s.lost(t, "option %s is not served: only DNS servers and search domains are", t)
	}
}
