package mld

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// port is where test packets go.
const port = 5005

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// cable joins the router to a host: a link of that name here, and eth0 there.
func cable(t *testing.T, name string) *netns.Node {
	t.Helper()
	h := netns.Host(t, name)
	netns.Cable(t, netns.End{Node: netns.Own(), Name: name}, netns.End{Node: h, Name: "eth0"})
	return h
}

// linkOf is a link of ours as the plan would have it.
func linkOf(t *testing.T, name string) Link {
	t.Helper()
	i, local := netns.Own().Link(t, name)
	return Link{Name: name, Index: i.Index, LinkLocal: local.WithZone(""), Running: true, Timers: usual}
}

// usual are the timers of tests: short, but for the time that hosts may take to answer.
var usual = Timers{
	Version: 2, QueryInterval: 60 * time.Second, QueryResponse: 500 * time.Millisecond, LastListener: 200 * time.Millisecond,
	Robustness: 2, MaxGroups: 100, MaxSources: 16,
}

// start applies a configuration and runs it until the test ends.
func start(t *testing.T, c Config) *Manager {
	t.Helper()
	m := New(slog.New(slog.DiscardHandler))
	stop := run(t, m)
	apply(t, m, c)
	t.Cleanup(func() {
		apply(t, m, Config{})
		stop()
	})
	return m
}

// run runs a manager until the function is called.
func run(t *testing.T, m *Manager) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func apply(t *testing.T, m *Manager, c Config) {
	t.Helper()
	if err := m.Apply(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

// config has links by name.
func config(links ...Link) Config {
	c := Config{Links: map[string]Link{}}
	for _, l := range links {
		c.Links[l.Name] = l
	}
	return c
}

// ear hears packets to a group on eth0 of a node.
type ear struct {
	node  *netns.Node
	conn  *net.UDPConn
	index int
	joins *listener

	mu    sync.Mutex
	heard map[uint32]time.Time
	first chan struct{}
}

// listenOn opens an ear; nothing is joined yet.
func listenOn(t *testing.T, n *netns.Node) *ear {
	t.Helper()
	e := &ear{node: n, heard: map[uint32]time.Time{}, first: make(chan struct{}), joins: newListener()}
	i, _ := n.Link(t, "eth0")
	e.index = i.Index
	if err := n.Do(func() (err error) {
		e.conn, err = net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6unspecified, Port: port})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.conn.Close()
		e.joins.close()
	})
	go func() {
		b := make([]byte, 64)
		for {
			n, err := e.conn.Read(b)
			if err != nil {
				return
			}
			if n == 4 {
				e.mu.Lock()
				if len(e.heard) == 0 {
					close(e.first)
				}
				e.heard[binary.BigEndian.Uint32(b)] = time.Now()
				e.mu.Unlock()
			}
		}
	}()
	return e
}

// join listens to a group; with sources, only to them.
func (e *ear) join(t *testing.T, group string, sources ...string) {
	t.Helper()
	f := filter{Exclude: len(sources) == 0}
	for _, s := range sources {
		f.Sources = append(f.Sources, addr(s))
	}
	e.set(t, group, f)
}

func (e *ear) leave(t *testing.T, group string) {
	t.Helper()
	e.set(t, group, filter{})
}

func (e *ear) set(t *testing.T, group string, f filter) {
	t.Helper()
	if err := e.node.Do(func() error { return e.joins.set(membership{e.index, addr(group)}, f) }); err != nil {
		t.Fatal(err)
	}
}

// missing returns which of the numbers from first to last were not heard.
func (e *ear) missing(first, last uint32) []uint32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []uint32
	for n := first; n <= last; n++ {
		if _, ok := e.heard[n]; !ok {
			out = append(out, n)
		}
	}
	return out
}

// earliest is the packet that was heard first, and when.
func (e *ear) earliest() (uint32, time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var number uint32
	var when time.Time
	for n, t := range e.heard {
		if when.IsZero() || t.Before(when) {
			number, when = n, t
		}
	}
	return number, when
}

// since is how many packets were heard after a time.
func (e *ear) since(t time.Time) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, at := range e.heard {
		if at.After(t) {
			n++
		}
	}
	return n
}

func (e *ear) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.heard)
}

// frames is how many multicast frames reached eth0 of the node.
func (e *ear) frames(t *testing.T) int {
	t.Helper()
	n := 0
	if _, err := fmt.Sscan(e.node.Sh(t, "cat /sys/class/net/eth0/statistics/rx_packets"), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// mouth sends numbered packets to a group from eth0 of a node.
type mouth struct {
	conn *net.UDPConn
	to   *net.UDPAddr
	next uint32
}

func speakOn(t *testing.T, n *netns.Node, source, group string) *mouth {
	t.Helper()
	m := &mouth{to: &net.UDPAddr{IP: net.ParseIP(group), Port: port}, next: 1}
	i, _ := n.Link(t, "eth0")
	if err := n.Do(func() (err error) {
		if m.conn, err = net.ListenUDP("udp6", &net.UDPAddr{IP: net.ParseIP(source)}); err != nil {
			return err
		}
		raw, err := m.conn.SyscallConn()
		if err != nil {
			return err
		}
		var serr error
		err = raw.Control(func(fd uintptr) {
			if serr = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, i.Index); serr == nil {
				serr = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 16)
			}
		})
		if err != nil {
			return err
		}
		return serr
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.conn.Close() })
	return m
}

// say sends the next packet and returns its number.
func (m *mouth) say(t *testing.T) uint32 {
	t.Helper()
	b := binary.BigEndian.AppendUint32(nil, m.next)
	if _, err := m.conn.WriteToUDP(b, m.to); err != nil {
		t.Fatal(err)
	}
	m.next++
	return m.next - 1
}

// groupOn is a check that a link has a group in that state, as groupText has it.
func groupOn(m *Manager, link, group, want string) func() error {
	return func() error {
		got := ""
		for _, g := range m.Groups() {
			if g.Link == link && g.Group == addr(group) {
				got = groupText(g)
			}
		}
		if got != want {
			return fmt.Errorf("%s on %s is %q, not %q", group, link, got, want)
		}
		return nil
	}
}

// groupText is EXCLUDE or INCLUDE with sources.
func groupText(g GroupStatus) string {
	text := "INCLUDE"
	if g.Exclude {
		text = "EXCLUDE"
	}
	for _, s := range g.Sources {
		text += " " + s.Address.String()
	}
	for _, s := range g.Excluded {
		text += " -" + s.String()
	}
	return text
}

// sayAll sends packets, a millisecond apart: while the kernel asks about a new flow it keeps four, and loses more.
func (m *mouth) sayAll(t *testing.T, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range n {
		m.say(t)
		<-tick.C
	}
}

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, addr(s))
	}
	return out
}
