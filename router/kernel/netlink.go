package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	socketBuffer  = 8 << 20   // for bursts: a lost acknowledgement or event costs a full dump
	receiveBuffer = 128 << 10 // more than the kernel puts into one datagram of a dump
	dumpTries     = 10        // dumps that were interrupted by a change before we give up
)

// errInterrupted says that a table changed while it was dumped, so that the result may lack entries.
var errInterrupted = errors.New("changed while it was read")

// conn is a netlink socket for requests. It serves one goroutine.
type conn struct {
	fd     int
	portID uint32
	seq    uint32
	buf    []byte
}

// dial opens a socket in the network namespace of the calling thread.
func dial() (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	c := &conn{fd: fd, buf: make([]byte, receiveBuffer)}
	growBuffers(fd, socketBuffer)
	// Short acknowledgements, errors in words, dumps filtered and checked by the kernel: all three may be missing in old kernels.
	for _, opt := range []int{unix.NETLINK_CAP_ACK, unix.NETLINK_EXT_ACK, unix.NETLINK_GET_STRICT_CHK} {
		_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, opt, 1)
	}
	// Requests are answered while sendto runs; the limit is for a kernel that is in trouble.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
		c.close()
		return nil, fmt.Errorf("set netlink time limit: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		c.close()
		return nil, fmt.Errorf("bind netlink socket: %w", err)
	}
	if sa, err := unix.Getsockname(fd); err == nil {
		if sa, ok := sa.(*unix.SockaddrNetlink); ok {
			c.portID = sa.Pid
		}
	}
	return c, nil
}

func (c *conn) close() { _ = unix.Close(c.fd) }

// growBuffers raises both socket buffers beyond the limits of the system if we may.
func growBuffers(fd, size int) {
	for _, o := range [][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, o[0], size) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, o[1], size)
		}
	}
}

// nextSeq returns a new sequence number, never 0.
func (c *conn) nextSeq() uint32 {
	if c.seq++; c.seq == 0 {
		c.seq++
	}
	return c.seq
}

func (c *conn) send(b []byte) error {
	for {
		err := unix.Sendto(c.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if err != unix.EINTR {
			return err
		}
	}
}

// receive calls fn for each message of the next datagram. The data is valid during the call.
func (c *conn) receive(fn func(h syscall.NlMsghdr, data []byte)) error {
	for {
		n, from, err := unix.Recvfrom(c.fd, c.buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if sa, ok := from.(*unix.SockaddrNetlink); !ok || sa.Pid != nl.PidKernel {
			continue // another process may send to us; only the kernel is answered to
		}
		eachMessage(c.buf[:n], fn)
		return nil
	}
}

// eachMessage calls fn for each netlink message in b.
func eachMessage(b []byte, fn func(h syscall.NlMsghdr, data []byte)) {
	for len(b) >= unix.NLMSG_HDRLEN {
		h := syscall.NlMsghdr{
			Len: native.Uint32(b), Type: native.Uint16(b[4:]), Flags: native.Uint16(b[6:]),
			Seq: native.Uint32(b[8:]), Pid: native.Uint32(b[12:]),
		}
		n := int(h.Len)
		if n < unix.NLMSG_HDRLEN || n > len(b) {
			return
		}
		fn(h, b[unix.NLMSG_HDRLEN:n])
		if n = (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1); n >= len(b) {
			return
		}
		b = b[n:]
	}
}

// forget throws away what was received. After ENOBUFS the queue is full of old answers and has no room for the next.
func (c *conn) forget() {
	for {
		switch _, _, err := unix.Recvfrom(c.fd, c.buf, unix.MSG_DONTWAIT); err {
		case nil, unix.EINTR, unix.ENOBUFS:
		default:
			return
		}
	}
}

// exchange sends messages of which the last, with sequence number last, has NLM_F_ACK, and waits for its acknowledgement.
// The kernel reports each message that failed, whether it has the flag or not: fail is called for these. An error means that
// it is not known which messages had effect.
func (c *conn) exchange(b []byte, last uint32, fail func(seq uint32, err error)) error {
	if err := c.send(b); err != nil {
		return err
	}
	for done := false; !done; {
		err := c.receive(func(h syscall.NlMsghdr, data []byte) {
			if h.Type != unix.NLMSG_ERROR || len(data) < 4 {
				return
			}
			if err := ackError(h, data); err != nil {
				fail(h.Seq, err)
			}
			done = done || h.Seq == last
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ackError returns the error in an acknowledgement, with the words that the kernel has for it.
func ackError(h syscall.NlMsghdr, data []byte) error {
	errno := int32(native.Uint32(data))
	if errno == 0 {
		return nil
	}
	var err error = syscall.Errno(-errno)
	// The header of the request is echoed; with NLM_F_CAPPED nothing else of it.
	if h.Flags&unix.NLM_F_ACK_TLVS == 0 || len(data) < 4+unix.NLMSG_HDRLEN {
		return err
	}
	skip := unix.NLMSG_HDRLEN
	if h.Flags&unix.NLM_F_CAPPED == 0 {
		skip = (int(native.Uint32(data[4:])) + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1)
	}
	if skip < unix.NLMSG_HDRLEN || len(data) < 4+skip {
		return err
	}
	eachAttr(data[4+skip:], func(typ uint16, val []byte) {
		if typ == nl.NLMSGERR_ATTR_MSG {
			err = fmt.Errorf("%w (%s)", err, unix.ByteSliceToString(val))
		}
	})
	return err
}

// do sends one request and returns the kernel's answer to it.
func (c *conn) do(req *nl.NetlinkRequest) error {
	return c.doAll([]*nl.NetlinkRequest{req})[0]
}

// doAll sends requests together and returns the kernel's answer to each, in their order. It takes them one after the other, whatever
// becomes of those before. If it is not known what became of them, all have the same error.
func (c *conn) doAll(reqs []*nl.NetlinkRequest) []error {
	if len(reqs) == 0 {
		return nil
	}
	answers := make([]error, len(reqs))
	of := make(map[uint32]int, len(reqs))
	var b []byte
	for n, req := range reqs {
		req.Seq = c.nextSeq()
		of[req.Seq] = n
		if n == len(reqs)-1 {
			req.Flags |= unix.NLM_F_ACK // of the others only failures are told
		}
		b = append(b, req.Serialize()...)
		b = append(b, make([]byte, -len(b)&(unix.NLMSG_ALIGNTO-1))...)
	}
	err := c.exchange(b, reqs[len(reqs)-1].Seq, func(seq uint32, err error) {
		if n, ok := of[seq]; ok {
			answers[n] = err
		}
	})
	if err == nil {
		return answers
	}
	if errors.Is(err, unix.ENOBUFS) {
		c.forget()
	}
	for n := range answers {
		answers[n] = err
	}
	return answers
}

// dumpOnce asks for all entries of a table and calls fn for each. It returns errInterrupted if the table changed meanwhile.
func (c *conn) dumpOnce(req *nl.NetlinkRequest, fn func(typ uint16, data []byte)) error {
	req.Seq = c.nextSeq()
	req.Flags |= unix.NLM_F_DUMP
	if err := c.send(req.Serialize()); err != nil {
		return err
	}
	var result error
	interrupted := false
	for done := false; !done; {
		err := c.receive(func(h syscall.NlMsghdr, data []byte) {
			if h.Seq != req.Seq || done {
				return
			}
			interrupted = interrupted || h.Flags&unix.NLM_F_DUMP_INTR != 0
			switch h.Type {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				done = true
				if len(data) >= 4 {
					if errno := int32(native.Uint32(data)); errno < 0 {
						result = syscall.Errno(-errno)
					}
				}
			default:
				fn(h.Type, data)
			}
		})
		if err != nil {
			return err
		}
	}
	if result == nil && interrupted {
		return errInterrupted
	}
	return result
}

// dump is dumpOnce until it was not interrupted. reset is called before each try.
func (c *conn) dump(ctx context.Context, req *nl.NetlinkRequest, reset func(), fn func(typ uint16, data []byte)) error {
	var err error
	for range dumpTries {
		if err = ctx.Err(); err != nil {
			return err
		}
		reset()
		if err = c.dumpOnce(req, fn); !errors.Is(err, errInterrupted) {
			return err
		}
	}
	return err
}

// events is a socket that receives notifications.
type events struct {
	file   *os.File
	raw    syscall.RawConn
	closed atomic.Bool

	mu      sync.Mutex // held while a datagram is taken and looked at; guards what follows
	buf     []byte
	dropped bool // the kernel dropped events since the last catchUp
}

// listen opens a socket that is a member of the multicast groups and, if filter is not empty, receives what it accepts.
func listen(bufferSize int, filter []unix.SockFilter, groups ...int) (*events, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	e := &events{file: os.NewFile(uintptr(fd), "netlink"), buf: make([]byte, receiveBuffer)}
	if e.raw, err = e.file.SyscallConn(); err != nil {
		e.close()
		return nil, fmt.Errorf("use netlink socket: %w", err)
	}
	growBuffers(fd, bufferSize)
	if len(filter) > 0 {
		prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
		if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
			e.close()
			return nil, fmt.Errorf("filter netlink events: %w", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		e.close()
		return nil, fmt.Errorf("bind netlink socket: %w", err)
	}
	for _, g := range groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g); err != nil {
			e.close()
			return nil, fmt.Errorf("join netlink group %d: %w", g, err)
		}
	}
	return e, nil
}

// close ends a blocked receive with os.ErrClosed.
func (e *events) close() {
	e.closed.Store(true)
	_ = e.file.Close()
}

// receive blocks for the next datagram and calls fn for each message in it. overflow says that the kernel dropped events since
// the last call because we were slow: what was learnt from events must be read anew.
func (e *events) receive(fn func(h syscall.NlMsghdr, data []byte)) (overflow bool, err error) {
	failed := e.raw.Read(func(fd uintptr) bool {
		err = e.take(int(fd), fn)
		return err != unix.EAGAIN
	})
	if failed != nil {
		err = failed
	}
	switch {
	case e.closed.Load():
		return false, os.ErrClosed
	case err == unix.ENOBUFS:
		return true, nil
	}
	return false, err
}

// maxCatchUp is how many datagrams a catchUp takes: more than any buffer of ours holds of the smallest.
const maxCatchUp = 1 << 16

// catchUp calls fn for the messages of all datagrams that the kernel has sent until now, and returns when those were looked at that
// a receive took. It does not block. lost says that there is more to know than these: events were dropped since the last catchUp, even
// if a receive was told of that, or there was no end to them.
func (e *events) catchUp(fn func(h syscall.NlMsghdr, data []byte)) (lost bool) {
	lost = true
	_ = e.raw.Control(func(fd uintptr) { // fails when the socket was closed
		for range maxCatchUp {
			if err := e.take(int(fd), fn); err != nil {
				lost = err != unix.EAGAIN
				return
			}
		}
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	lost = lost || e.dropped
	e.dropped = false
	return lost
}

// take takes one datagram, or fails with EAGAIN if there is none.
func (e *events) take(fd int, fn func(h syscall.NlMsghdr, data []byte)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		n, err := unix.Read(fd, e.buf)
		if err == unix.EINTR {
			continue
		}
		if err == nil {
			eachMessage(e.buf[:n], fn)
		}
		e.dropped = e.dropped || err == unix.ENOBUFS
		return err
	}
}
