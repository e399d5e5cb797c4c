package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

const (
	etherIPv6         = 0xdd86 // ETH_P_IPV6 in network byte order
	typeAdvertisement = 134
)

// watcher sees the advertisements that come out at the hosts' ends of the links, with one packet socket.
type watcher struct {
	fd   int
	done chan struct{}

	mu    sync.Mutex // guards what follows
	began time.Time
	links map[int]int // number of each link, by the index of its other end
	first map[int]time.Time
	seen  int
}

// advertisements is a filter for packets that are an advertisement: it sees the IPv6 header at the beginning.
var advertisements = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 6},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 3, K: unix.IPPROTO_ICMPV6},
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 40},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: typeAdvertisement},
	{Code: unix.BPF_RET | unix.BPF_K, K: 64},
	{Code: unix.BPF_RET | unix.BPF_K},
}

func (r *rig) watch() (*watcher, error) {
	w := &watcher{links: r.links, first: map[int]time.Time{}, done: make(chan struct{})}
	err := r.hosts.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, etherIPv6)
		if err != nil {
			return fmt.Errorf("open packet socket: %w", err)
		}
		w.fd = fd
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200000}),
			unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(advertisements)), Filter: &advertisements[0]}))
	})
	if err != nil {
		return nil, err
	}
	go w.run()
	return w, nil
}

// run notes what comes until the socket is shut down.
func (w *watcher) run() {
	b := make([]byte, 64)
	for {
		_, from, err := unix.Recvfrom(w.fd, b, 0)
		now := time.Now()
		select {
		case <-w.done:
			_ = unix.Close(w.fd)
			return
		default:
		}
		sa, ok := from.(*unix.SockaddrLinklayer)
		if err != nil || !ok || sa.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		w.mu.Lock()
		if number, known := w.links[sa.Ifindex]; known {
			w.seen++
			if _, before := w.first[number]; !before && !w.began.IsZero() {
				w.first[number] = now
			}
		}
		w.mu.Unlock()
	}
}

func (w *watcher) close() { close(w.done) }

func (w *watcher) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

// begin is called right before the program is started.
func (w *watcher) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.first)
	w.began = time.Now()
}

// expect makes the link with that index at its other end one that is watched.
func (w *watcher) expect(index, number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.links[index] = number
}

// saw says when the first advertisement came on a link.
func (w *watcher) saw(number int) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.first[number]
	return t, ok
}

// all waits for the first advertisement on each of n links of a program that was just started. It says how long that took since
// begin, and on how many there was one.
func (w *watcher) all(p *netns.Process, n int) (time.Duration, int, error) {
	for limit := time.Now().Add(patience); ; pause(2 * time.Millisecond) {
		w.mu.Lock()
		seen := len(w.first)
		var last time.Time
		for _, t := range w.first {
			if t.After(last) {
				last = t
			}
		}
		w.mu.Unlock()
		switch {
		case seen >= n:
			return last.Sub(w.began), n, nil
		case !p.Running():
			return 0, 0, fmt.Errorf("it ended:\n%s", p.Stderr())
		case time.Now().After(limit):
			return patience, seen, nil
		}
	}
}
