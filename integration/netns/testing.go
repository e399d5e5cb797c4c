package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// TB is the part of testing.TB that the helpers for tests need. The lab is a user of this package too, and a program has no
// use for package testing.
type TB interface {
	Helper()
	Cleanup(func())
	Error(args ...any)
	Fatalf(format string, args ...any)
}

// Host makes a node for a test, which ends with the test. Its new links do no duplicate address detection.
func Host(t TB, name string) *Node {
	t.Helper()
	n, err := New(name)
	if err == nil {
		t.Cleanup(func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
		err = n.Sysctl(noDAD...)
	}
	if err != nil {
		t.Fatalf("%v (this test needs root)", err)
	}
	return n
}

// Own is the node that this process itself is, for tests that Isolate runs: what is to be tested runs in it. It has no end.
var Own = sync.OnceValue(func() *Node {
	n := &Node{Name: "self", work: make(chan func()), stop: make(chan struct{}), done: make(chan struct{})}
	ready := make(chan error)
	go n.serve(ready, func() error { return nil })
	<-ready
	return n
})

// Cable is Connect for a test, which takes the cable away at its end: a closed node's links are gone only some time later.
func Cable(t TB, a, b End) {
	t.Helper()
	if err := Connect(a, b); err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { a.Node.Run("ip", "link", "del", a.Name) }) // no error: the test may have done it
}

// Sh runs a shell command in the node, which must succeed, and returns what it wrote.
func (n *Node) Sh(t TB, format string, args ...any) string {
	t.Helper()
	out, err := n.Run("sh", "-c", fmt.Sprintf(format, args...))
	if err != nil {
		t.Fatalf("%v%s", err, out)
	}
	return out
}

// Link waits until an interface of the node has a link-local address, which may still be tentative, and returns both.
func (n *Node) Link(t TB, name string) (link *net.Interface, local netip.Addr) {
	t.Helper()
	Within(t, 10*time.Second, "link-local address of "+name, func() error {
		return n.Do(func() (err error) {
			if link, err = net.InterfaceByName(name); err != nil {
				return err
			}
			addrs, err := link.Addrs()
			for _, a := range addrs {
				if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
					local = p.Addr()
					return nil
				}
			}
			return errors.Join(err, fmt.Errorf("%s: %s has none", n.Name, name))
		})
	})
	return link, local
}

// Within is Eventually for a test, which fails if the check does.
func Within(t TB, within time.Duration, what string, check func() error) {
	t.Helper()
	if err := Eventually(within, check); err != nil {
		t.Fatalf("%s: not within %v: %v", what, within, err)
	}
}
