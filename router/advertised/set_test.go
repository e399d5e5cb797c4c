package advertised

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func pfx(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func on(link, prefix string, lifetime time.Duration) Entry {
	return Entry{Key: Key{Link: link, Kind: Prefix, Prefix: pfx(prefix)}, OnLink: true, Autonomous: true, Lifetime: lifetime}
}

func because(text string) func(Entry) string { return func(Entry) string { return text } }

// tell is one step of a router: what is current on lan0 is advertised, and what has to be withdrawn.
func tell(s Set, now time.Time, current ...Entry) (Set, []Entry) {
	gone := Withdrawn(s.On("lan0"), current, now, because("test"))
	return s.Next(now, map[string]Link{"lan0": {Current: current, Withdrawn: gone}}), gone
}

func TestWithdrawn(t *testing.T) {
	old, fresh := on("lan0", "2001:db8:1::/64", 2*time.Hour), on("lan0", "2001:db8:2::/64", 2*time.Hour)
	var s Set
	s, gone := tell(s, start, old)
	if len(gone) != 0 || !s.Soonest(start).IsZero() {
		t.Fatalf("something is withdrawn at first: %v", gone)
	}
	at := start.Add(time.Hour)
	s, gone = tell(s, at, fresh)
	want := old
	want.Since, want.Until, want.Reason = at, at.Add(Hold), "test"
	if diff := cmp.Diff([]Entry{want}, gone, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
	if got := s.Soonest(at); !got.Equal(at.Add(Hold)) {
		t.Errorf("to be looked at again at %v", got)
	}
	t.Run("again and again until it is forgotten", func(t *testing.T) {
		s := s
		for _, after := range []time.Duration{time.Second, time.Hour, Hold - time.Second} {
			var now []Entry
			s, now = tell(s, at.Add(after), fresh)
			if diff := cmp.Diff(gone, now, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("after %v: -want +got\n%s", after, diff)
			}
		}
		s, now := tell(s, at.Add(Hold), fresh)
		if len(now) != 0 || len(s.All()) != 1 {
			t.Errorf("after %v: %v, %v", Hold, now, s.All())
		}
	})
	t.Run("unless it comes back", func(t *testing.T) {
		s, gone := tell(s, at.Add(time.Minute), old, fresh)
		if len(gone) != 0 || len(s.All()) != 2 {
			t.Errorf("%v, %v", gone, s.All())
		}
		_, gone = tell(s, at.Add(2*time.Minute), old)
		if len(gone) != 1 || gone[0].Key != fresh.Key {
			t.Errorf("%v", gone)
		}
	})
}

func TestHowLongItIsWithdrawn(t *testing.T) {
	for _, test := range []struct {
		name string
		have Entry
		want time.Duration // 0: not at all
	}{
		{"ninety minutes", on("lan0", "2001:db8::/64", 30*24*time.Hour), Hold},
		{"as long as hosts have it", on("lan0", "2001:db8::/64", 10*time.Minute), 10 * time.Minute},
		{"a little longer than the delegation", Entry{Lifetime: time.Hour, Ends: start.Add(time.Minute)}, time.Minute + Late},
		{"a delegation that ended", Entry{Lifetime: time.Hour, Ends: start}, Late},
		{"one that ended long ago", Entry{Lifetime: time.Hour, Ends: start.Add(-Late)}, 0},
		{"what hosts on a link without carrier have left", Entry{Lifetime: time.Hour, Until: start.Add(time.Minute)}, time.Minute},
		{"what none of them has any longer", Entry{Lifetime: time.Hour, Until: start}, 0},
		{"what was advertised with lifetime 0", Entry{}, 0},
	} {
		got := Withdrawn([]Entry{test.have}, nil, start, because("test"))
		switch {
		case test.want == 0 && len(got) != 0:
			t.Errorf("%s: %v", test.name, got)
		case test.want != 0 && (len(got) != 1 || got[0].Until.Sub(start) != test.want || got[0].Since != start):
			t.Errorf("%s: want %v, got %v", test.name, test.want, got)
		}
	}
}

// A link that is not advertised on for a while, as one without carrier, has hosts that hear nothing.
func TestLinkThatWasAway(t *testing.T) {
	old, fresh := on("lan0", "2001:db8:1::/64", 24*time.Hour), on("lan0", "2001:db8:2::/64", 24*time.Hour)
	s, _ := tell(Set{}, start, old)
	for _, after := range []time.Duration{time.Minute, time.Hour, 5 * time.Hour} {
		s = s.Next(start.Add(after), nil)
	}
	_, gone := tell(s, start.Add(6*time.Hour), fresh)
	if len(gone) != 1 || gone[0].Key != old.Key || !gone[0].Until.Equal(start.Add(6*time.Hour+Hold)) {
		t.Errorf("after six hours: %v", gone)
	}
	if s2, gone := tell(s, start.Add(6*time.Hour), old); len(gone) != 0 || !s2.On("lan0")[0].Until.IsZero() {
		t.Errorf("the same prefix again: %v, %v", gone, s2.All())
	}
	if s = s.Next(start.Add(25*time.Hour), nil); len(s.All()) != 0 {
		t.Errorf("after its lifetime: %v", s.All())
	}
}

func TestNotMoreThanFits(t *testing.T) {
	var s Set
	var gone []Entry
	for n := range 100 {
		s, gone = tell(s, start.Add(time.Duration(n)*time.Second), on("lan0", fmt.Sprintf("2001:db8:%x::/64", n), 24*time.Hour))
	}
	if len(gone) != maxWithdrawn || gone[0].Prefix != pfx(fmt.Sprintf("2001:db8:%x::/64", 99-maxWithdrawn)) {
		t.Errorf("%d, the first %v", len(gone), gone[0])
	}
	links := map[string]Link{}
	for n := range maxEntries + 10 {
		name := fmt.Sprint(n)
		links[name] = Link{Current: []Entry{on(name, "2001:db8::/64", 24*time.Hour)}}
	}
	s = s.Next(start, links)
	if n := len(s.Next(start.Add(time.Second), nil).All()); n != maxEntries {
		t.Errorf("%d entries of links that are gone", n)
	}
}

// TestUnchanged: what goes on as before keeps its list, by which it is known not to have changed.
func TestUnchanged(t *testing.T) {
	a, b := on("lan0", "2001:db8:1::/64", time.Hour), on("lan1", "2001:db8:2::/64", time.Hour)
	old := on("lan1", "2001:db8:3::/64", time.Hour)
	old.Since, old.Until, old.Reason = start, start.Add(Hold), "test"
	first := Set{}.Next(start, map[string]Link{"lan0": {Current: []Entry{a}}, "lan1": {Current: []Entry{b}, Withdrawn: []Entry{old}}})
	a.Lifetime = 2 * time.Hour
	second := first.Next(start.Add(time.Minute), map[string]Link{"lan0": {Current: []Entry{a, a}}, "lan1": {Current: []Entry{b}, Withdrawn: []Entry{old}}})
	for link, want := range map[string]bool{"lan0": false, "lan1": true} {
		if got := unchanged(first.On(link), second.On(link)); got != want {
			t.Errorf("%s unchanged: %t, want %t", link, got, want)
		}
	}
	put, gone, _ := first.changes(second)
	if len(put) != 1 || put[0] != a || len(gone) != 0 {
		t.Errorf("to write: %v, %v", put, gone)
	}
}

// A link with many prefixes gives up all of them when they change, and then what it gave up before.
func TestAllOfAChangeIsWithdrawn(t *testing.T) {
	var s Set
	many := func(site int) []Entry {
		var list []Entry
		for n := range 2 * maxWithdrawn {
			list = append(list, on("lan0", fmt.Sprintf("2001:db8:%x:%x::/64", site, n), 24*time.Hour))
		}
		return list
	}
	s, _ = tell(s, start, many(1)...)
	s, gone := tell(s, start.Add(time.Minute), many(2)...)
	if len(gone) != 2*maxWithdrawn {
		t.Errorf("%d of %d are withdrawn", len(gone), 2*maxWithdrawn)
	}
	_, gone = tell(s, start.Add(2*time.Minute), many(3)...)
	if len(gone) != 2*maxWithdrawn || gone[0].Prefix != pfx("2001:db8:2::/64") {
		t.Errorf("after another change: %d, the first %v", len(gone), gone[0])
	}
}
