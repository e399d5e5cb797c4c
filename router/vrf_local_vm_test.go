package router

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// testVRFLocal asks addresses of an instance, those of a prefix that is bound as a whole and those of a link, from a neighbor in it.
func testVRFLocal(t *testing.T) {
	m := boot(t, t.TempDir(), "{}")
	m.link("eth2")
	m.atOnce(`
interfaces:
  eth2: {addresses: ["2001:db8:1::1/64", 192.0.2.1/24]}
  dummy0: {dummy: {}, addresses: [198.51.100.7/32]}
vrfs: {red: {table: 1020, interfaces: [eth2, dummy0], local: ["2001:db8:a::/48"]}}
`)
	t.Cleanup(func() { m.commit("{}", 0) })
	peer := netns.Host(t, "peer")
	netns.Own().Sh(t, "ip link set eth2p netns %s", peer.NetFile())
	peer.Sh(t, `ip link set eth2p up
ip addr add 192.0.2.2/24 dev eth2p; ip addr add 2001:db8:1::2/64 dev eth2p nodad
ip route add default via 192.0.2.1; ip -6 route add default via 2001:db8:1::1`)
	port := greeter(t, "red")
	for _, address := range []string{"2001:db8:a::7", "2001:db8:a:ffff::1", "198.51.100.7"} {
		netns.Within(t, 20*time.Second, "an answer from "+address, peer.Expect("ping -c1 -W2 "+address, " 0% packet loss"))
		if err := peer.Do(func() error {
			c, err := net.DialTimeout("tcp", net.JoinHostPort(address, port), 20*time.Second)
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = io.ReadAll(c)
			return err
		}); err != nil {
			t.Errorf("TCP to %s: %v", address, err)
		}
	}
}

// greeter takes connections in an instance at all of its addresses, and ends them. It returns its port.
func greeter(t *testing.T, vrf string) string {
	t.Helper()
	in := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if failed := raw.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), vrf) }); failed != nil {
			return failed
		}
		return err
	}}
	l, err := in.Listen(t.Context(), "tcp", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
