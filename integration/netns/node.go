// Package netns makes hosts for tests and for the lab out of Linux namespaces. A Node is a host of its own: network, mounts
// (/run is empty and private, /etc/resolv.conf too) and host name. Nothing of it has a name in the machine's own namespaces,
// and every process of a node is killed by the kernel when the process that made the node ends, however it ends: so nothing
// is left behind even after kill -9.
//
// It needs root, iproute2 for links, and nothing else.
package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Node is a host in namespaces of its own. All methods may be called from any goroutine.
type Node struct {
	Name string

	work  chan func()
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed when the thread has ended
	close sync.Once
	tid   int
	netID string // identity of the network namespace, as /proc shows it; empty if it is not the node's to end
}

// New makes a node with only a loopback interface, which is up.
func New(name string) (*Node, error) {
	n := &Node{Name: name, work: make(chan func()), stop: make(chan struct{}), done: make(chan struct{})}
	ready := make(chan error)
	go n.serve(ready, n.enter)
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("make host %s: %w", name, err)
	}
	if _, err := n.Run("ip", "link", "set", "lo", "up"); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// serve is the node's own thread. Processes are started from it, so that they are in its namespaces and die with it.
func (n *Node) serve(ready chan<- error, enter func() error) {
	defer close(n.done)
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	n.tid = unix.Gettid()
	err := enter()
	ready <- err
	if err != nil {
		return
	}
	for {
		select {
		case f := <-n.work:
			f()
		case <-n.stop:
			return
		}
	}
}

func (n *Node) enter() error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("run", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	if _, err := os.Stat("/etc/resolv.conf"); err == nil {
		if err := os.WriteFile("/run/resolv.conf", nil, 0o644); err != nil {
			return err
		}
		if err := unix.Mount("/run/resolv.conf", "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount /etc/resolv.conf: %w", err)
		}
	}
	if err := unix.Sethostname([]byte(n.Name)); err != nil {
		return err
	}
	os.WriteFile("/proc/thread-self/comm", []byte(threadName(n.Name)), 0)
	id, err := os.Readlink("/proc/thread-self/ns/net")
	n.netID = id
	return err
}

// threadName makes a node findable for Enter: the name of its thread is all that the machine sees of it.
func threadName(node string) string { return "ns:" + node }

// Do calls f on the node's thread: sockets it opens and files it opens in /proc/sys/net and /run are the node's.
// It must not call methods of the same node.
func (n *Node) Do(f func() error) error {
	result := make(chan error, 1)
	select {
	case n.work <- func() { result <- f() }:
		return <-result
	case <-n.done:
		return fmt.Errorf("host %s is closed", n.Name)
	}
}

// Sysctl writes kernel parameters of the node, given as "net.ipv6.conf.all.forwarding=1". A slash stands for itself, so that
// interface names with dots can be written: "net/ipv6/conf/eth0.5/accept_ra=2".
func (n *Node) Sysctl(settings ...string) error {
	if err := n.Do(func() error { return sysctl(settings) }); err != nil {
		return fmt.Errorf("%s: %w", n.Name, err)
	}
	return nil
}

// noDAD are the settings with which new links do no duplicate address detection.
var noDAD = []string{"net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"}

func sysctl(settings []string) error {
	for _, s := range settings {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("sysctl %q has no value", s)
		}
		if !strings.Contains(key, "/") {
			key = strings.ReplaceAll(key, ".", "/")
		}
		if err := os.WriteFile(filepath.Join("/proc/sys", key), []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

// Root is a path of the machine under which the node's files are: Root()+"/run/x" is the node's /run/x.
func (n *Node) Root() string { return fmt.Sprintf("/proc/%d/task/%d/root", os.Getpid(), n.tid) }

// NetFile is a path that names the node's network namespace, as ip link set … netns takes it.
func (n *Node) NetFile() string { return fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), n.tid) }

// Close kills the processes in the node and removes it with its links.
func (n *Node) Close() error {
	var err error
	n.close.Do(func() {
		err = n.killAll()
		close(n.stop)
		<-n.done
	})
	return err
}

// killAll ends what runs in the network namespace, daemons that left their parent among it.
func (n *Node) killAll() error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		left := n.pids()
		if len(left) == 0 {
			return nil
		}
		for _, pid := range left {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("kill %d of host %s: %w", pid, n.Name, err)
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v of host %s do not end", left, n.Name)
		}
		unix.Nanosleep(&unix.Timespec{Nsec: int64(2 * time.Millisecond)}, nil)
	}
}

// pids lists the living processes in the node's network namespace.
func (n *Node) pids() []int {
	var out []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if id, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid)); err == nil && id == n.netID {
			out = append(out, pid)
		}
	}
	return out
}
