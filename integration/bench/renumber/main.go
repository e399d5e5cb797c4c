// Command renumber measures how soon all that follows from a delegated prefix follows another one: a router has LANs in namespaces, an
// ISP that is a sixfold of its own, and a BIRD as BGP neighbor; the ISP gives another prefix. Run it as root, with the path of sixfold:
//
//	go build -o bin/sixfold ./cmd/sixfold && go run ./integration/bench/renumber -sixfold bin/sixfold [-n 100] [-runs 3]
//
// All times are from the arrival of the ISP's Reply on: those of packets are the kernel's, seen on the router by one packet socket,
// those of addresses, routes and sets when the kernel tells of them, the rest when the router logs that it is done.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

func main() {
	sixfold := flag.String("sixfold", "bin/sixfold", "the program")
	n := flag.Int("n", 100, "LANs")
	runs := flag.Int("runs", 3, "how often the prefix changes; the median counts")
	logs := flag.String("log", "", "file for what the router logs at level debug")
	flag.Parse()
	if err := bench(*sixfold, *n, *runs, *logs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// order is that of the result.
var order = []string{
	"unreachable route of the aggregate", "address of a LAN", "advertisement on a LAN", "firewall set", "BGP UPDATE, the new prefix",
	"DHCPv6 pools",
}

func bench(sixfold string, n, runs int, logs string) error {
	sixfold, err := filepath.Abs(sixfold)
	if err != nil {
		return err
	}
	if _, err := os.Stat(sixfold); err != nil {
		return fmt.Errorf("%w: build it first, go build -o bin/sixfold ./cmd/sixfold", err)
	}
	r, err := build(sixfold, n)
	if err != nil {
		return err
	}
	first, last := map[string][]time.Duration{}, map[string][]time.Duration{}
	counts := map[string]int{}
	for run := range runs {
		seen, err := r.renumber(run + 1)
		if err != nil {
			return errors.Join(err, r.close(logs))
		}
		for what, times := range seen {
			first[what], last[what] = append(first[what], slices.Min(times)), append(last[what], slices.Max(times))
			counts[what] = len(times)
			fmt.Fprintf(os.Stderr, "run %d: %s: %d, %s to %s\n", run+1, what, len(times), short(slices.Min(times)), short(slices.Max(times)))
		}
	}
	fmt.Printf("%d LANs, median of %d, after the Reply of the ISP, %s/%s, %d CPUs\n\n", n, runs, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WHAT\tCOUNT\tFIRST\tLAST")
	for _, what := range order {
		if counts[what] == 0 {
			fmt.Fprintf(t, "%s\t0\tnever\tnever\n", what)
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", what, counts[what], short(median(first[what])), short(median(last[what])))
	}
	return errors.Join(t.Flush(), r.close(logs))
}

func median(all []time.Duration) time.Duration { return slices.Sorted(slices.Values(all))[len(all)/2] }

func short(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }
