package vrf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
)

// Config is which units of systemd run in a VRF.
type Config struct {
	Device string   // VRF
	Index  int      // of the device; when it is made anew, services have to start again. 0: there is no device yet
	Units  []string // names with .service or .socket
}

// dropIn is the file that we put beside each unit (systemd.unit(5)); by its name we know it again.
const dropIn = "50-sixfold-vrf.conf"

// restartTime bounds what systemd may take for a restart.
const restartTime = time.Minute

// Services keeps units of systemd in a VRF. A service is bound by a command that runs in its control group before its main process, a
// socket by an option of systemd's own. What systemd is told is in /run, and so gone after a restart of the machine.
type Services struct {
	log     *slog.Logger
	dir     string // /run/systemd/system
	program string // our own, absolute
	control func(ctx context.Context, arguments ...string) (string, error)
	detach  func(group string) error // by its path below the mount of cgroup2

	mu sync.Mutex // one Apply at a time
}

// NewServices returns a manager of units. It has nothing to run.
func NewServices(log *slog.Logger) *Services {
	program, err := os.Executable()
	if err != nil {
		program = "/usr/bin/sixfold"
	}
	return &Services{log: log, dir: "/run/systemd/system", program: program, control: systemctl, detach: detachGroup}
}

func systemctl(ctx context.Context, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "systemctl", arguments...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return text, fmt.Errorf("systemctl %s: %w: %s", strings.Join(arguments, " "), err, text)
	}
	return text, nil
}

// unitChange is one unit that is not as it is wanted. Empty text: it leaves the VRF.
type unitChange struct{ unit, text string }

// Apply makes units run in the VRF, and takes out of it those that are not wanted there any more. Units that change are restarted if
// they run; all others are left alone. While the device is not there, nothing is changed.
func (s *Services) Apply(ctx context.Context, want Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if want.Index == 0 && len(want.Units) > 0 {
		return nil
	}
	changes, err := s.changes(want)
	if err != nil || len(changes) == 0 {
		return err
	}
	var done []unitChange
	var errs []error
	for _, c := range changes {
		if err := s.write(c); err != nil {
			errs = append(errs, err)
			continue
		}
		done = append(done, c)
	}
	if _, err := s.control(ctx, "daemon-reload"); err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, c := range done {
		if err := s.restart(ctx, c); err != nil {
			// So that the next Apply tries again.
			errs = append(errs, err, s.forget(c))
		}
	}
	return errors.Join(errs...)
}

// Preview tells what Apply would do.
func (s *Services) Preview(want Config) ([]change.Op, error) {
	changes, err := s.changes(want)
	if err != nil {
		return nil, err
	}
	var ops []change.Op
	for _, c := range changes {
		op := change.Op{Class: change.Recreate, Object: c.unit, Action: "restart in " + want.Device, Disturbs: "what " + c.unit + " serves"}
		if c.text == "" {
			op.Action = "restart in the default instance"
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// changes compares what is wanted with the files.
func (s *Services) changes(want Config) ([]unitChange, error) {
	have, err := s.present()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(s.dir); len(want.Units) > 0 && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("systemd does not run here: start programs in %s with sixfold vrf exec %[1]s COMMAND, and leave services out", want.Device)
	}
	var out []unitChange
	wanted := map[string]bool{}
	for _, unit := range want.Units {
		wanted[unit] = true
		if text := s.text(unit, want); have[unit] != text {
			out = append(out, unitChange{unit, text})
		}
	}
	for unit := range have {
		if !wanted[unit] {
			out = append(out, unitChange{unit, ""})
		}
	}
	slices.SortFunc(out, func(a, b unitChange) int { return cmp.Compare(a.unit, b.unit) })
	return out, nil
}

// present returns the texts of our files by unit.
func (s *Services) present() (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.d", dropIn))
	if err != nil {
		return nil, err
	}
	have := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		have[strings.TrimSuffix(filepath.Base(filepath.Dir(file)), ".d")] = string(text)
	}
	return have, nil
}

// text is what systemd is told of a unit. The number of the device stands there so that a new device is a change.
func (s *Services) text(unit string, want Config) string {
	head := fmt.Sprintf("# Made by sixfold (management.services); device %s has index %d.\n", want.Device, want.Index)
	if strings.HasSuffix(unit, ".socket") {
		return head + "[Socket]\nBindToDevice=" + want.Device + "\n"
	}
	return head + "[Service]\nExecStartPre=+" + quoted(s.program) + " vrf attach " + want.Device + "\n"
}

// quoted writes a path as systemd reads it in a command line (systemd.service(5)).
func quoted(p string) string {
	p = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(p)
	return `"` + p + `"`
}

func (s *Services) write(c unitChange) error {
	dir := filepath.Join(s.dir, c.unit+".d")
	file := filepath.Join(dir, dropIn)
	if c.text != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		return writeFile(file, c.text)
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_ = os.Remove(dir) // it may have files of others
	return nil
}

// forget makes the file of a unit one that is not as it should be.
func (s *Services) forget(c unitChange) error {
	if c.text == "" {
		return nil
	}
	return writeFile(filepath.Join(s.dir, c.unit+".d", dropIn), "# Made by sixfold; not in force.\n")
}

// writeFile writes what systemd reads at the next daemon-reload. It warns of files that not everybody may read, for there is no secret in them.
func writeFile(file, text string) error { return os.WriteFile(file, []byte(text), 0o644) }

// restart starts a unit again if it runs. One that leaves the VRF may keep its control group, so what binds its sockets is taken off.
func (s *Services) restart(ctx context.Context, c unitChange) error {
	if c.text == "" && strings.HasSuffix(c.unit, ".service") {
		group, err := s.control(ctx, "show", "--property=ControlGroup", "--value", "--", c.unit)
		if err != nil {
			return err
		}
		if group != "" && group != "/" {
			if err := s.detach(group); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	s.log.Info("restarting a unit of systemd", "unit", c.unit, "vrf", c.text != "")
	_, err := s.control(ctx, "try-restart", "--", c.unit)
	return err
}
