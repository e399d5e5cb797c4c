// Package integration has the scenarios: the whole program on hosts of its own, against real peers.
package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// sixfold is the program under test, built once.
var sixfold string

// program is the environment variable that tells the tests in a machine where it is.
const program = "SIXFOLD_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests make network namespaces and need root")
		os.Exit(1)
	}
	// In a machine of package vm it is there already.
	if sixfold = os.Getenv(program); sixfold != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "sixfold-test-")
	if err != nil {
		panic(err)
	}
	sixfold = filepath.Join(dir, "sixfold")
	build := exec.Command("go", "build", "-o", sixfold, "../cmd/sixfold")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		os.Exit(1)
	}
	os.Setenv(program, sixfold)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// soon is how long a test waits for what should come within a second or two on an idle machine.
const soon = 30 * time.Second

// host makes a node that is gone with the test. Detection of duplicate addresses is off: the tests make none.
func host(t *testing.T, name string) *netns.Node {
	t.Helper()
	n, err := netns.New(name)
	must(t, err)
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	must(t, n.Sysctl("net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"))
	return n
}

func cable(t *testing.T, a, b netns.End) {
	t.Helper()
	must(t, netns.Connect(a, b))
}

func end(n *netns.Node, link string) netns.End { return netns.End{Node: n, Name: link} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually fails the test if check does not succeed soon.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	if err := netns.Eventually(soon, check); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// daemon is a sixfold that runs on a host.
type daemon struct {
	t       *testing.T
	node    *netns.Node
	process *netns.Process
}

// run starts sixfold with a configuration and waits until it answers.
func run(t *testing.T, n *netns.Node, config string) *daemon {
	t.Helper()
	d := &daemon{t: t, node: n}
	d.write(config)
	d.start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s logged:\n%s", n.Name, tail(d.process.Stderr(), 60))
			for _, what := range []string{"version", "pending", "prefixes", "leases", "routes", "bgp"} {
				out, err := n.Run(sixfold, "show", what)
				t.Logf("%s: sixfold show %s: %v\n%s", n.Name, what, err, out)
			}
		}
	})
	return d
}

func (d *daemon) write(config string) {
	d.t.Helper()
	must(d.t, os.WriteFile(filepath.Join(d.node.Root(), "run/sixfold.yaml"), []byte(config), 0o644))
}

func (d *daemon) start() {
	d.t.Helper()
	p, err := d.node.Start(sixfold, "run", "--config", "/run/sixfold.yaml", "--state-dir", "/run/sixfold/state", "--log-level", "debug")
	must(d.t, err)
	d.process = p
	eventually(d.t, "start sixfold", func() error {
		if !p.Running() {
			d.t.Fatalf("sixfold ended on %s:\n%s", d.node.Name, p.Stderr())
		}
		_, err := d.node.Run(sixfold, "show", "version")
		return err
	})
}

// kill ends sixfold with SIGKILL.
func (d *daemon) kill() {
	d.t.Helper()
	must(d.t, d.process.Signal(syscall.SIGKILL))
	d.process.Kill()
}

// reload makes sixfold read its file again.
func (d *daemon) reload(config string) {
	d.t.Helper()
	d.write(config)
	must(d.t, d.process.Signal(syscall.SIGHUP))
}

// show runs sixfold show with --json and reads its output.
func (d *daemon) show(into proto.Message, args ...string) error {
	out, err := d.node.Run(sixfold, append(append([]string{"show"}, args...), "--json")...)
	if err != nil {
		return err
	}
	return protojson.Unmarshal([]byte(out), into)
}

// cli runs sixfold with arguments on the host.
func (d *daemon) cli(args ...string) string {
	d.t.Helper()
	out, err := d.node.Run(sixfold, args...)
	must(d.t, err)
	return out
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// lines returns the lines of text that contain all words.
func lines(text string, words ...string) []string {
	var out []string
next:
	for line := range strings.Lines(text) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		out = append(out, strings.TrimSpace(line))
	}
	return out
}
