package ra

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestPreviewWords: each change is told in words, Apply makes it, and then there is nothing to tell.
func TestPreviewWords(t *testing.T) {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	base := everything()
	base.Index, base.LinkLocal, base.MinInterval = 1, addr("fe80::1"), 3*time.Second
	base.Prefixes = base.Prefixes[len(base.Prefixes)-3:]
	base.PREF64[0].Until, base.Routes[0].Until, base.Prefixes[0].ValidUntil = time.Time{}, time.Time{}, time.Time{} // whatever the clock says
	for _, tt := range []struct {
		name   string
		change func(*Interface)
		want   string
	}{
		{"unicast", func(i *Interface) { i.UnicastOnly = true }, "advertise by unicast only"},
		{"clients", func(i *Interface) { i.Clients = []netip.Addr{addr("fe80::a")} }, "advertise to fe80::a only"},
		{"excluded", func(i *Interface) { i.Excluded = []netip.Addr{addr("fe80::a"), addr("fe80::b")} }, "answer no solicitation of fe80::a, fe80::b"},
		{"distance", func(i *Interface) { i.MinDelay = time.Second }, "advertise at most every 1s"},
		{"random delay", func(i *Interface) { i.RandomDelay = true }, "answer solicitations after a random delay"},
		{"rate", func(i *Interface) { i.SolicitRate = 50 }, "answer a host 50 times a second"},
		{"size", func(i *Interface) { i.PacketSize = 1400 }, "send advertisements of at most 1400 bytes"},
		{"keep", func(i *Interface) { i.Keep = true }, "withdraw nothing at the end"},
		{"keep dns", func(i *Interface) { i.KeepDNS = true }, "change what is withdrawn at the end"},
		{"deprecate", func(i *Interface) { i.Prefixes[0].Deprecate = false }, "change what is withdrawn at the end"},
		{"keep a route", func(i *Interface) { i.Routes[0].Keep = true }, "change what is withdrawn at the end"},
		{"mac", func(i *Interface) { i.MAC = nil }, "advertise no link-layer address"},
		{"another mac", func(i *Interface) { i.MAC = net.HardwareAddr{2, 0, 0, 0, 0, 9} }, "advertise the link-layer address 02:00:00:00:00:09"},
		{"snac", func(i *Interface) { i.SNAC = false }, "clear the SNAC flag"},
		{"interval", func(i *Interface) { i.Interval = false }, "stop advertising the interval"},
		{"home agent", func(i *Interface) { i.HomeAgent = nil }, "stop advertising a home agent"},
		{"another home agent", func(i *Interface) { i.HomeAgent = &HomeAgent{Preference: -1, Lifetime: time.Hour} },
			"change the home agent to preference -1, lifetime 1h"},
		{"route", func(i *Interface) { i.Routes = append(i.Routes, Route{Prefix: prefix("::/0"), Lifetime: time.Hour}) }, "advertise route ::/0"},
		{"no route", func(i *Interface) { i.Routes = i.Routes[1:] }, "stop advertising route 2001:db8:4::/48"},
		{"withdrawn route", func(i *Interface) { i.Routes[1].Lifetime = 0 }, "withdraw route 2001:db8:5::/48"},
		{"another route", func(i *Interface) { i.Routes[1].Lifetime, i.Routes[1].Preference = Forever, 3 },
			"change route 2001:db8:5::/48: for forever, preference low"},
		{"nat64", func(i *Interface) { i.PREF64[0].Lifetime = 8 * time.Second }, "change NAT64 prefix 64:ff9b::/96: for 8s"},
		{"portal", func(i *Interface) { i.CaptivePortal = CaptivePortalNone }, "advertise the captive portal " + CaptivePortalNone},
		{"no portal", func(i *Interface) { i.CaptivePortal = "" }, "stop advertising a captive portal"},
		{"resolver", func(i *Interface) { i.DNR[0].Addresses = []netip.Addr{addr("::53")} }, "change resolver dns.example of priority 1: at ::53"},
		{"option", func(i *Interface) { i.Raw = nil }, "stop advertising option 253:01"},
		{"prefix", func(i *Interface) { i.Prefixes[2].PDPreferred, i.Prefixes[2].Valid = true, time.Hour },
			"change 2001:db8:f3::/64: set pd-preferred, valid 1h"},
		{"router address", func(i *Interface) { i.Prefixes[1].RouterAddress = netip.Addr{} }, "change 2001:db8:f2::/64: clear router-address"},
		{"servers that went", func(i *Interface) { i.GoneRDNSS = []netip.Addr{addr("::53")} }, "withdraw name servers [::53]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := New(slog.New(slog.DiscardHandler))
			apply := func(i Interface) {
				t.Helper()
				want := Config{Interfaces: map[string]Interface{"lan0": i}}
				if err := s.Apply(context.Background(), want); err != nil {
					t.Fatal(err)
				}
				if ops, err := s.Preview(want); err != nil || len(ops) > 0 {
					t.Errorf("what was applied would change: %v, %v", ops, err)
				}
			}
			apply(base)
			next := base
			next.Prefixes, next.Routes = slices.Clone(base.Prefixes), slices.Clone(base.Routes)
			next.PREF64, next.DNR = slices.Clone(base.PREF64), slices.Clone(base.DNR)
			tt.change(&next)
			ops, err := s.Preview(Config{Interfaces: map[string]Interface{"lan0": next}})
			if err != nil || len(ops) != 1 || ops[0].Action != tt.want {
				t.Errorf("preview %+v, %v; want %q", ops, err, tt.want)
			}
			apply(next)
		})
	}
}
