package ra

import (
	"fmt"
	"net/netip"
	"time"
)

// Disagreement is one thing that two routers of a link say differently although they should not (RFC 4861 6.2.7).
type Disagreement struct {
	What   string // hop limit, managed flag, …, lifetimes of 2001:db8::/64
	Ours   string
	Theirs string
	Since  time.Time // when it was found
}

// said is what we advertise, in the form in which others are heard.
type said struct {
	Received
	counting map[netip.Prefix]bool // prefixes whose lifetimes count down
}

// saying is what i says at now.
func saying(i Interface, now time.Time) (said, error) {
	out := said{counting: map[netip.Prefix]bool{}}
	for _, p := range i.Prefixes {
		if p.Decrement || !p.ValidUntil.IsZero() || !p.PreferredUntil.IsZero() {
			out.counting[p.Prefix] = true
		}
	}
	messages, err := Encode(i, now)
	if err != nil {
		return said{}, err
	}
	for n, m := range messages {
		r, err := Decode(m)
		if err != nil {
			return said{}, err
		}
		if n == 0 {
			out.Received = bare(r)
		}
		for _, t := range thingsOf(r) {
			t.add(&out.Received)
		}
	}
	return out, nil
}

// disagreements compares what a router says with what we say: hop limit, flags, timers, MTU and the lifetimes of prefixes that both
// advertise, as RFC 4861 6.2.7 lists them; moreover the flags of these prefixes and the captive portal (RFC 8910 3), as hosts take
// either. What one of the two leaves unspecified is no disagreement, and neither are lifetimes that count down, or may do so.
func disagreements(ours said, theirs *Heard) []Disagreement {
	var out []Disagreement
	differ := func(what string, is bool, a, b string) {
		if is {
			out = append(out, Disagreement{What: what, Ours: a, Theirs: b})
		}
	}
	numbers := func(what string, a, b uint32, text func(uint32) string) {
		differ(what, a != 0 && b != 0 && a != b, text(a), text(b))
	}
	flag := func(what string, a, b bool) { differ(what, a != b, switchText(a), switchText(b)) }
	plain := func(n uint32) string { return fmt.Sprint(n) }
	state := theirs.State()
	numbers("hop limit", uint32(ours.HopLimit), uint32(state.HopLimit), plain)
	flag("managed flag", ours.Managed, state.Managed)
	flag("other-config flag", ours.OtherConfig, state.OtherConfig)
	numbers("reachable time", ours.ReachableTime, state.ReachableTime, millisText)
	numbers("retransmission timer", ours.RetransTimer, state.RetransTimer, millisText)
	numbers("mtu", ours.MTU, state.MTU, plain)
	differ("captive portal", ours.CaptivePortal != "" && state.CaptivePortal != "" && ours.CaptivePortal != state.CaptivePortal, ours.CaptivePortal, state.CaptivePortal)
	for _, a := range ours.Prefixes {
		t := theirs.prefix(a.Prefix)
		if t == nil {
			continue
		}
		for _, b := range state.Prefixes {
			if b.Prefix != a.Prefix {
				continue
			}
			flag("on-link flag of "+a.Prefix.String(), a.OnLink, b.OnLink)
			flag("autonomous flag of "+a.Prefix.String(), a.Autonomous, b.Autonomous)
			if t.stable && !ours.counting[a.Prefix] {
				differ("lifetimes of "+a.Prefix.String(), a.Valid != b.Valid || a.Preferred != b.Preferred, livesText(a), livesText(b))
			}
		}
	}
	return out
}

func switchText(on bool) string {
	if on {
		return "set"
	}
	return "clear"
}

func livesText(p ReceivedPrefix) string {
	return "valid " + secondsText(p.Valid) + ", preferred " + secondsText(p.Preferred)
}
