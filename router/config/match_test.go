package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMatchInterface(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"tap*", "tap", true}, {"tap*", "tap17", true}, {"tap*", "ta", false}, {"tap*", "xtap1", false},
		{"tap?", "tap1", true}, {"tap?", "tap", false}, {"tap?", "tap11", false},
		{"*", "eth0", true}, {"*", "lo", false}, {"l?", "lo", false}, {"lo", "lo", true},
		{"v*t*", "vnet1", true}, {"v*t*1", "vt1t21", true}, {"v*t*1", "vnt2", false}, {"*a*b", "aab", true}, {"*a*b", "aabc", false},
		{"eth0", "eth0", true}, {"eth0", "eth00", false}, {"eth5.*", "eth5.300", true}, {"eth5.*", "eth53300", false},
	} {
		if got := MatchInterface(tt.pattern, tt.name); got != tt.want {
			t.Errorf("MatchInterface(%q, %q) = %t", tt.pattern, tt.name, got)
		}
	}
}

func TestExpand(t *testing.T) {
	cfg, _, err := Load("r.yaml", []byte(`
interfaces:
  "tap*": {mtu: 1400}
  "tap1*": {mtu: 1401}
  "tap1?": {mtu: 1402}
  "*": {mtu: 1403}
  tap17: {mtu: 1404}
  missing: {}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	type link struct {
		Pattern string
		MTU     int
	}
	links := map[string]link{}
	expanded := cfg.Expand([]string{"tap0", "tap12", "tap123", "tap17", "eth0", "lo"})
	for _, i := range expanded.Interfaces {
		got = append(got, i.Name)
		links[i.Name] = link{i.Pattern, i.MTU}
	}
	if diff := cmp.Diff([]string{"eth0", "missing", "tap0", "tap12", "tap123", "tap17"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	want := map[string]link{
		"eth0": {"*", 1403}, "tap0": {"tap*", 1400}, "tap12": {"tap1?", 1402}, "tap123": {"tap1*", 1401}, "tap17": {"", 1404}, "missing": {},
	}
	if diff := cmp.Diff(want, links); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(cfg.Interfaces) != 6 {
		t.Error("Expand changed the configuration it was asked of")
	}
	if again := expanded.Expand([]string{"tap0"}); again != expanded {
		t.Error("a configuration without patterns is not returned itself")
	}
	if diff := cmp.Diff([]string{"eth9", "tap0", "tap12"}, ExpandInterfaces([]string{"tap*", "eth9", "tap1?"}, []string{"tap12", "lo", "tap0"})); diff != "" {
		t.Errorf("ExpandInterfaces (-want +got):\n%s", diff)
	}
}

// Two patterns meet if and only if there is a name that both match; over a small alphabet all names can be tried.
func FuzzGlobsMeet(f *testing.F) {
	for _, seed := range [][2]string{{"a*", "*b"}, {"a?", "?b"}, {"*a*", "b?b"}, {"", ""}, {"a", "b"}, {"**", "?"}} {
		f.Add(seed[0], seed[1])
	}
	var names []string
	var grow func(string)
	grow = func(s string) {
		names = append(names, s)
		if len(s) < 6 {
			grow(s + "a")
			grow(s + "b")
			grow(s + "c") // stands for every letter that no pattern has
		}
	}
	grow("")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 4 || len(b) > 4 || strings.Trim(a+b, "ab*?") != "" {
			return
		}
		want := false
		for _, name := range names {
			want = want || glob(a, name) && glob(b, name)
		}
		if got := globsMeet(a, b); got && !want && len(a)+len(b) < 7 || !got && want {
			t.Errorf("globsMeet(%q, %q) = %t, tried: %t", a, b, got, want)
		}
	})
}

// What stands under a pattern is shared by the links that it matches, where nothing of it is for a link of its own.
func TestExpandShares(t *testing.T) {
	cfg, _, err := Load("test.yaml", []byte(`interfaces:
  eth0: {delegations: {isp: {}}}
  vnet*: {advertise: {prefixes: {"2001:db8::/64": {}}}}
  tap*: {addresses: [isp auto/64], advertise: {}}
`))
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]*Advertise{}
	for _, i := range cfg.Expand([]string{"vnet1", "vnet2", "tap1", "tap2"}).Interfaces {
		of[i.Name] = i.Advertise
	}
	if of["vnet1"] != of["vnet2"] || of["vnet1"] == nil || of["tap1"] == of["tap2"] {
		t.Errorf("shared by vnet1 and vnet2: %t, by tap1 and tap2, which have parts of their own: %t", of["vnet1"] == of["vnet2"], of["tap1"] == of["tap2"])
	}
}
