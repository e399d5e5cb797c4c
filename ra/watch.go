package ra

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
)

// RFC 4861 section 10: how a host asks.
const (
	maxSolicitations     = 3               // MAX_RTR_SOLICITATIONS
	solicitationInterval = 4 * time.Second // RTR_SOLICITATION_INTERVAL
)

// solicitation is a router solicitation without options: what fits every link, whether or not it has an address yet.
var solicitation = [8]byte{typeSolicitation}

// Watch calls each, from one goroutine, with every valid router advertisement (RFC 4861 6.1.2) that comes in on an interface,
// until ctx ends; then it returns nil. If solicit is set it asks for them: at most three times, until one came. Advertisements
// that fail the checks are ignored. It opens its own socket in the network namespace of the calling thread.
func Watch(ctx context.Context, ifindex int, solicit bool, each func(Received)) error {
	c, err := openSocket(typeAdvertisement)
	if err != nil {
		return err
	}
	if err := c.join(ifindex, allNodes); err != nil {
		return errors.Join(err, c.close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heard := make(chan struct{}, 1)
	asked := make(chan error, 1)
	go func() {
		var err error
		if solicit {
			err = ask(ctx, c, ifindex, heard)
		}
		if err == nil {
			<-ctx.Done()
		}
		c.interrupt()
		asked <- err
	}()
	err = watch(c, ifindex, func(r Received) {
		select {
		case heard <- struct{}{}:
		default:
		}
		each(r)
	})
	cancel()
	return errors.Join(err, <-asked, c.close())
}

// ask sends solicitations until an advertisement was heard. A link that just came up may refuse the first, having no address to
// send from yet.
func ask(ctx context.Context, c conn, ifindex int, heard <-chan struct{}) error {
	sent := false
	var err error
	for range maxSolicitations {
		wait := solicitationInterval
		if err = c.write(solicitation[:], ifindex, netip.Addr{}, allRouters, true); err != nil {
			wait = time.Second
		}
		sent = sent || err == nil
		select {
		case <-ctx.Done():
			return nil
		case <-heard:
			return nil
		case <-time.After(wait):
		}
	}
	if !sent {
		return fmt.Errorf("send solicitation: %w", err)
	}
	return nil
}

// watch reads advertisements until the socket is interrupted.
func watch(c conn, ifindex int, each func(Received)) error {
	b := make([]byte, 1<<16)
	for {
		n, info, err := c.read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive advertisements: %w", err)
		}
		if info.index != ifindex || info.hopLimit != infiniteHops || !info.source.IsLinkLocalUnicast() {
			continue
		}
		r, err := Decode(b[:n])
		if err != nil {
			continue
		}
		r.Time, r.Index, r.Router = time.Now(), info.index, info.source
		each(r)
	}
}

// maxCollected bounds what Solicit keeps of a link that is flooded.
const maxCollected = 1024

// Solicit asks for advertisements on an interface and returns what came until ctx ended, or the first one alone if first is set.
func Solicit(ctx context.Context, ifindex int, first bool) ([]Received, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	enough := maxCollected
	if first {
		enough = 1
	}
	var all []Received
	err := Watch(ctx, ifindex, true, func(r Received) {
		if len(all) < enough {
			all = append(all, r)
		}
		if len(all) == enough {
			cancel()
		}
	})
	return all, err
}
