package importer

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// radvd reads radvd.conf(5), as radvd 2.19 and later have it. Words are taken in capital or small letters.
func radvd(d *draft, s string) error {
	tokens, err := scan(s, lexis{marks: "{};/", quotes: `"`, escape: true})
	if err != nil {
		return err
	}
	all, err := parse(tokens, grammar{})
	if err != nil {
		return err
	}
	seen := map[string]token{}
	for _, st := range all {
		name, ok := st.arg(1)
		switch {
		case !st.is("interface"):
			d.wrong(st.first(), "%s does not belong here: a file of radvd has interface sections only", st.first())
			continue
		case !ok || !st.open:
			d.wrong(st.first(), "this is no section: write interface NAME { ... };")
			continue
		}
		if first, again := seen[name.text]; again {
			d.wrong(name, "%s is here a second time, first in line %d: radvd refuses that, and this section is left out", name, first.line)
			continue
		}
		seen[name.text] = name
		(&radvdLink{draft: d, link: d.link(name), adv: &sixfoldv1.Advertise{}}).read(st)
	}
	if len(all) == 0 {
		d.note(pos{1, 1}, Warning, "there is nothing in this file")
	}
	return nil
}

// radvdLink is an interface section of radvd.
type radvdLink struct {
	*draft
	link link
	adv  *sixfoldv1.Advertise
	on   bool    // AdvSendAdvert
	max  float64 // MaxRtrAdvInterval
	// soFar is MaxRtrAdvInterval as it stood up to the line that is read: radvd makes default lifetimes of servers, domains and routes
	// of it as it comes to them. (Those of servers and domains are once the interval, whatever the manual says.)
	soFar float64
	auto  bool // there is a prefix ::/64

	dns, domains      []dnsGroup
	homeInfo          bool
	homeFlag, mobile  token
	preference, lasts token // HomeAgentPreference, HomeAgentLifetime
}

func (r *radvdLink) at() path { return r.link.field("advertise") }

func (r *radvdLink) read(section stmt) {
	name, _ := section.arg(1)
	r.max, r.soFar = 600, 600
	// Defaults of other values follow from the interval, wherever it stands.
	for _, st := range section.block {
		if t, ok := st.arg(1); ok && st.is("MaxRtrAdvInterval") {
			if v, ok := r.decimal(t, 65535); ok {
				r.max = v
				r.mark(r.at().field("max_interval"), t)
				r.adv.MaxInterval = duration(v)
			}
		}
	}
	for _, st := range section.block {
		r.statement(st)
	}
	r.homeAgent()
	r.names()
	r.shortIntervals()
	switch {
	case !r.on:
		r.tell(name, "AdvSendAdvert is not on for %s: radvd sends nothing there, and neither do we", r.link.name)
	default:
		r.mark(r.at(), name)
		r.link.Advertise = r.adv
		r.ownAddresses(name, r.link, "radvd")
	}
}

// statement reads one option or definition of an interface.
func (r *radvdLink) statement(st stmt) {
	switch strings.ToLower(st.first().text) {
	case "prefix":
		r.prefixDefinition(st)
	case "route":
		r.route(st)
	case "rdnss":
		r.rdnss(st)
	case "dnssl":
		r.dnssl(st)
	case "nat64prefix":
		r.nat64(st)
	case "dnr":
		r.dnr(st)
	case "clients":
		r.clients(st)
	case "advrasrcaddress":
		r.sourceAddress(st)
	case "autoignoreprefixes", "ignoreprefixes":
		r.ignore(st)
	case "abro":
		r.abro(st)
	case "lowpanco":
		r.lost(st.first(), "the context of 6LoWPAN header compression (6CO) has no equivalent: leave it to radvd, or give it as an option of type 34 under advertise.options")
	default:
		r.option(st)
	}
}

// option reads an option of one value.
func (r *radvdLink) option(st stmt) {
	name := st.first()
	t, ok := st.arg(1)
	switch {
	case st.open:
		r.wrong(name, "%s is no section of radvd: leave it out", name)
		return
	case !ok:
		r.missing(name, "a value")
		return
	case len(st.words) > 2:
		r.wrong(st.words[2], "%s does not belong here: is a ; missing before it?", st.words[2])
	}
	a := r.adv
	field := func(s string) *path { p := r.at().field(s); r.mark(p, t); return &p }
	switch strings.ToLower(name.text) {
	case "ignoreifmissing":
		if on, ok := r.toggle(t); ok && !on {
			r.tell(t, "an interface that is missing is waited for: the router starts without it")
		}
	case "advsendadvert":
		if on, ok := r.toggle(t); ok {
			r.on = on
		}
	case "maxrtradvinterval": // noted before
		if _, ok := st.arg(1); ok {
			r.soFar = r.max
		}
	case "minrtradvinterval":
		if v, ok := r.decimal(t, 65535); ok {
			field("min_interval")
			a.MinInterval = duration(v)
		}
	case "mindelaybetweenras":
		if v, ok := r.decimal(t, 65535); ok {
			field("min_delay")
			a.MinDelay = duration(v)
		}
	case "advmanagedflag":
		r.flag(t, "managed", &a.Managed)
	case "advotherconfigflag":
		r.flag(t, "other_config", &a.OtherConfig)
	case "advlinkmtu":
		if n, ok := r.number(t, maxUint32); ok && n > 0 {
			field("link_mtu")
			a.LinkMtu = ref(uint32(n))
		}
	case "advramtu":
		// radvd brings the value into the range itself.
		if n, ok := r.number(t, maxUint32); ok {
			field("ra_mtu")
			a.RaMtu = ref(uint32(min(max(n, 1280), 65535)))
		}
	case "advreachabletime":
		if n, ok := r.number(t, maxUint32); ok {
			field("reachable_time")
			a.ReachableTime = durationpb.New(time.Duration(n) * time.Millisecond)
		}
	case "advretranstimer":
		if n, ok := r.number(t, maxUint32); ok {
			field("retrans_timer")
			a.RetransTimer = durationpb.New(time.Duration(n) * time.Millisecond)
		}
	case "advcurhoplimit":
		if n, ok := r.number(t, 255); ok {
			field("hop_limit")
			a.HopLimit = ref(uint32(n))
		}
	case "advdefaultlifetime":
		if n, ok := r.number(t, maxUint32); ok {
			field("router_lifetime")
			a.RouterLifetime = seconds(n)
		}
	case "advdefaultpreference":
		field("preference")
		a.Preference = r.preferenceOf(t)
	case "advsourcelladdress":
		r.flag(t, "source_link_layer", &a.SourceLinkLayer)
	case "removeadvonexit":
		r.flag(t, "withdraw", &a.Withdraw)
	case "unicastonly":
		if on, ok := r.toggle(t); ok {
			field("unicast_only")
			a.UnicastOnly = on
		}
	case "unrestrictedunicast":
		if on, ok := r.toggle(t); ok && on {
			r.lost(t, "hosts that are not under clients get no answer here: list them under advertise.clients, or leave the list out")
		}
	case "advrasolicitedunicast":
		if on, ok := r.toggle(t); ok && !on {
			r.lost(t, "solicitations are answered by unicast (RFC 7772): there is no setting for answers by multicast alone")
		}
	case "advcaptiveportalapi":
		field("captive_portal")
		a.CaptivePortal = t.text
	case "advsnacrouterflag":
		if on, ok := r.toggle(t); ok {
			field("snac")
			a.Snac = on
		}
	case "advintervalopt":
		if on, ok := r.toggle(t); ok {
			field("interval_option")
			a.IntervalOption = on
		}
	case "advhomeagentflag":
		if on, ok := r.toggle(t); ok && on {
			r.homeFlag = t
		}
	case "advhomeagentinfo":
		r.homeInfo, _ = r.toggle(t)
	case "advmobrtrsupportflag":
		if on, ok := r.toggle(t); ok && on {
			r.mobile = t
		}
	case "homeagentpreference":
		r.preference = t
	case "homeagentlifetime":
		r.lasts = t
	default:
		r.wrong(name, "radvd has no option %s: mend it, or leave it out", name)
	}
}

// toggle reads on or off.
func (d *draft) toggle(t token) (on, ok bool) {
	switch strings.ToLower(t.text) {
	case "on":
		return true, true
	case "off":
		return false, true
	}
	d.wrong(t, "%s is neither on nor off", t)
	return false, false
}

func (r *radvdLink) flag(t token, name string, to **bool) {
	if on, ok := r.toggle(t); ok {
		r.mark(r.at().field(name), t)
		*to = &on
	}
}

// preferenceOf reads a router preference; medium, the default, is left out.
func (d *draft) preferenceOf(t token) string {
	switch s := strings.ToLower(t.text); s {
	case "low", "high":
		return s
	case "medium":
		return ""
	}
	d.wrong(t, "%s is no preference: low, medium or high", t)
	return ""
}

// decimal reads seconds that may have a fraction.
func (d *draft) decimal(t token, most float64) (float64, bool) {
	whole, fraction, dotted := strings.Cut(t.text, ".")
	var v, unit float64 = 0, 1
	ok := whole != "" && (!dotted || fraction != "") && len(whole) <= 10 && len(fraction) <= 9
	for _, c := range whole {
		ok = ok && c >= '0' && c <= '9'
		v = v*10 + float64(c-'0')
	}
	for _, c := range fraction {
		ok = ok && c >= '0' && c <= '9'
		unit /= 10
		v += float64(c-'0') * unit
	}
	switch {
	case !ok:
		d.wrong(t, "%s is no number of seconds", t)
	case v > most:
		d.wrong(t, "%s is too large: at most %.0f seconds", t, most)
		return 0, false
	}
	return v, ok
}

// duration is a number of seconds, to the millisecond.
func duration(v float64) *durationpb.Duration {
	return durationpb.New(time.Duration(v*1000+0.5) * time.Millisecond)
}

// shortIntervals makes intervals valid that radvd allows with mobile IPv6: there the least delay goes with them.
func (r *radvdLink) shortIntervals() {
	if r.max >= 4 {
		return
	}
	mobile := r.homeFlag.text != "" || r.homeInfo || r.adv.IntervalOption
	for _, p := range r.adv.Prefixes {
		mobile = mobile || p.GetRouterAddress()
	}
	if !mobile {
		at := r.from[r.at().field("max_interval")]
		r.note(at.pos, Error, "MaxRtrAdvInterval is under 4 seconds, which radvd refuses without mobile IPv6: it is left out")
		r.adv.MaxInterval, r.adv.MinInterval = nil, nil
		return
	}
	if r.adv.MinDelay != nil {
		return
	}
	least := r.max * 0.33
	if m := r.adv.MinInterval; m != nil {
		least = m.AsDuration().Seconds()
	}
	r.adv.MinDelay = duration(max(least, 0.03))
}

// homeAgent puts together what is said of mobile IPv6. radvd looks at the preference and lifetime only with AdvHomeAgentInfo.
func (r *radvdLink) homeAgent() {
	if r.homeFlag.text == "" {
		if r.homeInfo {
			r.wrong(r.link.place(r.draft), "AdvHomeAgentInfo needs AdvHomeAgentFlag: radvd refuses one without the other")
		}
		return
	}
	at := r.at().field("home_agent")
	r.mark(at, r.homeFlag)
	r.adv.HomeAgent = &sixfoldv1.AdvertisedHomeAgent{}
	if !r.homeInfo {
		return
	}
	r.adv.HomeAgent.MobileRouter = r.mobile.text != ""
	if r.preference.text != "" {
		if n, ok := r.number(r.preference, 32767); ok {
			r.mark(at.field("preference"), r.preference)
			r.adv.HomeAgent.Preference = int32(n)
		}
	}
	if r.lasts.text != "" {
		if n, ok := r.number(r.lasts, 65520); ok {
			r.mark(at.field("lifetime"), r.lasts)
			r.adv.HomeAgent.Lifetime = seconds(n)
		}
	}
}

// place is where the file names the link.
func (l link) place(d *draft) token { return token{word, l.name, d.from[l.path].pos} }
