package router

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/router/kernel"
)

func TestDUIDIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	links := kernel.Links{
		"lo":   {Name: "lo", Loopback: true, MAC: make(net.HardwareAddr, 6)},
		"eth1": {Name: "eth1", MAC: net.HardwareAddr{0x52, 0x54, 0, 0, 0, 2}},
		"eth0": {Name: "eth0", MAC: net.HardwareAddr{0x52, 0x54, 0, 0, 0, 1}},
		"vx1":  {Name: "vx1", Kind: "vxlan", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}},
	}
	duid, err := loadDUID(dir, links)
	if want := []byte{0, 3, 0, 1, 0x52, 0x54, 0, 0, 0, 1}; err != nil || !bytes.Equal(duid, want) {
		t.Fatalf("got %x, %v, want %x", duid, err, want)
	}
	delete(links, "eth0")
	if again, err := loadDUID(dir, links); err != nil || !bytes.Equal(again, duid) {
		t.Fatalf("after a card went: %x, %v", again, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".tmp-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDUIDWithoutHardware(t *testing.T) {
	duid, err := loadDUID(t.TempDir(), nil)
	if err != nil || len(duid) != 10 || duid[4]&3 != 2 {
		t.Fatalf("got %x, %v: want a DUID-LL of a locally administered address", duid, err)
	}
}

func TestDUIDThatIsNone(t *testing.T) {
	for _, text := range []string{"", "xyz", "0001", strings.Repeat("ab", 131)} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "duid"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if duid, err := loadDUID(dir, nil); err == nil || !strings.Contains(err.Error(), "mend it, or remove it") {
			t.Errorf("%q gives %x, %v", text, duid, err)
		}
	}
}
