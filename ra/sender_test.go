package ra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var basic = Interface{
	Link: "lan0", Index: 7, LinkLocal: netip.MustParseAddr("fe80::7"),
	MinInterval: 200 * time.Second, MaxInterval: 600 * time.Second, RouterLifetime: 1800 * time.Second,
}

// answersAtOnce is what one host gets at the default rate.
const answersAtOnce = 10

func one(i Interface) Config { return Config{Interfaces: map[string]Interface{i.Link: i}} }

func quiet(testing.TB) *Sender { return New(slog.New(slog.DiscardHandler)) }

// wire is a conn in memory. It notes what is sent, with the time since it was made.
type wire struct {
	start    time.Time
	incoming chan arrival
	stop     chan struct{}

	mu     sync.Mutex
	log    []string
	broken map[int]error // why packets do not leave, by interface index; 0: by any
}

// arrival is a packet, or an error, for a reader.
type arrival struct {
	packet
	err error
}

func (w *wire) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf("%v ", time.Since(w.start).Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// sent returns the notes since the last call.
func (w *wire) sent() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log
	w.log = nil
	return log
}

func (w *wire) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = map[int]error{0: err}
}

func (w *wire) read(packets []packet) (int, error) {
	select {
	case a := <-w.incoming:
		packets[0] = a.packet
		return 1, a.err
	case <-w.stop:
		return 0, os.ErrDeadlineExceeded
	}
}

func (w *wire) write(out []outgoing, _ bool) {
	for n := range out {
		out[n].err = w.send(out[n])
	}
}

func (w *wire) answer(out []outgoing) { w.write(out, true) }

func (w *wire) send(o outgoing) error {
	w.mu.Lock()
	err := w.broken[o.index]
	if err == nil {
		err = w.broken[0]
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	r, err := Decode(o.message)
	if err != nil {
		return err
	}
	w.note("%d %s > %s lifetime %d", o.index, o.source, o.destination, r.RouterLifetime)
	return nil
}

func (w *wire) listen(string, int) (bool, error) { return true, nil }
func (w *wire) leave(int) error                  { return errors.New("gone") }
func (w *wire) interrupt()                       { close(w.stop) }
func (w *wire) close() error                     { return nil }

// bubble runs a Sender over a wire; random numbers are all 0.
func bubble(t *testing.T, c Config, f func(t *testing.T, s *Sender, w *wire, stop func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{start: time.Now(), incoming: make(chan arrival), stop: make(chan struct{})}
		s := quiet(t)
		s.open = func() (transport, error) { return w, nil }
		s.random = func() float64 { return 0 }
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		stopped := false
		stop := func() {
			if stopped {
				return
			}
			stopped = true
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		defer stop()
		synctest.Wait()
		f(t, s, w, stop)
	})
}

// after lets time pass and compares what was sent meanwhile.
func after(t *testing.T, w *wire, d time.Duration, want ...string) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
	synctest.Wait()
	if diff := cmp.Diff(want, w.sent()); diff != "" {
		t.Errorf("sent until %v (-want +got):\n%s", time.Since(w.start), diff)
	}
}

func solicit(w *wire, from string) {
	w.incoming <- arrival{packet: packet{message: solicitation[:], info: packetInfo{index: 7, source: netip.MustParseAddr(from), hopLimit: 255}}}
}

func TestSenderLife(t *testing.T) {
	bubble(t, one(basic), func(t *testing.T, s *Sender, w *wire, stop func()) {
		after(t, w, 300*time.Second,
			"0s 7 fe80::7 > ff02::1 lifetime 1800", "16s 7 fe80::7 > ff02::1 lifetime 1800", "32s 7 fe80::7 > ff02::1 lifetime 1800",
			"3m52s 7 fe80::7 > ff02::1 lifetime 1800")

		// Applying the same is nothing.
		if err := s.Apply(t.Context(), one(basic)); err != nil {
			t.Fatal(err)
		}
		after(t, w, 10*time.Second)

		// A change is advertised at once, and three times.
		changed := basic
		changed.RouterLifetime = 900 * time.Second
		if err := s.Apply(t.Context(), one(changed)); err != nil {
			t.Fatal(err)
		}
		after(t, w, 40*time.Second,
			"5m10s 7 fe80::7 > ff02::1 lifetime 900", "5m26s 7 fe80::7 > ff02::1 lifetime 900", "5m42s 7 fe80::7 > ff02::1 lifetime 900")

		// Another address: the old one says goodbye.
		moved := changed
		moved.LinkLocal = netip.MustParseAddr("fe80::8")
		if err := s.Apply(t.Context(), one(moved)); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Second, "5m50s 7 fe80::7 > ff02::1 lifetime 0", "5m50s 7 fe80::8 > ff02::1 lifetime 900")

		// Another index: the same name, another link.
		moved.Index = 9
		if err := s.Apply(t.Context(), one(moved)); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Second, "5m51s 7 fe80::8 > ff02::1 lifetime 0", "5m51s 9 fe80::8 > ff02::1 lifetime 900")

		stop()
		// Three times, as that of what was before, and quickly.
		after(t, w, time.Second,
			"5m52s 7 fe80::7 > ff02::1 lifetime 0", "5m52s 7 fe80::8 > ff02::1 lifetime 0", "5m52s 9 fe80::8 > ff02::1 lifetime 0",
			"5m52.1s 7 fe80::7 > ff02::1 lifetime 0", "5m52.1s 7 fe80::8 > ff02::1 lifetime 0", "5m52.1s 9 fe80::8 > ff02::1 lifetime 0",
			"5m52.2s 9 fe80::8 > ff02::1 lifetime 0")
	})
}

func TestSenderSilent(t *testing.T) {
	bubble(t, one(basic), func(t *testing.T, s *Sender, w *wire, stop func()) {
		after(t, w, time.Second, "0s 7 fe80::7 > ff02::1 lifetime 1800")
		s.KeepSilent()
		stop()
		after(t, w, time.Second)
	})
}

func TestSenderUnconfigured(t *testing.T) {
	bubble(t, one(basic), func(t *testing.T, s *Sender, w *wire, stop func()) {
		after(t, w, time.Second, "0s 7 fe80::7 > ff02::1 lifetime 1800")
		if err := s.Apply(t.Context(), Config{}); err != nil {
			t.Fatal(err)
		}
		after(t, w, time.Hour, "1s 7 fe80::7 > ff02::1 lifetime 0", "4s 7 fe80::7 > ff02::1 lifetime 0", "7s 7 fe80::7 > ff02::1 lifetime 0")
		solicit(w, "fe80::1")
		after(t, w, time.Second)
		if diff := cmp.Diff(map[string]uint64{DropUnconfigured: 1}, s.Counters().Dropped); diff != "" {
			t.Errorf("dropped (-want +got):\n%s", diff)
		}
	})
}

func TestSenderSolicited(t *testing.T) {
	bubble(t, one(basic), func(t *testing.T, s *Sender, w *wire, stop func()) {
		after(t, w, time.Second, "0s 7 fe80::7 > ff02::1 lifetime 1800")
		solicit(w, "fe80::1")
		solicit(w, "2001:db8::2")
		after(t, w, 100*time.Millisecond, "1s 7 fe80::7 > fe80::1 lifetime 1800", "1s 7 fe80::7 > 2001:db8::2 lifetime 1800")
		solicit(w, "::")
		solicit(w, "::")
		after(t, w, 10*time.Second, "3s 7 fe80::7 > ff02::1 lifetime 1800")
		for range answersAtOnce + 5 {
			solicit(w, "fe80::3")
		}
		synctest.Wait()
		if got := len(w.sent()); got != answersAtOnce {
			t.Errorf("%d answers to one host at once, want %d", got, answersAtOnce)
		}
		if diff := cmp.Diff(map[string]uint64{DropRate: 5}, s.Counters().Dropped); diff != "" {
			t.Errorf("dropped (-want +got):\n%s", diff)
		}
		// More hosts than are remembered are served together.
		for n := range maxHosts + 50 {
			solicit(w, fmt.Sprintf("fe80::1:%x", n))
		}
		synctest.Wait()
		log := w.sent()
		if got := log[len(log)-1]; !strings.HasSuffix(got, "> ff02::1 lifetime 1800") {
			t.Errorf("last sent: %s", got)
		}
		if len(log) > maxHosts+1 {
			t.Errorf("%d advertisements sent", len(log))
		}
	})
}

func TestSenderFailure(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, s *Sender, w *wire, stop func()) {
		w.fail(errors.New("no address"))
		if err := s.Apply(t.Context(), one(basic)); err != nil {
			t.Fatal(err)
		}
		after(t, w, 2*time.Second)
		st := s.Status()[0]
		if st.Errors != 2 || st.Sent != 0 || !st.Last.IsZero() || !strings.Contains(st.LastError, "no address") {
			t.Errorf("status %+v", st)
		}
		w.fail(nil)
		after(t, w, 20*time.Second, "3s 7 fe80::7 > ff02::1 lifetime 1800", "19s 7 fe80::7 > ff02::1 lifetime 1800")
		if st := s.Status()[0]; st.LastError != "" || st.Sent != 2 {
			t.Errorf("status %+v", st)
		}
	})
}

// TestSenderSame: a delegation that is renewed beyond the advertised lifetimes is no news for hosts.
func TestSenderSame(t *testing.T) {
	with := func(until time.Time, valid time.Duration) Config {
		i := basic
		i.Prefixes = []Prefix{{Prefix: netip.MustParsePrefix("2001:db8::/64"), Valid: valid, Preferred: valid, ValidUntil: until}}
		return one(i)
	}
	bubble(t, with(time.Time{}, time.Hour), func(t *testing.T, s *Sender, w *wire, stop func()) {
		after(t, w, 40*time.Second, "0s 7 fe80::7 > ff02::1 lifetime 1800", "16s 7 fe80::7 > ff02::1 lifetime 1800", "32s 7 fe80::7 > ff02::1 lifetime 1800")
		if err := s.Apply(t.Context(), with(time.Now().Add(2*time.Hour), time.Hour)); err != nil {
			t.Fatal(err)
		}
		after(t, w, 10*time.Second)
		if err := s.Apply(t.Context(), with(time.Now(), time.Hour)); err != nil {
			t.Fatal(err)
		}
		after(t, w, 10*time.Second, "50s 7 fe80::7 > ff02::1 lifetime 1800")
	})
}

func TestApplyErrors(t *testing.T) {
	s := quiet(t)
	edit := func(name string, f func(*Interface)) Interface {
		i := basic
		i.Link, i.Index = name, len(name)
		f(&i)
		return i
	}
	err := s.Apply(t.Context(), Config{Interfaces: map[string]Interface{
		"good":    edit("good", func(*Interface) {}),
		"noindex": edit("noindex", func(i *Interface) { i.Index = 0 }),
		"global":  edit("global", func(i *Interface) { i.LinkLocal = netip.MustParseAddr("2001:db8::1") }),
		"content": edit("content", func(i *Interface) { i.RouterLifetime = 20 * time.Hour }),
		"times12": edit("times12", func(i *Interface) { i.MaxInterval = time.Second; i.Index = 100 }),
		"twin":    edit("twin", func(*Interface) {}),
	}})
	want := `advertise on content: router lifetime 20h0m0s is not within 0 and 18h12m15s
advertise on global: source address 2001:db8::1 is not link-local
advertise on noindex: no interface index
advertise on times12: interval of 3m20s to 1s
advertise on twin: interface index 4 is also that of good`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if st := s.Status(); len(st) != 1 || st[0].Interface.Link != "good" {
		t.Errorf("status %+v", st)
	}
}

// TestRunFails: a socket that breaks ends Run with an error, without final advertisements, and Run works again.
func TestRunFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := quiet(t)
		if err := s.Apply(t.Context(), one(basic)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			w := &wire{start: time.Now(), incoming: make(chan arrival), stop: make(chan struct{})}
			s.open = func() (transport, error) { return w, nil }
			ended := make(chan error, 1)
			go func() { ended <- s.Run(t.Context()) }()
			after(t, w, time.Second, "0s 7 fe80::7 > ff02::1 lifetime 1800")
			broken := errors.New("broken")
			w.incoming <- arrival{err: broken}
			if err := <-ended; !errors.Is(err, broken) {
				t.Errorf("Run: %v", err)
			}
			after(t, w, 10*time.Second)
		}
	})
}

// solicited handles a packet whose answer nobody waits for.
func (s *Sender) solicited(b []byte, info packetInfo, now time.Time) {
	var answers round
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hear(&answers, b, info, now)
}

// TestSendErrorHint: what Linux says where the neighbor table has no room is explained, and nothing else.
func TestSendErrorHint(t *testing.T) {
	for err, want := range map[error]bool{
		os.NewSyscallError("sendmsg", syscall.EINVAL): true, syscall.ENOBUFS: true,
		syscall.ENETUNREACH: false, errCrowded: false,
	} {
		got := sendError(&outgoing{destination: allNodes, err: err})
		if strings.Contains(got.Error(), "net.ipv6.neigh.default.gc_thresh3") != want || !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
	}
}
