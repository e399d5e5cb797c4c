package pd

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// eventually polls until ok or for too long.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		case <-tick.C:
		}
	}
}

// node is a network namespace with one end of the test's link. Its thread stays in it.
type node struct {
	t    *testing.T
	call chan func()
}

// newNode makes a namespace.
func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, call: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine, and the namespace with both
		err := unix.Unshare(unix.CLONE_NEWNET)
		ready <- err
		if err == nil {
			for f := range n.call {
				f()
			}
		}
	}()
	if err := <-ready; err != nil {
		t.Fatalf("unshare: %v (this test needs root)", err)
	}
	t.Cleanup(func() { close(n.call) })
	return n
}

// do calls f in the namespace.
func (n *node) do(f func() error) {
	n.t.Helper()
	done := make(chan error)
	n.call <- func() { done <- f() }
	if err := <-done; err != nil {
		n.t.Fatal(err)
	}
}

// newLink connects two namespaces by a veth named wan0 in the first and isp0 in the second, and returns the index and the
// link-local address of each end.
func newLink(t *testing.T, a, b *node) (index [2]int, local [2]netip.Addr) {
	t.Helper()
	var tid int
	b.do(func() error { tid = unix.Gettid(); return nil })
	a.do(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wan0"}, PeerName: "isp0", PeerNamespace: netlink.NsPid(tid)})
	})
	for n, end := range []struct {
		*node
		name string
	}{{a, "wan0"}, {b, "isp0"}} {
		end.do(func() error {
			// /proc/sys/net is that of the thread's namespace.
			if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+end.name+"/accept_dad", []byte("0"), 0); err != nil {
				return err
			}
			link, err := netlink.LinkByName(end.name)
			if err != nil {
				return err
			}
			index[n] = link.Attrs().Index
			return netlink.LinkSetUp(link)
		})
	}
	for n, end := range []*node{a, b} {
		eventually(t, "link-local address", func() bool {
			end.do(func() error {
				link, err := netlink.LinkByIndex(index[n])
				if err != nil {
					return err
				}
				addrs, err := netlink.AddrList(link, netlink.FAMILY_V6)
				for _, a := range addrs {
					if a.Flags&unix.IFA_F_TENTATIVE == 0 && a.IP.IsLinkLocalUnicast() {
						local[n], _ = netip.AddrFromSlice(a.IP)
					}
				}
				return err
			})
			return local[n].IsValid()
		})
	}
	return index, local
}

// realClient starts a client whose sockets are opened in the namespace. Its log is the test's.
func realClient(t *testing.T, n *node, dir string) (*Client, func()) {
	t.Helper()
	c := New(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})), dir, func() {})
	c.listen = func(index int, local netip.Addr) (s conn, err error) {
		done := make(chan struct{})
		n.call <- func() { s, err = listen(index, local); close(done) }
		<-done
		return s, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return c, stop
}

// prefixOf returns the prefix of a delegation as text.
func prefixOf(c *Client, name string) string {
	for _, d := range c.Delegations() {
		if d.Name == name {
			return d.Prefix.String()
		}
	}
	return ""
}

// stateOf returns the state of a delegation.
func stateOf(c *Client, name string) string {
	for _, s := range c.Status() {
		if s.Name == name {
			return s.State
		}
	}
	return ""
}

func TestSocket(t *testing.T) {
	router, isp := newNode(t), newNode(t)
	index, local := newLink(t, router, isp)
	var pc *net.UDPConn
	isp.do(func() (err error) {
		pc, err = net.ListenMulticastUDP("udp6", &net.Interface{Index: index[1], Name: "isp0"}, &net.UDPAddr{IP: net.ParseIP("ff02::1:2"), Port: serverPort})
		return err
	})
	srv := newServer(t, "2001:db8:100::/56")
	var served sync.WaitGroup
	served.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := pc.ReadFromUDP(buf)
			if err != nil {
				return
			}
			if from.Port != clientPort {
				t.Errorf("from port %d", from.Port)
			}
			if rep := srv.handle(buf[:n]); rep != nil {
				if _, err := pc.WriteToUDP(rep, from); err != nil {
					t.Errorf("reply: %v", err)
				}
			}
		}
	})
	defer served.Wait()
	defer pc.Close()

	c, stop := realClient(t, router, t.TempDir())
	u := uplink()
	u.Index, u.LinkLocal = index[0], local[0]
	if err := c.Apply(t.Context(), Config{DUID: clientDUID, Uplinks: map[string]Uplink{"wan0": u}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "delegation", func() bool { return prefixOf(c, "isp") == "2001:db8:100::/56" })
	if got := c.Delegations()[0].Server; got != local[1] {
		t.Errorf("server %s, want %s", got, local[1])
	}
	if err := c.Release(t.Context(), "isp"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "release", func() bool { return stateOf(c, "isp") == stateReleased })
	router.do(func() error {
		link, err := netlink.LinkByName("wan0")
		if err != nil {
			return err
		}
		return netlink.LinkSetDown(link)
	})
	if err := c.Renew(t.Context(), "isp"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "problem of a link that is down", func() bool { return c.Status()[0].Problem != "" })
	stop()
}

// TestISC has ISC's server delegate to us.
func TestISC(t *testing.T) {
	router, isp := newNode(t), newNode(t)
	index, local := newLink(t, router, isp)
	isp.do(func() error {
		link, err := netlink.LinkByName("isp0")
		if err != nil {
			return err
		}
		addr, err := netlink.ParseAddr("2001:db8::1/64")
		if err != nil {
			return err
		}
		addr.Flags = unix.IFA_F_NODAD
		return netlink.AddrAdd(link, addr)
	})
	dir := t.TempDir()
	conf, leases := filepath.Join(dir, "dhcpd6.conf"), filepath.Join(dir, "leases")
	text := `default-lease-time 600; preferred-lifetime 400; authoritative;
option dhcp6.name-servers 2001:db8::53; option dhcp6.domain-search "isp.example";
subnet6 2001:db8::/64 { range6 2001:db8::100 2001:db8::1ff; prefix6 2001:db8:100:: 2001:db8:1ff:ff00:: /56; }
`
	for file, text := range map[string]string{conf: text, leases: ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("dhcpd", "-6", "-f", "-d", "-user", "root", "-group", "root", "-cf", conf, "-lf", leases, "-pf", filepath.Join(dir, "pid"), "isp0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := new(lockedBuffer)
	cmd.Stderr = log
	isp.do(cmd.Start)
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("dhcpd said:\n%s", log)
		}
	}()
	eventually(t, "dhcpd", func() bool { return strings.Contains(log.String(), "Server starting service") })

	state := t.TempDir()
	c, stop := realClient(t, router, state)
	u := Uplink{Link: "wan0", Index: index[0], LinkLocal: local[0], Address: &IA{IAID: 1},
		Prefixes: []IA{{Name: "isp", IAID: DeriveIAID("wan0", "isp"), Hint: netip.MustParsePrefix("::/56")}}}
	want := Config{DUID: clientDUID, Uplinks: map[string]Uplink{"wan0": u}}
	if err := c.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	pool, addresses := netip.MustParsePrefix("2001:db8:100::/40"), netip.MustParsePrefix("2001:db8::100/120")
	eventually(t, "delegation and address", func() bool { return prefixOf(c, "isp") != "" && prefixOf(c, "") != "" })
	for _, d := range c.Delegations() {
		within, bits := pool, 56
		if d.Name == "" {
			within, bits = addresses, 128
		}
		if !within.Contains(d.Prefix.Addr()) || d.Prefix.Bits() != bits {
			t.Errorf("%q is %s, want a /%d of %s", d.Name, d.Prefix, bits, within)
		}
		if left := time.Until(d.ValidUntil); left < 590*time.Second || left > 600*time.Second {
			t.Errorf("%q is valid for %s, want 600 s", d.Name, left)
		}
		if fmt.Sprint(d.DNS, d.Domains) != "[2001:db8::53] [isp.example]" {
			t.Errorf("%q: name servers %s, domains %s", d.Name, d.DNS, d.Domains)
		}
	}
	before := prefixOf(c, "isp")
	if err := c.Renew(t.Context(), "isp"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Renew", func() bool { return strings.Contains(log.String(), "Renew message") && stateOf(c, "isp") == stateBound })
	stop()

	c, stop = realClient(t, router, state)
	if err := c.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Rebind", func() bool {
		return strings.Contains(log.String(), "Rebind message") && stateOf(c, "isp") == stateBound
	})
	if got := prefixOf(c, "isp"); got != before {
		t.Errorf("%s after a restart, was %s", got, before)
	}
	if err := c.Release(t.Context(), "isp"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Release", func() bool {
		return strings.Contains(log.String(), "Release message") && stateOf(c, "isp") == stateReleased
	})
	if prefixOf(c, "isp") != "" || prefixOf(c, "") == "" {
		t.Errorf("after the Release of isp: %+v", c.Delegations())
	}
	stop()
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
