package ra

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// notes are what a wire noted: moments and text.
func notes(t *testing.T, lines []string) (at []time.Duration, text []string) {
	t.Helper()
	for _, line := range lines {
		when, rest, _ := strings.Cut(line, " ")
		d, err := time.ParseDuration(when)
		if err != nil {
			t.Fatal(err)
		}
		at, text = append(at, d), append(text, rest)
	}
	return at, text
}

func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
	synctest.Wait()
}

// TestDays: over three days every interval is within the bounds, they are spread over them, and links that began together do not
// stay together.
func TestDays(t *testing.T) {
	other := basic
	other.Link, other.Index = "lan1", 8
	both := Config{Interfaces: map[string]Interface{"lan0": basic, "lan1": other}}
	bubble(t, both, func(t *testing.T, s *Sender, w *wire, _ func()) {
		s.mu.Lock()
		s.random = rand.New(rand.NewPCG(1, 2)).Float64
		s.mu.Unlock()
		pass(t, 72*time.Hour)
		at, text := notes(t, w.sent())
		sent := map[string][]time.Duration{}
		for n := range at {
			link, _, _ := strings.Cut(text[n], " ")
			sent[link] = append(sent[link], at[n])
		}
		for link, times := range sent {
			if want := int(72 * time.Hour / (400 * time.Second)); len(times) < want*9/10 || len(times) > want*11/10 {
				t.Errorf("%d advertisements on link %s, want some %d", len(times), link, want)
			}
			var spread [4]int
			for n := 1; n < len(times); n++ {
				d := times[n] - times[n-1]
				if n < maxInitial && d > maxInitialInterval {
					t.Errorf("initial advertisement %d after %s", n, d)
				}
				if n < maxInitial {
					continue
				}
				if d < basic.MinInterval || d > basic.MaxInterval {
					t.Errorf("interval of %s on link %s", d, link)
					continue
				}
				spread[min(int((d-basic.MinInterval)/(100*time.Second)), 3)]++
			}
			for part, n := range spread {
				if n < len(times)/8 {
					t.Errorf("link %s: %d of %d intervals are in part %d of the range: %v", link, n, len(times), part, spread)
				}
			}
		}
		together := 0
		for _, d := range sent["7"][maxInitial:] {
			if slices.Contains(sent["8"], d) {
				together++
			}
		}
		if together > len(sent["7"])/10 {
			t.Errorf("%d of %d advertisements left on both links at once", together, len(sent["7"]))
		}
	})
}

// TestHundredLinks: what many links send gathers at a few moments, so that the process is not woken for each.
func TestHundredLinks(t *testing.T) {
	c := Config{Interfaces: map[string]Interface{}}
	for n := range 100 {
		i := basic
		i.Link, i.Index, i.MinInterval, i.MaxInterval = fmt.Sprint("lan", n), n+1, 3*time.Second, 4*time.Second
		c.Interfaces[i.Link] = i
	}
	bubble(t, c, func(t *testing.T, s *Sender, w *wire, _ func()) {
		s.mu.Lock()
		s.random = rand.Float64
		s.mu.Unlock()
		pass(t, time.Minute)
		w.sent()
		pass(t, time.Minute)
		at, _ := notes(t, w.sent())
		if len(at) < 1500 {
			t.Errorf("%d advertisements in a minute", len(at))
		}
		slices.Sort(at)
		if moments := len(slices.Compact(at)); moments > 60*gatherings+1 {
			t.Errorf("%d advertisements left at %d moments", len(at), moments)
		}
	})
}

// TestChangesMerge: however often the content changes, multicast keeps its distance, the last state is said, and three times.
func TestChangesMerge(t *testing.T) {
	bubble(t, one(basic), func(t *testing.T, s *Sender, w *wire, _ func()) {
		pass(t, time.Hour)
		w.sent()
		i := basic
		for n := range 1000 {
			i.RouterLifetime = time.Duration(1000+n) * time.Second
			if err := s.Apply(t.Context(), one(i)); err != nil {
				t.Fatal(err)
			}
			pass(t, 10*time.Millisecond)
		}
		pass(t, time.Minute)
		at, text := notes(t, w.sent())
		for n := 1; n < len(at); n++ {
			if d := at[n] - at[n-1]; d < minDelay {
				t.Errorf("%s between two multicast advertisements", d)
			}
		}
		last := text[len(text)-1]
		if !strings.HasSuffix(last, "lifetime 1999") || len(text) != 4+maxInitial || text[len(text)-maxInitial] != last {
			t.Errorf("sent:\n%s", strings.Join(text, "\n"))
		}
	})
}

// TestUnicastOnly sends nothing unless asked, by someone who can be answered.
func TestUnicastOnly(t *testing.T) {
	i := basic
	i.UnicastOnly = true
	bubble(t, one(i), func(t *testing.T, s *Sender, w *wire, _ func()) {
		after(t, w, time.Hour)
		solicit(w, "::")
		after(t, w, time.Minute)
		solicit(w, "fe80::1")
		after(t, w, time.Second, "1h1m0s 7 fe80::7 > fe80::1 lifetime 1800")
		if st := s.Status()[0]; !st.Next.IsZero() || st.Answered != 1 || s.Counters().Dropped[DropUnicastOnly] != 1 {
			t.Errorf("status %+v, dropped %v", st, s.Counters().Dropped)
		}
		if err := s.Apply(t.Context(), one(basic)); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Second, "1h1m1s 7 fe80::7 > ff02::1 lifetime 1800")
		if err := s.Apply(t.Context(), one(i)); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Hour)
		// Nobody is known who could be told.
		if err := s.Apply(t.Context(), Config{}); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Hour)
	})
}

// TestClients: what would go to all goes to each of the clients, and others are not answered.
func TestClients(t *testing.T) {
	i := basic
	i.Clients = []netip.Addr{netip.MustParseAddr("fe80::a"), netip.MustParseAddr("fe80::b")}
	i.Excluded = []netip.Addr{netip.MustParseAddr("fe80::b")}
	bubble(t, one(i), func(t *testing.T, s *Sender, w *wire, stop func()) {
		after(t, w, time.Second, "0s 7 fe80::7 > fe80::a lifetime 1800", "0s 7 fe80::7 > fe80::b lifetime 1800")
		solicit(w, "fe80::c")
		solicit(w, "fe80::b")
		solicit(w, "::")
		solicit(w, "fe80::a")
		after(t, w, time.Second, "1s 7 fe80::7 > fe80::a lifetime 1800")
		if got := s.Counters().Dropped[DropClient]; got != 3 {
			t.Errorf("%d dropped, want 3", got)
		}
		stop()
		after(t, w, time.Second,
			"2s 7 fe80::7 > fe80::a lifetime 0", "2s 7 fe80::7 > fe80::b lifetime 0",
			"2.1s 7 fe80::7 > fe80::a lifetime 0", "2.1s 7 fe80::7 > fe80::b lifetime 0",
			"2.2s 7 fe80::7 > fe80::a lifetime 0", "2.2s 7 fe80::7 > fe80::b lifetime 0")
	})
}

// TestUnicastOnlyClients: clients of a link without multicast are told of the end only.
func TestUnicastOnlyClients(t *testing.T) {
	i := basic
	i.UnicastOnly, i.Clients = true, []netip.Addr{netip.MustParseAddr("fe80::a")}
	bubble(t, one(i), func(t *testing.T, s *Sender, w *wire, _ func()) {
		after(t, w, time.Hour)
		solicit(w, "fe80::a")
		solicit(w, "fe80::b")
		after(t, w, time.Second, "1h0m0s 7 fe80::7 > fe80::a lifetime 1800")
		if err := s.Apply(t.Context(), Config{}); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Second, "1h0m1s 7 fe80::7 > fe80::a lifetime 0")
	})
}

// TestMinDelay: multicast answers come closer together where that is configured.
func TestMinDelay(t *testing.T) {
	i := basic
	i.MinDelay = 30 * time.Millisecond
	bubble(t, one(i), func(t *testing.T, s *Sender, w *wire, _ func()) {
		after(t, w, time.Second, "0s 7 fe80::7 > ff02::1 lifetime 1800")
		solicit(w, "::")
		after(t, w, 10*time.Millisecond, "1s 7 fe80::7 > ff02::1 lifetime 1800")
		solicit(w, "::")
		after(t, w, 100*time.Millisecond, "1.03s 7 fe80::7 > ff02::1 lifetime 1800")
	})
}

// TestKeep says nothing at the end.
func TestKeep(t *testing.T) {
	i := basic
	i.Keep = true
	bubble(t, one(i), func(t *testing.T, s *Sender, w *wire, stop func()) {
		after(t, w, time.Second, "0s 7 fe80::7 > ff02::1 lifetime 1800")
		if err := s.Apply(t.Context(), Config{}); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Hour)
		if err := s.Apply(t.Context(), one(i)); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Second, "1h0m1s 7 fe80::7 > ff02::1 lifetime 1800")
		stop()
		after(t, w, time.Second)
	})
}

// TestGoodbyeSuperseded: a link that is advertised on again gets no more of the goodbye that was begun.
func TestGoodbyeSuperseded(t *testing.T) {
	bubble(t, one(basic), func(t *testing.T, s *Sender, w *wire, _ func()) {
		after(t, w, time.Minute, "0s 7 fe80::7 > ff02::1 lifetime 1800", "16s 7 fe80::7 > ff02::1 lifetime 1800", "32s 7 fe80::7 > ff02::1 lifetime 1800")
		if err := s.Apply(t.Context(), Config{}); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Second, "1m0s 7 fe80::7 > ff02::1 lifetime 0")
		if err := s.Apply(t.Context(), one(basic)); err != nil {
			t.Fatal(err)
		}
		after(t, w, 15*time.Second, "1m1s 7 fe80::7 > ff02::1 lifetime 1800")
	})
}

// TestNotDefaultAnyMore: a router lifetime that goes to 0 is said at once and three times, and so is one that comes back.
func TestNotDefaultAnyMore(t *testing.T) {
	bubble(t, one(basic), func(t *testing.T, s *Sender, w *wire, _ func()) {
		pass(t, 50*time.Second)
		w.sent()
		i := basic
		i.RouterLifetime = 0
		if err := s.Apply(t.Context(), one(i)); err != nil {
			t.Fatal(err)
		}
		after(t, w, 40*time.Second, "50s 7 fe80::7 > ff02::1 lifetime 0", "1m6s 7 fe80::7 > ff02::1 lifetime 0", "1m22s 7 fe80::7 > ff02::1 lifetime 0")
		if err := s.Apply(t.Context(), one(basic)); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Second, "1m30s 7 fe80::7 > ff02::1 lifetime 1800")
	})
}

// TestOneLinkFails: a link that nothing can be sent on does not keep the others waiting.
func TestOneLinkFails(t *testing.T) {
	other := basic
	other.Link, other.Index = "lan1", 8
	bubble(t, Config{}, func(t *testing.T, s *Sender, w *wire, _ func()) {
		w.mu.Lock()
		w.broken = map[int]error{7: fmt.Errorf("no buffer space")}
		w.mu.Unlock()
		if err := s.Apply(t.Context(), Config{Interfaces: map[string]Interface{"lan0": basic, "lan1": other}}); err != nil {
			t.Fatal(err)
		}
		after(t, w, 40*time.Second, "0s 8 fe80::7 > ff02::1 lifetime 1800", "16s 8 fe80::7 > ff02::1 lifetime 1800", "32s 8 fe80::7 > ff02::1 lifetime 1800")
		st := s.Status()
		if st[0].LastError == "" || st[0].Errors < 4 || st[0].Errors > 10 || st[1].LastError != "" {
			t.Errorf("status %+v", st)
		}
	})
}
