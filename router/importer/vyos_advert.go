package importer

import (
	"net/netip"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"

	"github.com/sixfold-router/sixfold/router/config"
)

// vyosAdvert is what VyOS advertises on an interface, by radvd.
type vyosAdvert struct {
	*vyosFile
	link      link
	name      token
	adv       *sixfoldv1.Advertise
	max       uint64
	off       bool
	preferred uint64 // that prefixes have without their own; 0: ours
	lifetime  *uint64
	servers   bool
}

// advertise reads a line of router-advert. preferred is the preferred lifetime of prefixes that have none of their own.
func (v *vyosFile) advertise(l link, name token, w words, preferred uint64) {
	a := v.adverts[l.name]
	if a == nil {
		a = &vyosAdvert{vyosFile: v, link: l, name: name, adv: &sixfoldv1.Advertise{}, max: 600, preferred: preferred}
		v.adverts[l.name] = a
	}
	if len(w) > 0 {
		a.line(w)
	}
}

func (a *vyosAdvert) at() path { return a.link.field("advertise") }

// truth reads a flag: alone it is on.
func truth(w words) bool {
	t, ok := w.at(1)
	return !ok || t.text == "true" || t.text == "on"
}

func (a *vyosAdvert) line(w words) {
	t, given := w.at(1)
	mark := func(name string) { a.mark(a.at().field(name), t) }
	number := func(most uint64) (uint64, bool) {
		if !given {
			a.missing(w[0], "a number")
			return 0, false
		}
		return a.number(t, most)
	}
	switch w[0].text {
	case "cur-hop-limit", "hop-limit":
		if n, ok := number(255); ok {
			a.adv.HopLimit = ref(uint32(n))
		}
	case "link-mtu":
		if n, ok := number(maxUint32); ok && n > 0 {
			mark("link_mtu")
			a.adv.LinkMtu = ref(uint32(n))
		}
	case "managed-flag":
		a.adv.Managed = ref(truth(w))
	case "other-config-flag":
		a.adv.OtherConfig = ref(truth(w))
	case "max-interval":
		a.interval("max", t)
	case "min-interval":
		a.interval("min", t)
	case "interval":
		if x, ok := w.at(2); ok {
			a.interval(t.text, x)
		}
	case "name-server":
		if addr, ok := a.address(t); ok {
			a.mark(a.at().field("dns").item(len(a.adv.Dns)), t)
			a.adv.Dns = append(a.adv.Dns, addr.String())
			a.servers = true
		}
	case "dnssl":
		if name, ok := a.domain(t); ok {
			a.mark(a.at().field("domains").item(len(a.adv.Domains)), t)
			a.adv.Domains = append(a.adv.Domains, name)
			a.servers = true
		}
	case "name-server-lifetime":
		if n, ok := number(maxUint32); ok {
			mark("dns_lifetime")
			a.lifetime = &n
		}
	case "default-lifetime":
		if n, ok := number(65535); ok {
			mark("router_lifetime")
			a.adv.RouterLifetime = seconds(n)
		}
	case "default-preference":
		mark("preference")
		a.adv.Preference = a.preferenceOf(t)
	case "reachable-time":
		if n, ok := number(maxUint32); ok {
			mark("reachable_time")
			a.adv.ReachableTime = durationpb.New(time.Duration(n) * time.Millisecond)
		}
	case "retrans-timer":
		if n, ok := number(maxUint32); ok {
			mark("retrans_timer")
			a.adv.RetransTimer = durationpb.New(time.Duration(n) * time.Millisecond)
		}
	case "send-advert":
		a.off = !truth(w)
	case "no-send-advert":
		a.off = true
	case "no-send-interval", "no-send-interval-option":
		// Ours is sent only where it is asked for.
	case "source-address":
		mark("source_address")
		a.adv.SourceAddress = t.text
	case "captive-portal":
		mark("captive_portal")
		a.adv.CaptivePortal = t.text
	case "prefix":
		a.prefixLine(w)
	case "route":
		a.routeLine(w)
	case "nat64prefix":
		a.pref64(w)
	default:
		a.lost(w[0], "%s of router-advert: no equivalent for this", quoted(w[0].text))
	}
}

func (a *vyosAdvert) interval(which string, t token) {
	n, ok := a.number(t, 65535)
	if !ok {
		return
	}
	a.mark(a.at().field(which+"_interval"), t)
	if which == "max" {
		a.max, a.adv.MaxInterval = n, seconds(n)
	} else {
		a.adv.MinInterval = seconds(n)
	}
}

// keyOf reads the prefix of a line.
func (a *vyosAdvert) keyOf(w words) (key string, own, ok bool) {
	t, given := w.at(1)
	if !given {
		a.missing(w[0], "a prefix")
		return "", false, false
	}
	p, ok := a.prefix([]token{t})
	return p.Masked().String(), p.Addr().IsUnspecified() && p.Bits() > 0, ok
}

func (a *vyosAdvert) prefixLine(w words) {
	key, own, ok := a.keyOf(w)
	if !ok {
		return
	}
	if own {
		a.tell(w[1], "%s stands for the prefixes of the interface's own addresses: list these under interfaces.%s.addresses, and they are advertised", w[1], a.link.name)
	}
	o := a.adv.Prefixes[key]
	if o == nil {
		o = &sixfoldv1.AdvertisedPrefix{}
		if p, _ := netip.ParsePrefix(key); p.Bits() != 64 {
			o.Autonomous = ref(true)
		}
		if a.preferred > 0 {
			o.PreferredLifetime = seconds(a.preferred)
		}
		if a.adv.Prefixes == nil {
			a.adv.Prefixes = map[string]*sixfoldv1.AdvertisedPrefix{}
		}
		a.mark(a.at().field("prefixes").entry(key), w[1])
		a.adv.Prefixes[key] = o
	}
	if len(w) < 3 {
		return
	}
	flag := w[2:]
	t, _ := w.at(3)
	at := a.at().field("prefixes").entry(key)
	switch flag[0].text {
	case "autonomous-flag":
		o.Autonomous = ref(truth(flag))
	case "no-autonomous-flag":
		o.Autonomous = ref(false)
	case "on-link-flag":
		o.OnLink = ref(truth(flag))
	case "no-on-link-flag":
		o.OnLink = ref(false)
	case "valid-lifetime":
		if n, ok := a.draft.lifetime(t); ok {
			a.mark(at.field("valid_lifetime"), t)
			o.ValidLifetime = seconds(n)
		}
	case "preferred-lifetime":
		if n, ok := a.draft.lifetime(t); ok {
			a.mark(at.field("preferred_lifetime"), t)
			o.PreferredLifetime = seconds(n)
		}
	case "deprecate-prefix":
		o.Deprecate = ref(true)
	case "decrement-lifetime":
		o.Decrement = ref(true)
	default:
		a.lost(flag[0], "%s of a prefix: no equivalent for this", quoted(flag[0].text))
	}
}

func (a *vyosAdvert) routeLine(w words) {
	key, _, ok := a.keyOf(w)
	if !ok {
		return
	}
	o := a.adv.Routes[key]
	if o == nil {
		o = &sixfoldv1.AdvertisedRoute{}
		if a.adv.Routes == nil {
			a.adv.Routes = map[string]*sixfoldv1.AdvertisedRoute{}
		}
		a.mark(a.at().field("routes").entry(key), w[1])
		a.adv.Routes[key] = o
	}
	t, given := w.at(3)
	switch {
	case len(w) < 3:
	case w[2].text == "valid-lifetime" && given:
		if n, ok := a.draft.lifetime(t); ok {
			o.Lifetime = seconds(n)
		}
	case w[2].text == "route-preference" && given:
		o.Preference = a.preferenceOf(t)
	case w[2].text == "no-remove-route":
		o.Withdraw = ref(false)
	}
}

func (a *vyosAdvert) pref64(w words) {
	key, _, ok := a.keyOf(w)
	if !ok {
		return
	}
	o := &sixfoldv1.AdvertisedPref64{}
	if t, ok := w.at(3); ok && w[2].text == "valid-lifetime" {
		if n, ok := a.number(t, 65528); ok {
			o.Lifetime = seconds(n)
		}
	}
	if a.adv.Pref64 == nil {
		a.adv.Pref64 = map[string]*sixfoldv1.AdvertisedPref64{}
	}
	a.mark(a.at().field("pref64").entry(key), w[1])
	a.adv.Pref64[key] = o
}

// finish sets what depends on several lines.
func (a *vyosAdvert) finish() {
	if a.off {
		a.tell(a.name, "send-advert is off for %s: VyOS sends nothing there, and neither do we", a.link.name)
		return
	}
	switch {
	case a.lifetime != nil:
		a.adv.DnsLifetime = seconds(*a.lifetime)
		if len(a.adv.Domains) > 0 && *a.lifetime != a.max {
			a.adv.DomainsLifetime = seconds(a.max) // as radvd has it: name-server-lifetime is of servers only
		}
	case a.servers: // as radvd has it
		a.adv.DnsLifetime = seconds(a.max)
	}
	for _, o := range a.adv.Prefixes {
		// A valid lifetime under the preferred one of radvd's template.
		if v, p := o.ValidLifetime, o.PreferredLifetime; v != nil && p != nil && p.Seconds == int64(a.preferred) && v.Seconds < p.Seconds {
			o.PreferredLifetime = v
		}
	}
	if o := a.adv.Prefixes["::/64"]; o != nil {
		delete(a.adv.Prefixes, "::/64")
		a.adv.OnLink, a.adv.Autonomous, a.adv.ValidLifetime, a.adv.PreferredLifetime = o.OnLink, o.Autonomous, o.ValidLifetime, o.PreferredLifetime
	}
	a.mark(a.at(), a.name)
	a.link.Advertise = a.adv
}

// relative writes an address in a /64 of a delegation.
func relative(delegation string, subnet, host uint64) string {
	return config.Expr{Delegation: delegation, Prefix: netip.PrefixFrom(subnetAddress(subnet, host), 64)}.String()
}
