package importer

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// Lifetimes that radvd gives prefixes which have none of their own.
const (
	radvdValid     = 86400
	radvdPreferred = 14400
)

// prefixDefinition reads a prefix. ::/64 stands for all that the interface has, which are advertised anyway: what is said of it is
// said of all prefixes of the interface.
func (r *radvdLink) prefixDefinition(st stmt) {
	p, ok := r.prefix(st.words[1:])
	if !ok {
		if len(st.words) < 2 {
			r.missing(st.first(), "a prefix")
		}
		return
	}
	head := st.words[1]
	o := &sixfoldv1.AdvertisedPrefix{}
	own := p.Addr().IsUnspecified()
	key := p.Masked().String()
	at := r.at().field("prefixes").entry(key)
	var valid, preferred uint64 = radvdValid, radvdPreferred
	var lasts token
	usable := true
	for _, s := range st.block {
		t, given := s.arg(1)
		if !given {
			r.missing(s.first(), "a value")
			continue
		}
		r.from[at.field(strings.ToLower(s.first().text))] = source{r.file, t.pos}
		switch strings.ToLower(s.first().text) {
		case "advonlink":
			if on, ok := r.toggle(t); ok {
				o.OnLink = &on
			}
		case "advautonomous":
			if on, ok := r.toggle(t); ok {
				o.Autonomous = &on
			}
		case "advrouteraddr":
			if on, ok := r.toggle(t); ok && on {
				o.RouterAddress = &on
			}
		case "advdhcpv6pdpreferred":
			if on, ok := r.toggle(t); ok {
				o.PdPreferred = &on
			}
		case "deprecateprefix":
			if on, ok := r.toggle(t); ok {
				o.Deprecate = &on
			}
		case "decrementlifetimes":
			if on, ok := r.toggle(t); ok {
				o.Decrement = &on
			}
		case "advvalidlifetime":
			if n, ok := r.lifetime(t); ok {
				valid = n
			}
		case "advpreferredlifetime":
			if n, ok := r.lifetime(t); ok {
				preferred, lasts = n, t
			}
		case "base6interface":
			r.lost(t, "prefix %s made of an address of %s is left out: give this interface an address that is cut from the delegation, as \"isp 0:0:0:1::1/64\", and it is advertised", p, t)
			usable = false
		case "base6to4interface":
			r.lost(t, "prefix %s made of the IPv4 address of %s (6to4) is left out: RFC 7526 gave 6to4 up", p, t)
			usable = false
		default:
			r.wrong(s.first(), "a prefix of radvd has no option %s: mend it, or leave it out", s.first())
		}
	}
	if preferred > valid {
		if lasts.text != "" {
			r.wrong(lasts, "AdvPreferredLifetime (%d) is longer than AdvValidLifetime (%d), which radvd refuses: %d is taken for both", preferred, valid, valid)
		}
		preferred = valid
	}
	o.ValidLifetime, o.PreferredLifetime = seconds(valid), seconds(preferred)
	switch {
	case !usable:
	case own:
		r.ownPrefixes(head, o)
	case p.Addr().IsLinkLocalUnicast() || p.Addr().IsMulticast():
		r.wrong(head, "%s cannot be advertised: hosts ignore such a prefix", p)
	default:
		r.advertisePrefix(head, p, o)
	}
}

func (r *radvdLink) advertisePrefix(head token, p netip.Prefix, o *sixfoldv1.AdvertisedPrefix) {
	key := p.Masked().String()
	at := r.at().field("prefixes").entry(key)
	if _, again := r.adv.Prefixes[key]; again {
		r.wrong(head, "%s is here a second time: the last one counts", key)
	}
	if o.Autonomous == nil && p.Bits() != 64 {
		o.Autonomous = ref(true) // the default of radvd, whatever the length
	}
	if o.GetRouterAddress() {
		if p != p.Masked() {
			r.mark(r.link.field("addresses").item(len(r.link.Addresses)), head)
			r.link.Addresses = append(r.link.Addresses, p.String())
			r.tell(head, "AdvRouterAddr sends the address of the interface, so %s is set on it", p)
		} else {
			r.tell(head, "AdvRouterAddr sends the address of the interface in %s: list that under interfaces.%s.addresses", p, r.link.name)
		}
	} else if p != p.Masked() {
		r.tell(head, "%s has host bits, which are not sent: the prefix is %s", p, key)
	}
	if r.adv.Prefixes == nil {
		r.adv.Prefixes = map[string]*sixfoldv1.AdvertisedPrefix{}
	}
	r.mark(at, head)
	r.adv.Prefixes[key] = o
	r.limit(len(r.adv.Prefixes) <= maxItems, head)
}

// ownPrefixes says of all prefixes of the interface what the file says of ::/64.
func (r *radvdLink) ownPrefixes(head token, o *sixfoldv1.AdvertisedPrefix) {
	if r.auto {
		r.wrong(head, "::/64 is here a second time: the last one counts")
	}
	r.auto = true
	a := r.adv
	a.ValidLifetime, a.PreferredLifetime, a.OnLink, a.Autonomous = o.ValidLifetime, o.PreferredLifetime, o.OnLink, o.Autonomous
	r.mark(r.at().field("valid_lifetime"), head)
	r.mark(r.at().field("preferred_lifetime"), head)
	r.tell(head, "::/64 stands for the prefixes of the interface's own addresses: list these under interfaces.%s.addresses, and they are advertised", r.link.name)
	if o.RouterAddress != nil || o.PdPreferred != nil || o.Deprecate != nil || o.Decrement != nil {
		r.lost(head, "AdvRouterAddr, AdvDHCPv6PDPreferred, DeprecatePrefix and DecrementLifetimes of ::/64 are left out: give them under interfaces.%s.advertise.prefixes to the prefixes that the interface has; those of a delegation count down by themselves",
			r.link.name)
	}
}

// ignore reads the prefixes of the interface that ::/64 does not stand for.
func (r *radvdLink) ignore(st stmt) {
	for _, s := range st.block {
		p, ok := r.prefix(s.words)
		if !ok {
			continue
		}
		if p.Bits() != 64 {
			r.lost(s.first(), "each prefix that is not advertised has to be listed: write skip: true for those in %s under interfaces.%s.advertise.prefixes", p, r.link.name)
			continue
		}
		key := p.Masked().String()
		if r.adv.Prefixes == nil {
			r.adv.Prefixes = map[string]*sixfoldv1.AdvertisedPrefix{}
		}
		r.mark(r.at().field("prefixes").entry(key), s.first())
		r.adv.Prefixes[key] = &sixfoldv1.AdvertisedPrefix{Skip: true}
	}
}

// options calls read for each option with a value in a block, and notes those it does not know.
func (r *radvdLink) options(st stmt, what string, read func(name string, t token) bool) {
	for _, s := range st.block {
		t, ok := s.arg(1)
		if !ok {
			r.missing(s.first(), "a value")
			continue
		}
		if !read(strings.ToLower(s.first().text), t) {
			r.wrong(s.first(), "%s of radvd has no option %s: mend it, or leave it out", what, s.first())
		}
	}
}

// key reads the prefix that a statement is about.
func (r *radvdLink) key(st stmt) (string, bool) {
	p, ok := r.prefix(st.words[1:])
	if !ok && len(st.words) < 2 {
		r.missing(st.first(), "a prefix")
	}
	return p.Masked().String(), ok
}

func (r *radvdLink) route(st stmt) {
	key, ok := r.key(st)
	if !ok {
		return
	}
	at := r.at().field("routes").entry(key)
	o := &sixfoldv1.AdvertisedRoute{}
	if r.soFar != r.max {
		o.Lifetime = seconds(uint64(3 * r.soFar))
	}
	r.options(st, "a route", func(name string, t token) bool {
		switch name {
		case "advroutelifetime":
			if n, ok := r.lifetime(t); ok {
				r.mark(at.field("lifetime"), t)
				o.Lifetime = seconds(n)
			}
		case "advroutepreference":
			o.Preference = r.preferenceOf(t)
		case "removeroute":
			if on, ok := r.toggle(t); ok && !on {
				o.Withdraw = &on
			}
		default:
			return false
		}
		return true
	})
	if r.adv.Routes == nil {
		r.adv.Routes = map[string]*sixfoldv1.AdvertisedRoute{}
	}
	if r.adv.Routes[key] != nil {
		r.wrong(st.words[1], "%s is here a second time: the last one counts", key)
	}
	r.mark(at, st.words[1])
	r.adv.Routes[key] = o
}

func (r *radvdLink) nat64(st stmt) {
	key, ok := r.key(st)
	if !ok {
		return
	}
	at := r.at().field("pref64").entry(key)
	o := &sixfoldv1.AdvertisedPref64{}
	if r.soFar != r.max {
		o.Lifetime = seconds(min(uint64(3*r.soFar), 65528))
	}
	r.options(st, "a nat64prefix", func(name string, t token) bool {
		if name != "advvalidlifetime" {
			return false
		}
		if n, ok := r.number(t, 65528); ok {
			r.mark(at.field("lifetime"), t)
			o.Lifetime = seconds(n)
		}
		return true
	})
	if r.adv.Pref64 == nil {
		r.adv.Pref64 = map[string]*sixfoldv1.AdvertisedPref64{}
	}
	r.mark(at, st.words[1])
	r.adv.Pref64[key] = o
}

func (r *radvdLink) clients(st stmt) {
	for _, s := range st.block {
		t := s.first()
		not := ""
		if bare, ok := strings.CutPrefix(t.text, "!"); ok {
			not, t.text = "!", bare
		}
		if a, ok := r.address(t); ok {
			r.mark(r.at().field("clients").item(len(r.adv.Clients)), t)
			r.adv.Clients = append(r.adv.Clients, not+a.String())
		}
	}
}

func (r *radvdLink) sourceAddress(st stmt) {
	for n, s := range st.block {
		a, ok := r.address(s.first())
		switch {
		case !ok:
		case n > 0 && r.adv.SourceAddress != "":
			r.lost(s.first(), "advertisements are sent from one address, %s: %s is left out", r.adv.SourceAddress, a)
		default:
			r.mark(r.at().field("source_address"), s.first())
			r.adv.SourceAddress = a.String()
		}
	}
}

func (r *radvdLink) dnr(st stmt) {
	name, ok := st.arg(1)
	if !ok {
		r.missing(st.first(), "the name of a resolver")
		return
	}
	o := &sixfoldv1.AdvertisedResolver{}
	if o.Name, ok = r.domain(name); !ok {
		return
	}
	at := r.at().field("dnr").item(len(r.adv.Dnr))
	r.mark(at, name)
	for _, s := range st.block {
		t, ok := s.arg(1)
		if !ok {
			r.missing(s.first(), "a value")
			continue
		}
		switch strings.ToLower(s.first().text) {
		case "advdnrpriority":
			if n, ok := r.number(t, 65535); ok {
				o.Priority = ref(uint32(n))
			}
		case "advdnrlifetime":
			if n, ok := r.lifetime(t); ok {
				o.Lifetime = seconds(n)
			}
		case "advdnraddr":
			for _, w := range s.words[1:] {
				if a, ok := r.address(w); ok {
					o.Addresses = append(o.Addresses, a.String())
				}
			}
		case "advdnrsvcalpn":
			for alpn := range strings.SplitSeq(t.text, ",") {
				o.Alpn = append(o.Alpn, strings.TrimSpace(alpn))
			}
		case "advdnrsvcport":
			if n, ok := r.number(t, 65535); ok {
				o.Port = ref(uint32(n))
			}
		case "advdnrsvcdohpath":
			o.Dohpath = t.text
		default:
			r.wrong(s.first(), "DNR of radvd has no option %s: mend it, or leave it out", s.first())
		}
	}
	r.adv.Dnr = append(r.adv.Dnr, o)
}

// abro carries the authoritative border router option (RFC 6775 4.3) over as it is on the wire.
func (r *radvdLink) abro(st stmt) {
	head, ok := st.arg(1)
	if !ok {
		r.missing(st.first(), "an address")
		return
	}
	a, ok := r.address(head)
	if !ok {
		return
	}
	data := make([]byte, 6)
	r.options(st, "abro", func(name string, t token) bool {
		at, ok := map[string]int{"advversionlow": 0, "advversionhigh": 2, "advvalidlifetime": 4}[name]
		if !ok {
			return false
		}
		if n, ok := r.number(t, 65535); ok {
			binary.BigEndian.PutUint16(data[at:], uint16(n))
		}
		return true
	})
	data = append(data, a.AsSlice()...)
	r.raw(st.first(), 35, data)
	r.tell(st.first(), "the authoritative border router is an option of type 35 under advertise.options")
}

// raw advertises an option as it is on the wire.
func (r *radvdLink) raw(t token, kind uint32, data []byte) {
	r.mark(r.at().field("options").item(len(r.adv.Options)), t)
	r.adv.Options = append(r.adv.Options, &sixfoldv1.AdvertisedOption{Type: kind, Data: hex.EncodeToString(data)})
}
