package plan_test

import (
	"fmt"
	"io"

	"github.com/sixfold-router/sixfold/ra"
)

// prefixExtra is what few prefixes have.
func prefixExtra(x ra.Prefix) string {
	text := show(" P", x.PDPreferred) + show(" decrement", x.Decrement) + show(" deprecate", x.Deprecate)
	if x.RouterAddress.IsValid() {
		text += " R " + x.RouterAddress.String()
	}
	return text
}

// renderAdvertised writes what advertisements have beyond RFC 4861 and RFC 8106.
func renderAdvertised(w io.Writer, i ra.Interface) {
	for _, r := range i.Routes {
		fmt.Fprintf(w, "  route %s preference %d for %v%s", r.Prefix, r.Preference, r.Lifetime, show(" keep", r.Keep))
		if !r.Until.IsZero() {
			fmt.Fprintf(w, " ends in %v", r.Until.Sub(now))
		}
		fmt.Fprintln(w)
	}
	for _, p := range i.PREF64 {
		fmt.Fprintf(w, "  pref64 %s for %v\n", p.Prefix, p.Lifetime)
	}
	for _, r := range i.DNR {
		fmt.Fprintf(w, "  resolver %s priority %d for %v at %v with %v\n", r.Name, r.Priority, r.Lifetime, r.Addresses, r.Parameters)
	}
	if i.CaptivePortal != "" {
		fmt.Fprintf(w, "  portal %s\n", i.CaptivePortal)
	}
	if h := i.HomeAgent; h != nil {
		fmt.Fprintf(w, "  home agent preference %d for %v%s\n", h.Preference, h.Lifetime, show(" mobile", h.MobileRouter))
	}
	for _, o := range i.Raw {
		fmt.Fprintf(w, "  option %d %x\n", o.Type, o.Data)
	}
	how := show(" snac", i.SNAC) + show(" interval", i.Interval) + show(" size", i.PacketSize) + show(" distance", i.MinDelay) +
		show(" unicast", i.UnicastOnly) + show(" keep", i.Keep) + show(" keep-dns", i.KeepDNS)
	if len(i.Clients)+len(i.Excluded) > 0 {
		how += fmt.Sprintf(" clients %v excluded %v", i.Clients, i.Excluded)
	}
	if len(i.MAC) == 0 {
		how += " no-mac"
	}
	if how != "" {
		fmt.Fprintf(w, " %s\n", how)
	}
}
