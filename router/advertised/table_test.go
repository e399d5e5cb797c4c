package advertised

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"
)

// Several VRFs may have the same prefix: that one has it no more says nothing of the others, also after a restart.
func TestSamePrefixInSeveralTables(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	of := func(table uint32) Entry {
		return Entry{Key: Key{Kind: Aggregate, Prefix: netip.MustParsePrefix("2001:db8:1::/48"), Table: table}, Lifetime: Hold, Delegation: "isp"}
	}
	path := filepath.Join(t.TempDir(), "advertised")
	l, _, err := Open(path, now)
	if err != nil {
		t.Fatal(err)
	}
	both := []Entry{of(1001), of(1002)}
	next := l.Set().Next(now, map[string]Link{"": {Current: both}})
	if err := l.Keep(next); err != nil {
		t.Fatal(err)
	}
	gone := Withdrawn(next.On(""), both[1:], now, func(Entry) string { return "test" })
	if len(gone) != 1 || gone[0].Table != 1001 {
		t.Fatalf("withdrawn: %v", gone)
	}
	if err := l.Keep(next.Next(now, map[string]Link{"": {Current: both[1:], Withdrawn: gone}})); err != nil {
		t.Fatal(err)
	}
	again, damaged, err := Open(path, now)
	if err != nil || damaged != nil {
		t.Fatal(err, damaged)
	}
	list := again.Set().On("")
	if len(list) != 2 || list[0].Table != 1001 || list[0].Since.IsZero() || list[1].Table != 1002 || !list[1].Since.IsZero() {
		t.Errorf("after a restart: %v", list)
	}
	// The first is forgotten; the second stays.
	if err := again.Keep(again.Set().Next(now, map[string]Link{"": {Current: both[1:]}})); err != nil {
		t.Fatal(err)
	}
	if last, _, err := Open(path, now); err != nil || len(last.Set().All()) != 1 || last.Set().All()[0].Table != 1002 {
		t.Errorf("in the end: %v, %v", last.Set().All(), err)
	}
}
