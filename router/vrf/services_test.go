package vrf

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeSystemd notes what systemctl is asked for.
type fakeSystemd struct {
	asked    []string
	detached []string
	fail     string // the command that fails
}

func (f *fakeSystemd) manage(t *testing.T) *Services {
	s := NewServices(slog.New(slog.NewTextHandler(io.Discard, nil)))
	s.dir, s.program = t.TempDir(), "/usr/bin/six fold"
	s.control = func(_ context.Context, arguments ...string) (string, error) {
		command := strings.Join(arguments, " ")
		f.asked = append(f.asked, command)
		if f.fail != "" && strings.HasPrefix(command, f.fail) {
			return "", errors.New("Unit not found.")
		}
		if arguments[0] == "show" {
			return "/system.slice/" + arguments[len(arguments)-1], nil
		}
		return "", nil
	}
	s.detach = func(group string) error {
		f.detached = append(f.detached, group)
		return nil
	}
	return s
}

func (f *fakeSystemd) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
	f.asked = nil
}

func TestServices(t *testing.T) {
	f := &fakeSystemd{}
	s := f.manage(t)
	want := Config{Device: "mgmt", Index: 7, Units: []string{"ssh.service", "chrony.service", "web.socket"}}
	apply := func(what string, operations int) {
		t.Helper()
		ops, err := s.Preview(want)
		if err != nil || len(ops) != operations {
			t.Errorf("%s: foreseen %v, %v, want %d", what, ops, err, operations)
		}
		if err := s.Apply(t.Context(), want); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	apply("first", 3)
	f.expect(t, "first", "daemon-reload", "try-restart -- chrony.service", "try-restart -- ssh.service", "try-restart -- web.socket")
	for file, text := range map[string]string{
		"ssh.service.d": "[Service]\nExecStartPre=+\"/usr/bin/six fold\" vrf attach mgmt\n",
		"web.socket.d":  "[Socket]\nBindToDevice=mgmt\n",
	} {
		got, err := os.ReadFile(filepath.Join(s.dir, file, dropIn))
		if err != nil || !strings.HasSuffix(string(got), text) {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
	apply("again", 0)
	f.expect(t, "again")

	want.Units = []string{"ssh.service"}
	foreign := filepath.Join(s.dir, "web.socket.d", "10-other.conf")
	if err := os.WriteFile(foreign, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	apply("two leave", 2)
	f.expect(t, "two leave", "daemon-reload",
		"show --property=ControlGroup --value -- chrony.service", "try-restart -- chrony.service", "try-restart -- web.socket")
	if diff := cmp.Diff([]string{"/system.slice/chrony.service"}, f.detached); diff != "" {
		t.Errorf("groups that are no longer bound (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("the file of somebody else: %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "chrony.service.d")); err == nil {
		t.Error("chrony.service.d is left behind")
	}

	want.Index = 8 // the device was made anew
	apply("new device", 1)
	f.expect(t, "new device", "daemon-reload", "try-restart -- ssh.service")

	f.fail = "try-restart"
	want.Index = 9
	if err := s.Apply(t.Context(), want); err == nil {
		t.Error("a restart that fails is no error")
	}
	f.asked, f.fail = nil, ""
	apply("after a failure", 1)
	f.expect(t, "after a failure", "daemon-reload", "try-restart -- ssh.service")

	want = Config{}
	apply("none", 1)
	f.expect(t, "none", "daemon-reload", "show --property=ControlGroup --value -- ssh.service", "try-restart -- ssh.service")
}

func TestServicesWithoutSystemd(t *testing.T) {
	f := &fakeSystemd{}
	s := f.manage(t)
	s.dir = filepath.Join(s.dir, "missing")
	if err := s.Apply(t.Context(), Config{}); err != nil {
		t.Errorf("nothing wanted: %v", err)
	}
	err := s.Apply(t.Context(), Config{Device: "mgmt", Index: 7, Units: []string{"ssh.service"}})
	if err == nil || !strings.Contains(err.Error(), "sixfold vrf exec mgmt") {
		t.Errorf("got %v", err)
	}
	f.expect(t, "without systemd")
	s = f.manage(t)
	if err := s.Apply(t.Context(), Config{Device: "mgmt", Units: []string{"ssh.service"}}); err != nil {
		t.Errorf("while there is no device: %v", err)
	}
	f.expect(t, "without a device")
}
