// Package lab is the main job of sixfold on one machine: an ISP, a router, its LANs, a router behind it and a VXLAN segment,
// each a host in namespaces of its own. It shows step by step what each received, and from where.
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// Lab is one run.
type Lab struct {
	out       io.Writer
	binary    string
	live      bool // out is a terminal: show what is waited for
	started   time.Time
	nodes     map[string]*netns.Node
	processes map[string]*netns.Process
}

// Options say how to run.
type Options struct {
	Out      io.Writer
	Binary   string // the sixfold to run on the hosts
	Terminal bool   // Out is a terminal
	Stay     bool   // leave the lab up until ctx ends
}

// stepTimeout bounds each step; the whole lab takes some ten seconds.
const stepTimeout = 20 * time.Second

// Run builds the lab, takes every step and shows it, and removes the lab. The error says what did not come about.
func Run(ctx context.Context, o Options) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("sixfold lab makes network namespaces and needs root: run it with sudo")
	}
	l := &Lab{
		out: o.Out, binary: o.Binary, live: o.Terminal, started: time.Now(),
		nodes: map[string]*netns.Node{}, processes: map[string]*netns.Process{},
	}
	defer func() { err = errors.Join(err, l.remove()) }()
	fmt.Fprintln(l.out, "sixfold lab: the main job on eight hosts in network namespaces of their own")
	fmt.Fprintf(l.out, "%s\n", picture)
	for _, s := range l.steps() {
		if err := l.take(ctx, s); err != nil {
			l.logs()
			return err
		}
	}
	if err := l.transcript(); err != nil {
		return err
	}
	fmt.Fprintf(l.out, "\nAll %d steps done in %.1f s.\n", len(l.steps()), time.Since(l.started).Seconds())
	if !o.Stay {
		return nil
	}
	l.invite()
	<-ctx.Done()
	fmt.Fprintln(l.out, "\nremoving the lab")
	return nil
}

// step is one thing that must come about: check is called until it returns no error, and then tells what was received.
type step struct {
	title string
	check func(context.Context) (string, error)
}

func (l *Lab) take(ctx context.Context, s step) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	var detail string
	began := time.Now()
	var final *finalError
	err := netns.Poll(ctx, func() (err error) {
		if l.live {
			fmt.Fprintf(l.out, "\r  %5.1fs  ..  %s", time.Since(l.started).Seconds(), s.title)
		}
		if detail, err = s.check(ctx); errors.As(err, &final) {
			return nil
		}
		return err
	})
	if final != nil {
		err = final
	}
	if l.live {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
	if err != nil {
		fmt.Fprintf(l.out, "  %5.1fs  no  %s\n", time.Since(l.started).Seconds(), s.title)
		return fmt.Errorf("%s: not after %.0f s: %w", s.title, time.Since(began).Seconds(), err)
	}
	fmt.Fprintf(l.out, "  %5.1fs  ok  %s\n", time.Since(l.started).Seconds(), s.title)
	for line := range strings.Lines(detail) {
		fmt.Fprintf(l.out, "              %s\n", strings.TrimRight(line, "\n"))
	}
	return nil
}

// show runs sixfold show in a node.
func (l *Lab) show(node string, args ...string) (string, error) {
	return l.nodes[node].Run(l.binary, append([]string{"show"}, args...)...)
}

// transcript shows what an operator of the router sees.
func (l *Lab) transcript() error {
	for _, what := range []string{"prefixes", "leases", "routes", "bgp", "vxlan"} {
		out, err := l.show("router", what)
		if err != nil {
			return err
		}
		fmt.Fprintf(l.out, "\nrouter# sixfold show %s\n%s", what, out)
	}
	return nil
}

// invite tells how to look around.
func (l *Lab) invite() {
	ping := ""
	if _, err := exec.LookPath("ping"); err == nil {
		ping = fmt.Sprintf("  %s lab exec vxhost ping -c 3 %s\n", l.binary, internet)
	}
	fmt.Fprintf(l.out, `
The lab stays up until Ctrl-C. On another terminal, as root:

  %[1]s lab exec router sixfold show routes
  %[1]s lab exec router sixfold show bgp routes
  %[1]s lab exec isp sixfold show leases
  %[1]s lab exec host sixfold ra watch eth0
  %[1]s lab exec leaf ip -6 route
%[3]s  %[1]s lab exec router bash

Hosts: %[2]s
`, l.binary, strings.Join(hosts, ", "), ping)
}

// logs shows what the daemons said last, after a step failed.
func (l *Lab) logs() {
	for _, name := range daemons {
		p := l.processes[name]
		if p == nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(p.Stderr()), "\n")
		fmt.Fprintf(l.out, "\nthe last that %s logged:\n  %s\n", name, strings.Join(lines[max(0, len(lines)-15):], "\n  "))
	}
}

// remove stops the routers as an operator would, and removes the hosts.
func (l *Lab) remove() error {
	var errs []error
	for _, p := range l.processes {
		p.Signal(os.Interrupt)
	}
	for name, p := range l.processes {
		if err := p.Stop(5 * time.Second); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w\n%s", name, err, p.Stderr()))
		}
	}
	for _, n := range l.nodes {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}
