package rib

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const blue, red = 1001, 1002

func at(table uint32, src Source, r Route) Entry {
	r.Table = table
	return Entry{src, r}
}

// The same prefix in two instances is two routes, and neither instance sees what the other has.
func TestInstancesDoNotMix(t *testing.T) {
	var table Table
	watch := table.In(blue).Watch(nil)
	defer watch.Close()
	all := table.Watch(nil)
	defer all.Close()
	table.In(blue).Update(BGP, []Route{unicast(a, "fe80::1")}, nil)
	table.In(red).Update(BGP, []Route{unicast(a, "fe80::2"), unicast(b, "fe80::2")}, nil)
	table.Update(BGP, []Route{unicast(a, "fe80::3")}, nil)

	if diff := cmp.Diff([]Entry{at(blue, BGP, unicast(a, "fe80::1"))}, table.In(blue).Entries(nil), equal); diff != "" {
		t.Errorf("blue, -want +got\n%s", diff)
	}
	for number, via := range map[uint32]string{blue: "fe80::1", red: "fe80::2", MainTable: "fe80::3", 0: "fe80::3"} {
		want := unicast(a, via)
		want.Table = table.In(number).Number()
		if got, ok := table.In(number).Best(a); !ok || got.Route != want {
			t.Errorf("best in %d: got %v, %v, want %v", number, got, ok, want)
		}
	}
	want := []Change{{Key: Key{blue, a}, Best: at(blue, BGP, unicast(a, "fe80::1"))}}
	if diff := cmp.Diff(want, watch.Take(), equal); diff != "" {
		t.Errorf("watch of blue, -want +got\n%s", diff)
	}
	if got := all.Take(); len(got) != 4 {
		t.Errorf("watch of all: got %v", got)
	}
	table.In(red).Update(BGP, nil, nil)
	table.In(red).Replace(BGP, []Route{unicast(b, "fe80::2")})
	if got := watch.Take(); len(got) != 0 {
		t.Errorf("blue hears of red: %v", got)
	}
	table.In(blue).Clear(BGP)
	if got := table.Entries(nil); len(got) != 2 || table.In(blue).Ready(BGP) {
		t.Errorf("after blue was cleared: %v, ready %v", got, table.In(blue).Ready(BGP))
	}
	late := table.In(red).Watch(nil)
	defer late.Close()
	if got := late.Take(); len(got) != 1 || got[0].Key != table.In(red).Key(b) {
		t.Errorf("a late watch of red begins with %v", got)
	}
}

// Routes of an earlier run may go only when a source has reported in each table.
func TestReadyInAllExpectedTables(t *testing.T) {
	var table Table
	table.Expect(BGP)
	table.In(0).SetReady(BGP)
	if table.Ready(BGP) {
		t.Fatal("ready before it is known how many tables there are")
	}
	table.Expect(BGP, MainTable, blue)
	if table.Ready(BGP) || !table.In(0).Ready(BGP) || table.In(blue).Ready(BGP) {
		t.Fatal("ready without blue")
	}
	w := table.Watch(nil)
	defer w.Close()
	table.In(blue).Replace(BGP, nil)
	select {
	case <-w.C():
	default:
		t.Error("that a source is ready woke nobody")
	}
	if !table.Ready(BGP) {
		t.Fatal("not ready though all tables are")
	}
	table.Expect(BGP, MainTable, blue, red)
	if table.Ready(BGP) {
		t.Fatal("ready without red")
	}
	w.Take()
	table.Expect(BGP, MainTable, blue)
	select {
	case <-w.C():
	default:
		t.Error("that nothing is expected of red any more woke nobody")
	}
	if !table.Ready(BGP) {
		t.Fatal("not ready though red is gone")
	}
	table.Replace(Static, nil)
	if !table.Ready(Static) || !table.In(blue).Ready(Static) {
		t.Fatal("a source that reports all tables at once is not ready in each")
	}
}
