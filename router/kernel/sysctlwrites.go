package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// dueSysctl is a setting to write, and what it is now.
type dueSysctl struct {
	sysctl
	old string
}

// applySysctls writes what differs, notes in left how it leaves them, and returns the links on which advertisements are accepted from
// now on. There are so many links in all.
func (w *LinkWriter) applySysctls(cfg Config, links Links, many int, left map[string]settledSysctl, d *linkDrift, errs *[]error) (solicit []string) {
	defer func() { w.sysctls = left }()
	var due []dueSysctl
	look := func(s sysctl) {
		old, write, err := w.due(s, cfg, links)
		switch {
		case err != nil:
			delete(left, s.path)
			*errs = append(*errs, err)
		case write:
			due = append(due, dueSysctl{s, old})
			if s.link != "" && !s.follows && (s.chosen || !cfg.Links[s.link].Made) {
				w.origins.note(links[s.link].Index, sysctlSetting(s.path), old, s.value)
			}
			if s.undo {
				w.origins.note(wholeMachine, sysctlSetting(s.path), old, s.value)
			}
		case old != "": // it exists
			left[s.path] = settledSysctl{s.value, links[s.link].Index, old}
		default:
			delete(left, s.path)
		}
	}
	var later []sysctl
	for _, s := range append(sysctlPlan(cfg, links), neighborLimits(many)...) {
		if s.follows {
			later = append(later, s)
			continue
		}
		look(s)
	}
	if err := w.origins.save(); err != nil {
		*errs = append(*errs, err)
		return nil
	}
	write := func() {
		for _, s := range due {
			if w.applySysctl(s, links[s.link], left, d, errs) && s.value == "2" && s.path == "net/ipv6/conf/"+s.link+"/accept_ra" {
				solicit = append(solicit, s.link)
			}
		}
		due = due[:0]
	}
	write()
	for _, s := range later {
		look(s)
	}
	write()
	return solicit
}

// applySysctl writes one setting, and reports whether it could.
func (w *LinkWriter) applySysctl(s dueSysctl, link LinkState, left map[string]settledSysctl, d *linkDrift, errs *[]error) bool {
	err := w.write("sysctl "+s.path, func() error { return w.sys.set(s.path, s.value) })
	known := w.sysctls[s.path]
	delete(left, s.path)
	w.monitor.touch(link.Index)
	d.sysctl(known, s.sysctl, s.old, link, err)
	if err != nil {
		if known.value == s.value {
			left[s.path] = known // until it is mended
		}
		if !s.optional {
			*errs = append(*errs, fmt.Errorf("set sysctl %s to %s: %w", s.path, s.value, err))
		}
		return false
	}
	now := settledSysctl{s.value, link.Index, s.value}
	if s.chosen {
		now.reads, _ = w.sys.get(s.path)
		if now.reads != s.value {
			w.origins.note(link.Index, sysctlSetting(s.path), s.old, now.reads)
		}
	}
	left[s.path] = now
	w.log.Debug("sysctl", "path", s.path, "was", s.old, "is", s.value)
	return true
}

// due reports whether a setting has to be written, and its present value, which is empty if it does not exist. w.mu is held.
func (w *LinkWriter) due(s sysctl, cfg Config, links Links) (old string, write bool, err error) {
	told, ok := "", false
	if !w.stale && s.link != "" {
		told, ok = links[s.link].Settings.value(s.path)
	}
	if ok {
		old, write = told, told != s.value
	} else {
		old, write, err = w.sys.due(s, cfg)
	}
	missing := errors.Is(err, fs.ErrNotExist) || err == nil && old == "" && w.sys.has(path.Dir(s.path))
	if s.chosen && missing {
		err = fmt.Errorf("%s has no setting %s in this kernel: correct its name, or leave it out of sysctls", s.link, sysctlSetting(s.path))
	}
	if known := w.sysctls[s.path]; write && s.chosen && known == (settledSysctl{s.value, links[s.link].Index, old}) {
		write = false // the kernel took it in its own way
	}
	return old, write, err
}
