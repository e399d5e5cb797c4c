package kernel

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The numbers of settings are those of the kernel: each that we know changes what comes with the link, and no other does.
func TestSettingsOfLinks(t *testing.T) {
	veth(t, "lan0", "lan1")
	m := NewMonitor(discard())
	read := func() Settings {
		t.Helper()
		if err := m.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		return m.Links()["lan0"].Settings
	}
	known := 0
	for _, dir := range []string{"net/ipv4/conf/lan0/", "net/ipv6/conf/lan0/"} {
		files, err := filepath.Glob("/proc/sys/" + dir + "*")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			p := dir + filepath.Base(f)
			got, ok := read().value(p)
			if !ok {
				continue
			}
			known++
			text, err := os.ReadFile(f)
			if err != nil || strings.TrimSpace(string(text)) != got {
				t.Errorf("%s is %q, and %s came with the link", p, text, got)
			}
			if slices.Contains([]string{"mc_forwarding", "bootp_relay", "tag"}, filepath.Base(f)) {
				continue // read-only, or not to be played with
			}
			for _, value := range []string{"0", "1", "2"} {
				if value == got || os.WriteFile(f, []byte(value), 0) != nil {
					continue
				}
				text, err := os.ReadFile(f)
				if now, _ := read().value(p); err != nil || now != strings.TrimSpace(string(text)) || now == got {
					t.Errorf("%s was set to %s and is %q, and %s came with the link", p, value, text, now)
				}
				break
			}
			if err := os.WriteFile(f, []byte(got), 0); err != nil {
				t.Error(err)
			}
		}
	}
	if known < 25 {
		t.Errorf("only %d settings come with a link", known)
	}
}
