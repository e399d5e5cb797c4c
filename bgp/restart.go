package bgp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
)

// Timing of a restart (RFC 4724 4.1).
const (
	deferral   = 20 * time.Second // for neighbors to send what they have, before they are told what we have
	markerAge  = 10 * time.Second // the marker is renewed when it is as old
	sourcesDue = 5 * time.Second  // for the sources that are announced to report, before neighbors are spoken to
)

// RememberIn names a file that is there while the speaker has sessions, and stays behind when it ends without a goodbye: killed,
// or by Run after KeepRoutes. The next speaker with that file, within the time that neighbors were asked to keep our routes,
// tells them that it is back and that the kernel went on forwarding meanwhile, so that they keep the routes until they are
// announced again (RFC 4724). Call it before Run. Without it neighbors drop them when the new session begins.
func (s *Speaker) RememberIn(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marker = marker{path: path}
}

// marker is the file of RememberIn. It holds the identity of the boot: what was in the kernel is gone with it. The zero value
// remembers nothing.
type marker struct {
	path    string
	renewed time.Time
}

// left reports whether a speaker ended without a goodbye so recently that neighbors may have kept its routes.
func (m marker) left(now time.Time) bool {
	if m.path == "" {
		return false
	}
	text, err := os.ReadFile(m.path)
	if err != nil {
		return false
	}
	info, err := os.Stat(m.path)
	if err != nil {
		return false
	}
	boot := bootID()
	return boot != "" && strings.TrimSpace(string(text)) == boot && now.Sub(info.ModTime()) < restartTime+markerAge
}

// renew writes the file if that is due.
func (m *marker) renew(now time.Time) error {
	if m.path == "" || now.Sub(m.renewed) < markerAge && !now.Before(m.renewed) {
		return nil
	}
	m.renewed = now
	if err := os.WriteFile(m.path, []byte(bootID()+"\n"), 0o600); err != nil {
		return fmt.Errorf("remember sessions: %w", err)
	}
	return nil
}

// remove says that there was a goodbye.
func (m *marker) remove() error {
	if m.path == "" {
		return nil
	}
	m.renewed = time.Time{}
	if err := os.Remove(m.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// remember keeps the marker as young as the sessions are. It is called with apply held.
func (s *Speaker) remember(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inst == nil || len(s.want.Neighbors) == 0 {
		return
	}
	if err := s.marker.renew(now); err != nil {
		s.log.Warn("neighbors will not keep our routes over a restart", "error", err)
	}
}

// forget removes the marker.
func (s *Speaker) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.marker.remove(); err != nil {
		s.log.Warn("neighbors will be told of a restart that was none", "error", err)
	}
}

// returned reports whether this instance goes on where another process stopped without a goodbye.
func (i *instance) returned(now time.Time) bool {
	return i.restarted && now.Sub(i.started) < deferral
}

// early reports whether neighbors have to wait: they would take the end of what we have so far for the end of what we had.
func (i *instance) early(want Config, now time.Time) bool {
	return i.returned(now) && now.Sub(i.started) < sourcesDue &&
		slices.ContainsFunc(want.Announce, func(src rib.Source) bool { return src != rib.BGP && !i.speaker.table.Ready(src) })
}
