package pd

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// fakeConn is a conn whose messages a server answers.
type fakeConn struct {
	in     chan []byte
	closed chan struct{}
	once   sync.Once
	handle func([]byte) []byte
}

func (c *fakeConn) Read(p []byte) (int, netip.Addr, error) {
	select {
	case b := <-c.in:
		if b == nil {
			return 0, netip.Addr{}, errors.New("network is down")
		}
		return copy(p, b), serverAddr.WithZone("3"), nil
	case <-c.closed:
		return 0, netip.Addr{}, net.ErrClosed
	}
}

func (c *fakeConn) Write(p []byte) error {
	if rep := c.handle(slices.Clone(p)); rep != nil {
		c.in <- rep
	}
	return nil
}

func (c *fakeConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// rig is a Client in a synctest bubble with one server.
type rig struct {
	*Client
	srv     *server
	changes atomic.Int64
	stop    func()

	mu    sync.Mutex // guards what follows, and the server
	conns []*fakeConn
	down  error // of listen
}

func newRig(t *testing.T, dir string) *rig {
	r := &rig{srv: newServer(t, "2001:db8:100::/56")}
	r.Client = newClient(slog.New(slog.DiscardHandler), store{dir: dir}, func() { // the clock of a bubble is not the machine's
		r.Delegations() // no lock may be held
		r.changes.Add(1)
	})
	r.listen = func(int, netip.Addr) (conn, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.down != nil {
			return nil, r.down
		}
		c := &fakeConn{in: make(chan []byte, 16), closed: make(chan struct{}), handle: func(b []byte) []byte {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.srv.handle(b)
		}}
		r.conns = append(r.conns, c)
		return c, nil
	}
	return r
}

// fail makes opening sockets fail; nil: no longer.
func (r *rig) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = err
}

// sockets returns what was opened so far.
func (r *rig) sockets() []*fakeConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.conns)
}

// start runs the client until stop.
func (r *rig) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func (r *rig) apply(t *testing.T, uplinks ...Uplink) {
	t.Helper()
	cfg := Config{DUID: clientDUID, Uplinks: make(map[string]Uplink)}
	for _, u := range uplinks {
		cfg.Uplinks[u.Link] = u
	}
	if err := r.Apply(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

// pass lets time go by and everything settle.
func pass(d time.Duration) {
	<-time.After(d) // of the bubble's clock
	synctest.Wait()
}

func (r *rig) want(t *testing.T, want string) {
	t.Helper()
	var all []string
	for _, d := range r.Delegations() {
		all = append(all, d.Name+" "+d.Prefix.String())
	}
	if got := strings.Join(all, ", "); got != want {
		t.Fatalf("delegations %q, want %q; status %+v", got, want, r.Status())
	}
}

func TestClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, t.TempDir())
		r.apply(t, uplink()) // before Run
		r.start(t)
		pass(3 * time.Second)
		r.want(t, "isp 2001:db8:100::/56")
		if n := r.changes.Load(); n != 1 {
			t.Errorf("%d changes, want 1", n)
		}
		r.apply(t, uplink())
		pass(30 * time.Minute)
		if n := r.changes.Load(); n != 2 {
			t.Errorf("%d changes after T1, want 2: lifetimes are news", n)
		}
		second := uplink()
		second.Link, second.Index = "wan1", 4
		second.Prefixes = []IA{{Name: "backup", IAID: 1}}
		r.apply(t, uplink(), second)
		pass(3 * time.Second)
		r.want(t, "backup 2001:db8:100::/56, isp 2001:db8:100::/56")
		if got := r.Status(); len(got) != 2 || got[0].State != stateBound || got[0].Link != "wan0" || got[1].Delegation == nil || got[1].Problem != "" {
			t.Errorf("status %+v", got)
		}

		if err := r.Release(t.Context(), "backup"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		r.want(t, "isp 2001:db8:100::/56")
		if err := r.Renew(t.Context(), "backup"); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		r.want(t, "backup 2001:db8:100::/56, isp 2001:db8:100::/56")
		for _, name := range []string{"nobody", ""} {
			if r.Release(t.Context(), name) == nil || r.Renew(t.Context(), name) == nil {
				t.Errorf("%q is not there, and no error", name)
			}
		}

		r.apply(t, uplink()) // wan1 is gone: its delegation ends with its lifetime
		pass(time.Hour)
		r.want(t, "backup 2001:db8:100::/56, isp 2001:db8:100::/56")
		pass(time.Hour)
		r.want(t, "isp 2001:db8:100::/56")
		if got := r.Status(); len(got) != 1 {
			t.Errorf("status %+v", got)
		}
		r.apply(t)
		pass(3 * time.Hour)
		r.want(t, "")
		if len(r.machines) != 0 || len(list(t, r.files.dir)) != 0 {
			t.Errorf("left: %v, %q", r.machines, list(t, r.files.dir))
		}
		r.stop()
		for _, c := range r.sockets() {
			select {
			case <-c.closed:
			default:
				t.Errorf("a socket was left open")
			}
		}
	})
}

func TestClientRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := newRig(t, dir)
		r.apply(t, uplink())
		r.start(t)
		pass(3 * time.Second)
		before := r.Delegations()
		released := false
		r.srv.edit = func(req, _ *dhcp6.Message) { released = released || req.MessageType == dhcp6.MessageTypeRelease }
		r.stop()
		pass(time.Minute)
		if released {
			t.Errorf("released on stop")
		}

		r = newRig(t, dir)
		r.srv.silent = true
		r.want(t, "isp 2001:db8:100::/56")
		if got := r.Delegations()[0]; got.ValidUntil.Sub(before[0].ValidUntil).Abs() > time.Second || !slices.Equal(got.DNS, before[0].DNS) {
			t.Errorf("remembered %+v, was %+v", got, before[0])
		}
		r.start(t)
		r.apply(t, uplink())
		pass(time.Hour)
		r.want(t, "isp 2001:db8:100::/56")
		if n := r.changes.Load(); n != 0 {
			t.Errorf("%d changes", n)
		}
		pass(time.Hour)
		r.want(t, "")
		r.stop()

		r = newRig(t, dir)
		r.want(t, "")
	})
}

// TestClientStoresFirst checks that what changed announces is on disk.
func TestClientStoresFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := newRig(t, dir)
		var onDisk []string
		r.changed = func() {
			got, _ := load(dir, time.Now())
			for _, h := range got {
				onDisk = append(onDisk, h.Delegation.Prefix.String())
			}
		}
		r.apply(t, uplink())
		r.start(t)
		pass(3 * time.Second)
		r.stop()
		if !slices.Equal(onDisk, []string{"2001:db8:100::/56"}) {
			t.Errorf("on disk when announced: %q", onDisk)
		}
	})
}

func TestClientSocketTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "")
		down := errors.New("open [fe80::2%3]:546: cannot assign requested address")
		r.fail(down)
		r.apply(t, uplink())
		r.start(t)
		pass(time.Hour)
		if got := r.Status()[0]; got.Problem != down.Error() || got.State != stateSoliciting {
			t.Errorf("status %+v", got)
		}
		r.fail(nil)
		pass(20 * time.Second)
		r.want(t, "isp 2001:db8:100::/56")
		r.sockets()[0].in <- nil // the socket breaks
		pass(time.Hour)
		r.want(t, "isp 2001:db8:100::/56")
		if len(r.sockets()) != 2 {
			t.Errorf("%d sockets, want another after the first broke", len(r.sockets()))
		}
		u := uplink()
		u.Index++
		r.apply(t, u)
		pass(3 * time.Second)
		if len(r.sockets()) != 3 {
			t.Errorf("%d sockets, want another for another link", len(r.sockets()))
		}
		r.sockets()[2].in <- []byte{1, 2, 3}
		r.sockets()[2].in <- reply()
		r.sockets()[2].in <- make([]byte, maxDatagram+1)
		pass(time.Second)
		want := map[string]uint64{errTooShort.Error(): 1, errUnasked.Error(): 1, errTooLong.Error(): 1}
		if got := r.Dropped(); !maps.Equal(got, want) {
			t.Errorf("dropped %v, want %v", got, want)
		}
		r.stop()
	})
}

func TestApplyRefuses(t *testing.T) {
	ok := uplink()
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"no identifier", Config{}, "client identifier has 0 octets"},
		{"no name", Config{DUID: clientDUID, Uplinks: map[string]Uplink{"wan0": {Prefixes: []IA{{IAID: 1}}}}}, "uplink wan0: delegation without a name"},
		{"same name", Config{DUID: clientDUID, Uplinks: map[string]Uplink{"wan0": {Prefixes: []IA{{Name: "a", IAID: 1}, {Name: "a", IAID: 2}}}}}, `"a" twice`},
		{"same IAID", Config{DUID: clientDUID, Uplinks: map[string]Uplink{"wan0": {Prefixes: []IA{{Name: "a", IAID: 1}, {Name: "b", IAID: 1}}}}}, "IAID 1 twice"},
		{"IPv4 hint", Config{DUID: clientDUID, Uplinks: map[string]Uplink{"wan0": {Prefixes: []IA{{Name: "a", Hint: netip.MustParsePrefix("10.0.0.0/8")}}}}}, "not an IPv6 prefix"},
		{"good", Config{DUID: clientDUID, Uplinks: map[string]Uplink{"wan0": ok}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New(slog.New(slog.DiscardHandler), "", func() {})
			err := c.Apply(t.Context(), tt.cfg)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Apply: %v, want %q", err, tt.want)
			}
		})
	}
}

// TestClientTellsOfSmallPrefixes checks that a prefix smaller than the one asked for is used, and logged.
func TestClientTellsOfSmallPrefixes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		r := newRig(t, "")
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.srv.prefixes[1] = netip.MustParsePrefix("2001:db8:100::/60")
		r.apply(t, uplink())
		r.start(t)
		pass(3 * time.Second)
		r.want(t, "isp 2001:db8:100::/60")
		r.stop()
		if !strings.Contains(log.String(), "smaller than was asked for") {
			t.Errorf("log: %s", &log)
		}
	})
}

// TestClientTellsOfSilence checks that the log tells once of each kind of message that nobody answers.
func TestClientTellsOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		r := newRig(t, "")
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.apply(t, uplink())
		r.start(t)
		pass(3 * time.Second)
		if log := log.String(); strings.Contains(log, "no server answers") {
			t.Errorf("with a server: %s", log)
		}
		r.mu.Lock()
		r.srv.silent = true
		r.mu.Unlock()
		pass(24 * time.Hour)
		r.stop()
		for _, kind := range []string{"Renew", "Rebind", "Solicit"} {
			if n := strings.Count(log.String(), "msg=\"no server answers\" link=wan0 message="+kind+" tries=4\n"); n != 1 {
				t.Errorf("%d times of %s:\n%s", n, kind, log.String())
			}
		}
	})
}

// TestClientTellsOfRefusal checks that the log does not call a server silent that answers without anything that helps.
func TestClientTellsOfRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		r := newRig(t, "")
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.srv.t1, r.srv.t2 = 100*time.Second, 50*time.Second
		r.apply(t, uplink())
		r.start(t)
		pass(time.Minute)
		r.stop()
		if n := strings.Count(log.String(), `msg="no server gives what is asked for" link=wan0 message=Solicit tries=4 problem="the server's T1 of 1m40s`); n != 1 {
			t.Errorf("%d times:\n%s", n, log.String())
		}
		if strings.Contains(log.String(), "no server answers") {
			t.Errorf("log:\n%s", log.String())
		}
	})
}

// TestClientLogsWhatItGot: an address is none of the delegations, and what is infinite has no date.
func TestClientLogsWhatItGot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		r := newRig(t, "")
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.srv.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
		r.srv.preferred, r.srv.valid = 0xffffffff*time.Second, 0xffffffff*time.Second
		u := uplink()
		u.Address = &IA{IAID: 9}
		r.apply(t, u)
		r.start(t)
		pass(10 * time.Second)
		r.stop()
		for _, want := range []string{
			"msg=delegation link=wan0 name=isp prefix=2001:db8:100::/56 server=fe80::1 valid_until=forever",
			"msg=address link=wan0 address=2001:db8::9 server=fe80::1 valid_until=forever",
		} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no %q in:\n%s", want, log.String())
			}
		}
	})
}
