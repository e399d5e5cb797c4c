package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/router/health"
)

const (
	statusEvery = 10 * time.Second // how often systemd is told how the router is, unless its watchdog wants to hear more often
	probeEvery  = time.Minute      // how often it is looked at where nobody asked to be told
)

// supervised is what a service manager wants to know of the router.
type supervised interface {
	Settled(context.Context) error
	Alive(context.Context) error
	Units(context.Context) ([]health.Unit, error)
}

// service tells systemd how the daemon is (sd_notify(3)). Where nobody asked to be told it does nothing.
type service struct {
	log      *slog.Logger
	send     func(string) error
	every    time.Duration // how often there is something to tell
	watchdog time.Duration // within which systemd wants to hear of us; 0: it does not

	mu     sync.Mutex // guards all below, and keeps what is sent in order
	status string     // what was told last
	ending bool
}

// newService reads the environment that systemd gives to a service.
func newService(log *slog.Logger) *service {
	s := &service{log: log, every: probeEvery, send: func(text string) error {
		_, err := daemon.SdNotify(false, text)
		return err
	}}
	if os.Getenv("NOTIFY_SOCKET") != "" {
		s.every = statusEvery
	}
	var err error
	if s.watchdog, err = daemon.SdWatchdogEnabled(false); err != nil {
		log.Warn("the watchdog of systemd is off", "error", err)
	}
	return s
}

// tell sends what is to be known; status is for people. Once the daemon stops nothing else is said.
func (s *service) tell(state, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return
	}
	if status != "" && status != s.status {
		state = strings.TrimPrefix(state+"\nSTATUS="+status, "\n")
		s.status = status
	}
	if state == "" {
		return
	}
	if err := s.send(state); err != nil {
		s.log.Warn("cannot tell systemd", "error", err)
	}
}

// run says that the service is ready when the configuration was applied once, and from then on how it is. While the router hangs
// the watchdog of systemd gets no sign of life. It returns nil when ctx ends.
func (s *service) run(ctx context.Context, r supervised) error {
	if err := r.Settled(ctx); err != nil {
		return nil
	}
	s.tell("READY=1", s.health(ctx, r))
	every := s.every
	if s.watchdog != 0 {
		every = min(every, s.watchdog/4)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	hung := false
	for {
		limit := every
		if s.watchdog != 0 {
			limit = s.watchdog / 2
		}
		probe, cancel := context.WithTimeout(ctx, limit)
		err := r.Alive(probe)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			if !hung {
				s.log.Error("the router does not get ahead", "error", err)
			}
			s.tell("", "hangs: "+err.Error())
		default:
			s.tell("WATCHDOG=1", s.health(ctx, r))
		}
		hung = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// health is the state of the router in a line.
func (s *service) health(ctx context.Context, r supervised) string {
	units, err := r.Units(ctx)
	if err != nil {
		return ""
	}
	failed := ""
	count := 0
	for _, u := range units {
		if u.Problem != "" {
			if count++; count == 1 {
				failed = printable(fmt.Sprintf("%s: %s", u.Name, u.Problem))
			}
		}
	}
	switch count {
	case 0:
		return "all of the configuration is in force"
	case 1:
		return cell(failed)
	}
	return fmt.Sprintf("%s, and %d more problems: see sixfold show version", cell(failed), count-1)
}

// reload says that the configuration is being read again while f runs.
func (s *service) reload(f func()) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		s.log.Warn("cannot read the clock", "error", err)
	}
	s.tell(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000), "reads the configuration file again")
	f()
	s.tell("READY=1", "")
}

// stopping says that the daemon ends.
func (s *service) stopping() {
	s.tell("STOPPING=1", "stops")
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
}
