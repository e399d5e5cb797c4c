package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/router/change"
)

// RememberIn has the writer keep in a file how links were before it changed them, so that a later process can put them back. Call
// it before the first Apply.
func (w *LinkWriter) RememberIn(file string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.origins.load(file, w.log)
}

// noteLinks remembers the MTU of links that get another one, and which are about to be set up.
func (w *LinkWriter) noteLinks(cfg Config, links Links) error {
	for name, want := range cfg.Links {
		have, ok := links[name]
		if !ok || want.Made {
			continue
		}
		if want.changesMTU(have) {
			w.origins.note(have.Index, settingMTU, strconv.Itoa(have.MTU), strconv.Itoa(want.MTU))
		}
		if !have.Up {
			w.origins.note(have.Index, settingUp, "0", "1")
		}
	}
	return w.origins.save()
}

// putBack gives links that left the configuration, and settings that did, what they were found with. It looks at some of the links
// that are present.
func (w *LinkWriter) putBack(c *conn, cfg Config, present, some Links, errs *[]error) {
	put, forget := w.backs(cfg, present, some)
	for _, b := range forget {
		w.origins.forget(b.link.Index, b.setting)
	}
	for _, b := range put {
		if err := w.putBackOne(c, b); err != nil {
			*errs = append(*errs, err)
			continue
		}
		w.origins.forget(b.link.Index, b.setting)
	}
	if err := w.origins.save(); err != nil {
		*errs = append(*errs, err)
	}
}

func (w *LinkWriter) putBackOne(c *conn, b back) error {
	switch b.setting {
	case settingMTU:
		mtu, err := strconv.ParseUint(b.was, 10, 32)
		if err != nil {
			return nil // not a value that we wrote down
		}
		req := linkRequest(b.link.Index, 0)
		req.AddData(nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(mtu))))
		err = w.request(c, fmt.Sprintf("set mtu of %s back to %d", b.link.Name, mtu), req)
		return unlessGone(err)
	case settingUp:
		req := linkRequest(b.link.Index, 0)
		msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
		msg.Index, msg.Change = int32(b.link.Index), unix.IFF_UP
		req.Data = []nl.NetlinkRequestData{msg}
		return unlessGone(w.request(c, "set "+b.link.Name+" down again", req))
	}
	p := sysctlPath(b.setting, b.link.Name)
	err := w.write("sysctl "+p, func() error { return w.sys.set(p, b.was) })
	w.monitor.touch(b.link.Index)
	if err != nil {
		return fmt.Errorf("set sysctl %s back to %s: %w", p, b.was, err)
	}
	w.log.Debug("sysctl", "path", p, "was", b.now, "is", b.was)
	return nil
}

// unlessGone returns no error for a link that went meanwhile.
func unlessGone(err error) error {
	if errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

// previewBacks tells what putBack does, with one operation for the sysctls of each link. w.mu is held.
func (w *LinkWriter) previewBacks(cfg Config, links Links) []change.Op {
	put, _ := w.backs(cfg, links, links)
	var ops []change.Op
	place := map[string]int{}
	for _, b := range put {
		switch b.setting {
		case settingMTU:
			mtu, _ := strconv.Atoi(b.was)
			op := mtuOp(b.link, mtu)
			op.Action = fmt.Sprintf("change mtu from %s back to %s", b.now, b.was)
			ops = append(ops, op)
		case settingUp:
			ops = append(ops, change.Op{
				Object: b.link.Name, Action: "take down again", Class: change.Delete, Links: []string{b.link.Name},
				Disturbs: "what goes over " + b.link.Name + ", which was down before it was configured",
			})
		default:
			text := path.Base(b.setting) + " to " + b.was
			if strings.HasPrefix(b.setting, "ipv4/") {
				text += " (IPv4)"
			}
			if b.link.Name == "" {
				ops = append(ops, change.Op{Object: strings.ReplaceAll(b.setting, "/", "."), Action: "set back to " + b.was})
				continue
			}
			n, ok := place[b.link.Name]
			if !ok {
				place[b.link.Name] = len(ops)
				ops = append(ops, change.Op{Object: b.link.Name, Action: "set back " + text})
				continue
			}
			ops[n].Action += ", " + text
		}
	}
	slices.SortStableFunc(ops, func(a, b change.Op) int { return cmp.Compare(a.Object, b.Object) })
	return ops
}
