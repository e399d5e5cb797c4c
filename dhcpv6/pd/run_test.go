package pd

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestCrowdedTable: what Linux says where the neighbor table has no room is explained, and nothing else.
func TestCrowdedTable(t *testing.T) {
	for err, want := range map[error]bool{
		os.NewSyscallError("sendto", syscall.EINVAL): true, syscall.ENOBUFS: true,
		syscall.ENETUNREACH: false, errors.New("no such link"): false,
	} {
		if got := strings.Contains(crowdedTable(err), "net.ipv6.neigh.default.gc_thresh3"); got != want {
			t.Errorf("%v: hint %v, want %v", err, got, want)
		}
	}
}
