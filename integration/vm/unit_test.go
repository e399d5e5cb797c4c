package vm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseReport(t *testing.T) {
	const text = "before\n" +
		frame + "=== RUN   TestA\n" +
		"    a_test.go:1: of A\n" +
		frame + "=== RUN   TestA/x\n" +
		"--- PASS: TestA/x (0.00s) is what the test printed\n" +
		frame + "=== RUN   TestA/x/deep\n" +
		"no line break" + frame + "--- FAIL: TestA/x/deep (1.50s)\n" +
		frame + "--- FAIL: TestA/x (1.60s)\n" +
		frame + "=== NAME  TestA\n" +
		"    a_test.go:2: of A again\n" +
		frame + "=== RUN   TestA/a_/48,_its_route\n" +
		frame + "--- PASS: TestA/a_/48,_its_route (0.10s)\n" +
		frame + "=== RUN   TestA/y\n" +
		frame + "--- SKIP: TestA/y (0.00s)\n" +
		frame + "--- FAIL: TestA (2.00s)\n" +
		frame + "=== NAME  \n" +
		"FAIL\n"
	want := &report{output: "before\nFAIL\n", children: []*report{{
		name: "TestA", verdict: "FAIL", took: "2.00s", output: "    a_test.go:1: of A\n    a_test.go:2: of A again\n",
		children: []*report{
			{
				name: "x", verdict: "FAIL", took: "1.60s", output: "--- PASS: TestA/x (0.00s) is what the test printed\n",
				children: []*report{{name: "deep", verdict: "FAIL", took: "1.50s", output: "no line break"}},
			},
			{name: "a_/48,_its_route", verdict: "PASS", took: "0.10s"},
			{name: "y", verdict: "SKIP", took: "0.00s"},
		},
	}}}
	got := parseReport(text)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(report{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, took := range map[string]string{"TestA": "2.00s", "TestA/x/deep": "1.50s", "TestA/a_/48,_its_route": "0.10s", "TestA/z": "", "TestA/a_": "", "Test": ""} {
		r := got.lookup(name)
		if (r == nil) != (took == "") || r != nil && r.took != took {
			t.Errorf("lookup(%q): %+v", name, r)
		}
	}
}

func TestOnly(t *testing.T) {
	for _, c := range []struct{ test, pattern, want string }{
		{"TestA", "", "^TestA$"},
		{"TestA", "TestA", "^TestA$"},
		{"TestA", "TestA/x", "^TestA$/x"},
		{"TestA", "Test/x/y", "^TestA$/x/y"},
		{"TestA/uml", "TestA", "^TestA$/^uml$"},
		{"TestA/uml", "TestA/u/x", "^TestA$/^uml$/x"},
		{"TestA/1.5", "", `^TestA$/^1\.5$`},
		{"TestA", "TestA/x|TestB/y", "^TestA$"},
		{"TestA", "TestA/[/]", "^TestA$/[/]"},
		{"TestA", "TestA/(x|y)/z", "^TestA$/(x|y)/z"},
		{"TestA", `TestA/\(|x/y`, "^TestA$"},
		{"TestA", `Test\/A`, "^TestA$"},
	} {
		if got := only(c.test, c.pattern); got != c.want {
			t.Errorf("only(%q, %q) = %q, want %q", c.test, c.pattern, got, c.want)
		}
	}
}

// Inside there is less time than outside, so that a test that hangs tells where.
func TestArguments(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := arguments(ctx, "TestA")
	for _, want := range []string{"-test.run=^TestA$", "-test.v=test2json", "-test.count=1", "-test.timeout=50s"} {
		if !slices.Contains(args, want) {
			t.Errorf("%q lacks %s", args, want)
		}
	}
}

func TestModulePaths(t *testing.T) {
	dir := fstest.MapFS{
		"modules.dep":     {Data: []byte("kernel/a/vrf.ko: kernel/n/ipv6.ko kernel/l/crc-x.ko\nkernel/n/ipv6.ko: kernel/l/crc-x.ko\nkernel/l/crc-x.ko:\nkernel/n/nf_tables.ko: kernel/l/libcrc.ko\nkernel/l/libcrc.ko:\nkernel/c/crc_generic.ko:\nkernel/c/late.ko:\n")},
		"modules.softdep": {Data: []byte("# comment\nsoftdep libcrc pre: crypto-crc missing post: late\n")},
		"modules.alias":   {Data: []byte("alias crypto-crc crc_generic\nalias pci:* vrf\n")},
		"modules.builtin": {Data: []byte("kernel/net/packet/af-packet.ko\n")},
	}
	for _, c := range []struct {
		names []string
		want  []string
		err   string
	}{
		{names: []string{"vrf"}, want: []string{"kernel/l/crc-x.ko", "kernel/n/ipv6.ko", "kernel/a/vrf.ko"}},
		{names: []string{"crc-x", "vrf", "crc_x"}, want: []string{"kernel/l/crc-x.ko", "kernel/n/ipv6.ko", "kernel/a/vrf.ko"}},
		{names: []string{"nf_tables"}, want: []string{"kernel/c/crc_generic.ko", "kernel/l/libcrc.ko", "kernel/n/nf_tables.ko"}},
		{names: []string{"af_packet"}},
		{names: []string{"nothing"}, err: "the kernel has no module nothing"},
	} {
		got, err := modulePaths(dir, c.names...)
		if (err != nil || c.err != "") && (err == nil || err.Error() != c.err) {
			t.Errorf("%v: error %v, want %q", c.names, err, c.err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v: -want +got:\n%s", c.names, diff)
		}
	}
	for name := range dir {
		part := fstest.MapFS{}
		for other, file := range dir {
			if other != name {
				part[other] = file
			}
		}
		if _, err := modulePaths(part, "vrf"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestOutcome(t *testing.T) {
	ended := errors.New("exit status 1")
	for _, c := range []struct {
		name    string
		outcome outcome
		want    string
	}{
		{"good", outcome{up: true, exited: true}, ""},
		{"bad", outcome{up: true, exited: true, code: 1}, "exit code 1"},
		{"killed", outcome{up: true, exited: true, code: 128 + 9}, "signal 9 (killed)"},
		{"panic in a test", outcome{up: true, console: "x\nKernel panic - not syncing"}, "panicked while the test program ran"},
		{"panic at start", outcome{console: "Kernel panic", ended: ended}, "panicked before"},
		{"set-up", outcome{failure: "mount /proc: no"}, "was not set up: mount /proc: no"},
		{"hang", outcome{up: true, late: true}, "did not end in time"},
		{"hang at start", outcome{late: true}, "did not come up in time"},
		{"crash", outcome{up: true, ended: ended}, "ended before the test program did: exit status 1"},
		{"crash at start", outcome{ended: ended}, "did not come up: exit status 1"},
		{"end at start", outcome{}, "did not come up"},
	} {
		err := c.outcome.err()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	long := outcome{console: strings.Repeat("line\n", 1000) + "the end"}
	if end := long.end(); strings.Count(end, "\n") > 61 || !strings.HasSuffix(end, "the end") {
		t.Errorf("the end of a long console:\n%s", end)
	}
}

func TestReadOutput(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       outcome
	}{
		{"good", "\nMARK up \nhello\nMARKER up\n\nMARK exit 3\nrest", outcome{output: "hello\nMARKER up\n\n", up: true, exited: true, code: 3}},
		{"cut off", "\nMARK up \nhel", outcome{output: "hel", up: true}},
		{"refused", "\nMARK fail mount: no\n", outcome{output: "\n", failure: "mount: no"}},
		{"no number", "MARK exit x\n", outcome{}},
		{"empty", "", outcome{}},
	} {
		var got outcome
		var mirror strings.Builder
		got.read(strings.NewReader(c.text), "MARK", &mirror)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(outcome{})); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, diff)
		}
		if mirror.String() != c.text {
			t.Errorf("%s: shown: %q", c.name, mirror.String())
		}
	}
}

// The console keeps its end, and sees a panic however it is cut.
func TestConsole(t *testing.T) {
	c := &console{panicked: make(chan struct{})}
	for range 3 {
		io.WriteString(c, strings.Repeat("x", consoleSize/2)+"\r\n")
	}
	select {
	case <-c.panicked:
		t.Fatal("a panic of which nothing was said")
	default:
	}
	io.WriteString(c, "Kernel pa")
	io.WriteString(c, "nic - not syncing")
	io.WriteString(c, "Kernel panic again")
	<-c.panicked
	if s := c.String(); len(s) > consoleSize || !strings.HasSuffix(s, "x\nKernel panic - not syncingKernel panic again") {
		t.Errorf("%d bytes, the end %q", len(s), s[max(0, len(s)-80):])
	}
}

// cpio reads what the kernel is to read.
func TestArchive(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "one": "1", "four": "1234", "program": strings.Repeat("text ", 1000)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	a := newArchive(&b)
	a.dir("mnt")
	a.device("dev/console", 5, 1)
	for _, name := range []string{"empty", "one", "four", "program"} {
		a.add("a/b/"+name, filepath.Join(dir, name))
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cpio", "--extract", "--make-directories", "--quiet", "--no-absolute-filenames")
	cmd.Dir, cmd.Stdin = out, &b
	if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
		t.Fatalf("cpio: %v\n%s", err, text)
	}
	text, err := exec.Command("sh", "-c", `cd "$0" && find . -printf '%M %s %p\n' | grep -v '^d' | sort -k 3; stat -c '%F %t:%T' dev/console; cmp a/b/program ../program`, out).CombinedOutput()
	want := "-rwxr-xr-x 0 ./a/b/empty\n-rwxr-xr-x 4 ./a/b/four\n-rwxr-xr-x 1 ./a/b/one\n-rwxr-xr-x 5000 ./a/b/program\ncrw------- 0 ./dev/console\ncharacter special file 5:1\n"
	if diff := cmp.Diff(want, string(text)); err != nil || diff != "" {
		t.Errorf("%v: -want +got:\n%s", err, diff)
	}
	a.add("c", filepath.Join(dir, "none"))
	if err := a.close(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
