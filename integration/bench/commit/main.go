// Command commit measures what transactions of a thousand VXLANs take, against ip -batch with the same links: both create them, change
// the hop limit of all, and delete them, with an IPv6 address each, on a veth in a namespace of their own. Run it as root, with the path of sixfold:
//
//	go build -o bin/sixfold ./cmd/sixfold && go run ./integration/bench/commit -sixfold bin/sixfold [-n 1000] [-runs 3]
//
// Each figure is the median of the runs, which take turns, so that other load meets both. The times of sixfold are those of its
// command line, the start of the process included, as those of ip are.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

func main() {
	sixfold := flag.String("sixfold", "bin/sixfold", "the program")
	n := flag.Int("n", 1000, "VXLANs")
	runs := flag.Int("runs", 3, "runs, of which the median counts")
	logs := flag.String("log", "", "file for what the last daemon logs at level debug")
	flag.Parse()
	if err := bench(*sixfold, *n, *runs, *logs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// figure is one line of the result.
type figure struct {
	name, against string // against: the figure to compare with
	took          []time.Duration
}

func (f *figure) median() time.Duration {
	sorted := slices.Sorted(slices.Values(f.took))
	return sorted[len(sorted)/2]
}

func bench(sixfold string, n, runs int, logs string) error {
	sixfold, err := filepath.Abs(sixfold)
	if err != nil {
		return err
	}
	if _, err := os.Stat(sixfold); err != nil {
		return fmt.Errorf("%w: build it first, go build -o bin/sixfold ./cmd/sixfold", err)
	}
	figures := []*figure{
		{name: "ip -batch, create"},
		{name: "ip -batch, change all"},
		{name: "ip -batch, delete"},
		{name: "commit, create all", against: "ip -batch, create"},
		{name: "commit of the same text"},
		{name: "commit of another comment"},
		{name: "commit, one line changed"},
		{name: "rollback of one line"},
		{name: "commit, change all", against: "ip -batch, change all"},
		{name: "rollback, change all", against: "ip -batch, change all"},
		{name: "rollback, delete all", against: "ip -batch, delete"},
		{name: "rollback, create all", against: "ip -batch, create"},
		{name: "commit, delete all", against: "ip -batch, delete"},
	}
	byName := map[string]*figure{}
	for _, f := range figures {
		byName[f.name] = f
	}
	note := func(name string, took time.Duration) {
		byName[name].took = append(byName[name].took, took)
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, took.Round(time.Millisecond))
	}
	for range runs {
		if err := errors.Join(batch(n, note), transactions(sixfold, n, note, logs)); err != nil {
			return err
		}
	}
	fmt.Printf("%d VXLANs with an IPv6 address each, median of %d, %s/%s, %d CPUs\n\n", n, runs, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, f := range figures {
		ratio := ""
		if other := byName[f.against]; other != nil {
			ratio = fmt.Sprintf("%.2f of %s", f.median().Seconds()/other.median().Seconds(), other.name)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.name, f.median().Round(time.Millisecond), ratio)
	}
	return t.Flush()
}

// pair makes a node with a link lan0 to a peer.
func pair(name string) (n *netns.Node, end func() error, err error) {
	n, err = netns.New(name)
	if err != nil {
		return nil, nil, err
	}
	peer, err := netns.New(name + "-peer")
	if err != nil {
		return nil, nil, errors.Join(err, n.Close())
	}
	end = func() error { return errors.Join(n.Close(), peer.Close()) }
	if err := netns.Connect(netns.End{Node: n, Name: "lan0"}, netns.End{Node: peer, Name: "lan0"}); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return n, end, nil
}

// timed runs a command, measures it, and checks how many VXLANs there are then.
func timed(n *netns.Node, name string, want int, note func(string, time.Duration), command ...string) error {
	began := time.Now()
	p, err := n.Start(command[0], command[1:]...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // to delete one by one takes long
	defer cancel()
	if err := p.Wait(ctx); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, p.Stderr())
	}
	note(name, time.Since(began))
	out, err := n.Run("sh", "-c", "ip -o -6 addr show scope global up | grep -c ' vx' || :")
	if err == nil && strings.TrimSpace(out) != fmt.Sprint(want) {
		err = fmt.Errorf("%s: %s VXLANs have an address, not %d", name, strings.TrimSpace(out), want)
	}
	return err
}

func address(i int) string { return fmt.Sprintf("2001:db8:%x::1/64", 0x1000+i) }

// batch does it with ip.
func batch(n int, note func(string, time.Duration)) error {
	node, end, err := pair("batch")
	if err != nil {
		return err
	}
	var create, modify, remove strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&create, "link add vx%d type vxlan id %d dstport 4789 group ff05::%x dev lan0 ttl 64\nlink set vx%d up\naddr add %s dev vx%d\n",
			i, i, i, i, address(i), i)
		fmt.Fprintf(&modify, "link set vx%d type vxlan ttl 5\n", i)
		fmt.Fprintf(&remove, "link del vx%d\n", i)
	}
	run := filepath.Join(node.Root(), "run")
	err = errors.Join(os.WriteFile(run+"/create", []byte(create.String()), 0o644), os.WriteFile(run+"/change", []byte(modify.String()), 0o644),
		os.WriteFile(run+"/delete", []byte(remove.String()), 0o644))
	if err == nil {
		err = timed(node, "ip -batch, create", n, note, "ip", "-batch", "/run/create")
	}
	if err == nil {
		err = timed(node, "ip -batch, change all", n, note, "ip", "-batch", "/run/change")
	}
	if err == nil {
		err = timed(node, "ip -batch, delete", 0, note, "ip", "-batch", "/run/delete")
	}
	return errors.Join(err, end())
}

// text is a configuration with VXLANs; those for which other is true have another hop limit.
func text(n int, other func(i int) bool) string {
	var b strings.Builder
	b.WriteString("interfaces:\n  lan0: {addresses: [\"2001:db8:1::1/64\"]}\n")
	for i := 1; i <= n; i++ {
		ttl := 64
		if other(i) {
			ttl = 5
		}
		fmt.Fprintf(&b, "  vx%d: {vxlan: {vni: %d, group: \"ff05::%x\", link: lan0, ttl: %d}, addresses: [\"%s\"]}\n", i, i, i, ttl, address(i))
	}
	return b.String()
}

// transactions does it with sixfold.
func transactions(sixfold string, n int, note func(string, time.Duration), logs string) (err error) {
	node, end, err := pair("sixfold")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	run := filepath.Join(node.Root(), "run")
	none, one, every := func(int) bool { return false }, func(i int) bool { return i == n/2 }, func(int) bool { return true }
	for name, content := range map[string]string{
		"none": text(0, none), "all": text(n, none), "other": text(n, one), "every": text(n, every), "comment": "# hello\n" + text(n, none),
	} {
		if err := os.WriteFile(filepath.Join(run, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	d, err := node.Start(sixfold, "run", "--config", "/run/none", "--state-dir", "/run/state", "--log-level", level(logs))
	if err != nil {
		return err
	}
	defer func() {
		if logs != "" {
			err = errors.Join(err, os.WriteFile(logs, []byte(d.Stderr()), 0o644))
		}
	}()
	err = netns.Eventually(30*time.Second, func() error {
		_, err := node.Run(sixfold, "show", "version")
		return err
	})
	if err != nil {
		return fmt.Errorf("sixfold does not answer: %w\n%s", err, d.Stderr())
	}
	for _, step := range []struct {
		name  string
		want  int
		words string
	}{
		{"commit, create all", n, "apply /run/all"},
		{"commit of the same text", n, "apply /run/all"},
		{"commit of another comment", n, "apply /run/comment"},
		{"commit, one line changed", n, "apply /run/other"},
		{"rollback of one line", n, "rollback"},
		{"commit, change all", n, "apply /run/every"},
		{"rollback, change all", n, "rollback"},
		{"rollback, delete all", 0, "rollback 1"},
		{"rollback, create all", n, "rollback 2"},
		{"commit, delete all", 0, "apply /run/none"},
	} {
		if err := timed(node, step.name, step.want, note, append([]string{sixfold, "config"}, strings.Fields(step.words)...)...); err != nil {
			return err
		}
	}
	return nil
}

func level(logs string) string {
	if logs != "" {
		return "debug"
	}
	return "info"
}
