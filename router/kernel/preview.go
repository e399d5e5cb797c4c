package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/change"
)

// minMTU6 is the smallest MTU with which a link has IPv6 (RFC 8200 section 5).
const minMTU6 = 1280

// Preview tells what Apply would write if the links were as in links, and writes nothing. A link of index 0 does not exist yet:
// it will start with the settings that the kernel gives to new links. Links that the configuration has and links lacks are left
// out, as Apply leaves them.
func (w *LinkWriter) Preview(want Config, links Links) ([]change.Op, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stale = false
	good, errs := named(want)
	var ops []change.Op
	order := lowerFirst(good, links)
	for _, name := range order {
		if have, ok := links[name]; ok && good.Links[name].changesMTU(have) {
			ops = append(ops, mtuOp(have, good.Links[name].MTU))
		}
	}
	ops = append(ops, w.previewSysctls(good, links, &errs)...)
	for _, name := range order {
		if have, ok := links[name]; ok && !have.Up {
			ops = append(ops, change.Op{Object: name, Action: "bring up"})
		}
	}
	writes, bad := addressWrites(good, links)
	errs = append(errs, bad...)
	for i := 0; i < len(writes); i++ {
		if i+1 < len(writes) && writes[i].link.Name == writes[i+1].link.Name && lengthens(writes[i].addressOp, writes[i+1].addressOp) {
			ops = append(ops, lengthOp(writes[i], writes[i+1]))
			i++
			continue
		}
		ops = append(ops, addressChange(writes[i]))
	}
	ops = append(ops, w.previewBacks(good, links)...)
	return ops, errors.Join(errs...)
}

func mtuOp(have LinkState, mtu int) change.Op {
	op := change.Op{Object: have.Name, Action: fmt.Sprintf("change mtu from %d to %d", have.MTU, mtu)}
	if have.MTU >= minMTU6 && mtu < minMTU6 {
		op.Disturbs = fmt.Sprintf("IPv6 on %s, which needs an mtu of %d", have.Name, minMTU6)
		op.Links = []string{have.Name}
	}
	return op
}

func addressChange(a addressWrite) change.Op {
	op := change.Op{Object: a.link.Name, Action: a.verb + " " + a.prefix.String()}
	switch a.verb {
	case "replace":
		op.Action = "keep " + a.prefix.String() + ", which an advertisement gave, for good"
	case "add":
		if a.deprecated {
			op.Action += ", deprecated"
		}
	case "prefer":
		op.Action = a.prefix.String() + " is no longer deprecated"
	case "remove":
		op.Class = change.Delete
		op.Disturbs = fmt.Sprintf("connections to and from %s", a.prefix.Addr())
		op.Address, op.Links = a.prefix.Addr(), []string{a.link.Name}
	}
	return op
}

func lengthOp(old, next addressWrite) change.Op {
	addr := old.prefix.Addr()
	return change.Op{
		Class: change.Recreate, Object: old.link.Name,
		Action:   fmt.Sprintf("change %s to /%d", old.prefix, next.prefix.Bits()),
		Disturbs: fmt.Sprintf("connections to and from %s", addr),
		Address:  addr, Links: []string{old.link.Name},
	}
}

// previewSysctls has one operation for each link, in the order of their first settings.
func (w *LinkWriter) previewSysctls(cfg Config, links Links, errs *[]error) []change.Op {
	var ops []change.Op
	place := map[string]int{}     // in ops, by link
	defaults := map[string]bool{} // paths below conf/default to write, once read
	spread := map[string]bool{}   // families whose forwarding is about to be switched on for all links
	for _, s := range append(sysctlPlan(cfg, links), neighborLimits(max(len(links), len(cfg.Links)))...) {
		family, key := strings.Split(s.path, "/")[1], path.Base(s.path)
		if s.link != "" && key == "forwarding" && spread[family] {
			continue
		}
		write, old, err := false, "", error(nil)
		if state := links[s.link]; s.link != "" && startsAnew(cfg.Links[s.link], state, family) {
			write, old, err = w.differsFromDefault(s, cfg.Links[s.link], state, family, defaults)
		} else {
			old, write, err = w.due(s, cfg, links)
		}
		if err != nil {
			*errs = append(*errs, err)
			continue
		}
		if !write {
			continue
		}
		if s.link == "" {
			op := change.Op{Object: strings.ReplaceAll(s.path, "/", "."), Action: "set to " + s.value}
			if s.atLeast {
				op.Action = "raise to " + s.value
			} else if !s.undo {
				spread[family] = true
			}
			ops = append(ops, op)
			continue
		}
		n, ok := place[s.link]
		if !ok {
			n = len(ops)
			place[s.link] = n
			ops = append(ops, change.Op{Object: s.link, Action: "set "})
		} else {
			ops[n].Action += ", "
		}
		ops[n].Action += key + " to " + s.value
		if family == "ipv4" {
			ops[n].Action += " (IPv4)"
		}
		if key == "accept_ra" && s.value == "0" && old != "" && slices.ContainsFunc(links[s.link].Addresses, func(a AddressState) bool { return a.Dynamic }) {
			ops[n].Disturbs = fmt.Sprintf("the addresses and the default route that %s has from advertisements", s.link)
			ops[n].Links = []string{s.link}
		}
	}
	return ops
}

// startsAnew reports whether a link will have the settings of new links: because it does not exist yet, or because its MTU was too
// small for IPv6 and will not be.
func startsAnew(want Link, have LinkState, family string) bool {
	return have.Index == 0 || family == "ipv6" && have.MTU < minMTU6 && want.MTU >= minMTU6
}

// differsFromDefault is due for a link that starts with the default settings; read holds what is known of them.
func (w *LinkWriter) differsFromDefault(s sysctl, want Link, have LinkState, family string, read map[string]bool) (write bool, old string, err error) {
	mtu := have.MTU
	if want.MTU != 0 {
		mtu = want.MTU
	}
	if family == "ipv6" && mtu < minMTU6 {
		return false, "", nil
	}
	at := s
	at.path, at.link = path.Join("net", family, "conf/default", path.Base(s.path)), ""
	known := at.path + "=" + at.value
	write, ok := read[known]
	if !ok {
		_, write, err = w.sys.differs(at)
		if errors.Is(err, fs.ErrNotExist) && family == "ipv6" && !wantsIPv6(want) {
			write, err = false, nil
		}
		if err != nil {
			return false, "", fmt.Errorf("read sysctl %s: %w", at.path, err)
		}
		read[known] = write
	}
	return write, "", nil
}

// Simulate returns the links as they will be once Apply made want so: with the MTU, up, and with the addresses of want. A link
// that is brought up is taken to have carrier and a link-local address.
func Simulate(want Config, links Links) Links {
	after := maps.Clone(links)
	for name, l := range want.Links {
		have, ok := links[name]
		if !ok {
			continue
		}
		if l.MTU != 0 {
			have.MTU = l.MTU
		}
		if !have.Up {
			have.Up, have.Running = true, true
			have.Addresses = append(slices.Clone(have.Addresses), unknownLinkLocal(have)...)
		}
		after[name] = have
	}
	good, _ := named(want)
	writes, _ := addressWrites(good, after)
	changed := map[string]bool{}
	for _, a := range writes {
		l := after[a.link.Name]
		if !changed[l.Name] {
			changed[l.Name] = true
			l.Addresses = slices.Clone(l.Addresses)
		}
		l.Addresses = slices.DeleteFunc(l.Addresses, func(s AddressState) bool { return s.Prefix == a.prefix })
		if a.verb != "remove" {
			l.Addresses = append(l.Addresses, AddressState{Prefix: a.prefix, Ours: true, Deprecated: a.deprecated})
		}
		after[l.Name] = l
	}
	return after
}

// unknownLinkLocal stands for the link-local address that the kernel will give to a link, if it lacks one and can have it.
func unknownLinkLocal(l LinkState) []AddressState {
	if _, ok := l.LinkLocal(); ok || l.MTU < minMTU6 || l.Loopback {
		return nil
	}
	return []AddressState{{Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80, 15: 1}), 64)}}
}

// NewLink is a link that does not exist yet, as it will be when it is up: with index 0 and a link-local address that stands for
// the one that the kernel will give it.
func NewLink(name, kind string, mtu int) LinkState {
	l := LinkState{Name: name, Kind: kind, MTU: mtu, Up: true, Running: true}
	l.Addresses = unknownLinkLocal(l)
	return l
}
