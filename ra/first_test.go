package ra

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// Where more is due than leaves at once, links that have something new to say come before those that repeat themselves.
func TestNewsFirst(t *testing.T) {
	s := quiet(t)
	s.random = func() float64 { return 0 }
	conf := Config{Interfaces: map[string]Interface{}}
	put := func(index int, prefix string) {
		i := basic
		i.Link, i.Index = fmt.Sprintf("lan%d", index), index
		i.Prefixes = []Prefix{{Prefix: netip.MustParsePrefix(prefix), Valid: time.Hour}}
		conf.Interfaces[i.Link] = i
	}
	apply := func() {
		t.Helper()
		if err := s.Apply(t.Context(), conf); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 5 * maxBatch {
		put(n+1, "2001:db8:1::/64")
	}
	apply()
	var r round
	now := time.Now()
	for range 5 {
		s.next(&r, now)
	}
	// All are due again, since a moment that nobody got to yet; then one link comes, and one has another prefix.
	for n := range s.due {
		s.due[n].schedule.next = now.Add(-headStart / 2)
		s.due[n].schedule.last = now.Add(-2 * minDelay)
	}
	put(9999, "2001:db8:1::/64")
	put(17, "2001:db8:2::/64")
	apply()
	s.next(&r, time.Now())
	var got []int
	for _, o := range r.out[:min(2, len(r.out))] {
		got = append(got, o.index)
	}
	if len(r.out) != maxBatch || !(got[0] == 9999 && got[1] == 17 || got[0] == 17 && got[1] == 9999) {
		t.Errorf("%d packets, the first to links %v, want those of 17 and 9999", len(r.out), got)
	}
}
