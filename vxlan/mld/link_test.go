package mld

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// plain are the default variables of RFC 3810 9.
var plain = Timers{
	Version: 2, QueryInterval: 125 * time.Second, QueryResponse: 10 * time.Second, LastListener: time.Second, Robustness: 2,
	MaxGroups: 3, MaxSources: 4,
}

const (
	host  = "fe80::100"
	other = "fe80::200"
)

// letters returns 2001:db8::N for each letter: a is 2001:db8::a.
func letters(text string) []netip.Addr {
	var out []netip.Addr
	for _, r := range text {
		out = append(out, addr("2001:db8::"+string(r)))
	}
	return out
}

// stateText writes a group as "INCLUDE a:260 b:2" or "EXCLUDE(260) a:2 -b", with what is left of the timers in seconds.
func stateText(l *link, g string, now time.Time) string {
	grp := l.groups[addr(g)]
	if grp == nil {
		return "gone"
	}
	text := "INCLUDE"
	if grp.exclude {
		text = fmt.Sprintf("EXCLUDE(%v)", grp.timer.Sub(now).Seconds())
	}
	var parts []string
	for s, t := range grp.sources {
		name := strings.TrimPrefix(s.String(), "2001:db8::")
		if t.IsZero() {
			parts = append(parts, "-"+name)
		} else {
			parts = append(parts, fmt.Sprintf("%s:%v", name, t.Sub(now).Seconds()))
		}
	}
	slices.Sort(parts)
	return strings.Join(append([]string{text}, parts...), " ")
}

// queryText writes queries as "Q(ff1e::1)", "Q(ff1e::1,ab)", with s where suppressed, "Q()" for general ones.
func queryText(list []query) string {
	var out []string
	for _, q := range list {
		text := ""
		if !q.general() {
			text = q.Group.String()
		}
		if len(q.Sources) > 0 {
			text += ","
			for _, s := range q.Sources {
				text += strings.TrimPrefix(s.String(), "2001:db8::")
			}
		}
		if q.Suppress {
			text += ",s"
		}
		out = append(out, "Q("+text+")")
	}
	return strings.Join(out, " ")
}

// TestReports has the tables of RFC 3810 7.4.1 and 7.4.2. The state before was made a minute ago.
func TestReports(t *testing.T) {
	type step struct {
		kind recordKind
		list string
	}
	include := func(list string) []step { return []step{{isInclude, list}} }
	exclude := func(x, y string) []step { return []step{{isExclude, y}, {isInclude, x}} }
	for _, tt := range []struct {
		name    string
		before  []step
		kind    recordKind
		list    string
		want    string
		queries string
	}{
		{"INCLUDE (A) IS_IN (B)", include("ab"), isInclude, "bc", "INCLUDE a:200 b:260 c:260", ""},
		{"INCLUDE (A) IS_EX (B)", include("ab"), isExclude, "bc", "EXCLUDE(260) -c b:200", ""},
		{"EXCLUDE (X,Y) IS_IN (A)", exclude("a", "b"), isInclude, "bc", "EXCLUDE(200) a:200 b:260 c:260", ""},
		{"EXCLUDE (X,Y) IS_EX (A)", exclude("ad", "b"), isExclude, "abc", "EXCLUDE(260) -b a:200 c:260", ""},

		{"INCLUDE (A) ALLOW (B)", include("ab"), allow, "bc", "INCLUDE a:200 b:260 c:260", ""},
		{"INCLUDE (A) BLOCK (B)", include("ab"), block, "bc", "INCLUDE a:200 b:2", "Q(ff1e::1,b)"},
		{"INCLUDE (A) TO_EX (B)", include("ab"), toExclude, "bc", "EXCLUDE(260) -c b:2", "Q(ff1e::1,b)"},
		{"INCLUDE (A) TO_IN (B)", include("ab"), toInclude, "bc", "INCLUDE a:2 b:260 c:260", "Q(ff1e::1,a)"},
		{"EXCLUDE (X,Y) ALLOW (A)", exclude("a", "b"), allow, "bc", "EXCLUDE(200) a:200 b:260 c:260", ""},
		{"EXCLUDE (X,Y) BLOCK (A)", exclude("a", "b"), block, "abc", "EXCLUDE(200) -b a:2 c:2", "Q(ff1e::1,ac)"},
		{"EXCLUDE (X,Y) TO_EX (A)", exclude("ad", "b"), toExclude, "abc", "EXCLUDE(260) -b a:2 c:2", "Q(ff1e::1,ac)"},
		{"EXCLUDE (X,Y) TO_IN (A)", exclude("ab", "c"), toInclude, "bc", "EXCLUDE(2) a:2 b:260 c:260", "Q(ff1e::1) Q(ff1e::1,a)"},
		{"leave", exclude("", ""), toInclude, "", "EXCLUDE(2)", "Q(ff1e::1)"},
		{"too many sources", include("ab"), allow, "cdef", "INCLUDE a:200 b:200 c:260 d:260", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLink("lan0", addr("fe80::1"), plain, began)
			for _, s := range tt.before {
				l.report(addr(host), record{s.kind, addr("ff1e::1"), letters(s.list)}, false, began)
			}
			l.take()
			now := began.Add(time.Minute)
			l.report(addr(host), record{tt.kind, addr("ff1e::1"), letters(tt.list)}, false, now)
			if got := stateText(l, "ff1e::1", now); got != tt.want {
				t.Errorf("state %q, want %q", got, tt.want)
			}
			if got := queryText(l.take().queries); got != tt.queries {
				t.Errorf("queries %q, want %q", got, tt.queries)
			}
		})
	}
}

// TestGroupInTime follows groups as time goes by: each line is what happened at a second, with the queries and the state after it.
func TestGroupInTime(t *testing.T) {
	for _, tt := range []struct {
		name   string
		timers func(*Timers)
		feed   map[int]message
		want   string
	}{
		{"a leave that another host answers", nil, map[int]message{
			0: {Type: typeReport2, Records: []record{{toExclude, addr("ff1e::1"), nil}}},
			5: {Type: typeReport2, Records: []record{{toInclude, addr("ff1e::1"), nil}}},
			6: {Type: typeReport2, Records: []record{{isExclude, addr("ff1e::1"), nil}}},
		}, `
0 EXCLUDE(260)
5 Q(ff1e::1) EXCLUDE(2)
6 Q(ff1e::1,s) EXCLUDE(260)
266 gone
`},
		{"a leave that nobody answers", nil, map[int]message{
			0: {Type: typeReport2, Records: []record{{toExclude, addr("ff1e::1"), nil}}},
			5: {Type: typeReport2, Records: []record{{toInclude, addr("ff1e::1"), nil}}},
		}, `
0 EXCLUDE(260)
5 Q(ff1e::1) EXCLUDE(2)
6 Q(ff1e::1) EXCLUDE(1)
7 gone
`},
		{"one source goes, and another host wants it", nil, map[int]message{
			0: {Type: typeReport2, Records: []record{{allow, addr("ff1e::1"), letters("ab")}}},
			5: {Type: typeReport2, Records: []record{{block, addr("ff1e::1"), letters("ab")}}},
			6: {Type: typeReport2, Records: []record{{isInclude, addr("ff1e::1"), letters("a")}}},
		}, `
0 INCLUDE a:260 b:260
5 Q(ff1e::1,ab) INCLUDE a:2 b:2
6 Q(ff1e::1,a,s) Q(ff1e::1,b) INCLUDE a:260 b:1
7 INCLUDE a:259
266 gone
`},
		{"mode EXCLUDE ends", nil, map[int]message{
			0:   {Type: typeReport2, Records: []record{{toExclude, addr("ff1e::1"), letters("b")}}},
			100: {Type: typeReport2, Records: []record{{allow, addr("ff1e::1"), letters("a")}}},
		}, `
0 EXCLUDE(260) -b
100 EXCLUDE(160) -b a:260
260 INCLUDE a:100
360 gone
`},
		{"a requested source ends before the mode", nil, map[int]message{
			0:   {Type: typeReport2, Records: []record{{toExclude, addr("ff1e::1"), nil}, {allow, addr("ff1e::1"), letters("a")}}},
			200: {Type: typeReport2, Records: []record{{block, addr("ff1e::1"), letters("c")}, {isInclude, addr("ff1e::1"), letters("d")}}},
		}, `
0 EXCLUDE(260) a:260
200 Q(ff1e::1,c) EXCLUDE(60) a:60 c:2 d:260
201 Q(ff1e::1,c) EXCLUDE(59) a:59 c:1 d:259
202 EXCLUDE(58) -c a:58 d:258
260 INCLUDE d:200
460 gone
`},
		{"fast leave", func(t *Timers) { t.FastLeave = true }, map[int]message{
			0: {Type: typeReport2, Records: []record{{toExclude, addr("ff1e::1"), nil}}},
			5: {Type: typeReport2, Records: []record{{toInclude, addr("ff1e::1"), nil}}},
		}, `
0 EXCLUDE(260)
5 gone
`},
		{"version 1", nil, map[int]message{
			0: {Type: typeReport1, Group: addr("ff1e::1")},
			// While a host of version 1 is there, others cannot block or exclude.
			5:  {Type: typeReport2, Records: []record{{block, addr("ff1e::1"), letters("a")}}},
			6:  {Type: typeReport2, Records: []record{{toExclude, addr("ff1e::1"), letters("a")}}},
			10: {Type: typeDone, Group: addr("ff1e::1")},
		}, `
0 EXCLUDE(260)
5 EXCLUDE(255)
6 EXCLUDE(260)
10 Q(ff1e::1) EXCLUDE(2)
11 Q(ff1e::1) EXCLUDE(1)
12 gone
`},
		{"queries by version 1", func(t *Timers) { t.Version = 1 }, map[int]message{
			0: {Type: typeReport1, Group: addr("ff1e::1")},
			5: {Type: typeDone, Group: addr("ff1e::1")},
		}, `
0 EXCLUDE(260)
5 Q(ff1e::1) EXCLUDE(2)
6 Q(ff1e::1) EXCLUDE(1)
7 gone
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			timers := plain
			if tt.timers != nil {
				tt.timers(&timers)
			}
			l := newLink("lan0", addr("fe80::1"), timers, began)
			var got strings.Builder
			last := ""
			for s := range 500 {
				now := began.Add(time.Duration(s) * time.Second)
				if m, ok := tt.feed[s]; ok {
					l.receive(addr(host), m, now)
				}
				l.tick(now)
				queries := slices.DeleteFunc(l.take().queries, query.general)
				state := stateText(l, "ff1e::1", now)
				kind := strings.Map(func(r rune) rune {
					if r >= '0' && r <= '9' {
						return -1
					}
					return r
				}, state)
				_, fed := tt.feed[s]
				if len(queries) == 0 && kind == last && !fed || state == "gone" && last == "" {
					continue
				}
				if last = kind; state == "gone" {
					last = ""
				}
				line := strings.TrimSpace(queryText(queries) + " " + state)
				fmt.Fprintf(&got, "%d %s\n", s, line)
			}
			if diff := cmp.Diff(strings.TrimLeft(tt.want, "\n"), got.String()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestGeneralQueries has the startup queries and those after them.
func TestGeneralQueries(t *testing.T) {
	l := newLink("lan0", addr("fe80::1"), plain, began)
	var at []float64
	for now := began; now.Before(began.Add(300 * time.Second)); {
		l.tick(now)
		for range l.take().queries {
			at = append(at, now.Sub(began).Seconds())
		}
		now = l.next()
	}
	if diff := cmp.Diff([]float64{0, 31.25, 156.25, 281.25}, at); diff != "" {
		t.Error(diff)
	}
}

// TestElection lets routers with lower and higher addresses ask.
func TestElection(t *testing.T) {
	at := func(s float64) time.Time { return began.Add(time.Duration(s * float64(time.Second))) }
	general := message{Type: typeQuery, Query: query{Version: 2, Response: 10 * time.Second, Group: netip.IPv6Unspecified(), Robustness: 3, Interval: 20 * time.Second}}
	l := newLink("lan0", addr("fe80::5"), plain, began)
	l.tick(began)
	l.take()
	l.receive(addr("fe80::9"), general, at(1))
	if !l.asking() {
		t.Fatal("gave up for a higher address")
	}
	l.receive(addr("fe80::5"), general, at(1))
	if !l.asking() {
		t.Fatal("gave up for itself")
	}
	l.receive(addr("fe80::3"), general, at(2))
	if l.asking() || l.other != addr("fe80::3") || l.robustness != 3 || l.interval != 20*time.Second {
		t.Fatalf("querier %v, robustness %d, interval %v", l.other, l.robustness, l.interval)
	}
	l.tick(at(60))
	if n := len(l.take().queries); n != 0 {
		t.Errorf("%d queries of one that is no querier", n)
	}
	// The timers of groups follow the querier.
	l.receive(addr(host), message{Type: typeReport1, Group: addr("ff1e::1")}, at(60))
	if got := stateText(l, "ff1e::1", at(60)); got != "EXCLUDE(70)" {
		t.Errorf("state %s", got)
	}
	// Its question about a group shortens them, unless it says not to; a leave makes us ask nothing.
	specific := message{Type: typeQuery, Query: query{Version: 2, Response: time.Second, Group: addr("ff1e::1"), Suppress: true, Robustness: 3, Interval: 20 * time.Second}}
	l.receive(addr("fe80::3"), specific, at(61))
	l.receive(addr(host), message{Type: typeDone, Group: addr("ff1e::1")}, at(61))
	if got := stateText(l, "ff1e::1", at(61)); got != "EXCLUDE(69)" {
		t.Errorf("state %s", got)
	}
	specific.Query.Suppress = false
	l.receive(addr("fe80::3"), specific, at(62))
	if got := stateText(l, "ff1e::1", at(62)); got != "EXCLUDE(3)" {
		t.Errorf("state %s", got)
	}
	l.take()
	// 3 * 20 s + 10 s / 2 after its last query we take over. Specific ones count with our own response interval.
	if want := at(62 + 65); l.otherUntil != want {
		t.Errorf("takes over at %v, want %v", l.otherUntil.Sub(began), want.Sub(began))
	}
	l.tick(at(62 + 65))
	if out := l.take(); !l.asking() || queryText(out.queries) != "Q()" || l.robustness != 2 || l.interval != 125*time.Second {
		t.Errorf("asking %v, %v", l.asking(), out)
	}
}

// TestLimits refuses what a hostile link sends.
func TestLimits(t *testing.T) {
	l := newLink("lan0", addr("fe80::1"), plain, began)
	for i := range 100 {
		g := addr(fmt.Sprintf("ff1e::%x", i+1))
		l.receive(addr(host), message{Type: typeReport2, Records: []record{{toExclude, g, nil}}}, began)
		l.receive(addr(host), message{Type: typeReport2, Records: []record{{toExclude, addr(fmt.Sprintf("ff02::1:ff00:%x", i)), nil}}}, began)
		l.receive(addr(host), message{Type: typeReport2, Records: []record{{toExclude, addr("ff3e::1"), nil}}}, began)
	}
	if len(l.groups) != 3 || l.dropped[DropGroupLimit] != 97 || l.dropped[DropAnySource] != 100 {
		t.Errorf("%d groups, dropped %v", len(l.groups), l.dropped)
	}
	// A host that leaves again and again makes no more queries than one.
	l.take()
	sent := 0
	for ms := range 3000 {
		now := began.Add(time.Duration(ms) * time.Millisecond)
		l.receive(addr(host), message{Type: typeReport2, Records: []record{{toExclude, addr("ff1e::1"), nil}}}, now)
		l.receive(addr(host), message{Type: typeDone, Group: addr("ff1e::1")}, now)
		l.tick(now)
		for _, q := range l.take().queries {
			if !q.general() {
				sent++
			}
		}
	}
	if sent > 8 {
		t.Errorf("%d queries in 3 s", sent)
	}
	if len(l.due) != len(l.groups) {
		t.Errorf("%d groups and %d in the heap", len(l.groups), len(l.due))
	}
}
