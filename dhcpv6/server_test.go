package dhcpv6

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/rib"
)

// wire is a transport of channels.
type wire struct {
	clients, relays chan inbound
	sent            chan sent
	stop            chan struct{}
	listening       map[int]string
}

type sent struct {
	payload []byte
	to      netip.AddrPort
	from    netip.Addr
	index   int
}

func newWire() *wire {
	return &wire{clients: make(chan inbound), relays: make(chan inbound), sent: make(chan sent, 100), stop: make(chan struct{})}
}

func (w *wire) read(c chan inbound) (inbound, error) {
	select {
	case in := <-c:
		return in, nil
	case <-w.stop:
		return inbound{}, os.ErrDeadlineExceeded
	}
}

func (w *wire) readClient() (inbound, error) { return w.read(w.clients) }
func (w *wire) readRelay() (inbound, error)  { return w.read(w.relays) }
func (w *wire) interrupt()                   { close(w.stop) }
func (w *wire) close()                       {}

func (w *wire) listen(links map[int]string) error { w.listening = links; return nil }

func (w *wire) send(payload []byte, to netip.AddrPort, from netip.Addr, index int) error {
	w.sent <- sent{payload, to, from, index}
	return nil
}

func (w *wire) tell(payload []byte, to neighbor, from netip.Addr) error {
	return w.send(payload, netip.AddrPortFrom(to.address, clientPort), from, to.index)
}

// bench is a running server in a bubble.
type bench struct {
	*env
	wire   *wire
	server *Server
	table  *rib.Table
	events []EventKind
	replay uint64 // the last one seen
	ran    chan error
	cancel context.CancelFunc
}

func newBench(t *testing.T, store *memory, c Config) *bench {
	b := &bench{env: newEnv(t, c), wire: newWire(), table: &rib.Table{}, ran: make(chan error, 1)}
	b.env.store = store
	b.server = newServer(slog.New(slog.DiscardHandler), store, b.table.In(rib.MainTable), func(int) (transport, error) { return b.wire, nil })
	b.server.OnEvent = func(e Event) { b.events = append(b.events, e.Kind) }
	if err := b.server.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	go func() { b.ran <- b.server.Run(ctx) }()
	synctest.Wait()
	return b
}

func (b *bench) stop() error {
	b.cancel()
	return <-b.ran
}

// ask sends a line of the scripts from the wire.
func (b *bench) ask(line string) {
	words := strings.Fields(line)
	b.wire.clients <- inbound{
		payload: b.build(words).ToBytes(), source: netip.MustParseAddrPort("[fe80::c]:546"), index: 2, mac: clients[words[1]],
	}
	synctest.Wait()
}

func (b *bench) answer() (sent, bool) {
	synctest.Wait()
	select {
	case s := <-b.wire.sent:
		return s, true
	default:
		return sent{}, false
	}
}

func (b *bench) routes() string {
	var out []string
	for _, e := range b.table.Entries(nil) {
		out = append(out, e.Source.String()+" "+e.Route.String())
	}
	return strings.Join(out, "\n")
}

func TestReplyWaitsForDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &memory{manual: true}, seedConfig())
		if !b.table.Ready(rib.Delegated) {
			t.Error("the routes of leases are not reported at start")
		}
		b.ask("solicit ann pd=1,2001:db8:fff:10::/60")
		if s, ok := b.answer(); !ok || s.payload[0] != byte(dhcp6.MessageTypeAdvertise) {
			t.Errorf("an Advertise waits for the disk: %x", s.payload)
		}
		b.ask("request ann server pd=1,2001:db8:fff:10::/60")
		if s, ok := b.answer(); ok {
			t.Fatalf("a Reply left before its lease was on disk: %x", s.payload)
		}
		if r := b.routes(); r != "" {
			t.Errorf("routes before the lease is on disk: %s", r)
		}
		b.store.sync(nil)
		s, ok := b.answer()
		if !ok {
			t.Fatal("no Reply after the lease was on disk")
		}
		want := sent{to: netip.MustParseAddrPort("[fe80::c]:546"), from: netip.MustParseAddr("fe80::1"), index: 2}
		if s.to != want.to || s.from != want.from || s.index != want.index {
			t.Errorf("the Reply went to %v from %v on %d, want %+v", s.to, s.from, s.index, want)
		}
		if got, want := b.routes(), "delegated 2001:db8:fff:10::/60 via fe80::c dev eth1 table 254"; got != want && got+" table 254" != want {
			t.Errorf("routes are\n%s\nwant\n%s", got, want)
		}
		b.ask("release ann server pd=1,2001:db8:fff:10::/60")
		b.store.sync(nil)
		if r := b.routes(); r != "" {
			t.Errorf("routes after the release: %s", r)
		}
		if diff := cmp.Diff([]EventKind{Leased, Released}, b.events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if err := b.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestStoreFailureEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &memory{manual: true}, seedConfig())
		b.ask("request ann server na=1")
		b.store.sync(errDisk)
		if s, ok := b.answer(); ok {
			t.Errorf("a Reply left though its lease is not on disk: %x", s.payload)
		}
		if err := <-b.ran; !errors.Is(err, errDisk) {
			t.Errorf("Run returned %v, want %v", err, errDisk)
		}
	})
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		store := &memory{leases: []lease.Lease{
			{
				Key: lease.Key{DUID: "old link", Kind: lease.Prefix, Link: "gone0"}, Prefix: netip.MustParsePrefix("2001:db8:a::/60"),
				Valid: now.Add(time.Minute), Client: netip.MustParseAddr("fe80::a"),
			},
			{
				Key: lease.Key{DUID: "ended", Kind: lease.Prefix, Link: "eth1"}, Prefix: netip.MustParsePrefix("2001:db8:b::/60"),
				Valid: now.Add(-time.Minute), Client: netip.MustParseAddr("fe80::b"),
			},
			{
				Key: lease.Key{DUID: "for ever", Kind: lease.Prefix, Link: "eth1"}, Prefix: netip.MustParsePrefix("2001:db8:c::/60"),
				Client: netip.MustParseAddr("2001:db8::c"),
			},
		}}
		b := newBench(t, store, seedConfig())
		check := func(when, want string) {
			t.Helper()
			synctest.Wait()
			if got := strings.ReplaceAll(b.routes(), " table 254", ""); got != want {
				t.Errorf("%s the routes are\n%s\nwant\n%s", when, got, want)
			}
		}
		const forever = "delegated 2001:db8:c::/60 via 2001:db8::c"
		check("at start", "delegated 2001:db8:a::/60 via fe80::a dev gone0\n"+forever)
		if n := len(b.server.Leases()); n != 2 {
			t.Errorf("%d leases after start, want 2", n)
		}
		<-time.After(59 * time.Second)
		check("before the expiry", "delegated 2001:db8:a::/60 via fe80::a dev gone0\n"+forever)
		<-time.After(time.Second + 5*time.Millisecond)
		check("after the expiry", forever)

		// A lease that is given later and ends before all others is not missed.
		b.ask("request ann server pd=1,2001:db8:fff:10::/60")
		check("with a new lease", forever+"\ndelegated 2001:db8:fff:10::/60 via fe80::c dev eth1")
		<-time.After(4001 * time.Second)
		check("after that ended", forever)

		if err := b.server.ReleaseLease(t.Context(), netip.MustParsePrefix("2001:db8:c::/60")); err != nil {
			t.Error(err)
		}
		check("after the operator took the last", "")
		if err := b.server.ReleaseLease(t.Context(), netip.MustParsePrefix("2001:db8:c::/60")); err == nil {
			t.Error("releasing nothing is no error")
		}
		if err := b.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestRateAndDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &memory{}, seedConfig())
		for range 3 * DefaultRate {
			b.ask("information eve")
			b.answer()
		}
		b.ask("information ann")
		b.wire.clients <- inbound{payload: []byte{1}, source: netip.MustParseAddrPort("[fe80::d]:546"), index: 2}
		b.wire.clients <- inbound{payload: []byte{1, 2, 3, 4}, source: netip.MustParseAddrPort("[fe80::d]:546"), index: 3}
		b.wire.clients <- inbound{drop: "checksum"}
		b.wire.relays <- inbound{payload: b.build(strings.Fields("solicit ann na=1")).ToBytes(), source: netip.MustParseAddrPort("[2001:db8::c]:546")}
		b.ask("request ann server na=1 pd=1")
		synctest.Wait()
		got := b.server.Status()
		want := Status{
			Interfaces: []InterfaceStatus{{
				Link:     "eth1",
				Received: map[string]uint64{"Information-request": 2*DefaultRate + 1, "Request": 1},
				Sent:     map[string]uint64{"Reply": 2*DefaultRate + 2},
				Pools: []PoolStatus{
					{Name: "guests", Kind: "address", Range: "2001:db8::100-2001:db8::ffff", Leased: 1, Size: 0xff00},
					{Name: "hosts", Kind: "prefix", Range: "2001:db8:fff::/48 in /60", Leased: 1, Size: 4096},
				},
			}},
			Dropped: map[string]uint64{"rate": DefaultRate, "truncated": 1, "link-not-served": 1, "checksum": 1, "unicast": 1},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		b.stop()
	})
}

func TestRelayed(t *testing.T) {
	cfg := seedConfig()
	cfg.Interfaces["far"] = Interface{
		Subnets:      []netip.Prefix{netip.MustParsePrefix("2001:db8:5::/64")},
		Pools:        []AddressPool{{Name: "far", First: netip.MustParseAddr("2001:db8:5::10"), Last: netip.MustParseAddr("2001:db8:5::10")}},
		Delegate:     []PrefixPool{{Name: "far", Prefix: netip.MustParsePrefix("2001:db8:f00::/60"), Length: 60}},
		Reservations: []Reservation{{MAC: reserved, Addresses: []netip.Addr{netip.MustParseAddr("2001:db8:5::a9")}}},
		Preferred:    time.Hour, Valid: time.Hour,
	}
	lla := opt(dhcp6.OptionClientLinkLayerAddr, []byte{0, 1}, reserved)
	iid := opt(dhcp6.OptionInterfaceID, []byte("port 7"))
	inner := func(e *env, line string) []byte {
		return opt(dhcp6.OptionRelayMsg, e.build(strings.Fields(line)).ToBytes())
	}
	for _, tt := range []struct {
		name, line string
		wrap       func(message []byte) []byte
		source     string
		index      int
		relays     []netip.Prefix
		to, want   string
		route      string
	}{
		{
			name: "one relay on a link that is not served", line: "request ann server na=1 pd=1", source: "[2001:db8:9::2]:547", index: 7,
			wrap: func(m []byte) []byte { return relayed(0, "2001:db8:5::1", iid, lla, m) },
			to:   "[2001:db8:9::2]:547", want: "2001:db8:5::a9", route: "delegated 2001:db8:f00::/60 via 2001:db8:9::2",
		},
		{
			name: "on a served link the link-layer address is not believed", line: "request ann server na=1", source: "[2001:db8::2]:547", index: 2,
			wrap: func(m []byte) []byte { return relayed(0, "2001:db8:5::1", lla, m) },
			to:   "[2001:db8::2]:547", want: "2001:db8:5::10",
		},
		{
			name: "unless it is said to be", line: "request ann server na=1", source: "[2001:db8::2]:547", index: 2,
			relays: []netip.Prefix{netip.MustParsePrefix("2001:db8::2/128")},
			wrap:   func(m []byte) []byte { return relayed(0, "2001:db8:5::1", lla, m) },
			to:     "[2001:db8::2]:547", want: "2001:db8:5::a9",
		},
		{
			name: "two relays, the outer one with another port", line: "solicit ann na=1", source: "[2001:db8:9::2]:4711", index: 7,
			wrap: func(m []byte) []byte {
				return relayed(1, "2001:db8:77::1", opt(dhcp6.OptionRelayPort, []byte{2, 35}),
					opt(dhcp6.OptionRelayMsg, relayed(0, "2001:db8:5::1", iid, m)))
			},
			to: "[2001:db8:9::2]:4711", want: "2001:db8:5::10",
		},
		{
			name: "a relay of layer two", line: "request ann server pd=1,2001:db8:fff:10::/60", source: "[fe80::5]:547", index: 2,
			wrap: func(m []byte) []byte { return relayed(0, "::", iid, m) },
			to:   "[fe80::5]:547", want: "2001:db8:fff:10::", route: "delegated 2001:db8:fff:10::/60 via fe80::c dev eth1",
		},
		{
			name: "an unknown link", line: "request ann server na=1", source: "[2001:db8:9::2]:547", index: 7,
			wrap: func(m []byte) []byte { return relayed(0, "2001:db8:66::1", m) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := cfg
				c.Relays = tt.relays
				b := newBench(t, &memory{}, c)
				defer b.stop()
				request := tt.wrap(inner(b.env, tt.line))
				b.wire.relays <- inbound{payload: request, source: netip.MustParseAddrPort(tt.source), to: netip.MustParseAddr("2001:db8::1"), index: tt.index}
				s, ok := b.answer()
				if !ok {
					if tt.to != "" {
						t.Fatalf("no reply; dropped %v", b.server.Status().Dropped)
					}
					return
				}
				if s.to.String() != tt.to {
					t.Errorf("reply to %s, want %s", s.to, tt.to)
				}
				reply, err := dhcp6.RelayMessageFromBytes(s.payload)
				if err != nil {
					t.Fatal(err)
				}
				checkMirror(t, request, s.payload)
				m, err := reply.GetInnerMessage()
				if err != nil {
					t.Fatal(err)
				}
				if got := render(verdict{reply: m}); !strings.Contains(got, " "+tt.want) {
					t.Errorf("want %s in\n%s", tt.want, got)
				}
				if got := strings.ReplaceAll(b.routes(), " table 254", ""); got != tt.route {
					t.Errorf("routes %q, want %q", got, tt.route)
				}
			})
		})
	}
}

// checkMirror compares every layer of a Relay-reply with that of the Relay-forward.
func checkMirror(t *testing.T, request, reply []byte) {
	t.Helper()
	for len(request) > 0 && request[0] == byte(dhcp6.MessageTypeRelayForward) {
		if reply[0] != byte(dhcp6.MessageTypeRelayReply) {
			t.Fatalf("layer of type %d, want Relay-reply", reply[0])
		}
		if diff := cmp.Diff(request[1:34], reply[1:34]); diff != "" {
			t.Errorf("hop count and addresses (-want +got):\n%s", diff)
		}
		in, nextIn, _ := guardRelay(request)
		out, nextOut, _ := guardRelay(reply)
		if string(in.interfaceID) != string(out.interfaceID) || string(in.relayPort) != string(out.relayPort) {
			t.Errorf("Interface-Id %q and port %q, want %q and %q", out.interfaceID, out.relayPort, in.interfaceID, in.relayPort)
		}
		request, reply = nextIn, nextOut
	}
}

func TestApplyWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &memory{}, seedConfig())
		defer b.stop()
		c := seedConfig()
		in := c.Interfaces["eth1"]
		in.Index = 9
		c.Interfaces["eth1"] = in
		if err := b.server.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[int]string{9: "eth1"}, b.wire.listening); diff != "" {
			t.Errorf("listens on (-want +got):\n%s", diff)
		}
		b.ask("information ann")
		if _, ok := b.answer(); ok {
			t.Error("an index that is gone is served")
		}
		if err := b.server.Apply(t.Context(), Config{}); err == nil {
			t.Error("a configuration without DUID is taken")
		}
	})
}
