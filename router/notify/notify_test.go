package notify

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/notify/render"
)

var (
	first  = State{Link: "wan0", Prefix: netip.MustParsePrefix("2001:980:1:140::/60")}
	second = State{Link: "wan0", Prefix: netip.MustParsePrefix("2001:980:2:50::/60")}
)

// bench is a manager whose programs are recorded.
type bench struct {
	*Manager
	mu   sync.Mutex
	ran  []string // environment of each program
	fail error
	hang bool
	stop func()
}

func newBench(t *testing.T, dir string) *bench {
	b := &bench{Manager: New(slog.New(slog.DiscardHandler), filepath.Join(dir, "consumers.json"))}
	b.Manager.run = func(ctx context.Context, c command) (string, error) {
		b.mu.Lock()
		hang, fail := b.hang, b.fail
		b.ran = append(b.ran, strings.Join(c.argv, " ")+" "+said(c.env))
		b.mu.Unlock()
		if hang {
			<-ctx.Done()
			return "", ctx.Err()
		}
		return "", fail
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.Run(ctx) }()
	b.stop = func() { cancel(); <-done }
	synctest.Wait()
	return b
}

func (b *bench) failing(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

func said(env []string) string {
	var out []string
	for _, name := range []string{"reason", "old_ip6_prefix", "new_ip6_prefix"} {
		for _, e := range env {
			if strings.HasPrefix(e, name+"=") {
				out = append(out, e)
			}
		}
	}
	return strings.Join(out, " ")
}

func (b *bench) apply(t *testing.T, now State, consumers ...Consumer) {
	t.Helper()
	c := Config{Consumers: consumers}
	if now.Prefix.IsValid() {
		c.States = map[string]State{"isp": now}
	}
	if err := b.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// since returns what ran since it was asked last.
func (b *bench) since() []string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.ran
	b.ran = nil
	return out
}

func (b *bench) expect(t *testing.T, when string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, b.since()); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", when, diff)
	}
}

func hook() Consumer {
	return Consumer{Delegation: "isp", Name: "docker", Link: "wan0", Run: []string{"/hook"}, Timeout: time.Minute}
}

func TestProgramIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := newBench(t, dir)
		b.apply(t, State{}, hook())
		b.expect(t, "no prefix yet")
		b.apply(t, first, hook())
		b.expect(t, "bound", "/hook reason=BOUND6 new_ip6_prefix=2001:980:1:140::/60")
		longer := first
		longer.ValidUntil = time.Now().Add(time.Hour)
		b.apply(t, longer, hook())
		b.expect(t, "only longer")
		b.apply(t, second, hook())
		b.expect(t, "changed", "/hook reason=BOUND6 old_ip6_prefix=2001:980:1:140::/60 new_ip6_prefix=2001:980:2:50::/60")
		b.stop()

		// A restart tells nothing again, but what changed while we were down.
		b = newBench(t, dir)
		b.apply(t, second, hook())
		b.expect(t, "a restart")
		b.stop()
		b = newBench(t, dir)
		b.apply(t, first, hook())
		b.expect(t, "changed while we were down", "/hook reason=BOUND6 old_ip6_prefix=2001:980:2:50::/60 new_ip6_prefix=2001:980:1:140::/60")
		b.apply(t, State{}, hook())
		b.expect(t, "lost", "/hook reason=EXPIRE6 old_ip6_prefix=2001:980:1:140::/60")
		b.apply(t, State{}, hook())
		b.expect(t, "still lost")

		// A consumer that goes and comes back, as when a commit is undone, knows what it knew.
		b.apply(t, first, hook())
		b.since()
		b.apply(t, first)
		b.apply(t, first, hook())
		b.expect(t, "put back")
		// Another program does not know.
		other := hook()
		other.Run = []string{"/other"}
		b.apply(t, first, other)
		b.expect(t, "another program", "/other reason=RENEW6 old_ip6_prefix=2001:980:1:140::/60 new_ip6_prefix=2001:980:1:140::/60")
		b.stop()
	})
}

func TestLifetimesWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir())
		defer func() { b.stop() }()
		c := hook()
		c.Lifetimes = true
		now := first
		now.ValidUntil, now.PreferredUntil = time.Now().Add(time.Hour), time.Now().Add(time.Hour)
		b.apply(t, now, c)
		b.since()
		now.ValidUntil = now.ValidUntil.Add(time.Second)
		b.apply(t, now, c)
		b.expect(t, "a second more")
		now.ValidUntil = now.ValidUntil.Add(time.Hour)
		b.apply(t, now, c)
		b.expect(t, "an hour more", "/hook reason=RENEW6 old_ip6_prefix=2001:980:1:140::/60 new_ip6_prefix=2001:980:1:140::/60")
	})
}

// A program that fails is tried again, less and less often, and a new state is told at once; the newest wins.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir())
		defer func() { b.stop() }()
		b.failing(errors.New("exit status 1"))
		b.apply(t, first, hook())
		<-time.After(time.Hour)
		tries := len(b.since())
		if tries < 10 || tries > 25 {
			t.Errorf("%d tries in an hour", tries)
		}
		s := b.Status()[0]
		if s.State != "failed" || s.Result != "exit status 1" || s.Failures != uint64(tries) || s.Next.IsZero() || s.Prefix.IsValid() {
			t.Errorf("status %+v", s)
		}
		b.apply(t, second, hook())
		b.expect(t, "another prefix", "/hook reason=BOUND6 new_ip6_prefix=2001:980:2:50::/60")
		b.failing(nil)
		<-time.After(2 * time.Second)
		b.expect(t, "it works again", "/hook reason=BOUND6 new_ip6_prefix=2001:980:2:50::/60")
		if s := b.Status()[0]; s.State != "told" || s.Prefix != second.Prefix || !s.Next.IsZero() {
			t.Errorf("status %+v", s)
		}
		<-time.After(time.Hour)
		b.expect(t, "nothing more")
	})
}

// A program that hangs holds up only itself, and a stop; it is told again at the next start.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := newBench(t, dir)
		b.hang = true
		b.apply(t, first, hook())
		b.mu.Lock()
		b.hang = false
		b.mu.Unlock()
		other := hook()
		other.Name = "other"
		b.apply(t, second, hook(), other)
		b.expect(t, "one hangs", "/hook reason=BOUND6 new_ip6_prefix=2001:980:1:140::/60", "/hook reason=BOUND6 new_ip6_prefix=2001:980:2:50::/60")
		if s := b.Status(); s[0].State != "running" || s[1].State != "told" {
			t.Errorf("status %+v", s)
		}
		b.stop()
		b = newBench(t, dir)
		b.apply(t, second, hook(), other)
		b.expect(t, "at the next start", "/hook reason=BOUND6 new_ip6_prefix=2001:980:2:50::/60")
		b.stop()
	})
}

func TestTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir())
		defer func() { b.stop() }()
		b.apply(t, first, hook())
		b.since()
		s, err := b.Trigger(t.Context(), "docker")
		if err != nil || s.State != "told" || s.Tries != 2 {
			t.Errorf("%+v, %v", s, err)
		}
		b.expect(t, "by hand", "/hook reason=RENEW6 old_ip6_prefix=2001:980:1:140::/60 new_ip6_prefix=2001:980:1:140::/60")
		b.failing(errors.New("exit status 7"))
		if _, err := b.Trigger(t.Context(), "isp/docker"); err == nil || err.Error() != "exit status 7" {
			t.Errorf("got %v", err)
		}
		if _, err := b.Trigger(t.Context(), "nobody"); !errors.Is(err, ErrUnknown) {
			t.Errorf("got %v", err)
		}
		other := hook()
		other.Delegation = "backup"
		b.failing(nil)
		b.apply(t, first, hook(), other)
		if _, err := b.Trigger(t.Context(), "docker"); !errors.Is(err, ErrAmbiguous) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPreview(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir())
		defer func() { b.stop() }()
		web := Consumer{Delegation: "isp", Name: "web", URL: "https://example.net/secret?token=x", Timeout: time.Second}
		file := Consumer{Delegation: "isp", Name: "file", File: &File{Path: "/etc/x"}, Timeout: time.Second}
		config := func(now State, all ...Consumer) Config {
			c := Config{Consumers: all, States: map[string]State{}}
			if now.Prefix.IsValid() {
				c.States["isp"] = now
			}
			return c
		}
		show := func(c Config) string {
			var out []string
			for _, o := range b.Preview(c) {
				out = append(out, o.Class.String()+" "+o.Object+": "+o.Action)
			}
			return strings.Join(out, "\n")
		}
		if got, want := show(config(first, hook(), web, file)), "live consumer isp/docker: tell /hook that isp is 2001:980:1:140::/60\n"+
			"live consumer isp/file: tell /etc/x that isp is 2001:980:1:140::/60\n"+
			"live consumer isp/web: tell https://example.net/… that isp is 2001:980:1:140::/60"; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		b.apply(t, first, hook())
		if got := show(config(first, hook())); got != "" {
			t.Errorf("nothing to do, and the preview has\n%s", got)
		}
		if got, want := show(config(first)), "delete consumer isp/docker: tell it no more"; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if got, want := show(config(second, hook())), "live consumer isp/docker: tell /hook that isp is 2001:980:2:50::/60, and was 2001:980:1:140::/60"; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := newBench(t, dir)
		defer func() { b.stop() }()
		path := filepath.Join(dir, "ipv6.prefix")
		c := Consumer{
			Delegation: "isp", Name: "docker", Link: "wan0", Timeout: time.Minute, Run: []string{"service", "docker", "restart"},
			File: &File{Path: path, Template: "{{subnet .Prefix 80 0}}\n", Mode: 0o640},
		}
		content := func(want string) {
			t.Helper()
			got, err := os.ReadFile(path)
			if err != nil || string(got) != want {
				t.Errorf("the file has %q, %v, want %q", got, err, want)
			}
		}
		b.apply(t, first, c)
		b.expect(t, "bound", "service docker restart reason=BOUND6 new_ip6_prefix=2001:980:1:140::/60")
		content("2001:980:1:140::/80\n")
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if _, err := b.Trigger(t.Context(), "docker"); err != nil {
			t.Error(err)
		}
		b.expect(t, "the same content")
		// The program fails: it is owed, whatever the file has.
		b.failing(errors.New("exit status 1"))
		b.apply(t, second, c)
		b.since()
		content("2001:980:2:50::/80\n")
		b.stop()
		b = newBench(t, dir)
		b.apply(t, second, c)
		b.expect(t, "after a restart", "service docker restart reason=BOUND6 old_ip6_prefix=2001:980:1:140::/60 new_ip6_prefix=2001:980:2:50::/60")
		if s := b.Status()[0]; s.State != "told" || s.Result != "unchanged, exit status 0" {
			t.Errorf("status %+v", s)
		}
		b.apply(t, State{}, c)
		content("\n")
		c.File = &File{Path: path, Template: "{{.Prefix}}", Mode: 0o640, Remove: true}
		b.apply(t, first, c)
		content("2001:980:1:140::/60")
		b.apply(t, State{}, c)
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the file is there without a prefix: %v", err)
		}
		c.File = &File{Path: path, Template: "{{subnet .Prefix 40 0}}", Mode: 0o640}
		b.apply(t, first, c)
		if s := b.Status()[0]; s.State != "failed" || !strings.Contains(s.Result, "there is no /40 in 2001:980:1:140::/60") {
			t.Errorf("status %+v", s)
		}
	})
}

// TestFileIsGoneAtTheStart has a file in a directory that does not survive a reboot.
func TestFileIsGoneAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := newBench(t, dir)
		defer func() { b.stop() }()
		path := filepath.Join(dir, "ipv6.prefix")
		c := Consumer{
			Delegation: "isp", Name: "docker", Link: "wan0", Timeout: time.Minute, Run: []string{"/restart"},
			File: &File{Path: path, Template: "{{.Event}} {{.Prefix}}", Mode: 0o640, Remove: true},
		}
		b.apply(t, first, c)
		b.expect(t, "bound", "/restart reason=BOUND6 new_ip6_prefix=2001:980:1:140::/60")
		again := func(when string, now State, want ...string) {
			t.Helper()
			b.stop()
			b = newBench(t, dir)
			b.apply(t, now, c)
			b.expect(t, when, want...)
		}
		again("a start with the file", first)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		longer := first
		longer.ValidUntil = time.Now().Add(time.Hour)
		b.apply(t, longer, c)
		b.expect(t, "only a start looks")
		again("a start without the file", first, "/restart reason=RENEW6 old_ip6_prefix=2001:980:1:140::/60 new_ip6_prefix=2001:980:1:140::/60")
		if got, err := os.ReadFile(path); err != nil || string(got) != "renewed 2001:980:1:140::/60" {
			t.Errorf("the file has %q, %v", got, err)
		}
		again("the next start", first)
		b.apply(t, State{}, c)
		b.expect(t, "lost", "/restart reason=EXPIRE6 old_ip6_prefix=2001:980:1:140::/60")
		again("a start without a prefix", State{})
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the file is there without a prefix: %v", err)
		}
	})
}

// As a service of systemd nothing but our own directories can be written: systemd does it, with our program.
func TestFileOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir())
		defer func() { b.stop() }()
		b.outside, b.program = true, "/usr/bin/sixfold" // no consumer runs yet
		c := Consumer{Delegation: "isp", Name: "docker", Timeout: time.Minute, File: &File{Path: "/etc/x", Template: "{{.Prefix}}", Mode: 0o600, Owner: "root:docker", Remove: true}}
		b.apply(t, first, c)
		b.apply(t, State{}, c)
		b.expect(t, "written and removed", "/usr/bin/sixfold write-file --mode 0600 --owner root:docker -- /etc/x ",
			"/usr/bin/sixfold write-file --mode 0600 --owner root:docker --remove -- /etc/x ")
		want := []string{
			"systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec", "--unit=u.service", "--description=sixfold tells isp/docker",
			"--property=RuntimeMaxSec=1500ms", "--property=TimeoutStopSec=2000ms", "--property=WorkingDirectory=/", "--uid=nobody", "--setenv=A=b c", "--", "/hook", "-x",
		}
		got := transient("u.service", command{name: "isp/docker", argv: []string{"/hook", "-x"}, env: []string{"A=b c"}, user: "nobody", limit: 1500 * time.Millisecond})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if a, b := unitName("isp/do cker"), unitName("isp/do cker"); a == b || !strings.HasPrefix(a, "sixfold-isp-do-cker-") || !strings.HasSuffix(a, ".service") {
			t.Errorf("names %s, %s", a, b)
		}
	})
}

func TestURL(t *testing.T) {
	var got []string
	answer := http.StatusNoContent
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil {
			t.Error(err)
		}
		got = append(got, strings.Join([]string{r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Authorization"), m["event"].(string), m["prefix"].(string)}, " "))
		w.WriteHeader(answer)
		io.WriteString(w, strings.Repeat("x", 3*maxOutput))
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pemOf(secure.Certificate().Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Consumer{Delegation: "isp", Name: "web", URL: plain.URL + "/hook", Token: "sesame", Timeout: 5 * time.Second}
	change := render.Change{Event: render.Bound, Delegation: "isp", Prefix: first.Prefix}
	try := func(c Consumer) (string, error) {
		result, _, err := post(t.Context(), c, change, jsonOf(change, time.Now()))
		return result, err
	}
	if result, err := try(c); err != nil || result != "204 No Content" {
		t.Errorf("got %q, %v", result, err)
	}
	if want := []string{"POST /hook application/json Bearer sesame bound 2001:980:1:140::/60"}; !slices.Equal(got, want) {
		t.Errorf("the server got %q, want %q", got, want)
	}
	answer = http.StatusInternalServerError
	if _, err := try(c); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("got %v", err)
	}
	answer = http.StatusFound
	if _, err := try(c); err == nil || !strings.Contains(err.Error(), "302") {
		t.Errorf("a redirect was followed: %v", err)
	}
	answer = http.StatusOK
	c.URL = secure.URL + "/hook?token=secret"
	if _, err := try(c); err == nil || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "secret") {
		t.Errorf("a certificate of nobody: %v", err)
	}
	c.CA = ca
	if result, err := try(c); err != nil || result != "200 OK" {
		t.Errorf("got %q, %v", result, err)
	}
	secure.Close()
	if _, err := try(c); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	if s := target(c); strings.Contains(s, "secret") || !strings.HasPrefix(s, "https://127.0.0.1") {
		t.Errorf("target %s", s)
	}
}
