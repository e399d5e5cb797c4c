package ra

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var lanPrefix = netip.MustParsePrefix("2001:db8:1::/64")

// ourLAN is what we advertise on lan0, of index 7, where fe80::7 is ours.
func ourLAN() Interface {
	return Interface{
		Link: "lan0", Index: 7, LinkLocal: netip.MustParseAddr("fe80::7"), HopLimit: 64, RouterLifetime: 1800 * time.Second, LinkMTU: 1500,
		MinInterval: 200 * time.Second, MaxInterval: 600 * time.Second, RetransTimer: time.Second,
		Prefixes: []Prefix{{Prefix: lanPrefix, OnLink: true, Autonomous: true, Valid: 30 * day, Preferred: 7 * day}},
	}
}

const day = 24 * time.Hour

// observer listens on lan0 with an Observer that has no socket, and returns the events that it tells of.
func observer(t *testing.T, known *Known) (*Observer, *[]string) {
	t.Helper()
	o := NewObserver(slog.New(slog.DiscardHandler))
	var events []string
	o.OnEvent = func(e RouterEvent) {
		text := fmt.Sprintf("%s %s %s", e.Kind, e.Link, e.Router)
		if e.MAC != "" {
			text += " " + e.MAC
		}
		if e.What != "" {
			text += ": " + e.What
		}
		if e.Count > 0 {
			text += fmt.Sprintf(" (%d)", e.Count)
		}
		if e.Untold > 0 {
			text += fmt.Sprintf(" (%d not told)", e.Untold)
		}
		events = append(events, text)
	}
	ours := ourLAN()
	apply(t, o, Observed{Index: 7, Own: []netip.Addr{ours.LinkLocal}, Ours: &ours, Known: known})
	return o, &events
}

func apply(t *testing.T, o *Observer, lan Observed) {
	t.Helper()
	if err := o.Apply(t.Context(), ObserveConfig{Links: map[string]Observed{"lan0": lan}}); err != nil {
		t.Fatal(err)
	}
}

// hear hands an advertisement to o as if it came in on lan0.
func hear(t *testing.T, o *Observer, router string, at time.Duration, change func(*Interface)) {
	t.Helper()
	i := ourLAN()
	if change != nil {
		change(&i)
	}
	messages, err := Encode(i, epoch.Add(at))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		o.heard(m, packetInfo{index: 7, source: netip.MustParseAddr(router), hopLimit: 255}, epoch.Add(at))
	}
}

func expect(t *testing.T, events *[]string, want ...string) {
	t.Helper()
	got := *events
	*events = nil
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestObserverOthers: a second router is told of once, and again when what it says about the link changes in earnest.
func TestObserverOthers(t *testing.T) {
	o, events := observer(t, nil)
	hear(t, o, "fe80::7", 0, nil)
	expect(t, events)
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 9}
	twin := func(i *Interface) { i.MAC = mac }
	for n := range 200 {
		hear(t, o, "fe80::9", time.Duration(n)*10*time.Second, twin)
	}
	expect(t, events, "router-met lan0 fe80::9 02:00:00:00:00:09: default router for 30m, preference medium, prefixes 2001:db8:1::/64")

	at := 2000 * time.Second
	wrong := func(i *Interface) { twin(i); i.HopLimit, i.Managed = 32, true }
	hear(t, o, "fe80::9", at, wrong)
	hear(t, o, "fe80::9", at+10*time.Second, wrong)
	expect(t, events, "router-differs lan0 fe80::9 02:00:00:00:00:09: hop limit 32 (ours 64), managed flag set (ours clear)")
	s := o.Routers()[0]
	if len(s.Disagreements) != 2 || s.Inconsistent != 2 || !s.Disagreements[0].Since.Equal(epoch.Add(at)) || s.Standing != Foreign {
		t.Errorf("status %+v", s)
	}
	// It changes its mind all the time: told once a minute.
	for n := range 60 {
		change := twin
		if n%2 == 0 {
			change = wrong
		}
		hear(t, o, "fe80::9", at+20*time.Second+time.Duration(n)*time.Second, change)
	}
	expect(t, events, "router-agrees lan0 fe80::9 02:00:00:00:00:09")
	hear(t, o, "fe80::9", at+100*time.Second, func(i *Interface) { twin(i); i.RouterLifetime = 0 })
	hear(t, o, "fe80::9", at+101*time.Second, twin)
	expect(t, events, "router-resigned lan0 fe80::9 02:00:00:00:00:09", "router-took lan0 fe80::9 02:00:00:00:00:09: for 30m")
	o.forget(epoch.Add(at + 101*time.Second + 30*time.Minute))
	expect(t, events, "router-lost lan0 fe80::9 02:00:00:00:00:09: 30m")
	if l := o.Links()[0]; l.Routers != 0 || l.Received != 200+2+60+2 || l.Rogue != 0 {
		t.Errorf("link %+v", l)
	}
}

// TestObserverCompares has each row of RFC 4861 6.2.7.
func TestObserverCompares(t *testing.T) {
	for _, tt := range []struct {
		name   string
		theirs func(*Interface)
		want   string
	}{
		{"alike", func(*Interface) {}, ""},
		{"unspecified", func(i *Interface) { i.HopLimit, i.RetransTimer, i.LinkMTU = 0, 0, 0 }, ""},
		{"reachable time that we leave open", func(i *Interface) { i.ReachableTime = time.Minute }, ""},
		{"retransmission timer", func(i *Interface) { i.RetransTimer = 2 * time.Second }, "retransmission timer 2s (ours 1s)"},
		{"mtu", func(i *Interface) { i.LinkMTU = 1400 }, "mtu 1400 (ours 1500)"},
		{"other-config flag", func(i *Interface) { i.OtherConfig = true }, "other-config flag set (ours clear)"},
		{"router lifetime and preference are its own", func(i *Interface) { i.RouterLifetime, i.Preference = time.Hour, 1 }, ""},
		{"another prefix", func(i *Interface) { i.Prefixes[0].Prefix = netip.MustParsePrefix("2001:db8:2::/64") }, ""},
		{"no prefix", func(i *Interface) { i.Prefixes = nil }, ""},
		{"other lifetimes", func(i *Interface) { i.Prefixes[0].Preferred = time.Hour }, "lifetimes of 2001:db8:1::/64 valid 30d, preferred 1h (ours valid 30d, preferred 7d)"},
		{"lifetimes that count down", func(i *Interface) { i.Prefixes[0].ValidUntil = epoch.Add(time.Hour) }, ""},
		{"other flags", func(i *Interface) { i.Prefixes[0].Autonomous = false }, "autonomous flag of 2001:db8:1::/64 clear (ours set)"},
		{"captive portal that we have not", func(i *Interface) { i.CaptivePortal = "https://portal/" }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := observer(t, nil)
			for n := range 3 {
				hear(t, o, "fe80::9", time.Duration(n)*time.Minute, tt.theirs)
			}
			if got := differences(o.Routers()[0].Disagreements); got != tt.want {
				t.Errorf("disagreements %q, want %q", got, tt.want)
			}
			if counting := len(o.Routers()[0].CountingDown) > 0; counting != strings.Contains(tt.name, "count down") {
				t.Errorf("counting down: %v", counting)
			}
		})
	}
	t.Run("ours count down", func(t *testing.T) {
		o, _ := observer(t, nil)
		ours := ourLAN()
		ours.Prefixes[0].ValidUntil = epoch.Add(day)
		apply(t, o, Observed{Index: 7, Ours: &ours})
		for n := range 3 {
			hear(t, o, "fe80::9", time.Duration(n)*time.Minute, nil)
		}
		if got := differences(o.Routers()[0].Disagreements); got != "" {
			t.Errorf("disagreements %q", got)
		}
		ours.HopLimit = 10
		apply(t, o, Observed{Index: 7, Ours: &ours})
		if got := differences(o.Routers()[0].Disagreements); got != "hop limit 64 (ours 10)" {
			t.Errorf("after we changed: disagreements %q", got)
		}
	})
}

// TestObserverRogue: who is not in the list is an alarm that goes on.
func TestObserverRogue(t *testing.T) {
	known := &Known{Addresses: []netip.Addr{netip.MustParseAddr("fe80::2")}, MACs: []net.HardwareAddr{{2, 0, 0, 0, 0, 3}}}
	o, events := observer(t, known)
	hear(t, o, "fe80::2", 0, nil)
	hear(t, o, "fe80::3", 0, func(i *Interface) { i.MAC = known.MACs[0] })
	expect(t, events,
		"router-met lan0 fe80::2: default router for 30m, preference medium, prefixes 2001:db8:1::/64",
		"router-met lan0 fe80::3 02:00:00:00:00:03: default router for 30m, preference medium, prefixes 2001:db8:1::/64")
	for n := range 21 {
		hear(t, o, "fe80::bad", time.Duration(n)*time.Minute, func(i *Interface) {
			i.RouterLifetime, i.Prefixes[0].Prefix = 9*time.Second, netip.MustParsePrefix("2001:db8:bad::/64")
		})
	}
	alarm := "router-rogue lan0 fe80::bad: default router for 9s, preference medium, prefixes 2001:db8:bad::/64"
	expect(t, events, alarm, alarm, alarm)
	if l := o.Links()[0]; l.Rogue != 21 || cmp.Diff([]string{"fe80::2", "02:00:00:00:00:03"}, l.Known) != "" {
		t.Errorf("link %+v", l)
	}
	// Nobody may be here, or everybody.
	ours := ourLAN()
	apply(t, o, Observed{Index: 7, Ours: &ours, Known: &Known{}})
	for _, s := range o.Routers() {
		if s.Standing != Rogue {
			t.Errorf("%s is %s", s.State.Router, s.Standing)
		}
	}
	apply(t, o, Observed{Index: 7, Ours: &ours})
	if s := o.Routers()[0]; s.Standing != Foreign {
		t.Errorf("%s is %s", s.State.Router, s.Standing)
	}
}

// TestObserverHostile: invented routers take bounded room, the known one gets in all the same, and few events tell of it.
func TestObserverHostile(t *testing.T) {
	known := &Known{Addresses: []netip.Addr{netip.MustParseAddr("fe80::2")}}
	o, events := observer(t, known)
	var message []byte
	for n := range 100_000 {
		if n%10 == 0 {
			i := ourLAN()
			i.Prefixes[0].Prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(n >> 8), byte(n)}), 64)
			i.RouterLifetime = time.Duration(n%2) * maxRouterLifetime
			messages, err := Encode(i, epoch)
			if err != nil {
				t.Fatal(err)
			}
			message = messages[0]
		}
		var source [16]byte
		source[0], source[1] = 0xfe, 0x80
		binary.BigEndian.PutUint32(source[12:], uint32(n%50_000+100))
		o.heard(message, packetInfo{index: 7, source: netip.AddrFrom16(source), hopLimit: 255}, epoch.Add(time.Duration(n)*100*time.Microsecond))
	}
	l := o.Links()[0]
	if l.Routers != maxRouters || l.Received > observeBurst+10*observeRate+1 || l.Overflow == 0 || l.Dropped[DropRate] == 0 {
		t.Errorf("link %+v", l)
	}
	if len(*events) > tellBurst+2 {
		t.Errorf("%d events: %v", len(*events), *events)
	}
	// Each of the first routers took two events, until none was left: the flood itself is told of all the same.
	if floods := strings.Count(strings.Join(*events, "\n"), string(RouterFlood)); floods != 1 {
		t.Errorf("%d events of a flood in 10 s: %v", floods, *events)
	}
	hear(t, o, "fe80::2", 20*time.Second, nil)
	found := false
	for _, s := range o.Routers() {
		found = found || s.Standing == Welcome
	}
	if !found || len(o.Routers()) != maxRouters || o.routers != maxRouters {
		t.Errorf("the known router found no room among %d", len(o.Routers()))
	}
}

// TestObserverAfterFlood: routers that were invented, with the longest lifetime there is, do not hide one that comes a minute later, and
// one that goes on advertising is not pushed out.
func TestObserverAfterFlood(t *testing.T) {
	o, events := observer(t, &Known{})
	forever := func(i *Interface) { i.RouterLifetime = maxRouterLifetime }
	for n := range 2 * maxRouters {
		hear(t, o, fmt.Sprintf("fe80::bad:%x", n), time.Duration(n)*20*time.Millisecond, forever)
	}
	hear(t, o, "fe80::bad:1", 40*time.Second, forever)
	*events = nil
	hear(t, o, "fe80::666", 59*time.Second, nil)
	if l := o.Links()[0]; l.Routers != maxRouters || len(*events) != 0 {
		t.Errorf("before a minute is over: %+v, %v", l, *events)
	}
	for n := range maxRouters / 2 {
		hear(t, o, fmt.Sprintf("fe80::666:%x", n), 90*time.Second+time.Duration(n)*100*time.Millisecond, nil)
	}
	if told := strings.Join(*events, "\n"); !strings.Contains(told, "router-rogue lan0 fe80::666:0: ") {
		t.Errorf("after a minute: %s", told)
	}
	there := map[string]bool{}
	for _, s := range o.Routers() {
		there[s.State.Router.String()] = true
	}
	if len(there) != maxRouters || o.routers != maxRouters || !there["fe80::666:0"] || !there["fe80::bad:1"] {
		t.Errorf("after a minute: %v", there)
	}
}

// TestObserverImpostor: what comes in from our own address and says otherwise than we do is an alarm, each time a reason to say it
// again; what a switch sends back to us is nothing at all.
func TestObserverImpostor(t *testing.T) {
	o, events := observer(t, &Known{})
	repeated := 0
	o.OnImpostor = func(string) { repeated++ }
	for n := range 3 {
		hear(t, o, "fe80::7", time.Duration(n)*time.Second, nil)
	}
	if l := o.Links()[0]; len(*events) > 0 || repeated > 0 || l.Received+l.Dropped[DropImpostor] > 0 {
		t.Errorf("%v, %d, %+v", *events, repeated, l)
	}
	kill := func(i *Interface) { i.RouterLifetime, i.Prefixes = 0, nil }
	for n := range 70 {
		hear(t, o, "fe80::7", 10*time.Second+time.Duration(n)*time.Second, kill)
	}
	expect(t, events, "router-impostor lan0 fe80::7: no default router (1)", "router-impostor lan0 fe80::7: no default router (61)")
	if want := contradict + 69/3; repeated != want {
		t.Errorf("contradicted %d times in 70 s, want %d", repeated, want)
	}
	repeated = 0
	hear(t, o, "fe80::7", 200*time.Second, func(i *Interface) { i.Prefixes[0].Valid, i.Prefixes[0].Preferred, i.HopLimit = 0, 0, 1 })
	expect(t, events, "router-impostor lan0 fe80::7: 2001:db8:1::/64 valid 0s, preferred 0s, hop limit 1 (ours 64) (71)")
	hear(t, o, "fe80::7", 300*time.Second, func(i *Interface) { i.HopLimit = 1 })
	expect(t, events, "router-impostor lan0 fe80::7: hop limit 1 (ours 64) (72)")
	if l := o.Links()[0]; repeated != 1 || l.Dropped[DropImpostor] != 72 || l.Routers+int(l.Rogue) > 0 {
		t.Errorf("contradicted %d times, want once: %+v", repeated, l)
	}
	// Where we do not advertise nobody is a router by our name.
	apply(t, o, Observed{Index: 7, Own: []netip.Addr{netip.MustParseAddr("fe80::7")}})
	hear(t, o, "fe80::7", 400*time.Second, kill)
	expect(t, events)
	hear(t, o, "fe80::7", 401*time.Second, nil)
	expect(t, events, "router-impostor lan0 fe80::7: default router for 30m, preference medium, prefixes 2001:db8:1::/64 (73)")
}

func TestObserverChecks(t *testing.T) {
	good := bytesOf(t, "86 00 0000 40 00 0708 00000000 00000000")
	router := netip.MustParseAddr("fe80::9")
	for _, tt := range []struct {
		name    string
		message []byte
		info    packetInfo
		want    string
	}{
		{"good", good, packetInfo{7, router, 255, false}, ""},
		{"through a router", good, packetInfo{7, router, 254, false}, DropHopLimit},
		{"no hop limit", good, packetInfo{7, router, -1, false}, DropHopLimit},
		{"global source", good, packetInfo{7, netip.MustParseAddr("2001:db8::1"), 255, false}, DropSource},
		{"no source", good, packetInfo{7, netip.IPv6Unspecified(), 255, false}, DropSource},
		{"code", append([]byte{0x86, 1}, good[2:]...), packetInfo{7, router, 255, false}, DropCode},
		{"short", good[:15], packetInfo{7, router, 255, false}, DropShort},
		{"empty", nil, packetInfo{7, router, 255, false}, DropType},
		{"solicitation", append([]byte{0x85, 0}, good[2:]...), packetInfo{7, router, 255, false}, DropType},
		{"cut off", good, packetInfo{7, router, 255, true}, DropTruncated},
		{"option of length 0", append(good[:16:16], 1, 0, 0, 0, 0, 0, 0, 0), packetInfo{7, router, 255, false}, DropOption},
		{"option over the end", append(good[:16:16], 1, 2, 0, 0, 0, 0, 0, 0), packetInfo{7, router, 255, false}, DropOption},
		{"a bad option", append(good[:16:16], 24, 1, 129, 0, 0, 0, 0, 0), packetInfo{7, router, 255, false}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := observer(t, nil)
			o.heard(tt.message, tt.info, epoch)
			l := o.Links()[0]
			got := ""
			for reason := range l.Dropped {
				got = reason
			}
			if got != tt.want || (l.Received == 1) != (tt.want == "") {
				t.Errorf("dropped for %q, want %q; %+v", got, tt.want, l)
			}
		})
	}
}

// FuzzObserver wants no panic, whatever comes in, and state that stays bounded.
func FuzzObserver(f *testing.F) {
	messages, err := Encode(many(), epoch)
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range messages {
		f.Add(m, m, int64(1000))
	}
	f.Fuzz(func(t *testing.T, a, b []byte, pause int64) {
		o := NewObserver(slog.New(slog.DiscardHandler))
		ours := ourLAN()
		apply(t, o, Observed{Index: 7, Ours: &ours, Known: &Known{}})
		now := epoch
		for n := range 6 {
			m := a
			if n%2 == 1 {
				m = b
			}
			o.heard(m, packetInfo{index: 7, source: netip.MustParseAddr("fe80::9"), hopLimit: 255}, now)
			now = now.Add(time.Duration(pause%int64(time.Hour)) + time.Millisecond)
		}
		for _, s := range o.Routers() {
			if n := len(thingsOf(s.State)); n > maxThings {
				t.Errorf("%d things are remembered", n)
			}
		}
	})
}

// listening is a conn on which packets come in; it sends nothing.
type listening struct {
	conn
	packets chan packetInfo
	message []byte
	done    chan struct{}
	reads   int
}

func (l *listening) read(b []byte) (int, packetInfo, error) {
	select {
	case <-l.done:
		return 0, packetInfo{}, os.ErrDeadlineExceeded
	default:
	}
	select {
	case info := <-l.packets:
		l.reads++
		return copy(b, l.message), info, nil
	case <-l.done:
		return 0, packetInfo{}, os.ErrDeadlineExceeded
	}
}

func (l *listening) interrupt()   { close(l.done) }
func (l *listening) close() error { return nil }

// TestObserverRun: a flood is looked at at a bounded rate, what is silent is forgotten, and the end of ctx ends it.
func TestObserverRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, events := observer(t, nil)
		c := &listening{packets: make(chan packetInfo), message: bytesOf(t, "86 00 0000 40 00 0009 00000000 00000000"), done: make(chan struct{})}
		o.open = func() (conn, error) { return c, nil }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- o.Run(ctx) }()
		flood, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		for flood.Err() == nil {
			select {
			case c.packets <- packetInfo{index: 7, source: netip.MustParseAddr("fe80::9"), hopLimit: 255}:
			case <-flood.Done():
			}
		}
		synctest.Wait()
		if c.reads > 101*windowSize {
			t.Errorf("%d packets in 10 s", c.reads)
		}
		if err := o.Run(ctx); err == nil {
			t.Error("a second Run did not fail")
		}
		<-time.After(30 * time.Second) // of the bubble
		synctest.Wait()
		o.mu.Lock()
		expect(t, events, "router-met lan0 fe80::9: default router for 9s, preference medium", "router-lost lan0 fe80::9: "+lostAfter(*events))
		o.mu.Unlock()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// lostAfter is what the last event says of how long the router was silent: it is looked for every few seconds.
func lostAfter(events []string) string {
	_, after, _ := strings.Cut(events[len(events)-1], "fe80::9: ")
	return after
}
