package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// testTree has some commands with the difficulties of ours.
func testTree() *cobra.Command {
	leaf := func(use string, aliases ...string) *cobra.Command {
		return &cobra.Command{Use: use, Aliases: aliases, Run: func(*cobra.Command, []string) {}}
	}
	root := group(&cobra.Command{Use: "sixfold"})
	root.PersistentFlags().String("socket", "", "")
	root.PersistentFlags().Bool("json", false, "")
	show := group(&cobra.Command{Use: "show"})
	bgp := leaf("bgp", "protocols")
	bgp.AddCommand(leaf("neighbor NAME"), leaf("routes"))
	hidden := leaf("neighbors")
	hidden.Hidden = true
	bgp.AddCommand(hidden)
	show.AddCommand(bgp, leaf("prefixes"), leaf("pending"), leaf("routes", "route"), leaf("ra"), leaf("interfaces"))
	show.PersistentFlags().StringP("link", "l", "", "")
	config := group(&cobra.Command{Use: "config"})
	config.AddCommand(leaf("check FILE"), leaf("confirm"), leaf("commit"))
	raw := leaf("exec")
	raw.DisableFlagParsing = true
	root.AddCommand(show, config, raw, leaf("shell"), leaf("run"), leaf("ra"))
	root.InitDefaultHelpCmd()
	return root
}

func TestExpand(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"", ""},
		{"sh bg", "show bgp"},
		{"sh bgp neig isp", "show bgp neighbor isp"},
		{"sh bgp neighbors isp", "show bgp neighbors isp"},
		{"show pr", "show prefixes"},
		{"show prot", "show bgp"},
		{"show protocols", "show bgp"},
		{"show p", "! ambiguous: p could be pending, prefixes"},
		{"show r", "! ambiguous: r could be ra, routes"},
		{"show ro", "show routes"},
		{"sh int show", "show interfaces show"},
		{"--socket sh sh bg", "--socket sh show bgp"},
		{"--socket=sh sh bg", "--socket=sh show bgp"},
		{"--json sh -l co int", "--json show -l co interfaces"},
		{"sh --link p bgp r", "show --link p bgp routes"},
		{"conf c", "! ambiguous: c could be check, commit, confirm"},
		{"conf ch sh", "config check sh"},
		{"shel", "shell"},
		{"sh", "show"},
		{"r", "ra"},
		{"ru", "run"},
		{"nothing sh", "nothing sh"},
		{"sh -- bg", "show -- bg"},
		{"exe sh --x sh", "exec sh --x sh"},
		{"he sh", "help sh"},
		{"__complete sh bg neig", "__complete show bgp neig"},
		{"__complete sh p x", "__complete sh p x"},
	} {
		got, err := expand(testTree(), strings.Fields(test.line))
		text := strings.Join(got, " ")
		if err != nil {
			text = "! " + err.Error()
		}
		if text != test.want {
			t.Errorf("%q is %q, want %q", test.line, text, test.want)
		}
		if err == nil && got == nil {
			t.Errorf("%q is nil, which cobra takes for the arguments of the process", test.line)
		}
	}
	_, err := expand(testTree(), []string{"show", "p"})
	var usage *usageError
	if !errors.As(err, &usage) || usage.cmd.Name() != "show" {
		t.Errorf("an ambiguous word gives %#v, want a usage error of show", err)
	}
}

// TestCommandsAreUnambiguous holds what operators type by habit to one meaning, whatever commands are added.
func TestCommandsAreUnambiguous(t *testing.T) {
	a := &app{}
	root := rootCommand(a)
	prepare(a, root)
	for line, want := range map[string]string{
		"sh int":               "show interfaces",
		"sh bgp sum":           "show bgp summary",
		"sh bgp nei isp":       "show bgp neighbor isp",
		"sh bgp neighbors":     "show bgp neighbors",
		"sh ip bgp sum":        "show ip bgp summary",
		"sh ipv6 ro":           "show ipv6 route",
		"sh ipv6 route ::/0":   "show ipv6 route ::/0",
		"sh ipv6 nei":          "show ipv6 neighbors",
		"sh int br":            "show interfaces brief",
		"show interface brief": "show interfaces brief",
		"sh prot":              "show bgp",
		"sh ro":                "show routes",
		"sh route":             "show routes",
		"sh router":            "show routers",
		"sh pre":               "show prefixes",
		"sh run":               "show running-config",
		"sh stat":              "show version",
		"sh ver":               "show version",
		"conf hist":            "config history",
		"conf sh":              "config show",
		"mon":                  "monitor",
		"del ren isp":          "delegation renew isp",
		"sh conf":              "show running-config",
	} {
		got, err := expand(root, strings.Fields(line))
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
}
