package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

const (
	sequential  = 3000
	together    = 16 // solicitations on their way
	flat        = 2 * time.Second
	answerLimit = 300 * time.Millisecond
)

// asker sends solicitations from the other end of the first link and takes the answers.
type asker struct {
	fd      int
	message []byte
	to      *unix.SockaddrInet6
}

func (r *rig) asker() (*asker, error) {
	a := &asker{}
	err := r.hosts.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
		if err != nil {
			return err
		}
		a.fd = fd
		index, err := netns.LinkIndex("lan1")
		if err != nil {
			return err
		}
		a.to = &unix.SockaddrInet6{Addr: netip.MustParseAddr("ff02::2").As16(), ZoneId: uint32(index)}
		filter := unix.ICMPv6Filter{}
		for i := range filter.Data {
			filter.Data[i] = 0xffffffff
		}
		filter.Data[typeAdvertisement>>5] &^= 1 << (typeAdvertisement & 31)
		return errors.Join(
			unix.BindToDevice(fd, "lan1"),
			unix.SetsockoptICMPv6Filter(fd, unix.SOL_ICMPV6, unix.ICMPV6_FILTER, &filter),
			unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255),
			unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: answerLimit.Microseconds()}))
	})
	if err != nil {
		return nil, err
	}
	out, err := r.hosts.Run("cat", "/sys/class/net/lan1/address")
	if err != nil {
		return nil, err
	}
	a.message = []byte{133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0}
	_, err = fmt.Sscanf(strings.TrimSpace(out), "%02x:%02x:%02x:%02x:%02x:%02x", &a.message[10], &a.message[11], &a.message[12], &a.message[13], &a.message[14], &a.message[15])
	return a, err
}

// send sends one. Where the neighbor table, which all namespaces share, has no room for a moment, it is as one that got lost.
func (a *asker) send() error {
	err := unix.Sendto(a.fd, a.message, 0, a.to)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOBUFS) {
		return nil
	}
	return err
}

// receive waits for an advertisement that is for this host alone. It reports false if none comes for a while.
func (a *asker) receive() (bool, error) {
	var b, oob [256]byte
	for {
		_, n, _, _, err := unix.Recvmsg(a.fd, b[:], oob[:], 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return false, nil
		case err != nil:
			return false, err
		}
		_, data, _, err := unix.ParseOneSocketControlMessage(oob[:n])
		if err == nil && len(data) >= 16 && data[0] != 0xff { // the destination, which is no multicast group
			return true, nil
		}
	}
}

// solicitations measures how they are answered.
func (r *rig) solicitations(out *result) error {
	a, err := r.asker()
	if err != nil {
		return err
	}
	defer unix.Close(a.fd)
	// Some routers take a while until they answer.
	err = netns.Eventually(10*time.Second, func() error {
		if err := a.send(); err != nil {
			return err
		}
		if ok, err := a.receive(); err != nil || !ok {
			return errors.Join(err, errors.New("no answer to a solicitation"))
		}
		return nil
	})
	if err != nil {
		return nil // the table shows that there are no figures
	}
	var took []time.Duration
	for range sequential {
		began := time.Now()
		if err := a.send(); err != nil {
			return err
		}
		ok, err := a.receive()
		if err != nil {
			return err
		}
		if out.sent++; ok {
			took = append(took, time.Since(began))
			continue
		}
		if out.unanswered++; out.unanswered > 20 {
			break // it answers by other rules
		}
	}
	if len(took) == 0 {
		return nil
	}
	slices.Sort(took)
	out.median, out.p99 = took[len(took)/2], took[len(took)*99/100]
	answers := 0
	began := time.Now()
	for range together {
		if err := a.send(); err != nil {
			return err
		}
	}
	for time.Since(began) < flat {
		ok, err := a.receive()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		answers++
		if err := a.send(); err != nil {
			return err
		}
	}
	out.rate = float64(answers) / time.Since(began).Seconds()
	return nil
}
