package bgp

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// node is a host of a test: nothing is ever changed in the namespace of the test itself.
type node struct {
	*netns.Node
	t   *testing.T
	dir string
}

// newNode makes a host that forwards.
func newNode(t *testing.T, name string) *node {
	t.Helper()
	dir := t.TempDir() // first, so that it goes after what runs on the host
	n := &node{Node: netns.Host(t, name), t: t, dir: dir}
	n.sysctl("net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.default.forwarding=1")
	return n
}

func (n *node) sysctl(settings ...string) {
	n.t.Helper()
	if err := n.Sysctl(settings...); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) ip(line string) string {
	n.t.Helper()
	return n.Sh(n.t, "ip %s", line)
}

// start starts a process on the node, which ends with the test.
func (n *node) start(cmd *exec.Cmd) *netns.Process {
	n.t.Helper()
	p, err := n.StartCmd(cmd)
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

// connect puts a cable between two nodes, with addresses, each ADDRESS/LENGTH or empty.
func connect(a *node, linkA, addrA string, b *node, linkB, addrB string) {
	a.t.Helper()
	netns.Cable(a.t, netns.End{Node: a.Node, Name: linkA}, netns.End{Node: b.Node, Name: linkB})
	for _, end := range []struct {
		n          *node
		link, addr string
	}{{a, linkA, addrA}, {b, linkB, addrB}} {
		for _, addr := range strings.Fields(end.addr) {
			end.n.ip("addr add " + addr + " dev " + end.link)
		}
	}
}

// linkLocal gives a link one link-local address that the test chose.
func (n *node) linkLocal(link, addr string) {
	n.t.Helper()
	n.sysctl("net/ipv6/conf/" + link + "/addr_gen_mode=1")
	n.ip("-6 addr flush dev " + link + " scope link")
	n.ip("addr add " + addr + "/64 dev " + link)
}

// bird runs BIRD 2 in a node.
type bird struct {
	*node
	sock string
	proc *netns.Process
}

func startBird(n *node, conf string) *bird {
	n.t.Helper()
	b := &bird{node: n, sock: filepath.Join(n.dir, "bird.ctl")}
	b.write(conf)
	b.launch()
	return b
}

func (b *bird) write(conf string) {
	b.t.Helper()
	if err := os.WriteFile(b.conf(), []byte(conf), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bird) conf() string { return filepath.Join(b.dir, "bird.conf") }

func (b *bird) launch() {
	b.t.Helper()
	proc := b.start(exec.Command("bird", "-f", "-c", b.conf(), "-s", b.sock, "-P", filepath.Join(b.dir, "bird.pid")))
	b.proc = proc
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Logf("bird %s:\n%s", b.Name, proc.Stdout()+proc.Stderr())
		}
	})
	eventually(b.t, 10*time.Second, "bird "+b.Name+" answers", func() error {
		_, err := b.Run("birdc", "-r", "-s", b.sock, "show", "status")
		return err
	})
}

// c runs a command of birdc, which also fails when there is no such route.
func (b *bird) c(command string) string {
	b.t.Helper()
	out, err := b.Run("birdc", append([]string{"-s", b.sock}, strings.Fields(command)...)...)
	if err != nil && !strings.Contains(out, "Network not found") {
		b.t.Fatalf("birdc %s: %v\n%s", command, err, out)
	}
	return out
}

// reconfigure gives BIRD another configuration.
func (b *bird) reconfigure(conf string) {
	b.t.Helper()
	b.write(conf)
	if out := b.c("configure"); !strings.Contains(out, "Reconfigur") {
		b.t.Fatalf("bird %s: configure: %s", b.Name, out)
	}
}

// eventually polls until check returns nil.
func eventually(t *testing.T, within time.Duration, what string, check func() error) {
	t.Helper()
	netns.Within(t, within, what, check)
}

// phase names a part of a test that the parts after it need.
func phase(t *testing.T, name string, f func()) {
	t.Helper()
	t.Log("phase:", name)
	f()
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
