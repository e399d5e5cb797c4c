package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/api/apitest"
	"github.com/sixfold-router/sixfold/router/plan"
)

func TestWatchOnTerminal(t *testing.T) {
	b := sample(time.Now())
	apply(t, b, "one")
	socket := filepath.Join(t.TempDir(), "s")
	stop := startDaemon(t, b, socket)
	y := startOnTerminal(t, []string{"SIXFOLD_SOCKET=" + socket}, "sixfold", "show", "revisions", "--watch=100ms")
	y.expect(`Every 100ms: sixfold show revisions   \d\d:\d\d:\d\d\s`)
	y.expect(`applied +one`)
	apply(t, b, "two")
	y.expect(`applied +two`)
	stop()
	y.expect(`sixfold show revisions   \d\d:\d\d:\d\d   no daemon`)
	// What was seen last stays.
	y.expect(`applied +two`)
	startDaemon(t, b, socket)
	apply(t, b, "three")
	y.expect(`applied +three`)
	y.send("\x03")
	if code := y.ends(); code != exitOK {
		t.Errorf("exit code %d after Ctrl-C", code)
	}
	shown := y.all.String()
	if !strings.HasPrefix(shown, screenOpen) || !strings.Contains(shown, screenHome) {
		t.Errorf("it does not draw over what it drew: %q", shown)
	}
}

func TestColourOnTerminal(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	startDaemon(t, sample(time.Now()), socket)
	for _, tt := range []struct {
		name   string
		env    []string
		colour bool
	}{
		{"terminal", []string{"NO_COLOR="}, true},
		{"NO_COLOR", []string{"NO_COLOR=1"}, false},
		{"dumb", []string{"NO_COLOR=", "TERM=dumb"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			y := startOnTerminal(t, append(tt.env, "SIXFOLD_SOCKET="+socket), "sixfold", "show", "bgp")
			y.expect(`established`)
			y.ends()
			if got := strings.Contains(y.all.String(), "\x1b[32mestablished\x1b[0m"); got != tt.colour {
				t.Errorf("colour %t, want %t: %q", got, tt.colour, y.all.String())
			}
		})
	}
}

func TestPagerOnTerminal(t *testing.T) {
	b := &apitest.Backend{}
	for range 100 {
		b.PendingList = append(b.PendingList, plan.Pending{What: "what", Reason: "why"})
	}
	socket := filepath.Join(t.TempDir(), "s")
	startDaemon(t, b, socket)
	for _, tt := range []struct {
		name  string
		pager string
		args  []string
		want  string
	}{
		{"long", "sed s/^/paged:/", []string{"show", "pending"}, `paged:WHAT`},
		{"short", "sed s/^/paged:/", []string{"config", "history"}, `^no revisions`},
		{"switched off", "sed s/^/paged:/", []string{"show", "pending", "--no-pager"}, `^WHAT`},
		{"JSON", "sed s/^/paged:/", []string{"show", "pending", "--json"}, `^\{`},
		{"cat", "cat", []string{"show", "pending"}, `^WHAT`},
		{"not there", "nosuchpager", []string{"show", "pending"}, `\nWHAT`},
		{"less", "", []string{"show", "pending"}, `WHAT(?s:.*)what +why\r\n:`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := []string{"SIXFOLD_SOCKET=" + socket}
			if tt.pager != "" {
				env = append(env, "PAGER="+tt.pager)
			}
			y := startOnTerminal(t, env, "sixfold", tt.args...)
			y.expect(tt.want)
			if tt.pager == "" {
				y.send("q")
			}
			if code := y.ends(); code != exitOK {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestAskOnTerminal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new.yaml")
	if err := os.WriteFile(file, []byte("system: {hostname: new}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, typed, want string
		args              []string
		code              int
	}{
		{"yes", "y\r", `new.yaml is running as revision 2: 1 live, 1 recreate, 1 delete`, []string{"apply", file}, exitOK},
		{"no", "n\r", `sixfold: nothing was done`, []string{"apply", file}, exitFailed},
		{"Enter", "\r", `sixfold: nothing was done`, []string{"apply", file}, exitFailed},
		{"Ctrl-D", "\x04", `sixfold: nothing was done`, []string{"apply", file}, exitFailed},
		{"Ctrl-C", "\x03", `sixfold: interrupted`, []string{"apply", file}, exitFailed},
		{"rollback", "yes\r", `running as revision 2`, []string{"rollback", "1"}, exitOK},
		{"not asked", "", `running as revision 2`, []string{"apply", file, "--yes"}, exitOK},
		{"nothing disturbed", "", `running as revision 2`, []string{"apply", file}, exitOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := sample(time.Now())
			if tt.name == "nothing disturbed" {
				b.OperationList = b.OperationList[:1]
			}
			apply(t, b, "old")
			if tt.args[0] == "rollback" {
				// Its text is the running one, which nothing has to be done for: another one is between.
				apply(t, b, "between")
				tt.want = `running as revision 3`
			}
			socket := filepath.Join(t.TempDir(), "s")
			startDaemon(t, b, socket)
			y := startOnTerminal(t, []string{"SIXFOLD_SOCKET=" + socket}, "sixfold", append([]string{"config"}, tt.args...)...)
			if tt.typed != "" {
				y.expect(`WARNING neighbor lab: the BGP session ends\r\nGo on\? \[y/N\] $`)
				y.send(tt.typed)
			}
			y.expect(tt.want)
			if code := y.ends(); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if strings.Contains(y.all.String(), "Go on?") != (tt.typed != "") {
				t.Errorf("asked or not: %s", y.all.String())
			}
		})
	}
}

func TestEditOnTerminal(t *testing.T) {
	b := sample(time.Now())
	apply(t, b, "old")
	socket := filepath.Join(t.TempDir(), "s")
	startDaemon(t, b, socket)
	// The first time it spoils the text, the second time it mends it.
	editor := filepath.Join(t.TempDir(), "editor")
	script := "#!/bin/sh\nif grep -q hostname: \"$1\"; then sed -i 's/hostname:/hostnam:/' \"$1\"; else sed -i 's/hostnam: old/hostname: new/' \"$1\"; fi\n"
	if err := os.WriteFile(editor, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	env := []string{"SIXFOLD_SOCKET=" + socket, "EDITOR=" + editor, "TMPDIR=" + t.TempDir()}
	y := startOnTerminal(t, env, "sixfold", "config", "edit")
	y.expect(`config edit:1:10: system.hostnam(?s:.*)Edit again\? \[Y/n\] $`)
	y.send("\r")
	y.expect(`\+ +hostname: new`)
	y.expect(`WARNING neighbor lab(?s:.*)Apply it\? \[y/N\] $`)
	y.send("y\r")
	y.expect(`config edit is running as revision 2`)
	if code := y.ends(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	y = startOnTerminal(t, env, "sixfold", "config", "edit")
	y.expect(`Edit again\?`)
	y.send("n\r")
	y.expect(`Your text is kept in \S+/config.yaml`)
	if code := y.ends(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
}
