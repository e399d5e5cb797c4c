package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSessionAddress(t *testing.T) {
	proc := t.TempDir()
	process := func(pid, stat string, environ ...string) {
		dir := filepath.Join(proc, pid)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"stat": stat, "environ": strings.Join(environ, "\x00")} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	process("40", "40 (sixfold) S 30 40", "SUDO_USER=joe")
	process("30", "30 (a) b) (sudo) S 20 30", "XSSH_CONNECTION=1 2 3 4")
	process("20", "20 (bash) S 10 20", "A=b", "SSH_CONNECTION=2001:db8::9 4711 2001:db8::1 22")
	process("10", "10 (sshd) S 1 10")
	process("1", "1 (init) S 0 1")
	process("50", "50 (loop) S 51 1")
	process("51", "51 (loop) S 50 1")
	process("60", "not a process")
	for _, tt := range []struct {
		pid       int
		own, want string
	}{
		{40, "", "2001:db8::1"},
		{10, "", ""},
		{10, "192.0.2.9 4711 192.0.2.1 22", "192.0.2.1"},
		{10, "fe80::9%eth0 4711 fe80::1%eth0 22", "fe80::1%eth0"},
		{10, "::ffff:192.0.2.9 4711 ::ffff:192.0.2.1 22", "192.0.2.1"},
		{10, "nonsense", ""},
		{10, "a b c d", ""},
		{50, "", ""},
		{60, "", ""},
		{99, "", ""},
	} {
		if got := sessionAddress(proc, tt.pid, tt.own); got != tt.want {
			t.Errorf("process %d with %q: %q, want %q", tt.pid, tt.own, got, tt.want)
		}
	}
}
