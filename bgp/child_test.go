package bgp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
)

// A speaker of a test in a namespace is a process of its own, because a namespace belongs to a thread and GoBGP dials from
// any. It is this test binary again, and takes one command a line.
const childEnv = "SIXFOLD_BGP_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := child(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

type command struct {
	Op       string // apply, update, status, paths, entries, ready, reset, stop
	Config   Config
	Source   rib.Source
	Routes   []rib.Route
	Delete   []rib.Key
	Filter   PathFilter
	Neighbor string
	Soft     bool
	Keep     bool
}

type answer struct {
	Err     string
	Status  Status
	Paths   []Path
	Entries []rib.Entry
	Ready   bool
}

func child(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	table := &rib.Table{}
	s := New(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})), table.In(rib.MainTable))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	enc := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return err
		}
		var a answer
		var err error
		switch c.Op {
		case "apply":
			err = s.Apply(ctx, c.Config)
		case "update":
			table.Update(c.Source, c.Routes, c.Delete)
		case "status":
			a.Status = s.Status()
		case "paths":
			a.Paths, err = s.Paths(ctx, c.Filter)
		case "entries":
			a.Entries = table.Entries(func(src rib.Source) bool { return src == rib.BGP })
		case "ready":
			a.Ready = table.Ready(rib.BGP)
		case "reset":
			err = s.Reset(ctx, c.Neighbor, c.Soft)
		case "stop":
			if c.Keep {
				s.KeepRoutes()
			}
			cancel()
			err = <-done
			a.Entries = table.Entries(func(src rib.Source) bool { return src == rib.BGP })
		default:
			err = fmt.Errorf("no op %q", c.Op)
		}
		if err != nil {
			a.Err = err.Error()
		}
		if err := enc.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

// speaker is the test's end of such a process.
type speaker struct {
	*node
	in  *json.Encoder
	out *json.Decoder
}

func startSpeaker(n *node) *speaker {
	n.t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	p := n.start(cmd)
	n.t.Cleanup(func() {
		if n.t.Failed() {
			n.t.Logf("speaker %s:\n%s", n.Name, p.Stderr())
		}
	})
	return &speaker{node: n, in: json.NewEncoder(in), out: json.NewDecoder(out)}
}

func (s *speaker) do(c command) (answer, error) {
	var a answer
	if err := s.in.Encode(c); err != nil {
		return a, err
	}
	if err := s.out.Decode(&a); err != nil {
		return a, err
	}
	if a.Err != "" {
		return a, fmt.Errorf("%s: %s", c.Op, a.Err)
	}
	return a, nil
}

func (s *speaker) must(c command) answer {
	s.t.Helper()
	a, err := s.do(c)
	if err != nil {
		s.t.Fatalf("speaker %s: %v", s.Name, err)
	}
	return a
}

func (s *speaker) apply(c Config) {
	s.t.Helper()
	s.must(command{Op: "apply", Config: c})
}

func (s *speaker) neighbor(name string) NeighborStatus {
	s.t.Helper()
	for _, n := range s.must(command{Op: "status"}).Status.Neighbors {
		if n.Neighbor.Name == name {
			return n
		}
	}
	s.t.Fatalf("no neighbor %s in status", name)
	return NeighborStatus{}
}

func (s *speaker) established(names ...string) {
	s.t.Helper()
	for _, name := range names {
		eventually(s.t, 30*time.Second, "session "+name, func() error {
			if n := s.neighbor(name); n.State != "established" {
				return fmt.Errorf("%s: %s %s", name, n.State, n.LastError)
			}
			return nil
		})
	}
}

// hasRoutes waits until the routes in the rib are exactly these, as rib.Route prints them.
func (s *speaker) hasRoutes(want ...string) {
	s.t.Helper()
	eventually(s.t, 15*time.Second, "routes of "+s.Name, func() error {
		var got []string
		for _, e := range s.must(command{Op: "entries"}).Entries {
			r := e.Route
			r.Table = 0
			got = append(got, r.String())
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			return fmt.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
}

func pfx(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func neighbors(list ...Neighbor) map[string]Neighbor {
	m := map[string]Neighbor{}
	for _, n := range list {
		m[n.Name] = n
	}
	return m
}
