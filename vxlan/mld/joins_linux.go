package mld

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// perSocket is how many groups one socket listens to: the kernel keeps them in the socket's option memory
// (net.core.optmem_max), 20 KB on many machines.
const perSocket = 128

// Sources that a socket may name for a group. It is a setting of the whole machine, which some namespaces cannot change.
const (
	sysctlSources = "/proc/sys/net/ipv6/mld_max_msf"
	usualSources  = 64
	mostSources   = 1024
)

// Socket options of linux/in.h.
const (
	mcastJoinGroup       = 42
	mcastLeaveGroup      = 45
	mcastJoinSourceGroup = 46
	mcastSourceFilter    = 48
	mcastExclude         = 0
	mcastInclude         = 1
)

// align is where the first address is in struct group_req and its kin.
const align = int(unsafe.Sizeof(uintptr(0)))

// storage is the size of struct sockaddr_storage.
const storage = 128

// membership is a group on a link.
type membership struct {
	index int
	group netip.Addr
}

// member is a membership that is in force.
type member struct {
	filter filter
	socket int
}

// listener has the kernel listen to groups, as a host does. Its sockets receive nothing: they are bound to no port.
type listener struct {
	sockets []int // descriptors
	used    []int // groups of each
	members map[membership]member
	raised  bool // the limit of sources was looked at
}

func newListener() *listener { return &listener{members: map[membership]member{}} }

// set makes what is listened to in a group; a filter of none leaves.
func (l *listener) set(m membership, f filter) error {
	if len(f.Sources) > usualSources && !l.raised {
		l.raised = true
		raiseSources()
	}
	err := l.make(m, f)
	if errors.Is(err, unix.ENOBUFS) && len(f.Sources) > 0 {
		// Too much rather than too little: what is forwarded is decided elsewhere.
		return l.make(m, filter{Exclude: true})
	}
	return err
}

// raiseSources lets sockets name more sources. It never lowers the limit.
func raiseSources() {
	text, err := os.ReadFile(sysctlSources)
	if err != nil {
		return
	}
	if now, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && now < mostSources {
		_ = os.WriteFile(sysctlSources, []byte(strconv.Itoa(mostSources)), 0) // without it, all sources are taken
	}
}

// make is set for a filter that the kernel may refuse.
func (l *listener) make(m membership, f filter) error {
	now, joined := l.members[m]
	switch {
	case f.none() && !joined:
		return nil
	case f.none():
		return l.leave(m, now)
	case joined && now.filter.equal(f):
		return nil
	case joined:
		if err := l.filter(now.socket, m, f); err != nil {
			return err
		}
		l.members[m] = member{f, now.socket}
		return nil
	}
	return l.join(m, f)
}

func (l *listener) join(m membership, f filter) error {
	n, err := l.free()
	if err != nil {
		return err
	}
	// A listener to sources that began as one to all would have the routers forward all for a moment.
	if f.Exclude {
		err = setBytes(l.sockets[n], mcastJoinGroup, groupRequest(m, storage))
	} else {
		b := groupRequest(m, 2*storage)
		putAddress(b[align+storage:], f.Sources[0])
		err = setBytes(l.sockets[n], mcastJoinSourceGroup, b)
	}
	if err != nil {
		return fmt.Errorf("join %s: %w", m.group, err)
	}
	l.used[n]++
	first := filter{Exclude: f.Exclude, Sources: f.Sources[:min(len(f.Sources), 1)]}
	if f.Exclude {
		first.Sources = nil
	}
	l.members[m] = member{first, n}
	return l.make(m, f)
}

// free returns a socket that has room.
func (l *listener) free() (int, error) {
	for n, used := range l.used {
		if used < perSocket {
			return n, nil
		}
	}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	l.sockets, l.used = append(l.sockets, fd), append(l.used, 0)
	return len(l.sockets) - 1, nil
}

func (l *listener) leave(m membership, now member) error {
	err := setBytes(l.sockets[now.socket], mcastLeaveGroup, groupRequest(m, storage))
	delete(l.members, m)
	l.used[now.socket]--
	// With its link, the membership is gone already.
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("leave %s: %w", m.group, err)
	}
	return nil
}

// filter changes the sources of a group that is joined.
func (l *listener) filter(socket int, m membership, f filter) error {
	b := groupRequest(m, storage+8+storage*len(f.Sources))
	at := align + storage
	mode := uint32(mcastInclude)
	if f.Exclude {
		mode = mcastExclude
	}
	binary.NativeEndian.PutUint32(b[at:], mode)
	binary.NativeEndian.PutUint32(b[at+4:], uint32(len(f.Sources)))
	for i, s := range f.Sources {
		putAddress(b[at+8+storage*i:], s)
	}
	if err := setBytes(l.sockets[socket], mcastSourceFilter, b); err != nil {
		return fmt.Errorf("set the sources of %s: %w", m.group, err)
	}
	return nil
}

// close leaves all groups.
func (l *listener) close() error {
	var errs []error
	for _, fd := range l.sockets {
		errs = append(errs, unix.Close(fd))
	}
	l.sockets, l.used = nil, nil
	clear(l.members)
	return errors.Join(errs...)
}

// groupRequest begins struct group_req, group_source_req and group_filter.
func groupRequest(m membership, rest int) []byte {
	b := make([]byte, align+rest)
	binary.NativeEndian.PutUint32(b, uint32(m.index))
	putAddress(b[align:], m.group)
	return b
}

// putAddress writes a struct sockaddr_in6.
func putAddress(b []byte, a netip.Addr) {
	binary.NativeEndian.PutUint16(b, unix.AF_INET6)
	addr := a.As16()
	copy(b[8:], addr[:])
}

func setBytes(fd, option int, b []byte) error {
	return unix.SetsockoptString(fd, unix.IPPROTO_IPV6, option, string(b))
}

// promiscuous has link layers pass all multicast frames, not only those of groups that this machine listens to: reports of version 1
// go to the group that they are about.
type promiscuous struct {
	fd int
	on map[int]bool
}

func openPromiscuous() (*promiscuous, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("open packet socket", err)
	}
	return &promiscuous{fd: fd, on: map[int]bool{}}, nil
}

func (p *promiscuous) set(index int, on bool) error {
	if p.on[index] == on {
		return nil
	}
	option := unix.PACKET_DROP_MEMBERSHIP
	if on {
		option = unix.PACKET_ADD_MEMBERSHIP
		p.on[index] = true
	} else {
		delete(p.on, index)
	}
	err := unix.SetsockoptPacketMreq(p.fd, unix.SOL_PACKET, option, &unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_ALLMULTI})
	if err != nil && !on {
		return nil // it went with its link
	}
	if err != nil {
		delete(p.on, index)
	}
	return os.NewSyscallError("receive all multicast", err)
}

func (p *promiscuous) close() error { return unix.Close(p.fd) }
