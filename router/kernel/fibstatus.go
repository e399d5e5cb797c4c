package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
	"golang.org/x/sys/unix"
)

// FIBStatus is what became of the routes of the table.
type FIBStatus struct {
	Installed map[rib.Source]int // routes in the kernel
	Stale     int                // of these, from an earlier run and not yet confirmed by their source
	Failed    int                // wanted, and not in the kernel
	Failures  []RouteFailure     // why, ordered by key; at most 100
	Audits    uint64             // comparisons with the kernel
	Repaired  uint64             // routes that were not as we left them
	Writes    uint64             // messages that added, replaced or removed a route
}

// RouteFailure is a route that could not be written.
type RouteFailure struct {
	Entry  rib.Entry // zero if it is a removal that failed
	Key    rib.Key
	Reason string // 2001:db8::/48 via fe80::1 dev lan0: no such link
	Tries  int
	Retry  time.Time // when it is tried again, at the latest
}

const maxFailures = 100

// Status returns counts and failures. Before Run all is zero.
func (f *FIB) Status() FIBStatus {
	f.mu.Lock()
	s := FIBStatus{
		Installed: map[rib.Source]int{}, Stale: len(f.state.stale), Failed: len(f.state.failed),
		Audits: f.stats.audits, Repaired: f.stats.repaired, Writes: f.Writes(),
	}
	for _, r := range f.state.have {
		if src, ok := protocolSource(r.proto); ok {
			s.Installed[src]++
		}
	}
	for k, x := range f.state.failed {
		s.Failures = append(s.Failures, RouteFailure{Entry: x.route, Key: k, Reason: x.reason(k), Tries: x.tries, Retry: x.next})
	}
	f.mu.Unlock()
	slices.SortFunc(s.Failures, func(a, b RouteFailure) int { return a.Key.Compare(b.Key) })
	s.Failures = slices.Clip(s.Failures[:min(len(s.Failures), maxFailures)])
	return s
}

// Refused returns the routes of the sources that match selects which the kernel, or a route of somebody else, does not let in:
// not those that only wait for a link or for a next hop. It is ordered by key and has at most 100.
func (f *FIB) Refused(match func(rib.Source) bool) []RouteFailure {
	f.mu.Lock()
	var out []RouteFailure
	for k, x := range f.state.failed {
		var errno syscall.Errno
		if match(x.route.Source) && (x.exists || errors.As(x.err, &errno) && !waits(errno)) {
			out = append(out, RouteFailure{Entry: x.route, Key: k, Reason: x.reason(k), Tries: x.tries, Retry: x.next})
		}
	}
	f.mu.Unlock()
	slices.SortFunc(out, func(a, b RouteFailure) int { return a.Key.Compare(b.Key) })
	return slices.Clip(out[:min(len(out), maxFailures)])
}

// waits reports whether an error of the kernel is about the state of a link, which changes by itself.
func waits(errno syscall.Errno) bool {
	switch errno {
	case unix.ENETDOWN, unix.ENODEV, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ENOBUFS:
		return true
	}
	return false
}

func (x *failedRoute) reason(k rib.Key) string {
	what := x.route.Route.String()
	if x.route.Source == 0 {
		what = k.Prefix.String()
	}
	return what + ": " + x.why()
}

func (x *failedRoute) why() string {
	if x.exists {
		return fmt.Sprintf("a route of somebody else has this prefix and metric %d", cmp.Or(x.route.Route.Metric, DefaultMetric))
	}
	return x.err.Error()
}

// Reason tells why the kernel does not have what the table says of key: next hop 2001:db8::1 is not reachable. It is empty if
// the kernel has it, or if nothing was tried yet.
func (f *FIB) Reason(key rib.Key) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x := f.state.failed[key]; x != nil {
		return x.why()
	}
	return ""
}

// Installed reports whether the kernel has what the table says of key, as far as the writer got.
func (f *FIB) Installed(key rib.Key) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, have := f.state.have[key]
	_, stale := f.state.stale[key]
	return have && !stale && f.state.failed[key] == nil
}

// Sync waits until all that the table has now, and the links as they are now, are in the kernel or failed. It needs Run.
func (f *FIB) Sync(ctx context.Context) error {
	if err := f.monitor.Refresh(ctx); err != nil {
		return err
	}
	done := make(chan struct{})
	select {
	case f.syncs <- done:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Flush removes all routes of ours from the kernel, of this and earlier runs. While Run runs they come back; it is for the end.
func (f *FIB) Flush(ctx context.Context) error {
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.close()
	var errs []error
	for _, family := range families(0) {
		var found []parsedRoute
		err := dumpRoutes(ctx, c, family, 0, func() { found = found[:0] }, func(p parsedRoute) {
			if _, ours := protocolSource(p.route.proto); ours {
				found = append(found, p)
			}
		})
		if err != nil {
			return err
		}
		for chunk := range slices.Chunk(found, batch) {
			if err := f.remove(c, chunk); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (f *FIB) remove(c *conn, routes []parsedRoute) error {
	var b []byte
	last, first := 0, c.seq+1
	for _, p := range routes {
		last = len(b)
		b = appendDelete(b, 0, c.nextSeq(), p.key, p.route)
	}
	setAck(b, last)
	f.writes.Add(uint64(len(routes)))
	f.monitor.writes.Add(uint64(len(routes)))
	var errs []error
	err := c.exchange(b, c.seq, func(seq uint32, err error) {
		if i := seq - first; int(i) < len(routes) && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("remove route %s: %w", routes[i].key.Prefix, err))
		}
	})
	if err != nil {
		return fmt.Errorf("remove routes: %w", err)
	}
	return errors.Join(errs...)
}
