package pd

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// bootTime is a clock that nobody sets: the time since the machine was started, with what tells that start from others.
type bootTime struct {
	id string // empty: not known
	up time.Duration
}

// uptime returns that of the store's clock.
func (s *store) uptime() bootTime {
	if s.boot == nil {
		return bootTime{}
	}
	return s.boot()
}

// readBootTime asks the kernel.
func readBootTime() bootTime {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return bootTime{}
	}
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return bootTime{}
	}
	return bootTime{id: strings.TrimSpace(string(id)), up: time.Duration(up.Nano())}
}
