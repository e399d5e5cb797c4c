package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxOutput bounds what is taken of one command or file.
const maxOutput = 64 << 20

// system adds what does not come from the daemon.
func (s *supporter) system(ctx context.Context) {
	s.archive.add("system/version.txt", versions(), nil)
	for _, c := range []string{
		"ip -d -s link", "ip -d address", "ip route show table all", "ip -6 route show table all", "ip rule", "ip -6 rule", "ip nexthop",
		"ip neigh", "ip -6 neigh", "ip maddress", "ip -6 mroute", "bridge -d link", "bridge fdb", "bridge mdb", "bridge vlan",
		"nft list ruleset", "ss -n -l -t -u -w -p", "journalctl -u sixfold -n 5000 --no-pager", "systemctl status sixfold --no-pager -l",
	} {
		if ctx.Err() != nil {
			return
		}
		text, err := output(ctx, strings.Fields(c))
		s.archive.add("system/"+strings.ReplaceAll(c, " ", "_")+".txt", text, err)
	}
	for _, path := range []string{
		"/etc/os-release", "/proc/meminfo", "/proc/loadavg", "/proc/uptime", "/proc/cpuinfo", "/proc/net/dev", "/proc/net/snmp6",
		"/proc/net/rt6_stats", "/proc/net/sockstat6", "/proc/net/softnet_stat", "/proc/modules",
	} {
		text, err := readSome(path)
		s.archive.add("system"+path+".txt", text, err)
	}
	text, err := sysctls("/proc/sys")
	s.archive.add("system/sysctls.txt", text, err)
	text, err = listing(defaultStateDir)
	s.archive.add("system/state-directory.txt", text, err)
}

// output runs a command; what it says on stderr is in the error.
func output(ctx context.Context, argv []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, supportPatience)
	defer cancel()
	var out, errs bounded
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Stdout, c.Stderr = &out, &errs
	c.WaitDelay = time.Second
	err := c.Run()
	switch said := strings.TrimSpace(errs.String()); {
	case errors.Is(err, exec.ErrNotFound):
		err = fmt.Errorf("%s is not installed", argv[0])
	case err != nil && said != "":
		err = fmt.Errorf("%w: %s", err, shorten(said, 300))
	case out.cut:
		err = fmt.Errorf("cut after %s", bytesText(maxOutput))
	}
	return out.Bytes(), err
}

// bounded is a buffer that takes no more than maxOutput and drops the rest.
type bounded struct {
	bytes.Buffer
	cut bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := maxOutput - b.Len(); len(p) > room {
		b.cut = true
		b.Buffer.Write(p[:room])
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxOutput))
}

// versions tells of this program, of Go and of the kernel.
func versions() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "sixfold %s\n", versionText())
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		text := func(f [65]byte) string { return unix.ByteSliceToString(f[:]) }
		fmt.Fprintf(&b, "%s %s %s %s\n", text(u.Sysname), text(u.Release), text(u.Version), text(u.Machine))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		fmt.Fprintf(&b, "\n%s", info)
	}
	return b.Bytes()
}

// sysctls are those that the router sets or depends on.
func sysctls(root string) ([]byte, error) {
	var b bytes.Buffer
	var failed []error
	for _, pattern := range []string{
		"net/ipv6/conf/*/*", "net/ipv4/conf/*/forwarding", "net/ipv4/conf/*/rp_filter", "net/ipv4/ip_forward", "net/ipv6/route/*",
		"net/ipv6/neigh/*/*", "net/ipv4/neigh/default/gc_thresh*", "net/ipv4/igmp_max_memberships", "net/ipv4/nexthop_compat_mode",
		"net/core/optmem_max", "net/core/rmem_max", "net/core/wmem_max", "net/core/netdev_max_backlog",
	} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			failed = append(failed, err)
		}
		slices.Sort(paths)
		for _, path := range paths {
			name, _ := filepath.Rel(root, path)
			if filepath.Base(path) == "stable_secret" || filepath.Base(path) == "flush" {
				continue // a secret, and one that can only be written
			}
			value, err := os.ReadFile(path)
			if err != nil {
				continue // a link that went away, or one that is not readable for us
			}
			fmt.Fprintf(&b, "%s = %s\n", name, strings.TrimSpace(string(value)))
		}
	}
	return b.Bytes(), errors.Join(failed...)
}

// listing has the names, sizes and times of the files below a directory.
func listing(dir string) ([]byte, error) {
	var b bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil // gone meanwhile
		}
		fmt.Fprintf(&b, "%s %10d %s %s\n", info.Mode(), info.Size(), info.ModTime().Format(time.DateTime), path)
		return nil
	})
	return b.Bytes(), err
}
