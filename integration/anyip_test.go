package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// anyIP is a machine that answers at every address of a prefix routed to it (ip -6 route add local 2001:db8:100::/64 dev lo), and
// tells BIRD of the prefix.
const anyIP = `
interfaces:
  eth0: {addresses: ["2001:db8::2/64"], dad: false}
routes: {"2001:db8:9::/64": {via: "2001:db8::1"}}
local: [%s]
bgp:
  asn: 65010
  router_id: 192.0.2.2
  filters: {ours: [{source: local, accept: {}}]}
  neighbors: {upstream: {address: "2001:db8::1", remote_as: 65001, export: ours}}
  announce: [connected, local]
`

const anyIPNeighbor = `
log "/run/bird.log" all;
router id 192.0.2.1;
protocol device { }
protocol kernel { ipv6 { import none; export all; }; }
protocol bgp machine {
  local 2001:db8::1 as 65001;
  neighbor 2001:db8::2 as 65010;
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  ipv6 { import all; export none; };
}
`

// echoServer serves TCP on an address of a host: it answers with the address that the client came to.
func echoServer(t *testing.T, n *netns.Node, address string) {
	t.Helper()
	var l net.Listener
	must(t, n.Do(func() (err error) {
		l, err = net.Listen("tcp6", address)
		return err
	}))
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				fmt.Fprint(c, c.LocalAddr())
				c.Close()
			}
		}
	}()
}

// ask returns what a server says.
func ask(n *netns.Node, address string) (string, error) {
	var text []byte
	err := n.Do(func() error {
		c, err := net.DialTimeout("tcp6", address, 2*time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			return err
		}
		text, err = io.ReadAll(c)
		return err
	})
	return string(text), err
}

func TestAnyIP(t *testing.T) {
	t.Parallel()
	machine, upstream, outside := host(t, "machine"), host(t, "upstream"), host(t, "outside")
	cable(t, end(machine, "eth0"), end(upstream, "eth0"))
	cable(t, end(upstream, "eth1"), end(outside, "eth0"))
	must(t, upstream.Sysctl("net.ipv6.conf.all.forwarding=1"))
	must(t, upstream.IP("addr add 2001:db8::1/64 dev eth0 nodad", "addr add 2001:db8:9::1/64 dev eth1 nodad"))
	must(t, outside.IP("addr add 2001:db8:9::2/64 dev eth0 nodad", "route add default via 2001:db8:9::1"))
	bird(t, upstream, anyIPNeighbor)
	d := run(t, machine, fmt.Sprintf(anyIP, `"2001:db8:100::/64"`))

	t.Run("announced over BGP, and nothing else", func(t *testing.T) {
		eventually(t, "at the neighbor", upstream.Expect("ip -6 route show 2001:db8:100::/64", "via 2001:db8::2 dev eth0 proto bird"))
		out, err := birdc(upstream, "show route protocol machine")
		must(t, err)
		if len(lines(out, "unicast")) != 1 {
			t.Errorf("the neighbor heard more than the prefix:\n%s", out)
		}
		must(t, machine.Expect("ip -6 route show table local", "local 2001:db8:100::/64 dev lo proto 170")())
	})
	t.Run("every address answers", func(t *testing.T) {
		for _, a := range []string{"2001:db8:100::1", "2001:db8:100::100", "2001:db8:100::200", "2001:db8:100::dead:b33f", "2001:db8:100:0:ffff:ffff:ffff:ffff"} {
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			if _, err := outside.Ping(ctx, netip.MustParseAddr(a)); err != nil {
				t.Errorf("ping %s: %v", a, err)
			}
			cancel()
		}
		if out, err := outside.Run("ping", "-6", "-c1", "-W1", "2001:db8:101::1"); err == nil {
			t.Errorf("an address outside of the prefix answers:\n%s", out)
		}
	})
	t.Run("servers on one address each, and on all", func(t *testing.T) {
		echoServer(t, machine, "[2001:db8:100::dead:b33f]:8080")
		echoServer(t, machine, "[2001:db8:100::cafe]:8080")
		echoServer(t, machine, "[::]:80")
		for _, to := range []string{"[2001:db8:100::dead:b33f]:8080", "[2001:db8:100::cafe]:8080", "[2001:db8:100::1:2:3]:80", "[2001:db8:100::dead:b33f]:80"} {
			if got, err := ask(outside, to); err != nil || got != to {
				t.Errorf("%s answers %q, %v", to, got, err)
			}
		}
		if got, err := ask(outside, "[2001:db8:100::1]:8080"); err == nil {
			t.Errorf("nobody listens there, but %q came", got)
		}
	})
	t.Run("shown and explained", func(t *testing.T) {
		if out := d.cli("show", "routes", "2001:db8:100::/64"); len(lines(out, "2001:db8:100::/64", "local", "in kernel")) != 1 {
			t.Errorf("show routes:\n%s", out)
		}
		out := d.cli("explain", "2001:db8:100::1:2:3")
		for _, want := range []string{"is ours: every address of 2001:db8:100::/64 is", "1 of 1 BGP neighbors hear of it"} {
			if !strings.Contains(out, want) {
				t.Errorf("explain lacks %q:\n%s", want, out)
			}
		}
	})
	t.Run("removed behind our back, and mended", func(t *testing.T) {
		must(t, machine.IP("-6 route del local 2001:db8:100::/64 dev lo metric 512"))
		eventually(t, "back", machine.Expect("ip -6 route show table local", "local 2001:db8:100::/64 dev lo proto 170"))
		eventually(t, "told", func() error {
			if out := d.cli("show", "drift"); !strings.Contains(out, "2001:db8:100::/64") {
				return fmt.Errorf("%s", out)
			}
			return nil
		})
	})
	t.Run("another prefix, and none", func(t *testing.T) {
		d.reload(fmt.Sprintf(anyIP, `"2001:db8:200::/56"`))
		eventually(t, "the new prefix", upstream.Expect("ip -6 route show 2001:db8:200::/56", "via 2001:db8::2"))
		eventually(t, "the old one is withdrawn", gone(upstream, "2001:db8:100::/64"))
		d.reload(fmt.Sprintf(anyIP, ""))
		eventually(t, "withdrawn", gone(upstream, "2001:db8:200::/56"))
		eventually(t, "as it was found", func() error {
			out, err := machine.Run("sh", "-c", "ip -6 route show table local proto 170; cat /proc/sys/net/ipv6/ip_nonlocal_bind")
			if err == nil && strings.TrimSpace(out) != "0" {
				err = fmt.Errorf("left: %s", out)
			}
			return err
		})
	})
}

// A prefix cut from a delegation follows it: another one, none, and back.
func TestAnyIPOfADelegation(t *testing.T) {
	t.Parallel()
	isp, machine := host(t, "isp"), host(t, "machine")
	cable(t, end(isp, "cust0"), end(machine, "eth0"))
	server := run(t, isp, `
interfaces:
  cust0:
    addresses: ["2a00:f10:500::1/64"]
    advertise: {max_interval: 4s}
    dhcpv6: {delegate: {customers: {pool: "2a00:f10:500:40::/60", length: 60, valid_lifetime: 8s, preferred_lifetime: 6s}}}
`)
	d := run(t, machine, `
interfaces:
  eth0: {accept_ra: true, delegations: {isp: {length: 60}}}
local: ["isp ::/64"]
`)
	eventually(t, "the first /64 of the prefix", machine.Expect("ip -6 route show table local", "local 2a00:f10:500:40::/64 dev lo proto 170"))
	eventually(t, "reachable from the ISP", func() error {
		_, err := isp.Run("ping", "-6", "-c1", "-W1", "2a00:f10:500:40::dead:b33f")
		return err
	})
	// The ISP gives another prefix; the old one ends with its lifetime.
	must(t, server.process.Stop(10*time.Second))
	server.write(`
interfaces:
  cust0:
    addresses: ["2a00:f10:500::1/64"]
    advertise: {max_interval: 4s}
    dhcpv6: {delegate: {customers: {pool: "2a00:f10:500:80::/60", length: 60, valid_lifetime: 8s, preferred_lifetime: 6s}}}
`)
	server.start()
	eventually(t, "the new prefix", machine.Expect("ip -6 route show table local", "local 2a00:f10:500:80::/64 dev lo proto 170"))
	eventually(t, "the old one is gone", func() error {
		out, err := machine.Run("ip", "-6", "route", "show", "table", "local")
		if err == nil && strings.Contains(out, "2a00:f10:500:40::/64") {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
	must(t, server.process.Stop(10*time.Second))
	eventually(t, "without a delegation it waits", func() error {
		out, err := machine.Run("ip", "-6", "route", "show", "table", "local", "proto", "170")
		if err == nil && strings.TrimSpace(out) != "" {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
	if out := d.cli("show", "pending"); !strings.Contains(out, `local "isp ::/64"`) {
		t.Errorf("pending:\n%s", out)
	}
}
