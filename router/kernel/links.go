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
	links := w.monitor.Links()
	w.stale = false
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.close()

	good, errs := named(want)
	before, d := w.Writes(), w.drift(good, links)
	w.origins.keepOnly(links.byIndex())
	if err := w.noteLinks(good, links); err != nil {
		return err
	}
	w.eachLink(good, links, func(want Link, have LinkState) error { return w.setMTU(c, want, have, d) }, &errs)
	solicit := w.applySysctls(good, links, d, &errs)
	w.eachLink(good, links, func(_ Link, have LinkState) error { return w.setUp(c, have, d) }, &errs)
	w.applyAddresses(c, good, links, d, &errs)
	w.putBack(c, good, links, &errs)
	w.settle(good, links, d)

	if w.Writes() != before {
		// Whoever asks next, this Apply included, sees what was written.
		if err := w.monitor.Refresh(ctx); err != nil {
			errs = append(errs, err)
		}
	}
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

// eachLink calls fn for the links of cfg that are present.
func (w *LinkWriter) eachLink(cfg Config, links Links, fn func(want Link, have LinkState) error, errs *[]error) {
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
	for _, a := range writes {
		err := w.address(c, a.link, a.addressOp, a.dad)
		d.address(a.link.Name, a.addressOp, err)
		if d.outcome(a.link.Name, err) != nil {
			*errs = append(*errs, err)
		}
	}
}

func (w *LinkWriter) address(c *conn, l LinkState, op addressOp, dad bool) error {
	preposition := map[string]string{"add": "to", "replace": "on", "deprecate": "on", "prefer": "on", "remove": "from"}[op.verb]
	what := fmt.Sprintf("%s %s %s %s", op.verb, op.prefix, preposition, l.Name)
	err := w.request(c, what, addressRequest(op, l.Index, dad))
	if op.verb == "remove" && errors.Is(err, unix.EADDRNOTAVAIL) {
		err = nil // gone already
	}
	if err == nil {
		w.monitor.remember(addressOn{l.Index, op.prefix}, op.verb != "remove")
	}
	return err
}

// request sends a write and names it in its error.
func (w *LinkWriter) request(c *conn, what string, req *nl.NetlinkRequest) error {
	if err := w.write(what, func() error { return c.do(req) }); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	w.log.Debug(what)
	return nil
}

// write counts and does a write.
func (w *LinkWriter) write(what string, do func() error) error {
	w.writes.Add(1)
	w.monitor.writes.Add(1)
	w.stale = true
	if w.fault != nil {
		if err := w.fault(what); err != nil {
			return err
		}
	}
	return do()
}
