package pd

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sample returns a lease of name that began at the epoch.
func sample(name string) held {
	return held{IAID: 7, DUID: clientDUID, wanted: true, Delegation: Delegation{
		Name: name, Link: "wan0", Prefix: netip.MustParsePrefix("2001:db8:100::/56"),
		PreferredUntil: epoch.Add(time.Hour), ValidUntil: epoch.Add(2 * time.Hour), T1: epoch.Add(30 * time.Minute), T2: epoch.Add(48 * time.Minute),
		Server: serverAddr, ServerDUID: serverDUID, DNS: []netip.Addr{netip.MustParseAddr("2001:db8::53")}, Domains: []string{"isp.example"},
	}}
}

// load reads dir with a fresh store and returns the leases and the log.
func load(dir string, now time.Time) ([]held, string) {
	var log bytes.Buffer
	s := store{dir: dir}
	got := s.load(slog.New(slog.NewTextHandler(&log, nil)), now)
	return got, log.String()
}

func diffHeld(want, got []held) string {
	return cmp.Diff(want, got, cmp.AllowUnexported(held{}), cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{}))
}

func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	s := store{dir: dir}
	s.load(slog.New(slog.DiscardHandler), epoch)
	isp, lab, address, odd := sample("isp"), sample("lab"), sample(""), sample("a/../b@c")
	lab.Delegation.Exclude = netip.MustParsePrefix("2001:db8:100:ff::/64")
	lab.Delegation.Former = []Former{{netip.MustParsePrefix("2001:db8:200::/56"), epoch.Add(-time.Hour), epoch.Add(2 * time.Hour)}}
	lab.Delegation.Spare = []Former{{netip.MustParsePrefix("2001:db8:300::/56"), epoch.Add(time.Minute), epoch.Add(2 * time.Hour)}}
	if err := s.sync(epoch, "wan0", []held{isp, lab, address, odd}); err != nil {
		t.Fatal(err)
	}
	other := sample("isp")
	other.Delegation.Link = "wan"
	if err := s.sync(epoch, "wan", []held{other}); err != nil {
		t.Fatal(err)
	}
	got, log := load(dir, epoch.Add(time.Minute))
	if diff := diffHeld([]held{address, odd, isp, lab, other}, got); diff != "" {
		t.Errorf("loaded (-want +got):\n%s%s", diff, log)
	}
	if err := s.sync(epoch, "wan0", []held{lab}); err != nil {
		t.Fatal(err)
	}
	got, log = load(dir, epoch.Add(119*time.Minute))
	if diff := diffHeld([]held{lab, other}, got); diff != "" {
		t.Errorf("after some went (-want +got):\n%s%s", diff, log)
	}
	if got, log := load(dir, epoch.Add(2*time.Hour)); len(got) != 0 || !strings.Contains(log, "has expired") {
		t.Errorf("expired leases: %v, log %s", got, log)
	}
	if names := list(t, dir); len(names) != 2 {
		t.Errorf("files: %q, want two", names)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestStoreWritesOnlyChanges(t *testing.T) {
	dir := t.TempDir()
	s := store{dir: dir, have: make(map[string]held)}
	path := filepath.Join(dir, "wan0@isp.json")
	if err := s.sync(epoch, "wan0", []held{sample("isp")}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("touched"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.sync(epoch.Add(time.Minute), "wan0", []held{sample("isp")}); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(path); string(data) != "touched" {
		t.Errorf("written again without a change: %s", data)
	}
	longer := sample("isp")
	longer.Delegation.ValidUntil = epoch.Add(3 * time.Hour)
	if err := s.sync(epoch.Add(time.Minute), "wan0", []held{longer}); err != nil {
		t.Fatal(err)
	}
	if got, log := load(dir, epoch.Add(time.Minute)); diffHeld([]held{longer}, got) != "" {
		t.Errorf("loaded %v, log %s", got, log)
	}
}

func TestStoreClockBehind(t *testing.T) {
	dir := t.TempDir()
	s := store{dir: dir, have: make(map[string]held)}
	if err := s.sync(epoch.Add(time.Hour), "wan0", []held{sample("isp")}); err != nil {
		t.Fatal(err)
	}
	boot := time.Unix(0, 0)
	got, log := load(dir, boot)
	if len(got) != 1 || !got[0].Delegation.ValidUntil.Equal(boot.Add(time.Hour)) {
		t.Errorf("with the clock at 1970: %v, want one hour left as when it was saved; log %s", got, log)
	}
}

// The clock was set while the program ran: what counts is how long it was away.
func TestStoreClockSet(t *testing.T) {
	dir := t.TempDir()
	clock := bootTime{id: "this", up: 24 * time.Hour}
	s := store{dir: dir, have: make(map[string]held), boot: func() bootTime { return clock }}
	if err := s.sync(epoch.Add(time.Hour), "wan0", []held{sample("isp")}); err != nil { // an hour is left
		t.Fatal(err)
	}
	const month = 30 * 24 * time.Hour
	tests := []struct {
		name  string
		boot  bootTime
		clock time.Duration // wall, since it was saved
		left  time.Duration
	}{
		{"in time", bootTime{"this", clock.up + 10*time.Minute}, 10 * time.Minute, 50 * time.Minute},
		{"set forward", bootTime{"this", clock.up + 10*time.Minute}, month, 50 * time.Minute},
		{"set back", bootTime{"this", clock.up + 10*time.Minute}, -month, 50 * time.Minute},
		{"expired, set back", bootTime{"this", clock.up + 2*time.Hour}, -month, 0},
		{"another boot", bootTime{"that", 48 * time.Hour}, 10 * time.Minute, 50 * time.Minute},
		{"another boot, long ago", bootTime{"that", 48 * time.Hour}, month, 0},
		{"uptime went back", bootTime{"this", time.Hour}, 10 * time.Minute, 50 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := epoch.Add(time.Hour + tt.clock)
			again := store{dir: dir, boot: func() bootTime { return tt.boot }}
			got := again.load(slog.New(slog.DiscardHandler), now)
			if tt.left == 0 {
				if len(got) > 0 {
					t.Errorf("valid until %s, %s from now", got[0].Delegation.ValidUntil, got[0].Delegation.ValidUntil.Sub(now))
				}
				return
			}
			if len(got) != 1 || got[0].Delegation.ValidUntil.Sub(now).Round(time.Second) != tt.left {
				t.Errorf("got %+v, want %s left", got, tt.left)
			}
		})
	}
}

func TestBootTime(t *testing.T) {
	first, second := readBootTime(), readBootTime()
	if first.id == "" || first.id != second.id || first.up <= 0 || second.up < first.up {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestStoreBadFiles(t *testing.T) {
	good := t.TempDir()
	s := store{dir: good, have: make(map[string]held)}
	if err := s.sync(epoch, "wan0", []held{sample("isp")}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(good, "wan0@isp.json"))
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, new string) string {
		if !strings.Contains(string(text), old) {
			t.Fatalf("%q is not in %s", old, text)
		}
		return strings.Replace(string(text), old, new, 1)
	}
	tests := []struct{ name, file, text string }{
		{"empty", "wan0@isp.json", ""},
		{"cut short", "wan0@isp.json", string(text[:len(text)/2])},
		{"zeros", "wan0@isp.json", strings.Repeat("\x00", 500)},
		{"other version", "wan0@isp.json", edit(`"version": 1`, `"version": 2`)},
		{"bad prefix", "wan0@isp.json", edit("2001:db8:100::/56", "2001:db8:100::1/56")},
		{"IPv4 prefix", "wan0@isp.json", edit("2001:db8:100::/56", "10.0.0.0/8")},
		{"preferred above valid", "wan0@isp.json", edit(`"preferred_until": "2030`, `"preferred_until": "2031`)},
		{"no server", "wan0@isp.json", edit(`"server_duid": "`, `"else": "`)},
		{"other name", "wan0@lab.json", string(text)},
		{"huge", "wan0@isp.json", strings.Repeat(" ", maxFile) + string(text)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, log := load(dir, epoch)
			if len(got) != 0 || !strings.Contains(log, "level=WARN") || !strings.Contains(log, tt.file) {
				t.Errorf("loaded %v, log %s", got, log)
			}
			if len(list(t, dir)) != 1 {
				t.Errorf("the file is gone")
			}
		})
	}
	t.Run("left by a crash", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".new-123"), text[:20], 0o600); err != nil {
			t.Fatal(err)
		}
		if got, log := load(dir, epoch); len(got) != 0 || log != "" || len(list(t, dir)) != 0 {
			t.Errorf("loaded %v, log %s, files %q", got, log, list(t, dir))
		}
	})
}

func TestStoreWithoutDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, log := load(file, epoch); !strings.Contains(log, "level=WARN") {
		t.Errorf("a file in the place of the directory: log %q", log)
	}
	s := store{dir: file, have: make(map[string]held)}
	if err := s.sync(epoch, "wan0", []held{sample("isp")}); err == nil {
		t.Errorf("written into a file")
	}
}

func FuzzRecord(f *testing.F) {
	dir := f.TempDir()
	s := store{dir: dir, have: make(map[string]held)}
	if err := s.sync(epoch, "wan0", []held{sample("isp")}); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "wan0@isp.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := readRecord(path, epoch, bootTime{})
		if err != nil || !epoch.Before(h.Delegation.ValidUntil) {
			return
		}
		sim := newSim(t, 1, newServer(t, "2001:db8:100::/56"))
		sim.m.restore(epoch, h.DUID, h.IAID, h.Delegation, h.Key)
		sim.apply(uplink())
		sim.run(time.Minute)
	})
}
