package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/change"
)

// printReceived prints an advertisement that came in on a link. before is when the last of the same router came; zero: it is the first.
func printReceived(w io.Writer, link string, r ra.Received, before time.Time, changes []ra.Change) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s from %s", r.Time.Format(time.TimeOnly), link, r.Router.WithZone(""))
	if r.MAC != "" {
		fmt.Fprintf(&b, " (%s)", r.MAC)
	}
	switch {
	case before.IsZero():
	case len(changes) == 0:
		fmt.Fprintf(&b, ", as %s before", change.Rough(r.Time.Sub(before)))
	default:
		fmt.Fprintf(&b, ", changed since %s before", change.Rough(r.Time.Sub(before)))
	}
	b.WriteByte('\n')
	news := newTable("", "", "")
	for _, c := range changes {
		switch {
		case c.Was == "":
			news.more("new", c.What, c.Now)
		case c.Now == "":
			news.more("gone", c.What, c.Was)
		default:
			news.more("changed", c.What, c.Was+" → "+c.Now)
		}
	}
	t := newTable("", "", "", "")
	receivedHeader(t, r)
	receivedOptions(t, r)
	receivedProblems(t, r)
	for _, line := range append(news.lines()[1:], t.lines()[1:]...) {
		b.WriteString("  " + strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func receivedHeader(t *table, r ra.Received) {
	lifetime, preference := "not a default router", ""
	if r.RouterLifetime > 0 {
		lifetime, preference = "for "+change.Rough(time.Duration(r.RouterLifetime)*time.Second), "preference "+r.Preference
	}
	flags := strings.Join(words(
		yes(r.Managed, "managed"), yes(r.OtherConfig, "other-config"), yes(r.HomeAgent, "home-agent"), yes(r.Proxy, "proxy"), yes(r.SNAC, "snac")), " ")
	t.more("router", lifetime, preference, flags)
	if r.HopLimit != 0 {
		t.more("hop limit", fmt.Sprint(r.HopLimit))
	}
	if r.MTU != 0 {
		t.more("mtu", fmt.Sprint(r.MTU))
	}
	if r.ReachableTime != 0 {
		t.more("reachable", change.Rough(time.Duration(r.ReachableTime)*time.Millisecond))
	}
	if r.RetransTimer != 0 {
		t.more("retransmit", change.Rough(time.Duration(r.RetransTimer)*time.Millisecond))
	}
}

func receivedOptions(t *table, r ra.Received) {
	for _, p := range r.Prefixes {
		flags := words(yes(p.OnLink, "on-link"), yes(p.Autonomous, "autonomous"), yes(p.PDPreferred, "pd-preferred"))
		if p.RouterAddress.IsValid() {
			flags = append(flags, "router "+p.RouterAddress.String())
		}
		if p.Problem != "" {
			flags = append(flags, "("+p.Problem+")")
		}
		t.more("prefix", p.Prefix.String(), "valid "+seconds(p.Valid)+", preferred "+seconds(p.Preferred), strings.Join(flags, " "))
	}
	for _, o := range r.Routes {
		t.more("route", o.Prefix.String(), lasting(o.Lifetime), "preference "+o.Preference)
	}
	for _, s := range r.RDNSS {
		for _, addr := range s.Servers {
			t.more("dns", addr.String(), lasting(s.Lifetime))
		}
	}
	for _, d := range r.DNSSL {
		for _, name := range d.Domains {
			t.more("domain", name, lasting(d.Lifetime))
		}
	}
	for _, d := range r.DNR {
		rest := append([]string{fmt.Sprintf("priority %d", d.Priority)}, d.Parameters...)
		t.more("encrypted dns", d.Name, lasting(d.Lifetime), strings.Join(rest, " "))
		for _, addr := range d.Addresses {
			t.more("", addr.String())
		}
	}
	for _, p := range r.PREF64 {
		t.more("nat64", p.Prefix.String(), lasting(p.Lifetime))
	}
	if r.CaptivePortal != "" {
		t.more("captive portal", r.CaptivePortal)
	}
	if r.Interval != 0 {
		t.more("interval", change.Rough(time.Duration(r.Interval)*time.Millisecond))
	}
	if h := r.HomeAgentInfo; h != nil {
		t.more("home agent", fmt.Sprintf("preference %d", h.Preference), lasting(uint32(h.Lifetime)), yes(h.MobileRouter, "serves mobile networks"))
	}
	for _, c := range r.Contexts {
		t.more("6lowpan", c.Prefix.String(), lasting(60*uint32(c.Minutes)), fmt.Sprintf("context %d%s", c.ID, yes(c.Compress, ", for compression")))
	}
	for _, c := range r.BorderRouters {
		minutes := cmp.Or(uint32(c.Minutes), 10_000) // RFC 6775 4.3
		t.more("6lowpan", c.Address.String(), lasting(60*minutes), fmt.Sprintf("border router, version %d", c.Version))
	}
	if len(r.MoreFlags) > 0 {
		t.more("more flags", r.MoreFlags.String())
	}
	if len(r.Nonce) > 0 {
		t.more("nonce", short(r.Nonce))
	}
}

func receivedProblems(t *table, r ra.Received) {
	for _, o := range r.Unknown {
		t.more("option", fmt.Sprintf("type %d", o.Type), "unknown here", short(o.Data))
	}
	for _, o := range r.Malformed {
		t.more("malformed", fmt.Sprintf("option of type %d", o.Type), o.Reason)
	}
	if r.Truncated {
		t.more("malformed", "the last option has length 0 or runs over the end: hosts drop the whole advertisement")
	}
	for _, n := range r.Notes {
		t.more("note", n)
	}
}

// lasting writes for how long something holds.
func lasting(n uint32) string {
	if n == 0 {
		return "withdrawn"
	}
	return "for " + seconds(n)
}

// short is the beginning of bytes that nobody reads.
func short(h ra.Hex) string {
	if len(h) > 16 {
		return h[:16].String() + "…"
	}
	return h.String()
}

// seconds writes a lifetime as it is on the wire.
func seconds(n uint32) string {
	if n == 0xffffffff {
		return "forever"
	}
	return change.Rough(time.Duration(n) * time.Second)
}
