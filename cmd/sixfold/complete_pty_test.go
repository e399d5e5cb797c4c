package main

import (
	"regexp"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/api/apitest"
)

// TestCompletionScripts types into the shells that we write completion scripts for. What Tab made of a line shows in what the
// line then does.
func TestCompletionScripts(t *testing.T) {
	for _, test := range []struct {
		shell  string
		args   []string
		prompt string
		setup  []string // each followed by a prompt
	}{
		{
			shell: "bash", args: []string{"--norc", "--noprofile", "-i"}, prompt: `ready\$ $`,
			setup: []string{"PS1='rea''dy$ '", "bind 'set enable-bracketed-paste off'", "source <(sixfold completion bash)"},
		},
		{
			shell: "zsh", args: []string{"-f", "-i"}, prompt: `ready% $`,
			setup: []string{"unsetopt zle_bracketed_paste prompt_sp; PS1='rea''dy%% '", "autoload -U compinit && compinit -u -D", "source <(sixfold completion zsh)"},
		},
		{
			shell: "fish", args: []string{"--no-config", "-i"}, prompt: `ready> [\r\s]*$`,
			setup: []string{"function fish_prompt; echo -n 'rea''dy> '; end", "set -g fish_greeting; set -g fish_autosuggestion_enabled 0", "sixfold completion fish | source"},
		},
	} {
		t.Run(test.shell, func(t *testing.T) {
			t.Parallel()
			socket := serveTest(t, apitest.Sample(time.Now()))
			y := startOnTerminal(t, []string{"SIXFOLD_SOCKET=" + socket, "SHELL=/bin/sh"}, test.shell, test.args...)
			for _, line := range test.setup {
				y.send(line + "\r")
			}
			y.send("echo se''t\r")
			y.expect(`set\r?\n`)
			y.expect(test.prompt)

			// A command and the name of a neighbor.
			y.send("sixfold bgp res\tla\t\r")
			y.expect(`reset lab; see`)
			y.expect(test.prompt)
			// A prefix, in which a shell may see more than one word.
			y.send("sixfold lease release 2001:db8:1:1\t0\t\r")
			y.expect(`2001:db8:1:100::/60 is free`)
			y.expect(test.prompt)
			// The value of a flag, after a command that is shortened.
			y.send("sixfold sh leases --link la\t --kind pre\t\r")
			y.expect(`2001:db8:1:100::/60 +prefix`)
			y.expect(test.prompt)
			// A delegation, and a command of three words.
			y.send("sixfold delegation renew ba\t\r")
			y.expect(`renewing backup`)
			y.expect(test.prompt)
			y.send("sixfold show bgp neighbor is\t\r")
			y.expect(`description: +transit`)
			y.expect(test.prompt)
			y.send("exit\r")
			y.ends()
		})
	}
}

// TestCompletionWithoutDaemon is silent, and soon over.
func TestCompletionWithoutDaemon(t *testing.T) {
	y := startOnTerminal(t, []string{"SIXFOLD_SOCKET=" + t.TempDir() + "/none"}, "bash", "--norc", "--noprofile", "-i")
	y.send("PS1='rea''dy$ '\rsource <(sixfold completion bash)\recho se''t\r")
	y.expect(`set\r?\n`)
	y.expect(`ready\$ $`)
	y.send("sixfold bgp reset l\t\r")
	if shown := y.expect(`sixfold: no daemon at`); !regexp.MustCompile(`^sixfold bgp reset l\r?\n`).MatchString(shown) {
		t.Errorf("Tab without a daemon shows %q", shown)
	}
	y.expect(`ready\$ $`)
	y.send("exit\r")
	y.ends()
}
