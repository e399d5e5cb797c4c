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

const (
	patience = 90 * time.Second // for the first advertisement on all links
	settled  = 15 * time.Second // what follows a start is over
)

// rig is a router and, in another namespace, the other ends of its links.
type rig struct {
	router, hosts *netns.Node
	n             int         // of links that it began with
	links         map[int]int // number of each link, by the index of its other end
}

func build(n int, addresses bool) (_ *rig, err error) {
	r := &rig{n: n, links: map[int]int{}}
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

// measure measures one router: twice started, at the pace at which advertisements are counted and at that at which nothing is to do.
func measure(c candidate, n int, long time.Duration) (out result, err error) {
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
	p, err := r.start(c, often(), w)
	if err != nil {
		return out, err
	}
	if out.first, out.seen, err = w.all(p, n); err != nil {
		return out, err
	}
	if c.twice {
		if p, err = r.again(c, often(), p, w); err != nil {
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
	pause(settled)
	many, err := r.over(long, p.Pid(), w)
	if err != nil {
		return out, err
	}
	if many.count > 0 {
		out.gross = many.cpu / time.Duration(many.count)
	}
	if out.memory, err = memoryOf(p.Pid()); err != nil {
		return out, err
	}
	say(c, p)
	if p, err = r.again(c, seldom(), p, w); err != nil {
		return out, err
	}
	if _, _, err = w.all(p, n); err != nil {
		return out, err
	}
	pause(settled)
	start, err := r.spent(p.Pid(), w)
	if err != nil {
		return out, err
	}
	out.start = start.cpu
	few, err := r.over(long, p.Pid(), w)
	if err != nil {
		return out, err
	}
	out.perRA, out.idle = each(many, few, long)
	return out, p.Stop(30 * time.Second)
}

func say(c candidate, p *netns.Process) {
	if text := strings.TrimSpace(p.Stderr()); text != "" {
		fmt.Fprintf(os.Stderr, "%s says:\n%.2000s\n", c.name, text)
	}
}

// start starts a router, from when w counts.
func (r *rig) start(c candidate, p pace, w *watcher) (*netns.Process, error) {
	if err := os.WriteFile(filepath.Join(r.router.Root(), "run", "config"), []byte(c.config(r.n, p)), 0o600); err != nil {
		return nil, err
	}
	w.begin()
	return r.router.Start(c.command[0], c.command[1:]...)
}

// again stops a router and starts it.
func (r *rig) again(c candidate, p pace, running *netns.Process, w *watcher) (*netns.Process, error) {
	if err := running.Stop(30 * time.Second); err != nil {
		return nil, err
	}
	pause(300 * time.Millisecond) // its last advertisements are not the first of the next
	return r.start(c, p, w)
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

func pause(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	<-ctx.Done()
}
