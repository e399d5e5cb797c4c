package router

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

func bgpRoute(prefix string) rib.Route {
	return rib.Route{Prefix: netip.MustParsePrefix(prefix), Via: netip.MustParseAddr("fe80::9"), Link: "up0"}
}

func offered(f *routeFeed, s plan.RouteSelection) string { return fmt.Sprint(f.now()[s.Name()]) }

// TestRouteFeed follows a table, one VRF and one source of it.
func TestRouteFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &rib.Table{}
		wakes := 0
		f := newRouteFeed(table, func() { wakes++ })
		s := plan.RouteSelection{Table: rib.MainTable, Sources: []rib.Source{rib.BGP, rib.Aggregate}}
		table.Update(rib.BGP, []rib.Route{bgpRoute("2001:db8:1::/48"), bgpRoute("::/0")}, nil)
		f.want(map[string]plan.RouteSelection{s.Name(): s})
		if got := offered(f, s); got != "{[2001:db8:1::/48] 1}" {
			t.Errorf("at once: %s", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.run(ctx) }()
		after := func(d time.Duration, want string) {
			t.Helper()
			<-time.After(d) // of the bubble
			synctest.Wait()
			if got := offered(f, s); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		after(time.Minute, "{[2001:db8:1::/48] 1}")
		if wakes != 0 {
			t.Errorf("woken %d times although nothing changed", wakes)
		}
		other := bgpRoute("2001:db8:9::/48")
		other.Table = 100
		table.Update(rib.BGP, []rib.Route{bgpRoute("2001:db8:2::/48"), other}, nil)
		table.Update(rib.Static, []rib.Route{bgpRoute("2001:db8:3::/48")}, nil)
		table.Update(rib.Aggregate, []rib.Route{{Prefix: netip.MustParsePrefix("2001:db8::/32"), Kind: rib.Unreachable}}, nil)
		after(paceSettle+time.Millisecond, "{[2001:db8::/32 2001:db8:1::/48 2001:db8:2::/48] 3}")
		table.Update(rib.BGP, nil, []rib.Key{{Table: rib.MainTable, Prefix: netip.MustParsePrefix("2001:db8:1::/48")}})
		after(time.Second, "{[2001:db8::/32 2001:db8:1::/48 2001:db8:2::/48] 3}") // not so soon again
		after(paceLeast, "{[2001:db8::/32 2001:db8:2::/48] 2}")
		if wakes != 2 {
			t.Errorf("woken %d times, want 2", wakes)
		}

		// A route that flaps all day is told of less and less often.
		wakes = 0
		for n := range 3600 {
			if n%2 == 0 {
				table.Update(rib.BGP, []rib.Route{bgpRoute("2001:db8:7::/48")}, nil)
			} else {
				table.Update(rib.BGP, nil, []rib.Key{{Table: rib.MainTable, Prefix: netip.MustParsePrefix("2001:db8:7::/48")}})
			}
			<-time.After(time.Second)
		}
		synctest.Wait()
		if wakes > 3600/int(paceMost/time.Second)+5 {
			t.Errorf("woken %d times in an hour of flaps", wakes)
		}

		f.want(nil)
		synctest.Wait()
		if len(f.now()) != 0 {
			t.Errorf("offers %v", f.now())
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestStopped: forwarding that is off is a reason only where it cannot be switched on.
func TestStopped(t *testing.T) {
	links := kernel.Links{
		"lan0": {Settings: kernel.Settings{V6: []int32{0, 64}}}, "lan1": {Settings: kernel.Settings{V6: []int32{1, 64}}}, "lan2": {},
	}
	if got := stopped(links); len(got) != 1 || !got["lan0"] {
		t.Errorf("got %v", got)
	}
	if got := testRouter(&unit{name: "kernel"}).notForwarding(); got != nil {
		t.Errorf("without a problem: %v", got)
	}
}

// TestRouterEventTexts has a sentence for each kind of event about another router.
func TestRouterEventTexts(t *testing.T) {
	e := ra.RouterEvent{Link: "lan0", Router: netip.MustParseAddr("fe80::2"), MAC: "02:00:00:00:00:02", What: "WHAT", Count: 7}
	for kind, want := range map[ra.RouterEventKind]string{
		ra.RouterMet:      "fe80::2 (02:00:00:00:00:02) advertises on lan0 too: WHAT",
		ra.RouterRogue:    "ALARM: fe80::2 (02:00:00:00:00:02) advertises on lan0 and is not in known_routers: WHAT",
		ra.RouterResigned: "fe80::2 (02:00:00:00:00:02) on lan0 is no default router any more",
		ra.RouterTook:     "fe80::2 (02:00:00:00:00:02) on lan0 is a default router now, WHAT",
		ra.RouterDiffers:  "fe80::2 (02:00:00:00:00:02) on lan0 does not agree with what we advertise: WHAT",
		ra.RouterAgrees:   "fe80::2 (02:00:00:00:00:02) on lan0 agrees with what we advertise again",
		ra.RouterLost:     "fe80::2 (02:00:00:00:00:02) on lan0 was not heard for WHAT",
		ra.RouterFlood:    "ALARM: more routers advertise on lan0 than are remembered, now fe80::2 (02:00:00:00:00:02); 7 advertisements were not looked at",
		ra.RouterImpostor: "ALARM: somebody else advertises on lan0 as fe80::2 (02:00:00:00:00:02), which is this router: WHAT; 7 such advertisements",
	} {
		e.Kind, e.Untold = kind, 0
		if got := routerEvent(e); got.Text != want || got.Kind != event.RA || got.Link != "lan0" || got.Subject != "fe80::2" || got.Action != string(kind) {
			t.Errorf("%s: %+v", kind, got)
		}
	}
	e.Untold = 3
	if got := routerEvent(e).Text; !strings.HasSuffix(got, "; 3 more such events on the link were not told of") {
		t.Errorf("text %q", got)
	}
}

func TestDefaultEvents(t *testing.T) {
	texts := func(before, now map[string]string) string {
		var out []string
		for _, e := range defaultEvents(before, now) {
			out = append(out, e.Action+" "+e.Link+": "+e.Text)
		}
		return strings.Join(out, "\n")
	}
	const lost = "there is no default route"
	up := map[string]string{"lan0": "", "lan1": "", "lan2": "", "lan3": "", "lan4": "other"}
	down := map[string]string{"lan0": lost, "lan1": lost, "lan2": lost, "lan3": lost, "lan4": "other"}
	for _, tt := range []struct {
		before, now map[string]string
		want        string
	}{
		{nil, up, "no-default lan4: hosts on lan4 do not take us as their default router: other"},
		{up, up, ""},
		{up, down, "no-default lan0: hosts on lan0, lan1, lan2 and more do not take us as their default router: there is no default route"},
		{down, up, "default lan0: hosts on lan0, lan1, lan2 and more take us as their default router again"},
		{down, nil, ""},
	} {
		if got := texts(tt.before, tt.now); got != tt.want {
			t.Errorf("%v to %v:\n%s\nwant\n%s", tt.before, tt.now, got, tt.want)
		}
	}
}
