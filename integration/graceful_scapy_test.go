package integration

import (
	"strings"
	"testing"
	"time"
)

// The same by a server that other people's code writes the Replies of. None of Debian's servers does it by its configuration. They give
// one prefix for each identity association: Kea 2.2 and ISC dhcpd 4.4 also where two are reserved for the client, dibbler 1.0 that of the
// first of two classes with lifetimes of their own, wide-dhcpv6 those that the client names, which are the ones it has.
func TestGracefulByAnother(t *testing.T) {
	t.Parallel()
	n := laid(t)
	radvd(t, n.isp, 1800)
	offers := func(lines ...string) { file(t, n.isp, "offers", strings.Join(lines, "\n")+"\n") }
	offers("2001:980::/48 1800 3600")
	server, err := n.isp.Start("/usr/bin/python3", script("isp.py"), "cust0", "/run/offers")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server:\n%s", server.Stderr())
		}
	})
	// The server does not route what it delegates.
	customer := linkLocalOf(t, n.router, "wan0")
	must(t, n.isp.IP("route add 2001:980::/48 via "+customer+" dev cust0", "route add 2001:981::/48 via "+customer+" dev cust0"))
	was := n.holds(t, oldPool)
	eventually(t, "address of the desktop", prefers(n.desktop, was.lan))
	eventually(t, "address of the leaf", prefers(n.leaf, was.siteLAN))
	old, oldLeaf := globalAddress(t, n.desktop, "eth0"), globalAddress(t, n.leaf, "eth0")

	offers("2001:980::/48 0 3000", "2001:981::/48 1800 3600")
	n.r.cli("delegation", "renew", "isp")
	is := n.holds(t, newPool)
	n.both(t, was, is)
	n.reached(t, old, oldLeaf)

	n.r.kill()
	n.r.start()
	n.both(t, was, is)
	n.reached(t, old, oldLeaf)

	const lasts = 8 * time.Second
	ends := time.Now().Add(lasts)
	offers("2001:980::/48 0 8", "2001:981::/48 1800 3600")
	n.r.cli("delegation", "renew", "isp")
	n.ended(t, was, is)
	if early := time.Until(ends); early > time.Second {
		t.Errorf("given up %v before its end", early)
	}
}
