package router

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/plan"
)

func TestULAIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	first, err := loadULA(dir)
	if err != nil {
		t.Fatal(err)
	}
	if first.Bits() != 48 || first.Addr().As16()[0] != 0xfd || first != first.Masked() {
		t.Errorf("made %s", first)
	}
	if again, err := loadULA(dir); err != nil || again != first {
		t.Errorf("the next start has %s: %v", again, err)
	}
	if other, err := loadULA(t.TempDir()); err != nil || other == first {
		t.Errorf("another router has %s too: %v", other, err)
	}
	for _, bad := range []string{"", "fd00::/8", "2001:db8::/48", "fd00::1/48", "x"} {
		if err := os.WriteFile(filepath.Join(dir, "ula"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := loadULA(dir); err == nil {
			t.Errorf("%q is taken for %s", bad, p)
		}
	}
}

func TestULAOfAConfiguration(t *testing.T) {
	made := netip.MustParsePrefix("fd01:2:3::/48")
	for text, want := range map[string]string{"{}": "invalid Prefix", "ula: auto": "fd01:2:3::/48", `ula: "fd09::/16"`: "fd09::/16"} {
		conf, _, err := config.Load("test", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.ULAOf(conf, made).String(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
