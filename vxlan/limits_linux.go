package vxlan

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	sysctlMemberships = "/proc/sys/net/ipv4/igmp_max_memberships"
	sysctlOptmem      = "/proc/sys/net/core/optmem_max"
	spare             = 20  // memberships left for others that use the same limit
	membershipBytes   = 128 // of a socket's option memory for one membership, generously
	optmemBase        = 1 << 14
)

// limit is a sysctl that has to be raised to value if it is below need.
type limit struct {
	path        string
	need, value int
	optional    bool
}

// limits are those that make room for that many multicast groups on one socket, IPv4 and IPv6. Some kernels show the one of memory
// only outside network namespaces.
func limits(four, six int) []limit {
	most := max(four, six)
	return []limit{
		{path: sysctlOptmem, need: optmemBase + most*membershipBytes, value: optmemBase + (most+spare)*membershipBytes, optional: true},
		{path: sysctlMemberships, need: four, value: four + spare},
	}
}

// name is that of sysctl(8).
func (l limit) name() string {
	return strings.ReplaceAll(strings.TrimPrefix(l.path, "/proc/sys/"), "/", ".")
}

// low reports whether the limit has to be raised, and what it is.
func (l limit) low() (bool, int, error) {
	text, err := os.ReadFile(l.path)
	if err != nil {
		if l.optional && errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return false, 0, err
	}
	now, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return false, 0, fmt.Errorf("%s: %w", l.path, err)
	}
	return now < l.need, now, nil
}

// refused tells why the limit could not be raised; empty: it could.
func (l limit) refused(groups, now int) string {
	if err := unix.Access(l.path, unix.W_OK); err != nil {
		return fmt.Sprintf("%d multicast groups on one UDP port need %s of %d, which is %d here and cannot be raised (%v): use fewer groups (segments may share one), remotes, or another port",
			groups, l.name(), l.need, now, err)
	}
	return ""
}

// raiseLimits makes room for that many groups. It never lowers a limit.
func raiseLimits(four, six int) error {
	var errs []error
	for _, l := range limits(four, six) {
		low, _, err := l.low()
		if low {
			err = os.WriteFile(l.path, []byte(strconv.Itoa(l.value)), 0)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// kernelRejoins reports whether this kernel moves a running VXLAN device to its new group when that changes: since Linux 6.15.
func kernelRejoins() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	return atLeast(unix.ByteSliceToString(u.Release[:]), 6, 15)
}

// atLeast compares a kernel release such as "6.18.5-amd64".
func atLeast(release string, major, minor int) bool {
	var x, y int
	if n, _ := fmt.Sscanf(release, "%d.%d", &x, &y); n < 2 {
		return false
	}
	return x > major || x == major && y >= minor
}
