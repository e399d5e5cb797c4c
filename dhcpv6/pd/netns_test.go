package pd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// eventually polls until ok or for too long.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	netns.Within(t, 20*time.Second, what, func() error {
		if !ok() {
			return errors.New("not yet")
		}
		return nil
	})
}

// wire connects wan0 of a router and isp0 of a provider, and returns the index and the link-local address of each end.
func wire(t *testing.T) (router, isp *netns.Node, index [2]int, local [2]netip.Addr) {
	t.Helper()
	router, isp = netns.Host(t, "router"), netns.Host(t, "isp")
	netns.Cable(t, netns.End{Node: router, Name: "wan0"}, netns.End{Node: isp, Name: "isp0"})
	wan0, local0 := router.Link(t, "wan0")
	isp0, local1 := isp.Link(t, "isp0")
	return router, isp, [2]int{wan0.Index, isp0.Index}, [2]netip.Addr{local0, local1}
}

// listenServer opens a server's socket in the namespace of the provider.
func listenServer(t *testing.T, isp *netns.Node, index int) (pc *net.UDPConn) {
	t.Helper()
	err := isp.Do(func() (err error) {
		pc, err = net.ListenMulticastUDP("udp6", &net.Interface{Index: index, Name: "isp0"}, &net.UDPAddr{IP: net.ParseIP("ff02::1:2"), Port: serverPort})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pc
}

// realClient starts a client whose sockets are opened in the namespace. Its log is the test's.
func realClient(t *testing.T, n *netns.Node, dir string) (*Client, func()) {
	t.Helper()
	c := New(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})), dir, func() {})
	c.listen = func(index int, local netip.Addr) (s conn, err error) {
		err = n.Do(func() error {
			s, err = listen(index, local)
			return err
		})
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
	router, isp, index, local := wire(t)
	pc := listenServer(t, isp, index[1])
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
	router.Sh(t, "ip link set wan0 down")
	if err := c.Renew(t.Context(), "isp"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "problem of a link that is down", func() bool { return c.Status()[0].Problem != "" })
	stop()
}

// TestISC has ISC's server delegate to us.
func TestISC(t *testing.T) {
	router, isp, index, local := wire(t)
	isp.Sh(t, "ip addr add 2001:db8::1/64 dev isp0 nodad")
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
	dhcpd, err := isp.Start("dhcpd", "-6", "-f", "-d", "-user", "root", "-group", "root", "-cf", conf, "-lf", leases, "-pf", filepath.Join(dir, "pid"), "isp0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Logf("dhcpd said:\n%s", dhcpd.Stderr())
		}
	}()
	eventually(t, "dhcpd", func() bool { return strings.Contains(dhcpd.Stderr(), "Server starting service") })

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
	eventually(t, "Renew", func() bool {
		return strings.Contains(dhcpd.Stderr(), "Renew message") && stateOf(c, "isp") == stateBound
	})
	stop()

	c, stop = realClient(t, router, state)
	if err := c.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Rebind", func() bool {
		return strings.Contains(dhcpd.Stderr(), "Rebind message") && stateOf(c, "isp") == stateBound
	})
	if got := prefixOf(c, "isp"); got != before {
		t.Errorf("%s after a restart, was %s", got, before)
	}
	if err := c.Release(t.Context(), "isp"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Release", func() bool {
		return strings.Contains(dhcpd.Stderr(), "Release message") && stateOf(c, "isp") == stateReleased
	})
	if prefixOf(c, "isp") != "" || prefixOf(c, "") == "" {
		t.Errorf("after the Release of isp: %+v", c.Delegations())
	}
	stop()
}
