// Command ra measures routers that advertise: sixfold beside radvd and BIRD of Debian, with the same links in namespaces of their own.
// Run it as root, with the path of sixfold:
//
//	go build -o bin/sixfold ./cmd/sixfold && go run ./integration/bench/ra -sixfold bin/sixfold [-links 1,100,1000,4000] [-most 1000]
//
// Each link is a veth pair whose other end lies in a second namespace, where one packet socket sees the advertisements of all. It
// measures, for each number of links:
//
//   - from the start of the program until the first advertisement was seen on each link. The links are up and have link-local
//     addresses; radvd and BIRD find the other addresses there, too. sixfold is started twice: first it has to set addresses and
//     sysctls, then they are there;
//   - from when one more link is set up, which gives it its link-local address, until its first advertisement;
//   - the processor time of an advertisement while one leaves each link every 3 to 4 seconds;
//   - the memory that the program then has, and had at most;
//   - from a solicitation to its answer by unicast, one after the other (median and 99th percentile), and how many solicitations
//     are answered in a second when 16 are on their way.
//
// Other load of the machine is in all of that: the load average is told.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	sixfold := flag.String("sixfold", "bin/sixfold", "the program")
	links := flag.String("links", "1,100,1000,4000", "numbers of links")
	most := flag.Int("most", 1000, "the largest number of links that the others are measured with")
	only := flag.String("only", "", "measure this router alone")
	steady := flag.Duration("steady", 8*time.Second, "how long the processor time is measured")
	flag.Parse()
	if err := bench(*sixfold, *links, *most, *only, *steady); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// result is what was measured of one router with one number of links.
type result struct {
	router           string
	links            int
	first, again     time.Duration // until the first advertisement was on all links; again: the second start
	seen             int           // links that had one when that was given up
	plugged          time.Duration // until the first advertisement on a link that came later
	perRA            time.Duration
	rss, peak        int // kB
	median, p99      time.Duration
	rate             float64 // answers a second
	unanswered, sent int
}

func bench(sixfold, links string, most int, only string, steady time.Duration) error {
	sixfold, err := filepath.Abs(sixfold)
	if err != nil {
		return err
	}
	if _, err := os.Stat(sixfold); err != nil {
		return fmt.Errorf("%w: build it first, go build -o bin/sixfold ./cmd/sixfold", err)
	}
	var results []result
	for _, text := range strings.Split(links, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > 60000 {
			return fmt.Errorf("-links %s: want numbers from 1 to 60000", links)
		}
		for _, r := range routers(sixfold) {
			if only != "" && r.name != only || only == "" && r.name != "sixfold" && n > most {
				continue
			}
			fmt.Fprintf(os.Stderr, "%s with %d links, load %s\n", r.name, n, load())
			one, err := measure(r, n, steady)
			if err != nil {
				return errors.Join(fmt.Errorf("%s with %d links: %w", r.name, n, err), show(results))
			}
			results = append(results, one)
		}
	}
	return show(results)
}

func show(results []result) error {
	fmt.Printf("%s/%s, %d CPUs, load %s\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), load())
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LINKS\tROUTER\tFIRST ON ALL\tSTARTED AGAIN\tNEW LINK\tCPU EACH\tRSS (PEAK)\tANSWER P50\tP99\tANSWERS/S\tUNANSWERED")
	for _, r := range results {
		first := r.first.Round(time.Millisecond).String()
		if r.seen < r.links {
			first = fmt.Sprintf("%d of them in %s", r.seen, first)
		}
		again := "-"
		if r.again > 0 {
			again = r.again.Round(time.Millisecond).String()
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%.1f MB (%.1f)\t%s\t%s\t%.0f\t%d of %d\n", r.links, r.router, first, again, r.plugged.Round(time.Millisecond), r.perRA.Round(time.Microsecond),
			float64(r.rss)/1024, float64(r.peak)/1024, r.median.Round(time.Microsecond), r.p99.Round(time.Microsecond), r.rate, r.unanswered, r.sent)
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "LINKS\tSIXFOLD TO\tFIRST ON ALL\tSTARTED AGAIN\tNEW LINK\tCPU EACH\tRSS\tANSWER P50\tP99\tANSWERS/S")
	for _, other := range results {
		for _, own := range results {
			if own.router != "sixfold" || other.router == "sixfold" || own.links != other.links {
				continue
			}
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", own.links, other.router,
				ratio(own.first, other.first), ratio(own.again, other.first), ratio(own.plugged, other.plugged), ratio(own.perRA, other.perRA), ratio(own.rss, other.rss),
				ratio(own.median, other.median), ratio(own.p99, other.p99), ratio(own.rate, other.rate))
		}
	}
	return t.Flush()
}

func ratio[T int | time.Duration | float64](a, b T) string {
	if a == 0 || b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}
