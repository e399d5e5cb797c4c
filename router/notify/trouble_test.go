package notify

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sixfold-router/sixfold/router/notify/render"
)

// What is no file is neither replaced nor waited for, and an error names the file that is meant, not the one that takes its place.
func TestFileInTrouble(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		syscall.Mkfifo(at("fifo"), 0o600), syscall.Mknod(at("null"), syscall.S_IFCHR|0o666, 1<<8|3), os.Mkdir(at("dir"), 0o755),
		os.WriteFile(at("target"), []byte("old"), 0o644), os.Symlink("target", at("link")), os.Symlink("fifo", at("pipe")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ path, want string }{
		{"fifo", "fifo is no file but a device, pipe or socket"},
		{"pipe", "fifo is no file but a device, pipe or socket"},
		{"null", "null is no file but a device, pipe or socket"},
		{"dir", "dir is a directory"},
		{"absent/file", "/absent/file: there is no directory " + at("absent")},
		{"target/file", "/target/file: not a directory"},
		{"link", ""},
	} {
		for what, try := range map[string]func() (string, error){
			"write":  func() (string, error) { return WriteFile(at(c.path), []byte("new"), 0o644, "") },
			"remove": func() (string, error) { return RemoveFile(at(c.path)) },
		} {
			if what == "remove" && (c.path == "link" || c.path == "pipe" || strings.Contains(c.path, "/")) {
				continue
			}
			_, err := try()
			if got := errText(err); c.want == "" && got != "" || !strings.Contains(got, c.want) || strings.Contains(got, ".sixfold-") {
				t.Errorf("%s %s: got %q, want %q", what, c.path, got, c.want)
			}
		}
	}
	if b, err := os.ReadFile(at("target")); string(b) != "new" {
		t.Errorf("behind the link is %q, %v", b, err)
	}
	if info, err := os.Lstat(at("null")); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("the device is %v, %v", info, err)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The kernel has one word for a script that is not there and one whose interpreter is not.
func TestProgramInTrouble(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"interpreter": 0o755, "plain": 0o644, "text": 0o755} {
		content := map[string]string{"interpreter": "#!/no/such/shell\n", "plain": "#!/bin/sh\n", "text": "hello\n"}[name]
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"interpreter": "behind #! is not there", "plain": "chmod +x", "text": "begins with #!/bin/sh", "absent": "there is no program " + dir + "/absent",
	} {
		_, err := inside(t.Context(), command{argv: []string{filepath.Join(dir, name)}, limit: 10 * time.Second})
		if got := errText(err); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestURLInTrouble(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "https://other.example/new?token=secret", http.StatusMovedPermanently)
			return
		}
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.(*net.TCPConn).SetLinger(-1)
			conn.Close()
		}
	}))
	defer server.Close()
	change := render.Change{Event: render.Bound, Delegation: "isp", Prefix: first.Prefix}
	for path, want := range map[string]string{
		"/moved":  "the server answers 301 Moved Permanently, to https://other.example/…, which is not followed: give the URL it says",
		"/closed": "the server ended the connection without an answer",
	} {
		c := Consumer{Delegation: "isp", Name: "web", URL: server.URL + path, Timeout: 10 * time.Second}
		if _, _, err := post(t.Context(), c, change, nil); errText(err) != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}

// Who waits for a consumer that is configured anew hears that, not how the program took it.
func TestTriggerIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir())
		defer func() { b.stop() }()
		b.apply(t, first, hook())
		b.mu.Lock()
		b.hang = true
		b.mu.Unlock()
		answer := make(chan error)
		go func() { _, err := b.Trigger(t.Context(), "docker"); answer <- err }()
		synctest.Wait()
		other := hook()
		other.Timeout = time.Second
		b.apply(t, first, other)
		if err := <-answer; !errors.Is(err, errInterrupted) {
			t.Errorf("got %v", err)
		}
	})
}
