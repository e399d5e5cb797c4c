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

// raiseLimits makes room for that many IPv4 multicast groups on one socket: all VXLAN devices of a port share the kernel's. It
// never lowers a limit. Some kernels show the second one only outside network namespaces.
func raiseLimits(groups int) error {
	err := raise(sysctlOptmem, optmemBase+groups*membershipBytes, optmemBase+(groups+spare)*membershipBytes)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(raise(sysctlMemberships, groups, groups+spare), err)
}

// raise sets a sysctl to a value if it is below need.
func raise(path string, need, value int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	now, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if now >= need {
		return nil
	}
	return os.WriteFile(path, []byte(strconv.Itoa(value)), 0)
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
