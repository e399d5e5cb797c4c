// Command ra measures routers that advertise: sixfold beside radvd and BIRD of Debian, with the same links in namespaces of their own.
// Run it as root, with the path of sixfold:
//
//	make build && go run ./integration/bench/ra -sixfold bin/sixfold [-links 1,100,1000,4000] [-most 1000]
//
// Each link is a veth pair whose other end lies in a second namespace, where one packet socket sees the advertisements of all. It
// measures, for each number of links:
//
//   - from the start of the program until the first advertisement was seen on each link. The links are up and have link-local
//     addresses; radvd and BIRD find the other addresses there, too. sixfold is started twice: first it has to set addresses and
//     sysctls, then they are there;
//   - from when one more link is set up, which gives it its link-local address, until its first advertisement;
//   - the processor time of an advertisement, from two times of the same length: one leaves each link every 3 to 4 seconds, or none
//     does. What is spent without any is told by itself, and what all comes to for each advertisement at that pace; so is what the start
//     takes, until 15 seconds after it;
//   - the memory that the program has at that pace: its own, that of files (program and libraries), and the most that it had;
//   - from a solicitation to its answer by unicast, one after the other (median and 99th percentile), and how many solicitations
//     are answered in a second when 16 are on their way.
//
// Processes that a router starts, as radvd does, are part of it. Other load of the machine is in all of that: the load average is told.
package main

import (
	"debug/buildinfo"
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
	long := flag.Duration("steady", 20*time.Second, "how long the processor time is measured, twice")
	flag.Parse()
	if err := bench(*sixfold, *links, *most, *only, *long); err != nil {
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
	start            time.Duration // processor time until 15 s after it
	idle             time.Duration // processor time in a second without advertisements
	perRA            time.Duration // processor time of an advertisement, beyond that
	gross            time.Duration // with that, while one leaves each link every 3 to 4 seconds
	memory           memory
	median, p99      time.Duration
	rate             float64 // answers a second
	unanswered, sent int
}

func bench(sixfold, links string, most int, only string, long time.Duration) error {
	sixfold, err := filepath.Abs(sixfold)
	if err != nil {
		return err
	}
	if _, err := os.Stat(sixfold); err != nil {
		return fmt.Errorf("%w: build it first, make build", err)
	}
	fmt.Printf("%s\n", madeHow(sixfold))
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
			one, err := measure(r, n, long)
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
	fmt.Fprintln(t, "LINKS\tROUTER\tFIRST ON ALL\tSTARTED AGAIN\tNEW LINK\tANSWER P50\tP99\tANSWERS/S\tUNANSWERED")
	for _, r := range results {
		first := r.first.Round(time.Millisecond).String()
		if r.seen < r.links {
			first = fmt.Sprintf("%d of them in %s", r.seen, first)
		}
		again := "-"
		if r.again > 0 {
			again = r.again.Round(time.Millisecond).String()
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\t%d of %d\n", r.links, r.router, first, again, r.plugged.Round(time.Millisecond),
			r.median.Round(time.Microsecond), r.p99.Round(time.Microsecond), r.rate, r.unanswered, r.sent)
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "LINKS\tROUTER\tCPU EACH\tWITH IDLE\tIDLE, A SECOND\tSTART\tMEMORY OWN\tFILES\tPEAK")
	for _, r := range results {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%.1f MB\t%.1f MB\t%.1f MB\n", r.links, r.router, r.perRA.Round(time.Microsecond), r.gross.Round(time.Microsecond),
			r.idle.Round(time.Microsecond), r.start.Round(100*time.Microsecond), float64(r.memory.own)/1024, float64(r.memory.file)/1024, float64(r.memory.peak)/1024)
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "LINKS\tSIXFOLD TO\tFIRST ON ALL\tSTARTED AGAIN\tNEW LINK\tANSWER P50\tP99\tANSWERS/S\tCPU EACH\tWITH IDLE\tSTART\tMEMORY OWN\tWITH FILES")
	for _, other := range results {
		for _, own := range results {
			if own.router != "sixfold" || other.router == "sixfold" || own.links != other.links {
				continue
			}
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", own.links, other.router,
				ratio(own.first, other.first), ratio(own.again, other.first), ratio(own.plugged, other.plugged),
				ratio(own.median, other.median), ratio(own.p99, other.p99), ratio(own.rate, other.rate),
				ratio(own.perRA, other.perRA), ratio(own.gross, other.gross), ratio(own.start, other.start),
				ratio(own.memory.own, other.memory.own), ratio(own.memory.own+own.memory.file, other.memory.own+other.memory.file))
		}
	}
	return t.Flush()
}

// madeHow says how a program was built: with cgo it takes longer to start, and has more libraries resident.
func madeHow(program string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return program
	}
	out := program + ", " + info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "CGO_ENABLED", "-ldflags", "-trimpath":
			out += ", " + s.Key + "=" + s.Value
		}
	}
	return out
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
