package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

const patience = 90 * time.Second // for the first advertisement on all links

// rig is a router and, in another namespace, the other ends of its links.
type rig struct {
	router, hosts *netns.Node
	links         map[int]int // number of each link, by the index of its other end
}

func build(n int, addresses bool) (_ *rig, err error) {
	r := &rig{links: map[int]int{}}
	if r.router, err = netns.New("router"); err != nil {
		return nil, err
	}
	if r.hosts, err = netns.New("hosts"); err != nil {
		return nil, errors.Join(err, r.router.Close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	// Hosts that took the advertisements would fill the neighbor table, which all namespaces share, with one router each.
	err = errors.Join(
		r.router.Sysctl("net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.router_solicitations=0"),
		r.hosts.Sysctl("net.ipv6.conf.default.disable_ipv6=1", "net.ipv6.conf.default.dad_transmits=0", "net.ipv6.conf.default.accept_ra=0"))
	if err != nil {
		return nil, err
	}
	var pairs, up strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&pairs, "link add lan%d type veth peer name lan%d netns %s\nlink set lan%d up\n", i, i, r.hosts.NetFile(), i)
		if addresses {
			fmt.Fprintf(&pairs, "addr add %s1/64 dev lan%d nodad\n", prefix(i), i)
		}
		fmt.Fprintf(&up, "link set lan%d up\n", i)
	}
	if err := errors.Join(batch(r.router, pairs.String()), batch(r.hosts, up.String())); err != nil {
		return nil, err
	}
	if err := r.hosts.Sysctl("net.ipv6.conf.lan1.disable_ipv6=0"); err != nil {
		return nil, err
	}
	out, err := r.hosts.Run("ip", "-o", "link")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		var index, number int
		if _, err := fmt.Sscanf(line, "%d: lan%d@", &index, &number); err == nil {
			r.links[index] = number
		}
	}
	if len(r.links) != n {
		return nil, fmt.Errorf("%d links are there, not %d", len(r.links), n)
	}
	return r, netns.Eventually(time.Minute, func() error {
		out, err := r.router.Run("sh", "-c", "ip -o -6 addr show scope link up -tentative | grep -c lan || :")
		if err == nil && strings.TrimSpace(out) != strconv.Itoa(n) {
			err = fmt.Errorf("%s links have a link-local address, not %d", strings.TrimSpace(out), n)
		}
		return err
	})
}

func batch(n *netns.Node, lines string) error {
	file := filepath.Join(n.Root(), "run", "batch")
	if err := os.WriteFile(file, []byte(lines), 0o644); err != nil {
		return err
	}
	_, err := n.Run("ip", "-batch", "/run/batch")
	return err
}

func (r *rig) close() error { return errors.Join(r.router.Close(), r.hosts.Close()) }

// measure measures one router.
func measure(c candidate, n int, steady time.Duration) (out result, err error) {
	r, err := build(n, !c.twice)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	out.router, out.links = c.name, n
	w, err := r.watch()
	if err != nil {
		return out, err
	}
	defer w.close()
	if err := os.WriteFile(filepath.Join(r.router.Root(), "run", "config"), []byte(c.config(n)), 0o600); err != nil {
		return out, err
	}
	w.begin()
	p, err := r.start(c)
	if err != nil {
		return out, err
	}
	if out.first, out.seen, err = w.all(p, n); err != nil {
		return out, err
	}
	if c.twice {
		if err := p.Stop(30 * time.Second); err != nil {
			return out, err
		}
		pause(300 * time.Millisecond) // its last advertisements are not the first of the next
		w.begin()
		if p, err = r.start(c); err != nil {
			return out, err
		}
		if out.again, out.seen, err = w.all(p, n); err != nil {
			return out, err
		}
	}
	if err := r.solicitations(&out); err != nil {
		return out, err
	}
	if out.plugged, err = r.plug(w); err != nil {
		return out, err
	}
	pause(5 * time.Second) // what follows a start is over
	cpu, count, err := usage(p.Pid(), w)
	if err != nil {
		return out, err
	}
	pause(steady)
	cpuThen, countThen, err := usage(p.Pid(), w)
	if err != nil {
		return out, err
	}
	if countThen > count {
		out.perRA = (cpuThen - cpu) / time.Duration(countThen-count)
	}
	if out.rss, out.peak, err = memory(p.Pid()); err != nil {
		return out, err
	}
	if text := strings.TrimSpace(p.Stderr()); text != "" {
		fmt.Fprintf(os.Stderr, "%s says:\n%.2000s\n", c.name, text)
	}
	return out, p.Stop(30 * time.Second)
}

// plug adds one more link, and says how long its first advertisement takes from when it comes, and is set up, which gives it its
// link-local address. It gives up after 5 s.
func (r *rig) plug(w *watcher) (time.Duration, error) {
	if err := r.hosts.IP("link add lan0 type veth peer name new0", "link set lan0 up"); err != nil {
		return 0, err
	}
	out, err := r.hosts.Run("cat", "/sys/class/net/lan0/ifindex")
	if err != nil {
		return 0, err
	}
	index, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		return 0, err
	}
	w.expect(index, 0)
	began := time.Now()
	if err := r.hosts.IP("link set new0 netns " + r.router.NetFile() + " name lan0 up"); err != nil {
		return 0, err
	}
	for limit := began.Add(5 * time.Second); time.Now().Before(limit); pause(time.Millisecond) {
		if at, ok := w.saw(0); ok {
			return at.Sub(began), nil
		}
	}
	return 0, nil
}

func (r *rig) start(c candidate) (*netns.Process, error) {
	return r.router.Start(c.command[0], c.command[1:]...)
}

func pause(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	<-ctx.Done()
}

// usage is the processor time that the threads of a process took, and how many advertisements were seen. A thread that ended between
// two calls is missing; those of our programs stay.
func usage(pid int, w *watcher) (time.Duration, int, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, 0, err
	}
	var total time.Duration
	for _, t := range threads {
		b, err := os.ReadFile(t)
		if err != nil {
			continue // it just ended
		}
		var ran int64
		if _, err := fmt.Sscan(string(b), &ran); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", t, err)
		}
		total += time.Duration(ran)
	}
	return total, w.count(), nil
}

// memory is what a process has and had at most, in kB.
func memory(pid int) (rss, peak int, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d", &rss)
		_, _ = fmt.Sscanf(line, "VmHWM: %d", &peak)
	}
	return rss, peak, nil
}
