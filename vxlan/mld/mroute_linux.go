package mld

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket options of linux/mroute6.h.
const (
	mrt6Init   = 200
	mrt6AddMIF = 202
	mrt6DelMIF = 203
	mrt6AddMFC = 204
	mrt6DelMFC = 205
	mrt6Assert = 207
)

// mifControl is struct mif6ctl.
type mifControl struct {
	mif       uint16
	_         uint8 // flags
	threshold uint8
	index     uint16
	_         uint32 // rate limit, which the kernel does not look at
}

// cacheControl is struct mf6cctl.
type cacheControl struct {
	origin, group unix.RawSockaddrInet6
	parent        uint16
	out           [8]uint32
}

// upcall is struct mrt6msg, with which the kernel asks about a flow.
const (
	upcallBytes   = 40
	upcallNoEntry = 1 // MRT6MSG_NOCACHE
	upcallWrong   = 2 // MRT6MSG_WRONGMIF: it came in by another link than the entry has
)

// question is an upcall.
type question struct {
	flow  flow
	mif   int
	wrong bool
}

// errBusy says that another program routes multicast.
var errBusy = errors.New("another program routes multicast on this machine: stop it (pim6d, smcrouted, mcproxy …)")

// openRouting switches multicast routing on, for as long as the socket is open.
func openRouting() (*socket, error) {
	s, err := openRaw()
	if err != nil {
		return nil, err
	}
	err = s.control(func(fd int) error {
		err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, mrt6Init, 1)
		switch {
		case errors.Is(err, unix.EADDRINUSE):
			return errBusy
		case errors.Is(err, unix.ENOPROTOOPT) || errors.Is(err, unix.EOPNOTSUPP):
			return errors.New("this kernel has no IPv6 multicast routing (CONFIG_IPV6_MROUTE)")
		case err != nil:
			return fmt.Errorf("switch multicast routing on: %w", err)
		}
		return os.NewSyscallError("set MRT6_ASSERT", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, mrt6Assert, 1))
	})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// parseUpcall reads a question of the kernel.
func parseUpcall(b []byte) (question, bool) {
	if len(b) < upcallBytes || b[0] != 0 || b[1] != upcallNoEntry && b[1] != upcallWrong {
		return question{}, false
	}
	return question{
		flow:  flow{netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))},
		mif:   int(*(*uint16)(unsafe.Pointer(&b[2]))),
		wrong: b[1] == upcallWrong,
	}, true
}

// setPointer is setsockopt with a structure.
func setPointer[T any](s *socket, option int, v *T) error {
	return s.control(func(fd int) error {
		_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.IPPROTO_IPV6, uintptr(option),
			uintptr(unsafe.Pointer(v)), unsafe.Sizeof(*v), 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// addMIF has the kernel take a link into multicast forwarding.
func (s *socket) addMIF(mif, index int) error {
	if index > 0xffff {
		return fmt.Errorf("its interface index %d is above 65535, the largest that the kernel takes here", index)
	}
	return setPointer(s, mrt6AddMIF, &mifControl{mif: uint16(mif), threshold: 1, index: uint16(index)})
}

func (s *socket) delMIF(mif int) error {
	n := uint16(mif)
	return setPointer(s, mrt6DelMIF, &n)
}

// setEntry makes or changes the entry of a flow.
func (s *socket) setEntry(f flow, in int, out []int) error {
	c := cacheEntry(f)
	c.parent = uint16(in)
	for _, mif := range out {
		c.out[mif/32] |= 1 << (mif % 32)
	}
	return setPointer(s, mrt6AddMFC, &c)
}

func (s *socket) delEntry(f flow) error {
	c := cacheEntry(f)
	return setPointer(s, mrt6DelMFC, &c)
}

func cacheEntry(f flow) cacheControl {
	return cacheControl{
		origin: unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: f.Source.As16()},
		group:  unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: f.Group.As16()},
	}
}

// Where the kernel shows MIFs and entries. These are the files of the namespace of the calling thread.
const (
	mifFile   = "/proc/thread-self/net/ip6_mr_vif"
	entryFile = "/proc/thread-self/net/ip6_mr_cache"
)

// kernelEntry is an entry as the kernel has it.
type kernelEntry struct {
	in                    int
	out                   []int
	packets, bytes, wrong uint64
}

// readMIFs returns the names of the links that take part, by number.
func readMIFs() (map[int]string, error) {
	text, err := os.ReadFile(mifFile)
	if err != nil {
		return nil, err
	}
	return parseMIFs(string(text)), nil
}

func parseMIFs(text string) map[int]string {
	out := map[int]string{}
	for _, line := range lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if n, err := strconv.Atoi(f[0]); err == nil && n >= 0 && n < MaxLinks {
			out[n] = f[1]
		}
	}
	return out
}

// readEntries returns the entries of the kernel.
func readEntries() (map[flow]kernelEntry, error) {
	text, err := os.ReadFile(entryFile)
	if err != nil {
		return nil, err
	}
	return parseEntries(string(text)), nil
}

// parseEntries reads lines as "GROUP ORIGIN MIF PACKETS BYTES WRONG MIF:TTL …". Flows that the kernel still asks about have no MIF.
func parseEntries(text string) map[flow]kernelEntry {
	out := map[flow]kernelEntry{}
	for _, line := range lines(text) {
		f := strings.Fields(line)
		if len(f) < 6 {
			continue
		}
		group, err := netip.ParseAddr(f[0])
		source, err2 := netip.ParseAddr(f[1])
		in, err3 := strconv.Atoi(f[2])
		if errors.Join(err, err2, err3) != nil || in < 0 || in >= MaxLinks {
			continue
		}
		e := kernelEntry{in: in}
		for i, to := range []*uint64{&e.packets, &e.bytes, &e.wrong} {
			*to, _ = strconv.ParseUint(f[3+i], 10, 64)
		}
		for _, o := range f[6:] {
			mif, _, _ := strings.Cut(o, ":")
			if n, err := strconv.Atoi(mif); err == nil && n >= 0 && n < MaxLinks {
				e.out = append(e.out, n)
			}
		}
		out[flow{source, group}] = e
	}
	return out
}

// lines returns the lines behind the headline.
func lines(text string) []string {
	_, rest, _ := strings.Cut(text, "\n")
	return strings.Split(rest, "\n")
}
