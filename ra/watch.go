package ra

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
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
// that fail the checks are ignored, but for options that run over the end, which Truncated tells of. It opens its own socket in the
// network namespace of the calling thread.
func Watch(ctx context.Context, ifindex int, solicit bool, each func(Received)) error {
	links := []int{ifindex}
	var asked []int
	if solicit {
		asked = links
	}
	return WatchLinks(ctx, links, asked, each)
}

// WatchLinks is Watch for several interfaces, by index; none: all. Those to ask on are listed by themselves.
func WatchLinks(ctx context.Context, links, ask []int, each func(Received)) error {
	c, err := openSocket(typeAdvertisement)
	if err != nil {
		return err
	}
	for _, index := range links {
		if err := c.join(index, allNodes); err != nil {
			return errors.Join(err, c.close())
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heard := make(chan int, len(ask))
	asked := make(chan error, 1)
	go func() {
		err := askOn(ctx, c, ask, heard)
		if err == nil {
			<-ctx.Done()
		}
		c.interrupt()
		asked <- err
	}()
	err = watch(c, links, func(r Received) {
		select {
		case heard <- r.Index:
		default:
		}
		each(r)
	})
	cancel()
	return errors.Join(err, <-asked, c.close())
}

// askOn sends solicitations on each interface until an advertisement was heard there. A link that just came up may refuse the first,
// having no address to send from yet. It fails if none could be sent on any.
func askOn(ctx context.Context, c conn, links []int, heard <-chan int) error {
	quiet := map[int]bool{}
	for _, index := range links {
		quiet[index] = true
	}
	sent := false
	var failed error
	for try := 0; try < maxSolicitations && len(quiet) > 0; try++ {
		wait := solicitationInterval
		for index := range quiet {
			if err := c.write(solicitation[:], index, netip.Addr{}, allRouters, true); err != nil {
				failed, wait = err, time.Second
			} else {
				sent = true
			}
		}
		next := time.After(wait)
		for waiting := true; waiting && len(quiet) > 0; {
			select {
			case <-ctx.Done():
				return nil
			case index := <-heard:
				delete(quiet, index)
			case <-next:
				waiting = false
			}
		}
	}
	if len(quiet) > 0 && !sent {
		return fmt.Errorf("send solicitation: %w", failed)
	}
	return nil
}

// watch reads advertisements that come in on the links, none: on all, until the socket is interrupted.
func watch(c conn, links []int, each func(Received)) error {
	b := make([]byte, 1<<16)
	for {
		n, info, err := c.read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive advertisements: %w", err)
		}
		if len(links) > 0 && !slices.Contains(links, info.index) || checkAdvertisement(b[:n], info) != "" {
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
