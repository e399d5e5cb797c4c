package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// sysctl is one setting to have, by its path below /proc/sys.
type sysctl struct {
	path     string
	value    string
	atLeast  bool // value is a number that is only ever raised
	optional bool // may be missing or read-only, as global settings are in a namespace
	follows  bool // the kernel sets it with that for all links: it is looked at when that was written
	chosen   bool // by the configuration, by its name
	undo     bool // of the whole machine, and put back when it is no longer wanted
	link     string
}

// nonlocalBind lets programs bind to IPv6 addresses that are on no link. With IPv4 a local route is enough.
const nonlocalBind = "net/ipv6/ip_nonlocal_bind"

// sysctlPlan returns the settings for cfg in the order to write them; neighborLimits come after them. Links that are not present are left out.
//
// The order matters: when forwarding is switched on, the kernel drops the default routes it took from advertisements on all
// links where accept_ra is not 2 (Documentation/networking/ip-sysctl.rst). accept_ra therefore comes before forwarding.
func sysctlPlan(cfg Config, present Links) []sysctl {
	var first, last []sysctl
	for _, name := range slices.Sorted(maps.Keys(cfg.Links)) {
		if _, ok := present[name]; !ok {
			continue
		}
		v6, v4 := "net/ipv6/conf/"+name+"/", "net/ipv4/conf/"+name+"/"
		var own []sysctl
		set := func(list *[]sysctl, dir, key, value string) {
			*list = append(*list, sysctl{path: dir + key, value: value, link: name})
		}
		set(&own, v6, "disable_ipv6", "0")
		set(&own, v6, "keep_addr_on_down", "1")
		if cfg.Links[name].AcceptRA {
			set(&own, v6, "accept_ra_defrtr", "1")
			set(&own, v6, "accept_ra_pinfo", "1")
			set(&own, v6, "autoconf", "1")
			set(&own, v6, "accept_ra", "2") // also when forwarding
		} else {
			set(&own, v6, "accept_ra", "0")
		}
		// Without it, removing our first address of an IPv4 subnet removes all others in it, of others too.
		set(&own, v4, "promote_secondaries", "1")
		if cfg.Forwarding {
			set(&last, v6, "forwarding", "1")
			set(&last, v4, "forwarding", "1")
			last[len(last)-1].follows, last[len(last)-2].follows = true, true
		}
		first = append(first, choose(own, cfg.Links[name].Sysctls, name)...)
	}
	if cfg.AnyIP {
		first = append(first, sysctl{path: nonlocalBind, value: "1", undo: true})
	}
	if cfg.Forwarding {
		// These set all links at once; those in last are for links that somebody changed since.
		first = append(first, sysctl{path: "net/ipv6/conf/all/forwarding", value: "1"},
			sysctl{path: "net/ipv4/ip_forward", value: "1"})
	}
	return append(first, last...)
}

// choose adds the settings that the configuration names. They take the place of those that follow from the rest of it.
func choose(list []sysctl, chosen []Sysctl, link string) []sysctl {
	for _, c := range chosen {
		list = slices.DeleteFunc(list, func(s sysctl) bool { return s.path == c.Path })
		list = append(list, sysctl{path: c.Path, value: c.Value, link: link, chosen: true})
	}
	return list
}

// neighborLimits returns the sizes of the neighbor tables for a number of links. Each link takes several entries for multicast
// groups alone, out of 1024 for the whole machine: with some 400 links sending fails. The settings exist in the first network
// namespace only.
func neighborLimits(links int) []sysctl {
	const perLink, few = 16, 64
	if links <= few {
		return nil
	}
	var out []sysctl
	for _, family := range []string{"ipv6", "ipv4"} {
		for i, n := range []int{links * perLink / 4, links * perLink / 2, 1024 + links*perLink} {
			out = append(out, sysctl{
				path:  path.Join("net", family, "neigh/default", "gc_thresh"+strconv.Itoa(i+1)),
				value: strconv.Itoa(n), atLeast: true, optional: true,
			})
		}
	}
	return out
}

// sysctls reads and writes settings.
type sysctls struct {
	root string // /proc/sys
}

// get returns the value of a setting without the line end. A thousand links have some ten thousand of them: the system calls are
// bare, because a file of package os would be entered into the poller each time.
func (s sysctls) get(p string) (string, error) {
	if err := checkSysctl(p); err != nil {
		return "", err
	}
	fail := func(op string, err error) (string, error) {
		return "", &fs.PathError{Op: op, Path: path.Join(s.root, p), Err: err}
	}
	fd, err := unix.Open(path.Join(s.root, p), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail("open", err)
	}
	defer unix.Close(fd)
	var b [256]byte // far more than a setting of ours has
	for {
		n, err := unix.Read(fd, b[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fail("read", err)
		}
		return strings.TrimSpace(string(b[:n])), nil
	}
}

// has reports whether something is there.
func (s sysctls) has(p string) bool { return unix.Access(path.Join(s.root, p), unix.F_OK) == nil }

// set writes a setting.
func (s sysctls) set(p, value string) error {
	if err := checkSysctl(p); err != nil {
		return err
	}
	fail := func(op string, err error) error {
		return &fs.PathError{Op: op, Path: path.Join(s.root, p), Err: err}
	}
	fd, err := unix.Open(path.Join(s.root, p), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail("open", err)
	}
	defer unix.Close(fd)
	for {
		// The kernel takes a value whole or not at all. Waiting for its lock it may be interrupted: then nothing happened.
		_, err := unix.Write(fd, []byte(value))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fail("write", err)
		}
		return nil
	}
}

// number returns a setting that is a number; 0 if it cannot be read.
func (s sysctls) number(p string) int {
	text, err := s.get(p)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(text)
	return n
}

// differs reports whether the setting has to be written, and its present value.
func (s sysctls) differs(want sysctl) (old string, write bool, err error) {
	old, err = s.get(want.path)
	if err != nil {
		if want.optional && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
			return "", false, nil
		}
		return "", false, err
	}
	if want.atLeast {
		have, err1 := strconv.Atoi(old)
		need, err2 := strconv.Atoi(want.value)
		return old, errors.Join(err1, err2) == nil && have < need, nil
	}
	return old, old != want.value, nil
}

// due is differs, but that a kernel or a link (by its MTU, below 1280) without IPv6 lacks nothing if none is wanted there.
func (s sysctls) due(want sysctl, cfg Config) (old string, write bool, err error) {
	old, write, err = s.differs(want)
	if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(want.path, "net/ipv6/") && !wantsIPv6(cfg.Links[want.link]) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read sysctl %s: %w", want.path, err)
	}
	return old, write, nil
}

// checkSysctl refuses paths that leave the place they seem to name. Dots are part of many link names and are no separators here.
func checkSysctl(p string) error {
	if p == "" || path.Clean(p) != p || path.IsAbs(p) || strings.HasPrefix(p, "../") {
		return fmt.Errorf("not the path of a sysctl: %q", p)
	}
	return nil
}

// checkLinkName refuses what the kernel refuses (dev_valid_name), before it becomes part of a path.
func checkLinkName(name string) error {
	switch name {
	case "", ".", "..", "all", "default": // the latter two are other things in the paths of sysctls
		return fmt.Errorf("%q is not a link name", name)
	}
	if len(name) > 15 || strings.ContainsAny(name, "/: \t\n\r\v\f") {
		return fmt.Errorf("%q is not a link name", name)
	}
	return nil
}
