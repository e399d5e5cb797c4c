package pd

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// flight is how long a message takes in the simulation.
const flight = 5 * time.Millisecond

// epoch is when simulations begin.
var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// sim runs one machine against servers in simulated time.
type sim struct {
	t       *testing.T
	m       *machine
	now     time.Time
	servers []*server
	queue   []delivery // in order of time
	sent    []sending
	fail    error // of every send
	drops   []string
}

type delivery struct {
	at   time.Time
	data []byte
}

type sending struct {
	at time.Duration // since the epoch
	*request
}

func newSim(t *testing.T, seed uint64, servers ...*server) *sim {
	return &sim{t: t, now: epoch, servers: servers, m: newMachine("wan0", rand.New(rand.NewPCG(seed, 1)))}
}

// uplink is the usual configuration: a /56 named isp with IAID 1.
func uplink() Uplink {
	return Uplink{Link: "wan0", Index: 3, LinkLocal: netip.MustParseAddr("fe80::2"),
		Prefixes: []IA{{Name: "isp", IAID: 1, Hint: netip.MustParsePrefix("::/56")}}}
}

func (s *sim) apply(u Uplink) { s.m.configure(s.now, clientDUID, &u) }

// run lets d pass.
func (s *sim) run(d time.Duration) {
	s.t.Helper()
	end := s.now.Add(d)
	for steps := 0; ; {
		s.flush()
		at := s.m.wake()
		if len(s.queue) > 0 && (at.IsZero() || s.queue[0].at.Before(at)) {
			at = s.queue[0].at
		}
		if at.IsZero() || at.After(end) {
			s.now = end
			return
		}
		if at.After(s.now) {
			s.now, steps = at, 0
		} else if steps++; steps > 100 {
			s.t.Fatalf("at %s: busy loop: %+v", s.now.Sub(epoch), s.m.ex)
		}
		if len(s.queue) > 0 && !s.queue[0].at.After(s.now) {
			d := s.queue[0]
			s.queue = s.queue[1:]
			s.deliver(d.data)
		} else {
			s.m.tick(s.now)
		}
	}
}

// flush sends what the machine wants sent.
func (s *sim) flush() {
	r := s.m.take()
	if r == nil {
		return
	}
	s.sent = append(s.sent, sending{s.now.Sub(epoch), r})
	s.m.sent(s.now, r, s.fail)
	if s.fail != nil {
		return
	}
	for _, srv := range s.servers {
		if rep := srv.handle(r.marshal()); rep != nil {
			s.queue = append(s.queue, delivery{s.now.Add(flight), rep})
		}
	}
}

// deliver gives a datagram to the machine.
func (s *sim) deliver(data []byte) {
	a, err := parse(data, serverAddr)
	if err == nil {
		err = s.m.receive(s.now, a)
	}
	if err != nil {
		s.drops = append(s.drops, err.Error())
	}
}

// log returns the messages sent, as "Solicit Request …".
func (s *sim) log() string {
	var names []string
	for _, m := range s.sent {
		names = append(names, titles[m.kind])
	}
	return strings.Join(names, " ")
}

// held returns "NAME PREFIX, …" of what the machine holds and is wanted.
func (s *sim) held() string {
	var all []string
	for _, h := range s.m.leases() {
		if h.wanted {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s", h.Delegation.Name, h.Delegation.Prefix)))
		}
	}
	return strings.Join(all, ", ")
}

// state returns the state and problem of a name.
func (s *sim) state(name string) string {
	for _, st := range s.m.status() {
		if st.Name == name {
			return strings.TrimSuffix(st.State+": "+st.Problem, ": ")
		}
	}
	return "gone"
}

func (s *sim) wantHeld(want string) {
	s.t.Helper()
	if got := s.held(); got != want {
		s.t.Fatalf("at %s: holds %q, want %q; state %q; sent %s; dropped %q", s.now.Sub(epoch), got, want, s.state("isp"), s.log(), s.drops)
	}
}

func (s *sim) wantLog(want string) {
	s.t.Helper()
	if got := s.log(); got != want {
		s.t.Fatalf("at %s: sent %q, want %q; state %q; dropped %q", s.now.Sub(epoch), got, want, s.state("isp"), s.drops)
	}
}

func (s *sim) wantState(name, want string) {
	s.t.Helper()
	if got := s.state(name); got != want {
		s.t.Fatalf("at %s: state of %q is %q, want %q; sent %s", s.now.Sub(epoch), name, got, want, s.log())
	}
}

// forget empties the log.
func (s *sim) forget() { s.sent, s.drops = nil, nil }

// only returns the sendings of one kind.
func (s *sim) only(kind dhcp6.MessageType) []sending {
	var all []sending
	for _, m := range s.sent {
		if m.kind == kind {
			all = append(all, m)
		}
	}
	return all
}
