package ra

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSenderDelaysAnswers: RFC 4861 6.2.6 wants a random delay of up to 0.5 s before any answer. What leaves then is what is true
// then.
func TestSenderDelaysAnswers(t *testing.T) {
	basic := basic
	basic.RandomDelay = true
	bubble(t, one(basic), func(t *testing.T, s *Sender, w *wire, stop func()) {
		after(t, w, time.Second, "0s 7 fe80::7 > ff02::1 lifetime 1800")
		random := func(v float64) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.random = func() float64 { return v }
		}
		random(0.8)
		solicit(w, "fe80::1")
		synctest.Wait()
		random(0.2)
		solicit(w, "fe80::2")
		after(t, w, time.Second, "1.1s 7 fe80::7 > fe80::2 lifetime 1800", "1.4s 7 fe80::7 > fe80::1 lifetime 1800")

		random(0.8)
		solicit(w, "fe80::3")
		synctest.Wait()
		changed := basic
		changed.RouterLifetime = time.Hour
		if err := s.Apply(t.Context(), one(changed)); err != nil {
			t.Fatal(err)
		}
		after(t, w, 500*time.Millisecond, "2.4s 7 fe80::7 > fe80::3 lifetime 3600")

		solicit(w, "fe80::4")
		synctest.Wait()
		if err := s.Apply(t.Context(), Config{}); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Minute, "2.5s 7 fe80::7 > ff02::1 lifetime 0",
			"5.5s 7 fe80::7 > ff02::1 lifetime 0", "8.5s 7 fe80::7 > ff02::1 lifetime 0")
	})
}

// TestSenderFlood: a flood of solicitations, from one host and from invented ones, is answered no faster than the limits say, and
// what is remembered of it is bounded.
func TestSenderFlood(t *testing.T) {
	bubble(t, one(basic), func(t *testing.T, s *Sender, w *wire, stop func()) {
		const seconds, each = 10, 2000
		for second := range seconds {
			for n := range each {
				solicit(w, fmt.Sprintf("fe80::%x:%x", second+1, n))
				solicit(w, "fe80::bad")
				solicit(w, "::")
			}
			s.mu.Lock()
			queued, hosts := len(s.queue), len(s.links["lan0"].hosts.full)
			s.mu.Unlock()
			if queued > maxQueued || hosts > maxHosts {
				t.Errorf("%d answers wait, %d hosts are remembered", queued, hosts)
			}
			select {
			case <-time.After(time.Second):
			case <-t.Context().Done():
			}
		}
		synctest.Wait()
		unicast, multicast := 0, 0
		for _, line := range w.sent() {
			if strings.Contains(line, "> ff02::1 ") {
				multicast++
			} else {
				unicast++
			}
		}
		if most := seconds*(maxHosts+1) + answersAtOnce; unicast > most {
			t.Errorf("%d answers by unicast, want at most %d", unicast, most)
		}
		if most := int(seconds*time.Second/minDelay) + 1; multicast > most {
			t.Errorf("%d by multicast, want at most %d", multicast, most)
		}
	})
}

// TestKernelFlaps: 200 changes of what is advertised leave no descriptor, goroutine or group membership behind.
func TestKernelFlaps(t *testing.T) {
	_, i := lan(t, "flaps")
	all := Config{Interfaces: map[string]Interface{"r0": i}}
	s, _ := run(t, all)
	eventually(t, "advertisement", func() error {
		if st := s.Status(); len(st) != 1 || st[0].Sent == 0 {
			return fmt.Errorf("%v", st)
		}
		return nil
	})
	files, goroutines, groups := descriptors(t), runtime.NumGoroutine(), memberships(t)
	for n := range 200 {
		c := Config{}
		if n%2 == 0 {
			moved := i // the link came back with another index, or with another address
			moved.Index += 1000 + n
			if n%4 == 0 {
				moved.Index, moved.LinkLocal = i.Index, netip.MustParseAddr(fmt.Sprintf("fe80::%x", n+1))
			}
			c = Config{Interfaces: map[string]Interface{"r0": moved}}
		}
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "as before", func() error {
		s.mu.Lock()
		waiting := len(s.queue)
		s.mu.Unlock()
		f, g, m := descriptors(t), runtime.NumGoroutine(), memberships(t)
		if f > files || g > goroutines || m != groups || waiting > 0 {
			return fmt.Errorf("%d descriptors, were %d; %d goroutines, were %d; memberships:\n%s\nwere:\n%s; %d packets wait", f, files, g, goroutines, m, groups, waiting)
		}
		return nil
	})
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// memberships returns the multicast groups that r0 is in, with their users.
func memberships(t *testing.T) string {
	return sh(t, "grep ' r0 ' /proc/net/igmp6 | awk '{print $3, $4}' | sort")
}
