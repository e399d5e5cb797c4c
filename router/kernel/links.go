package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// LinkWriter makes a Config so in the kernel. It has nothing to run.
type LinkWriter struct {
	// OnDrift, if set before the first Apply, is told what others changed since the Apply before: the link or sysctl, what was
	// found, and why it could not be mended. What could not is told again by each Apply until it could. It is called by Apply and
	// must neither block nor call the LinkWriter.
	OnDrift func(object, what string, problem error)

	log     *slog.Logger
	monitor *Monitor
	sys     sysctls
	writes  atomic.Uint64

	mu      sync.Mutex // one Apply at a time; guards how it left things
	settled map[string]settledLink
	whole   bool                     // the last Apply left nothing undone
	forward bool                     // and wanted forwarding
	sysctls map[string]settledSysctl // by path
	origins origins
	stale   bool                         // something was written since the links were read, so that their settings may be others
	fault   func(operation string) error // for tests: an error stands for that of the kernel
}

// NewLinks returns a writer that compares with what the monitor reads.
func NewLinks(log *slog.Logger, monitor *Monitor) *LinkWriter {
	return &LinkWriter{log: log, monitor: monitor, sys: sysctls{root: "/proc/sys"}, settled: map[string]settledLink{}}
}

// Writes counts the netlink messages and sysctls that were written. Applying what is already so writes nothing.
func (w *LinkWriter) Writes() uint64 { return w.writes.Load() }

// Apply makes want so: MTU, sysctls, up, addresses, in this order, and removes addresses of ours that are not wanted, on all
// links, last. Links that do not exist are left for a later call. What fails does not keep the rest from being done; the errors
// are joined. Forwarding is switched on but never off: others on this machine may need it. All else that an earlier Apply changed
// of a link and that is no longer wanted gets back the value that it was found with, unless somebody else changed it since.
func (w *LinkWriter) Apply(ctx context.Context, want Config) error {
	return w.ApplySince(ctx, want, time.Now())
}

// ApplySince is Apply for a caller whom links are good enough that the monitor read after a time and that did not change since.
func (w *LinkWriter) ApplySince(ctx context.Context, want Config, since time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.monitor.RefreshSince(ctx, since); err != nil {
		return err
	}
	return w.apply(ctx, want, false)
}

// ApplyKnown is Apply for a caller that had the monitor look at all links a moment ago: only what it was told of since is read again.
func (w *LinkWriter) ApplyKnown(ctx context.Context, want Config) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.monitor.Update(ctx); err != nil {
		return err
	}
	return w.apply(ctx, want, false)
}

// ApplyChanges is Apply for a caller that was woken by events, and calls Apply now and then. After an Apply that left nothing undone
// it sees only to links of which something else is wanted than then, or to which something happened. What the kernel tells nobody
// of, as most sysctls, is found by Apply.
func (w *LinkWriter) ApplyChanges(ctx context.Context, want Config) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.monitor.Update(ctx); err != nil {
		return err
	}
	return w.apply(ctx, want, true)
}

// apply goes by the links that the monitor has. w.mu is held.
func (w *LinkWriter) apply(ctx context.Context, want Config, changes bool) error {
	defer w.monitor.wait()()
	present := w.monitor.Links()
	w.stale = false
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.close()

	good, errs := named(want)
	cfg, links, refresh := good, present, w.monitor.Refresh
	if changes = changes && w.whole && w.forward == want.Forwarding; changes {
		cfg, links = w.changed(good, present)
		refresh = w.monitor.Update
	}
	w.whole, w.forward = false, want.Forwarding
	before, d := w.Writes(), w.drift(cfg, links)
	w.origins.keepOnly(present)
	if err := w.noteLinks(cfg, links); err != nil {
		return err
	}
	w.eachLink(cfg, present, func(want Link, have LinkState) error { return w.setMTU(c, want, have, d) }, &errs)
	left := map[string]settledSysctl{}
	if changes {
		left = w.sysctls
	}
	solicit := w.applySysctls(cfg, links, max(len(present), len(good.Links)), left, d, &errs)
	w.eachLink(cfg, present, func(_ Link, have LinkState) error { return w.setUp(c, have, d) }, &errs)
	w.applyAddresses(c, cfg, links, d, &errs)
	w.putBack(c, good, present, links, &errs)
	w.settle(cfg, links, present, d)

	if w.Writes() != before {
		// Whoever asks next, this Apply included, sees what was written.
		if err := refresh(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	w.whole = len(errs) == 0
	now := w.monitor.Links()
	for _, name := range solicit {
		if err := w.monitor.solicit(now[name]); err != nil {
			w.log.Warn("the default route will come with the next advertisement", "link", name, "error", err)
		}
	}
	return errors.Join(errs...)
}

// named returns the part of want with names that links can have, and an error for each other.
func named(want Config) (Config, []error) {
	bad := func(name string) bool { return checkLinkName(name) != nil }
	if !slices.ContainsFunc(slices.Collect(maps.Keys(want.Links)), bad) {
		return want, nil
	}
	var errs []error
	good := Config{Forwarding: want.Forwarding, AnyIP: want.AnyIP, Links: make(map[string]Link, len(want.Links))}
	for _, name := range slices.Sorted(maps.Keys(want.Links)) {
		if err := checkLinkName(name); err != nil {
			errs = append(errs, err)
			continue
		}
		good.Links[name] = want.Links[name]
	}
	return good, errs
}

// changesMTU reports whether the MTU has to be written.
func (l Link) changesMTU(have LinkState) bool { return l.MTU != 0 && l.MTU != have.MTU }

func wantsIPv6(l Link) bool {
	return l.AcceptRA || slices.ContainsFunc(l.Addresses, func(a Address) bool { return a.Prefix.Addr().Is6() })
}

// changed returns the links of which something else is wanted than the last Apply left, or that are not as it found them, with what is
// wanted of them.
func (w *LinkWriter) changed(cfg Config, links Links) (Config, Links) {
	some, left := Config{Forwarding: cfg.Forwarding, AnyIP: cfg.AnyIP, Links: map[string]Link{}}, Links{}
	for name, have := range links {
		want, configured := cfg.Links[name]
		if was, ok := w.settled[name]; ok && was.configured == configured && was.want.Equal(want) && was.have.untouched(have) {
			continue
		}
		left[name] = have
		if configured {
			some.Links[name] = want
		}
	}
	return some, left
}

// eachLink calls fn for the links of cfg that are present.
func (w *LinkWriter) eachLink(cfg Config, links Links, fn func(want Link, have LinkState) error, errs *[]error) {
	if len(cfg.Links) == 0 {
		return
	}
	for _, name := range lowerFirst(cfg, links) {
		if state, ok := links[name]; ok {
			if err := fn(cfg.Links[name], state); err != nil {
				*errs = append(*errs, err)
			}
		}
	}
}

// setMTU comes first: with an MTU below 1280 a link has no IPv6, nor the sysctls for it.
func (w *LinkWriter) setMTU(c *conn, want Link, have LinkState, d *linkDrift) error {
	if !want.changesMTU(have) {
		return nil
	}
	req := linkRequest(have.Index, 0)
	req.AddData(nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(want.MTU))))
	err := w.request(c, fmt.Sprintf("set mtu of %s to %d", have.Name, want.MTU), req)
	d.link(have.Name, fmt.Sprintf("MTU was %d, not %d", have.MTU, want.MTU), err)
	return d.outcome(have.Name, err)
}

// setUp comes after the sysctls, so that a link starts with them.
func (w *LinkWriter) setUp(c *conn, have LinkState, d *linkDrift) error {
	if have.Up {
		return nil
	}
	err := w.request(c, "set "+have.Name+" up", linkRequest(have.Index, unix.IFF_UP))
	d.link(have.Name, "the link was down", err)
	return d.outcome(have.Name, err)
}

// linkRequest is a change of a link that sets flags; the caller adds attributes to it.
func linkRequest(index int, flags uint32) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, 0)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	msg.Flags, msg.Change = flags, flags
	req.AddData(msg)
	return req
}

// applyAddresses writes the addresses of all links.
func (w *LinkWriter) applyAddresses(c *conn, cfg Config, links Links, d *linkDrift, errs *[]error) {
	writes, bad := addressWrites(cfg, links)
	*errs = append(*errs, bad...)
	if len(writes) == 0 {
		return
	}
	everywhere := w.sys.number(acceptDAD) > 0
	for batch := range slices.Chunk(writes, addressBatch) {
		reqs := make([]request, 0, len(batch))
		for _, a := range batch {
			dad := detects(cfg.Links[a.link.Name], a.link, everywhere)
			reqs = append(reqs, request{what: a.String(), message: addressRequest(a.addressOp, a.link.Index, dad)})
		}
		w.requests(c, reqs)
		for n, a := range batch {
			err := w.addressDone(a, reqs[n].err)
			d.address(a.link.Name, a.addressOp, err)
			if d.outcome(a.link.Name, err) != nil {
				*errs = append(*errs, err)
			}
		}
	}
}

// addressDone takes the outcome of an operation.
func (w *LinkWriter) addressDone(a addressWrite, err error) error {
	w.monitor.touch(a.link.Index)
	if a.verb == "remove" && errors.Is(err, unix.EADDRNOTAVAIL) {
		err = nil // gone already
	}
	if err == nil {
		w.monitor.remember(addressOn{a.link.Index, a.prefix}, a.verb != "remove")
	}
	return err
}

// request is a write, with its outcome.
type request struct {
	what    string // for errors
	message *nl.NetlinkRequest
	err     error
}

// request sends a write and names it in its error.
func (w *LinkWriter) request(c *conn, what string, req *nl.NetlinkRequest) error {
	one := []request{{what: what, message: req}}
	w.requests(c, one)
	return one[0].err
}

// requests sends writes, all at once. One that fails does not keep the others from being done.
func (w *LinkWriter) requests(c *conn, reqs []request) {
	var sent []*nl.NetlinkRequest
	var of []*request
	for n := range reqs {
		r := &reqs[n]
		if r.err = w.count(r.what); r.err == nil {
			sent, of = append(sent, r.message), append(of, r)
		}
	}
	for n, err := range c.doAll(sent) {
		of[n].err = err
	}
	for n := range reqs {
		if r := &reqs[n]; r.err != nil {
			r.err = fmt.Errorf("%s: %w", r.what, r.err)
		} else {
			w.log.Debug(r.what)
		}
	}
}

// count counts a write. It fails where a test wants it.
func (w *LinkWriter) count(what string) error {
	w.writes.Add(1)
	w.monitor.writes.Add(1)
	w.stale = true
	if w.fault != nil {
		return w.fault(what)
	}
	return nil
}

// write counts and does a write.
func (w *LinkWriter) write(what string, do func() error) error {
	if err := w.count(what); err != nil {
		return err
	}
	return do()
}
