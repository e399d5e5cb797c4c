package bgp

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// node is a network namespace of a test. Nothing is ever changed in the namespace of the test itself.
type node struct {
	t    *testing.T
	name string
	ns   *os.File
	dir  string
}

// newNode makes a namespace with the loopback interface up and without duplicate address detection.
func newNode(t *testing.T, name string) *node {
	t.Helper()
	n := &node{t: t, name: name, dir: t.TempDir()}
	errs := make(chan error, 1)
	go func() {
		// The thread is never unlocked: it ends with the goroutine, and with it its part in the namespace.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			errs <- fmt.Errorf("unshare: %w", err)
			return
		}
		f, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		n.ns = f
		errs <- err
	}()
	if err := <-errs; err != nil {
		t.Fatalf("namespace %s (root is needed): %v", name, err)
	}
	t.Cleanup(func() { n.ns.Close() })
	n.ip("link set lo up")
	for _, c := range []string{"all", "default"} {
		n.run("sysctl", "-qw", "net.ipv6.conf."+c+".accept_dad=0", "net.ipv6.conf."+c+".forwarding=1")
	}
	return n
}

// inside runs f on a thread in the namespace.
func (n *node) inside(f func() error) error {
	errs := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(n.ns.Fd()), unix.CLONE_NEWNET); err != nil {
			errs <- fmt.Errorf("setns: %w", err)
			return
		}
		errs <- f()
	}()
	return <-errs
}

func (n *node) run(name string, args ...string) string {
	n.t.Helper()
	out, err := n.try(name, args...)
	if err != nil {
		n.t.Fatalf("%s: %s %s: %v\n%s", n.name, name, strings.Join(args, " "), err, out)
	}
	return out
}

func (n *node) try(name string, args ...string) (string, error) {
	var out bytes.Buffer
	err := n.inside(func() error {
		cmd := exec.Command(name, args...)
		cmd.Stdout, cmd.Stderr = &out, &out
		return cmd.Run()
	})
	return out.String(), err
}

func (n *node) ip(line string) string {
	n.t.Helper()
	return n.run("ip", strings.Fields(line)...)
}

// start starts a process in the namespace and ends it with the test.
func (n *node) start(cmd *exec.Cmd) {
	n.t.Helper()
	if err := n.inside(cmd.Start); err != nil {
		n.t.Fatalf("%s: start %s: %v", n.name, cmd.Path, err)
	}
	n.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// connect puts a veth pair between two nodes, with addresses, each ADDRESS/LENGTH or empty.
func connect(a *node, linkA, addrA string, b *node, linkB, addrB string) {
	a.t.Helper()
	a.ip(fmt.Sprintf("link add %s type veth peer name %s netns /proc/%d/fd/%d", linkA, linkB, os.Getpid(), b.ns.Fd()))
	for _, end := range []struct {
		n          *node
		link, addr string
	}{{a, linkA, addrA}, {b, linkB, addrB}} {
		end.n.ip("link set " + end.link + " up")
		for _, addr := range strings.Fields(end.addr) {
			end.n.ip("addr add " + addr + " dev " + end.link)
		}
	}
}

// linkLocal gives a link one link-local address that the test chose.
func (n *node) linkLocal(link, addr string) {
	n.t.Helper()
	n.run("sysctl", "-qw", "net.ipv6.conf."+link+".addr_gen_mode=1")
	n.ip("-6 addr flush dev " + link + " scope link")
	n.ip("addr add " + addr + "/64 dev " + link)
}

// bird runs BIRD 2 in a node.
type bird struct {
	*node
	sock string
	cmd  *exec.Cmd
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
	b.cmd = exec.Command("bird", "-f", "-c", b.conf(), "-s", b.sock, "-P", filepath.Join(b.dir, "bird.pid"))
	var out bytes.Buffer
	b.cmd.Stdout, b.cmd.Stderr = &out, &out
	b.start(b.cmd)
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Logf("bird %s:\n%s", b.name, out.String())
		}
	})
	eventually(b.t, 10*time.Second, "bird "+b.name+" answers", func() error {
		_, err := b.try("birdc", "-r", "-s", b.sock, "show", "status")
		return err
	})
}

// c runs a command of birdc, which also fails when there is no such route.
func (b *bird) c(command string) string {
	b.t.Helper()
	out, err := b.try("birdc", append([]string{"-s", b.sock}, strings.Fields(command)...)...)
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
		b.t.Fatalf("bird %s: configure: %s", b.name, out)
	}
}

// eventually polls until check returns nil.
func eventually(t *testing.T, within time.Duration, what string, check func() error) {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: not within %s: %v", what, within, err)
		case <-tick.C:
		}
	}
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
