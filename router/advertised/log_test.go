package advertised

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var samePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func open(t *testing.T, path string, now time.Time) *Log {
	t.Helper()
	l, damaged, err := Open(path, now)
	if err != nil || damaged != nil {
		t.Fatal(damaged, err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func keep(t *testing.T, l *Log, s Set) {
	t.Helper()
	if err := l.Keep(s); err != nil {
		t.Fatal(err)
	}
}

func TestLogOverRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advertised")
	l := open(t, path, start)
	keep(t, l, Set{})
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file though there is nothing to remember")
	}
	old, fresh := on("lan0", "2001:db8:1::/64", 24*time.Hour), on("lan0", "2001:db8:2::/64", 24*time.Hour)
	old.Delegation = "isp"
	server := Entry{Key: Key{Link: "lan0", Kind: Server, Prefix: pfx("2001:db8:1::53/128")}, Lifetime: time.Hour}
	s, _ := tell(l.Set(), start, old, server)
	keep(t, l, s)

	// The process dies, and the prefix is another one when it starts again, an hour later.
	later := start.Add(time.Hour)
	l = open(t, path, later)
	s, gone := tell(l.Set(), later, fresh)
	if len(gone) != 2 || gone[0].Key != server.Key || gone[1].Key != old.Key || gone[1].Delegation != "isp" || !gone[1].OnLink {
		t.Fatalf("%v", gone)
	}
	keep(t, l, s)

	// It dies again: what is withdrawn is so since then.
	again := later.Add(time.Minute)
	l = open(t, path, again)
	s, still := tell(l.Set(), again, fresh)
	if diff := cmp.Diff(gone, still, samePrefix); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	keep(t, l, s)
	if data, _ := os.ReadFile(path); strings.Count(string(data), "\n") != 5 {
		t.Errorf("a start that changes nothing writes:\n%s", data)
	}

	// Long after, nothing is left.
	l = open(t, path, later.Add(Hold))
	if _, gone := tell(l.Set(), later.Add(Hold), fresh); len(gone) != 0 {
		t.Errorf("%v", gone)
	}
}

// Resolvers are withdrawn as they were sent, whatever is in their options, and so after a restart: each by itself, although their names
// and their addresses may be the same.
func TestLogOfResolvers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advertised")
	l := open(t, path, start)
	option := func(priority byte, n int) string {
		return string(append([]byte{0, priority, 0, 0, 0, 0, 0}, bytes.Repeat([]byte{0xff}, n)...))
	}
	resolver := func(option string) Entry {
		return Entry{Key: Key{Link: "lan0", Kind: Resolver, Prefix: pfx("2001:db8:1::53/128"), Option: option}, Name: "dns.example", Lifetime: time.Hour}
	}
	nat := Entry{Key: Key{Link: "lan0", Kind: PREF64, Prefix: pfx("2001:db8:64::/96")}, Lifetime: time.Hour}
	first, long, other := resolver(option(1, 7)), resolver(option(1, maxOption-7)), resolver(option(2, 7))
	s, _ := tell(l.Set(), start, first, long, other, nat)
	keep(t, l, s)
	later := start.Add(time.Minute)
	l = open(t, path, later)
	s, gone := tell(l.Set(), later, other)
	if len(gone) != 3 || gone[0].Key != first.Key || gone[1].Key != long.Key || gone[0].Name != "dns.example" || gone[2].Key != nat.Key {
		t.Fatalf("%v", gone)
	}
	keep(t, l, s)
	if all := open(t, path, later).Set().All(); len(all) != 4 {
		t.Errorf("read again: %v", all)
	}
	for _, line := range []string{
		`{"link":"lan0","kind":"dnr","prefix":"::/128","lifetime_seconds":60}`,
		`{"link":"lan0","kind":"dnr","prefix":"::/128","lifetime_seconds":60,"option":"AAEAAAA8"}`,
		`{"link":"lan0","kind":"dns","prefix":"2001:db8::1/128","lifetime_seconds":60,"option":"AAEAAAAAAAAAAAAAAAAAAA=="}`,
	} {
		if s, _, whole, err := read(strings.NewReader(line+"\n"), start); err != nil || whole || s.len() > 0 {
			t.Errorf("%s: accepted (%v)", line, err)
		}
	}
}

func TestLogWithAClockThatIsBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advertised")
	l := open(t, path, start)
	s, _ := tell(l.Set(), start, on("lan0", "2001:db8:1::/64", 24*time.Hour))
	s, _ = tell(s, start)
	keep(t, l, s)
	boot := start.Add(-365 * 24 * time.Hour)
	l = open(t, path, boot)
	if _, gone := tell(l.Set(), boot); len(gone) != 1 || gone[0].Since.After(boot) || gone[0].Until.Sub(boot) != Hold {
		t.Errorf("%v", gone)
	}
}

// At any byte that a power failure cuts the file, what was whole is there, and goes on to be so.
func TestLogCutAtAnyByte(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "advertised")
	l := open(t, path, start)
	s, _ := tell(Set{}, start, on("lan0", "2001:db8:1::/64", time.Hour))
	keep(t, l, s)
	first, _ := os.ReadFile(path)
	s, _ = tell(s, start, on("lan0", "2001:db8:2::/64", time.Hour))
	keep(t, l, s)
	whole, _ := os.ReadFile(path)
	for n := len(first); n <= len(whole); n++ {
		cut := filepath.Join(dir, "cut")
		if err := os.WriteFile(cut, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		l, _, err := Open(cut, start)
		if err != nil {
			t.Fatal(err)
		}
		if all := l.Set().All(); len(all) == 0 || all[0].Prefix != pfx("2001:db8:1::/64") {
			t.Fatalf("cut at %d: %v", n, all)
		}
		s, _ := tell(l.Set(), start, on("lan0", "2001:db8:3::/64", time.Hour))
		keep(t, l, s)
		l.Close()
		l = open(t, cut, start)
		if diff := cmp.Diff(s.All(), l.Set().All(), samePrefix, cmp.Transformer("saved", Entry.saved)); diff != "" {
			t.Fatalf("cut at %d: -want +got\n%s", n, diff)
		}
		l.Close()
	}
}

func TestLogStaysShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advertised")
	l := open(t, path, start)
	now := start
	s := l.Set()
	for n := range 5000 {
		now = now.Add(time.Minute)
		current := on("lan0", "2001:db8:1::/64", time.Hour)
		if n%2 == 0 {
			current = on("lan0", "2001:db8:2::/64", time.Hour)
		}
		s, _ = tell(s, now, current)
		keep(t, l, s)
	}
	if data, _ := os.ReadFile(path); bytes.Count(data, []byte("\n")) > slack+10 {
		t.Errorf("%d lines", bytes.Count(data, []byte("\n")))
	}
}

func TestLogAfterAnError(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	path := filepath.Join(dir, "advertised")
	l := open(t, path, start)
	s, _ := tell(Set{}, start, on("lan0", "2001:db8:1::/64", time.Hour))
	if l.Keep(s) == nil {
		t.Fatal("no error though there is no directory")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	keep(t, l, s)
	if n := len(open(t, path, start).Set().All()); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"link":"lan0","kind":"prefix","prefix":"2001:db8::/64","lifetime_seconds":5400}` + "\n"))
	f.Add([]byte(`{"kind":"aggregate","prefix":"2001:db8::/48","since":"2026-11-21T12:00:00Z","until":"2026-11-21T13:00:00Z"}` + "\n{"))
	f.Add([]byte(`{"link":"lan0","kind":"dnr","prefix":"::/128","lifetime_seconds":60,"option":"AAEAAAAAAAAAAAAAAAAAAA==","name":"dns.example"}` + "\n"))
	f.Add(bytes.Repeat([]byte("x"), 2*maxLine))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _, _, err := read(bytes.NewReader(data), start)
		if err != nil {
			return
		}
		for _, e := range s.All() {
			if !e.Prefix.IsValid() || e.Since.After(start) || !e.Since.IsZero() && e.Until.After(start.Add(Hold)) || e.over(start) {
				t.Fatalf("%+v", e)
			}
		}
		var b bytes.Buffer
		for _, e := range s.All() {
			encode(&b, lineOf(e))
		}
		again, lines, whole, err := read(&b, start)
		if err != nil || !whole || lines != len(s.All()) || len(again.All()) != len(s.All()) {
			t.Fatalf("written and read again: %v, %d lines, %v", err, lines, again)
		}
	})
}
