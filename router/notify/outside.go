package notify

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
)

// ours reports whether this process is the main one of a service of systemd (systemd.exec(5)).
func ours() bool {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return false
	}
	return os.Getenv("SYSTEMD_EXEC_PID") == strconv.Itoa(os.Getpid())
}

// outside has systemd run a program, as a service of its own that is not shut off from the machine as we are: as root or the user,
// with all of the file system. systemd ends it when it takes too long, with all that it started.
func outside(ctx context.Context, c command) (string, error) {
	unit := unitName(c.name)
	full := c
	full.argv, full.user, full.limit = transient(unit, c), "", c.limit+2*graceTime
	full.env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin"}
	out, err := inside(ctx, full)
	if ctx.Err() != nil {
		// It runs on without us otherwise. Nothing can be done about a failure, and systemd has its limit.
		exec.Command("systemctl", "stop", "--no-block", unit).Run()
	}
	return out, err
}

// transient is the command line that has systemd run a program (systemd-run(1)).
func transient(unit string, c command) []string {
	argv := []string{
		"systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec", "--unit=" + unit,
		"--description=" + "sixfold tells " + c.name,
		fmt.Sprintf("--property=RuntimeMaxSec=%dms", c.limit.Milliseconds()),
		fmt.Sprintf("--property=TimeoutStopSec=%dms", graceTime.Milliseconds()),
		"--property=WorkingDirectory=/",
	}
	if c.user != "" {
		argv = append(argv, "--uid="+c.user)
	}
	for _, e := range c.env {
		argv = append(argv, "--setenv="+e)
	}
	return append(append(argv, "--"), c.argv...)
}

var units atomic.Uint64

// unitName makes a name for a service, another each time: the one before may be ending still.
func unitName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, name)
	return fmt.Sprintf("sixfold-%s-%d-%d.service", name, os.Getpid(), units.Add(1))
}
