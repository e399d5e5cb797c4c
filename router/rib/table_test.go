package rib

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	a     = netip.MustParsePrefix("2001:db8:a::/48")
	b     = netip.MustParsePrefix("2001:db8:b::/48")
	equal = cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})
)

func unicast(p netip.Prefix, via string) Route {
	return Route{Prefix: p, Via: netip.MustParseAddr(via), Link: "eth0"}
}

func key(p netip.Prefix) Key { return Route{Prefix: p}.Key() }

func in(src Source, r Route) Entry {
	r.Table = MainTable
	return Entry{src, r}
}

func only(sources ...Source) func(Source) bool {
	return func(s Source) bool {
		for _, w := range sources {
			if s == w {
				return true
			}
		}
		return false
	}
}

func TestBestFollowsPreferenceOfSources(t *testing.T) {
	var table Table
	bgp, static := unicast(a, "fe80::1"), unicast(a, "fe80::2")
	table.Update(BGP, []Route{bgp}, nil)
	table.Update(Static, []Route{static}, nil)
	if got, ok := table.Best(key(a)); !ok || got != in(Static, static) {
		t.Fatalf("best of static and bgp: got %v, %v", got, ok)
	}
	table.Update(Static, nil, []Key{key(a)})
	if got, ok := table.Best(key(a)); !ok || got != in(BGP, bgp) {
		t.Fatalf("best after static went: got %v, %v", got, ok)
	}
	table.Update(BGP, nil, []Key{key(a), key(b)})
	if got, ok := table.Best(key(a)); ok {
		t.Fatalf("best of an empty table: got %v", got)
	}
}

func TestKeyMasksAndNamesTheMainTable(t *testing.T) {
	r := Route{Prefix: netip.MustParsePrefix("2001:db8:a::1/48")}
	if got, want := r.Key(), (Key{Table: MainTable, Prefix: a}); got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestWatchStartsWithWhatIsThere(t *testing.T) {
	var table Table
	r := unicast(a, "fe80::1")
	table.Update(Static, []Route{r}, nil)
	table.Update(Connected, []Route{unicast(b, "fe80::9")}, nil)
	w := table.Watch(only(Static))
	defer w.Close()
	got, err := w.Next(t.Context())
	want := []Change{{Key: key(a), Best: in(Static, r)}}
	if diff := cmp.Diff(want, got, equal); err != nil || diff != "" {
		t.Fatalf("error %v, -want +got\n%s", err, diff)
	}
}

func TestWatchCoalesces(t *testing.T) {
	var table Table
	w := table.Watch(nil)
	defer w.Close()
	for _, via := range []string{"fe80::1", "fe80::2", "fe80::3"} {
		table.Update(BGP, []Route{unicast(a, via)}, nil)
	}
	table.Update(BGP, []Route{unicast(b, "fe80::1")}, nil)
	table.Update(BGP, nil, []Key{key(b)})
	got, err := w.Next(t.Context())
	want := []Change{{Key: key(a), Best: in(BGP, unicast(a, "fe80::3"))}, {Key: key(b), Gone: true}}
	if diff := cmp.Diff(want, got, equal); err != nil || diff != "" {
		t.Fatalf("error %v, -want +got\n%s", err, diff)
	}
	if more := w.Take(); more != nil {
		t.Fatalf("a second look found %v", more)
	}
}

// A source that a watch does not match must not hide a route of one that it does.
func TestWatchSeesTheBestOfItsOwnSources(t *testing.T) {
	var table Table
	w := table.Watch(only(BGP, Static))
	defer w.Close()
	table.Update(Connected, []Route{unicast(a, "fe80::9")}, nil)
	table.Update(BGP, []Route{unicast(a, "fe80::1")}, nil)
	got, _ := w.Next(t.Context())
	want := []Change{{Key: key(a), Best: in(BGP, unicast(a, "fe80::1"))}}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
}

func TestSameRouteAgainIsNoChange(t *testing.T) {
	var table Table
	table.Update(BGP, []Route{unicast(a, "fe80::1")}, nil)
	w := table.Watch(nil)
	defer w.Close()
	w.Take()
	table.Update(BGP, []Route{unicast(a, "fe80::1")}, nil)
	if got := w.Take(); got != nil {
		t.Fatalf("the same route again is reported as %v", got)
	}
}

func TestReplaceRemovesTheRestAndMakesReady(t *testing.T) {
	var table Table
	table.Update(Delegated, []Route{unicast(a, "fe80::1"), unicast(b, "fe80::1")}, nil)
	table.Update(BGP, []Route{unicast(b, "fe80::2")}, nil)
	w := table.Watch(nil)
	defer w.Close()
	w.Take()
	if table.Ready(Delegated) {
		t.Fatal("ready before Replace")
	}
	table.Replace(Delegated, []Route{unicast(a, "fe80::1")})
	if !table.Ready(Delegated) || table.Ready(BGP) {
		t.Fatalf("ready: delegated %v, bgp %v", table.Ready(Delegated), table.Ready(BGP))
	}
	got := w.Take()
	want := []Change{{Key: key(b), Best: in(BGP, unicast(b, "fe80::2"))}}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
}

func TestReadyWakesAReaderWithoutChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table Table
		w := table.Watch(nil)
		defer w.Close()
		done := make(chan []Change)
		go func() {
			got, err := w.Next(t.Context())
			if err != nil {
				t.Error(err)
			}
			done <- got
		}()
		synctest.Wait()
		table.SetReady(BGP)
		if got := <-done; len(got) != 0 {
			t.Fatalf("got %v", got)
		}
	})
}

func TestRedoComesBack(t *testing.T) {
	var table Table
	table.Update(Static, []Route{unicast(a, "fe80::1")}, nil)
	w := table.Watch(nil)
	defer w.Close()
	w.Take()
	w.Redo(key(a), key(b))
	got, _ := w.Next(t.Context())
	want := []Change{{Key: key(a), Best: in(Static, unicast(a, "fe80::1"))}, {Key: key(b), Gone: true}}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	var table Table
	w := table.Watch(nil)
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestClosedWatchIsForgotten(t *testing.T) {
	var table Table
	w := table.Watch(nil)
	w.Close()
	table.Update(Static, []Route{unicast(a, "fe80::1")}, nil)
	if got := w.Take(); got != nil {
		t.Fatalf("a closed watch reports %v", got)
	}
}

func TestEntriesAreOrdered(t *testing.T) {
	var table Table
	table.Update(BGP, []Route{unicast(b, "fe80::1"), unicast(a, "fe80::1")}, nil)
	table.Update(Static, []Route{unicast(a, "fe80::2")}, nil)
	want := []Entry{in(Static, unicast(a, "fe80::2")), in(BGP, unicast(a, "fe80::1")), in(BGP, unicast(b, "fe80::1"))}
	if diff := cmp.Diff(want, table.Entries(nil), equal); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(want[:1], table.Entries(only(Static)), equal); diff != "" {
		t.Fatalf("static only, -want +got\n%s", diff)
	}
}

func TestRouteString(t *testing.T) {
	for want, r := range map[string]Route{
		"2001:db8:a::/48 via fe80::1 dev eth0": unicast(a, "fe80::1"),
		"unreachable 2001:db8:a::/48":          {Prefix: a, Kind: Unreachable, Table: MainTable},
		"2001:db8:a::/48 dev eth0 table 100 metric 5": {
			Prefix: a, Link: "eth0", Table: 100, Metric: 5,
		},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, s := range Sources {
		if got, ok := ParseSource(s.String()); !ok || got != s {
			t.Errorf("ParseSource(%q) = %v, %v", s, got, ok)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	var table Table
	w := table.Watch(nil)
	defer w.Close()
	routes := make([]Route, 10_000)
	for i := range routes {
		p := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i >> 8), byte(i)})
		routes[i] = Route{Prefix: netip.PrefixFrom(p, 48), Via: netip.MustParseAddr("fe80::1"), Link: "eth0"}
	}
	for b.Loop() {
		table.Update(BGP, routes, nil)
		w.Take()
		for i := range routes {
			routes[i].Metric++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(routes)), "ns/route")
}
