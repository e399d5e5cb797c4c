package kernel

import (
	"strings"
	"testing"
)

// TestDetects: no duplicates are looked for where the settings of the kernel say so.
func TestDetects(t *testing.T) {
	settings := func(transmits, accept int32) Settings {
		v6 := make([]int32, 50)
		v6[6], v6[27] = transmits, accept
		return Settings{V6: v6}
	}
	const conf = "net/ipv6/conf/lan0/"
	for _, tt := range []struct {
		name       string
		want       Link
		settings   Settings
		everywhere bool
		detects    bool
	}{
		{"usual", Link{DAD: true}, settings(1, 1), false, true},
		{"not wanted", Link{}, settings(1, 1), true, false},
		{"no probes", Link{DAD: true}, settings(0, 1), true, false},
		{"switched off", Link{DAD: true}, settings(1, 0), false, false},
		{"switched off by a negative number", Link{DAD: true}, settings(1, -1), false, false},
		{"switched on for all links", Link{DAD: true}, settings(1, 0), true, true},
		{"not known", Link{DAD: true}, Settings{}, false, true},
		{"switched on a moment ago", Link{DAD: true, Sysctls: []Sysctl{{conf + "accept_dad", "1"}}}, settings(1, 0), false, true},
		{"switched off a moment ago", Link{DAD: true, Sysctls: []Sysctl{{conf + "accept_dad", "0"}}}, settings(1, 1), false, false},
		{"no probes from now on", Link{DAD: true, Sysctls: []Sysctl{{conf + "dad_transmits", "0"}}}, settings(1, 1), false, false},
	} {
		if got := detects(tt.want, LinkState{Name: "lan0", Settings: tt.settings}, tt.everywhere); got != tt.detects {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

// TestNoProbesNoWait: an address of a link that sends no probes can be used at once.
func TestNoProbesNoWait(t *testing.T) {
	veth(t, "probe0", "probe1")
	w := NewLinks(discard(), NewMonitor(discard()))
	want := Link{Name: "probe0", DAD: true, Addresses: addresses("2001:db8:7::1/64"), Sysctls: []Sysctl{{"net/ipv6/conf/probe0/dad_transmits", "0"}}}
	if err := w.Apply(t.Context(), Config{Links: map[string]Link{"probe0": want}}); err != nil {
		t.Fatal(err)
	}
	out := ip(t, "-6 addr show dev probe0 scope global")
	if !strings.Contains(out, "2001:db8:7::1/64") || strings.Contains(out, "tentative") {
		t.Errorf("%s", out)
	}
}
