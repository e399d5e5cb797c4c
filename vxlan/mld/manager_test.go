package mld

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/router/change"
)

// machine is a kernel for tests. It does what it is told, but fails the call with the number fail.
type machine struct {
	calls, fail int
	on          bool
	links       map[int]string // names by index
	members     [owners]map[membership]filter
	modes       map[int]bool
	mif         map[int]int // indexes by number
	cache       map[flow]kernelEntry
	sent        []query
}

func newMachine() *machine {
	k := &machine{links: map[int]string{}, modes: map[int]bool{}, mif: map[int]int{}, cache: map[flow]kernelEntry{}}
	for i := range k.members {
		k.members[i] = map[membership]filter{}
	}
	return k
}

var errInjected = errors.New("injected")

func (k *machine) call() error {
	if k.calls++; k.calls == k.fail {
		return errInjected
	}
	return nil
}

func (k *machine) ask(_ int, _ netip.Addr, q query) error {
	k.sent = append(k.sent, q)
	return k.call()
}

func (k *machine) listen(o owner, m membership, f filter) error {
	if err := k.call(); err != nil {
		return err
	}
	if f.none() {
		delete(k.members[o], m)
	} else {
		k.members[o][m] = f
	}
	return nil
}

func (k *machine) promiscuous(index int, on bool) error {
	if err := k.call(); err != nil {
		return err
	}
	if on {
		k.modes[index] = true
	} else {
		delete(k.modes, index)
	}
	return nil
}

func (k *machine) route(on bool) error {
	if on == k.on {
		return nil
	}
	if err := k.call(); err != nil {
		return err
	}
	k.on = on
	return nil
}

func (k *machine) routing() bool { return k.on }

func (k *machine) mifs() (map[int]string, error) {
	out := map[int]string{}
	for n, index := range k.mif {
		out[n] = k.links[index]
	}
	return out, k.call()
}

func (k *machine) entries() (map[flow]kernelEntry, error) { return maps.Clone(k.cache), k.call() }

func (k *machine) bridges() ([]bridgeGroup, error) { return nil, k.call() }

func (k *machine) addMIF(mif, index int) error {
	if err := k.call(); err != nil {
		return err
	}
	if _, taken := k.mif[mif]; taken {
		return unix.EADDRINUSE
	}
	k.mif[mif] = index
	return nil
}

func (k *machine) delMIF(mif int) error {
	if err := k.call(); err != nil {
		return err
	}
	if _, there := k.mif[mif]; !there {
		return unix.EADDRNOTAVAIL
	}
	delete(k.mif, mif)
	return nil
}

func (k *machine) setEntry(f flow, in int, out []int) error {
	if err := k.call(); err != nil {
		return err
	}
	k.cache[f] = kernelEntry{in: in, out: out}
	return nil
}

func (k *machine) delEntry(f flow) error {
	if err := k.call(); err != nil {
		return err
	}
	delete(k.cache, f)
	return nil
}

func (k *machine) receive([]byte) (int, packet, error) { return 0, packet{}, os.ErrClosed }
func (k *machine) questions() func([]byte) (question, bool, error) {
	return func([]byte) (question, bool, error) { return question{}, false, os.ErrClosed }
}
func (k *machine) interrupt()   {}
func (k *machine) close() error { return nil }

// String is the state, for comparison.
func (k *machine) String() string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for o, members := range k.members {
		for m, f := range members {
			add("owner %d listens on %s to %s %v", o, k.links[m.index], m.group, f)
		}
	}
	for index := range k.modes {
		add("all multicast on %s", k.links[index])
	}
	names := map[int]string{}
	for n, index := range k.mif {
		names[n] = k.links[index]
		add("forwarding on %s", k.links[index])
	}
	for f, e := range k.cache {
		var out []string
		for _, n := range e.out {
			out = append(out, names[n])
		}
		slices.Sort(out)
		add("%s from %s to %v", f, names[e.in], out)
	}
	slices.Sort(lines)
	return fmt.Sprintf("routing %v\n%s", k.on, strings.Join(lines, "\n"))
}

// lab returns a manager with a machine that has links a to d, with indexes from 1.
func lab() (*Manager, *machine) {
	k := newMachine()
	for i, name := range []string{"a", "b", "c", "d"} {
		k.links[i+1] = name
	}
	m := New(slog.New(slog.DiscardHandler))
	m.open = func() (system, error) { return k, nil }
	return m, k
}

func labLink(name string, querier bool, joins ...Join) Link {
	i := int(name[0]-'a') + 1
	return Link{Name: name, Index: i, LinkLocal: addr(fmt.Sprintf("fe80::%d", i)), Running: true, Querier: querier, Timers: plain, Joins: joins}
}

// twoConfigs are unlike in everything.
func twoConfigs() (first, second Config) {
	any := netip.MustParsePrefix("::/0")
	first = config(labLink("a", false, Join{Group: addr("ff05::1")}), labLink("b", true), labLink("c", true))
	first.Proxy = &Proxy{Upstream: "a", Downstream: []string{"b", "c"}}
	first.Routes = []Route{{Group: netip.MustParsePrefix("ff18::1/128"), Source: netip.MustParsePrefix("2001:db8::1/128"), In: "a", Out: []string{"c"}}}
	second = config(labLink("b", false, Join{Group: addr("ff05::2"), Source: addr("2001:db8::2")}), labLink("c", true), labLink("d", true))
	second.Proxy = &Proxy{Upstream: "b", Downstream: []string{"d"}}
	second.Routes = []Route{
		{Group: netip.MustParsePrefix("ff18::/16"), Source: any, In: "c", Out: []string{"d"}},
		{Group: netip.MustParsePrefix("ff18::1/128"), Source: netip.MustParsePrefix("2001:db8::1/128"), In: "b", Out: []string{"d"}},
	}
	second.Boundaries = map[string]Boundary{"b": {Scope: 8}}
	return first, second
}

// feed has hosts report and packets come in.
func feed(m *Manager) {
	now := time.Now()
	for _, index := range []int{2, 3, 4} {
		m.heard(message{Type: typeReport1, Group: addr("ff1e::5")}.raw(), packet{source: addr("fe80::99"), index: index, hopLimit: 1, alert: true}, now)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names(m.mifs) {
		m.asked(question{flow: flow{addr("2001:db8::9"), addr("ff1e::5")}, mif: m.mifs[name]}, now)
	}
}

// raw is the message of version 1.
func (m message) raw() []byte {
	g := m.Group.As16()
	return append([]byte{m.Type, 0, 0, 0, 0, 0, 0, 0}, g[:]...)
}

// TestFaults has every single call to the kernel fail once, while one configuration replaces the other: the error is told, and the
// next Apply makes it so, whichever of both it is.
func TestFaults(t *testing.T) {
	first, second := twoConfigs()
	reach := func(c Config) string {
		m, k := lab()
		apply(t, m, c)
		feed(m)
		return k.String()
	}
	want := map[string]string{"second": reach(second), "first": reach(first)}
	for _, after := range []string{"first", "second"} {
		next := map[string]Config{"first": first, "second": second}[after]
		for n := 1; ; n++ {
			m, k := lab()
			apply(t, m, first)
			feed(m)
			k.calls, k.fail = 0, n
			err := m.Apply(t.Context(), second)
			if k.calls < n {
				if n < 15 {
					t.Errorf("only %d calls", n)
				}
				break
			}
			k.fail = 0
			m.mu.Lock()
			troubled := len(m.problems) > 0
			m.mu.Unlock()
			if (err != nil) != troubled {
				t.Errorf("call %d: error %v, problems %v", n, err, troubled)
			}
			apply(t, m, next)
			feed(m)
			m.mu.Lock()
			m.look(time.Now())
			m.mu.Unlock()
			if diff := cmp.Diff(want[after], k.String()); diff != "" {
				t.Fatalf("call %d failed with %v, and then Apply of the %s: -want +got\n%s", n, err, after, diff)
			}
			before := m.Writes()
			apply(t, m, next)
			if m.Writes() != before {
				t.Errorf("call %d: the second Apply writes", n)
			}
		}
	}
}

// TestRollback applies one configuration, the other, the first again, and none.
func TestRollback(t *testing.T) {
	first, second := twoConfigs()
	m, k := lab()
	apply(t, m, first)
	before := k.String()
	apply(t, m, second)
	apply(t, m, first)
	if diff := cmp.Diff(before, k.String()); diff != "" {
		t.Error(diff)
	}
	apply(t, m, Config{})
	if got := k.String(); got != "routing false\n" {
		t.Errorf("left behind: %s", got)
	}
}

// TestPreview tells what Apply does, and nothing when it does nothing.
func TestPreview(t *testing.T) {
	first, second := twoConfigs()
	var texts []string
	for _, step := range []struct{ have, want Config }{{Config{}, first}, {first, first}, {first, second}, {second, Config{}}} {
		m, _ := lab()
		apply(t, m, step.have)
		ops, err := m.Preview(step.want)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range ops {
			texts = append(texts, opText(o))
		}
		texts = append(texts, "")
	}
	want := `a: listen to ff05::1
b: ask for multicast listeners every 2m 5s by MLD version 2
c: ask for multicast listeners every 2m 5s by MLD version 2
multicast proxy: start from a to b, c
multicast route 2001:db8::1@ff18::1: forward from a to c


a: delete stop listening to ff05::1
b: delete stop asking for multicast listeners
b: listen to 2001:db8::2@ff05::2
d: ask for multicast listeners every 2m 5s by MLD version 2
multicast proxy: recreate listen on b, disturbs multicast from a
multicast proxy: delete leave out b, disturbs multicast to listeners on b
multicast proxy: delete leave out c, disturbs multicast to listeners on c
multicast proxy: serve d
multicast route ff18::/16: forward from c to d
multicast route 2001:db8::1@ff18::1: forward from b to d, no longer from a to c
b: let no multicast cross of groups up to scope 8

b: delete stop listening to 2001:db8::2@ff05::2
c: delete stop asking for multicast listeners
d: delete stop asking for multicast listeners
multicast proxy: delete stop, disturbs multicast to listeners on d
multicast route ff18::/16: delete remove, disturbs multicast from c to d
multicast route 2001:db8::1@ff18::1: delete remove, disturbs multicast from b to d
b: let all multicast cross but that of the link
`
	if diff := cmp.Diff(want, strings.Join(texts, "\n")); diff != "" {
		t.Error(diff)
	}
}

func opText(o change.Op) string {
	text := o.Object + ": "
	if o.Class != change.Live {
		text += o.Class.String() + " "
	}
	text += o.Action
	if o.Disturbs != "" {
		text += ", disturbs " + o.Disturbs
	}
	return text
}

// TestFlood has a link send to more groups than there is room for: what other links send is forwarded all the same.
func TestFlood(t *testing.T) {
	first, _ := twoConfigs()
	m, k := lab()
	apply(t, m, first)
	feed(m)
	m.mu.Lock()
	now := time.Now()
	for i := range 3 * mostFlows {
		g := addr(fmt.Sprintf("ff1e::bad:%x", i))
		m.asked(question{flow: flow{addr("2001:db8::bad"), g}, mif: m.mifs["b"]}, now)
	}
	m.asked(question{flow: flow{addr("2001:db8::77"), addr("ff1e::5")}, mif: m.mifs["a"]}, now)
	m.mu.Unlock()
	if n := m.Refused(); n < 2*mostFlows || len(k.cache) > mostFlows+3 {
		t.Errorf("%d flows refused, %d kept", n, len(k.cache))
	}
	if err := routeOn(m, "2001:db8::77", "ff1e::5", "b, c"); err != nil {
		t.Error(err)
	}
	// Idle ones go.
	m.mu.Lock()
	m.look(now.Add(idle + time.Second))
	m.mu.Unlock()
	if len(k.cache) != 1 { // that of the static route
		t.Errorf("%d entries are left", len(k.cache))
	}
}

// TestWrongLink has a source move: its flow follows once nobody hears it where it was.
func TestWrongLink(t *testing.T) {
	first, _ := twoConfigs()
	m, k := lab()
	apply(t, m, first)
	feed(m)
	f := flow{addr("2001:db8::77"), addr("ff1e::5")}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.asked(question{flow: f, mif: m.mifs["a"]}, now)
	e := k.cache[f]
	e.packets = 10
	k.cache[f] = e
	m.look(now)
	m.asked(question{flow: f, mif: m.mifs["b"], wrong: true}, now.Add(time.Second))
	if got := m.cache.flows[f].in; got != "a" {
		t.Errorf("a flow that is heard moved to %s", got)
	}
	m.asked(question{flow: f, mif: m.mifs["b"], wrong: true}, now.Add(time.Minute))
	if got := m.cache.flows[f]; got.in != "b" || !slices.Equal(got.decision.Out, []string{"a", "c"}) {
		t.Errorf("it is on %s and goes to %v", got.in, got.decision.Out)
	}
}

// TestEventsAreBounded has a host join and leave groups as fast as it can.
func TestEventsAreBounded(t *testing.T) {
	m, _ := lab()
	told, more := 0, 0
	m.OnEvent = func(e Event) {
		told++
		more += e.More
	}
	apply(t, m, config(labLink("b", true)))
	m.mu.Lock()
	l := m.links["b"]
	l.timers.FastLeave = true
	now := time.Now()
	for range 1000 {
		l.receive(addr(host), message{Type: typeReport1, Group: addr("ff1e::5")}, now)
		l.receive(addr(host), message{Type: typeDone, Group: addr("ff1e::5")}, now)
		m.settleLink(l, now)
	}
	now = now.Add(time.Minute)
	l.receive(addr(host), message{Type: typeReport1, Group: addr("ff1e::5")}, now)
	l.receive(addr(host), message{Type: typeDone, Group: addr("ff1e::5")}, now)
	m.settleLink(l, now)
	m.mu.Unlock()
	if told != burst+2 || told+more != 2002 {
		t.Errorf("%d events told, %d counted", told, more)
	}
}
