package notify

import (
	"context"
	"encoding/pem"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func sh(script string) command {
	return command{argv: []string{"sh", "-c", script}, env: []string{"PATH=/usr/bin:/bin", "a=1"}, stdin: []byte("hello"), limit: 20 * time.Second}
}

func TestInside(t *testing.T) {
	out, err := inside(t.Context(), sh(`cat; echo " $a $(pwd)"; echo bad >&2`))
	if err != nil || out != "hello 1 /\nbad" {
		t.Errorf("got %q, %v", out, err)
	}
	if out, err := inside(t.Context(), sh("echo no; exit 3")); err == nil || err.Error() != "exit status 3" || out != "no" {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err := inside(t.Context(), command{argv: []string{"no-such-program"}, env: []string{"PATH=/bin"}, limit: time.Second}); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("got %v", err)
	}
	if out, err := inside(t.Context(), sh("yes | head -c 100000")); err != nil || len(out) > maxOutput+8 || !strings.HasPrefix(out, "…") {
		t.Errorf("%d bytes of output, %v", len(out), err)
	}
	who := sh("id -u; id -g")
	who.user = "nobody"
	if out, err := inside(t.Context(), who); err != nil || out != "65534\n65534" {
		t.Errorf("as nobody: %q, %v", out, err)
	}
	who.user = "no-such-user"
	if _, err := inside(t.Context(), who); err == nil {
		t.Error("ran as a user that does not exist")
	}
}

// What takes too long is ended with all that it started, also what does not listen to SIGTERM.
func TestInsideIsEnded(t *testing.T) {
	dir := t.TempDir()
	c := sh(`trap "" TERM; sleep 300 & echo $! >` + dir + `/child; echo $$ >` + dir + `/self; sleep 300`)
	c.limit = 2 * time.Second
	began := time.Now()
	if _, err := inside(t.Context(), c); err == nil || !strings.Contains(err.Error(), "took longer than 2s") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	for _, name := range []string{"child", "self"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		gone(t, name, pid)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := inside(ctx, sh("sleep 300")); err == nil {
		t.Error("ran though all is over")
	}
}

// gone waits until a process is dead; nobody may be there to bury it.
func gone(t *testing.T, name string, pid int) {
	t.Helper()
	limit := time.Now().Add(10 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(limit) {
			t.Errorf("%s (%d) is still there: %s", name, pid, stat)
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

// What a program leaves in the background does not hold up the next one.
func TestInsideBackground(t *testing.T) {
	out, err := inside(t.Context(), sh("sleep 30 & echo $!"))
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(out)
	syscall.Kill(pid, syscall.SIGKILL)
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "daemon.json")
	link := filepath.Join(dir, "link")
	for _, step := range []struct {
		path, content string
		mode          os.FileMode
		owner, want   string
	}{
		{path, "a", 0o644, "", written},
		{path, "a", 0o644, "", unchanged},
		{path, "a", 0o644, "nobody", written},
		{path, "a", 0o644, "65534:0", unchanged},
		{path, "a", 0o600, "nobody", written},
		{path, "b", 0o600, "", written},
		{link, "c", 0o600, "", written},
		{path, "c", 0o600, "", unchanged},
	} {
		if step.path == link {
			if err := os.Symlink(path, link); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := WriteFile(step.path, []byte(step.content), step.mode, step.owner); err != nil || got != step.want {
			t.Errorf("%+v: %s, %v", step, got, err)
		}
	}
	if _, err := WriteFile(path, nil, 0o600, "no-such-user"); err == nil {
		t.Error("gave it to nobody")
	}
	if _, err := WriteFile(filepath.Join(dir, "no/such/dir"), nil, 0o600, ""); err == nil {
		t.Error("wrote where nothing is")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if got, err := RemoveFile(path); err != nil || got != removed {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := RemoveFile(path); err != nil || got != unchanged {
		t.Errorf("%s, %v", got, err)
	}
}

// A damaged file of records has all told again, and is not the end of the router.
func TestDamagedRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consumers.json")
	if err := os.WriteFile(path, []byte("{\"isp/docker\": {\"prefix\""), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := load(path); err == nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}
