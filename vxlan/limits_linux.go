package vxlan

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

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

// limits are those that make room for that many IPv4 multicast groups on one socket: all VXLAN devices of a port share the
// kernel's. Some kernels show the second one only outside network namespaces.
func limits(groups int) []limit {
	return []limit{
		{path: sysctlOptmem, need: optmemBase + groups*membershipBytes, value: optmemBase + (groups+spare)*membershipBytes, optional: true},
		{path: sysctlMemberships, need: groups, value: groups + spare},
	}
}

// low reports whether the limit has to be raised.
func (l limit) low() (bool, error) {
	text, err := os.ReadFile(l.path)
	if err != nil {
		if l.optional && errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return false, err
	}
	now, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return false, fmt.Errorf("%s: %w", l.path, err)
	}
	return now < l.need, nil
}

// raiseLimits makes room for that many groups. It never lowers a limit.
func raiseLimits(groups int) error {
	var errs []error
	for _, l := range limits(groups) {
		low, err := l.low()
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
