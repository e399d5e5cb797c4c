package revision

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var at = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, damaged, err := Open(dir)
	if err != nil || len(damaged) > 0 {
		t.Fatalf("open: %v, damaged %v", err, damaged)
	}
	return s
}

func add(t *testing.T, s *Store, text string, result Result) uint64 {
	t.Helper()
	rev, err := s.Add(Revision{Name: "config.yaml", Time: at, Author: "root", Result: result}, text)
	if err != nil {
		t.Fatal(err)
	}
	return rev.ID
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func results(s *Store) string {
	var out []string
	for _, r := range s.List() {
		out = append(out, fmt.Sprintf("%d:%s", r.ID, r.Result))
	}
	return strings.Join(out, " ")
}

func TestStoreIsTheSameAfterAnotherOpen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	text := "# why\nsystem: {hostname: r1}\n\n"
	first := add(t, s, text, Applying)
	must(t, s.Confirm(first))
	if _, err := s.Finish(first, Applied, ""); err != nil {
		t.Fatal(err)
	}
	second := add(t, s, "{}", Applying)
	must(t, s.Wait(second, at))
	must(t, s.SetFileHash("abc"))

	again := open(t, dir)
	if diff := cmp.Diff(s.List(), again.List()); diff != "" {
		t.Errorf("revisions (-before +after):\n%s", diff)
	}
	if waiting, deadline := again.Waiting(); again.Confirmed() != first || waiting != second || !deadline.Equal(at) || again.FileHash() != "abc" {
		t.Errorf("confirmed %d, waiting %d until %v, file %q", again.Confirmed(), waiting, deadline, again.FileHash())
	}
	if rev, got, err := again.Get(first); err != nil || got != text || rev.Hash != Hash(text) {
		t.Errorf("%+v, %q, %v", rev, got, err)
	}
	if _, _, err := again.Get(9); !errors.Is(err, ErrUnknown) {
		t.Errorf("a revision that never was: %v", err)
	}
}

func TestRecover(t *testing.T) {
	for _, test := range []struct {
		name      string
		crash     func(s *Store, id uint64) error
		results   string
		confirmed uint64
	}{
		{"while it was applied", func(*Store, uint64) error { return nil }, "1:applied 2:failed", 1},
		{"while it was applied with a deadline", func(s *Store, id uint64) error { return s.Wait(id, at) }, "1:applied 2:reverted", 1},
		{"while it waited", func(s *Store, id uint64) error {
			_, err := s.Finish(id, Unconfirmed, "")
			return errors.Join(s.Wait(id, at), err)
		}, "1:applied 2:reverted", 1},
		{"just after it was decided", func(s *Store, id uint64) error { return s.Confirm(id) }, "1:applied 2:applied", 2},
		{"just after it was confirmed", func(s *Store, id uint64) error {
			_, err := s.Finish(id, Unconfirmed, "")
			return errors.Join(s.Wait(id, at), err, s.Confirm(id))
		}, "1:applied 2:applied", 2},
		{"just after it was dropped", func(s *Store, id uint64) error {
			_, err := s.Finish(id, Unconfirmed, "")
			return errors.Join(s.Wait(id, at), err, s.Drop())
		}, "1:applied 2:reverted", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			must(t, s.Confirm(add(t, s, "one", Applied)))
			must(t, test.crash(s, add(t, s, "two", Applying)))
			for range 2 {
				s = open(t, dir)
				if _, err := s.Recover(); err != nil {
					t.Fatal(err)
				}
				if waiting, _ := s.Waiting(); results(s) != test.results || s.Confirmed() != test.confirmed || waiting != 0 {
					t.Errorf("%s, confirmed %d, waiting %d; want %s, %d, 0", results(s), s.Confirmed(), waiting, test.results, test.confirmed)
				}
			}
		})
	}
}

func TestOldRevisionsAreForgotten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	must(t, s.Confirm(add(t, s, "confirmed", Applied)))
	for i := range Keep + 4 {
		add(t, s, fmt.Sprint(i), Failed)
	}
	list := s.List()
	if len(list) != Keep || list[0].ID != 1 || list[1].ID != 7 || list[Keep-1].ID != Keep+5 {
		t.Errorf("%d kept: %d, %d … %d", len(list), list[0].ID, list[1].ID, list[len(list)-1].ID)
	}
	if diff := cmp.Diff(list, open(t, dir).List()); diff != "" {
		t.Errorf("on disk (-memory +disk):\n%s", diff)
	}
	files, _ := os.ReadDir(dir)
	if len(files) != 2*Keep+1 {
		t.Errorf("%d files", len(files))
	}
}

func TestNumbersAreNotGivenTwice(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	add(t, s, "one", Failed)
	must(t, s.Confirm(add(t, s, "two", Applied)))
	must(t, os.Remove(filepath.Join(dir, "2.json")))
	if id := add(t, open(t, dir), "three", Applied); id != 3 {
		t.Errorf("revision %d, want 3", id)
	}
}

func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, text := range []string{"one", "two", "three", "four"} {
		add(t, s, text, Applied)
	}
	must(t, os.WriteFile(filepath.Join(dir, "1.yaml"), []byte("changed"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "2.json"), []byte("{"), 0o600))
	must(t, os.Remove(filepath.Join(dir, "3.yaml")))
	must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600))
	s, damaged, err := Open(dir)
	if err != nil || len(damaged) != 3 || results(s) != "4:applied" {
		t.Errorf("%s, damaged %q, %v", results(s), damaged, err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "current"), []byte("?"), 0o600))
	if _, _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("damaged current: %v", err)
	}
}

func TestNothingIsKeptWithoutADisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	must(t, os.RemoveAll(dir))
	if _, err := s.Add(Revision{}, "text"); err == nil {
		t.Error("Add: no error")
	}
	if err := s.Wait(1, at); err == nil {
		t.Error("Wait: no error")
	}
	if err := s.Confirm(1); err == nil || s.Confirmed() != 0 {
		t.Errorf("Confirm: %v, and confirmed is %d", err, s.Confirmed())
	}
}

// The first start writes what it runs at once: what was read, and that it is in force, from the file with that hash.
func TestFirstStart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if dropped, err := s.Recover(); err != nil || len(dropped) > 0 {
		t.Fatalf("recovered %v, %v", dropped, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v was written to recover nothing, %v", entries, err)
	}
	id := add(t, s, "one", Applied)
	must(t, s.ConfirmFile(id, "hash"))
	s = open(t, dir)
	if s.Confirmed() != id || s.FileHash() != "hash" {
		t.Errorf("confirmed %d, of the file %q", s.Confirmed(), s.FileHash())
	}
}
