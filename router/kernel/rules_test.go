package kernel

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sixfold-router/sixfold/router/rib"
	"golang.org/x/sys/unix"
)

// plainRules are those of a machine that nobody touched.
func plainRules(family uint8) []rule {
	return []rule{
		{family: family, pref: 0, action: unix.FR_ACT_TO_TBL, table: localTable, proto: 2, plain: true},
		{family: family, pref: 32766, action: unix.FR_ACT_TO_TBL, table: rib.MainTable, proto: 2, plain: true},
	}
}

func TestDiffRules(t *testing.T) {
	const v6 = unix.AF_INET6
	apply := func(have []rule, ops []ruleOp) []rule {
		have = slices.Clone(have)
		for _, op := range ops {
			if op.remove {
				have = slices.DeleteFunc(have, func(r rule) bool { return r == op.rule })
			} else {
				have = append(have, op.rule)
			}
		}
		return have
	}
	words := func(ops []ruleOp) (out []string) {
		for _, op := range ops {
			out = append(out, op.words())
		}
		return out
	}
	plain := append(plainRules(v6), plainRules(unix.AF_INET)...)
	first := diffRules(plain, true)
	want := []string{
		"add rule 1000: l3mdev", "add rule 2000: l3mdev unreachable", "add rule 2001: lookup 255",
		"add rule 1000: l3mdev (IPv4)", "add rule 2000: l3mdev unreachable (IPv4)", "add rule 2001: lookup 255 (IPv4)",
		"remove rule 0: lookup 255", "remove rule 0: lookup 255 (IPv4)",
	}
	if diff := cmp.Diff(want, words(first)); diff != "" {
		t.Errorf("of a plain machine (-want +got):\n%s", diff)
	}
	with := apply(plain, first)
	if ops := diffRules(with, true); ops != nil {
		t.Errorf("again: %v", words(ops))
	}
	back := diffRules(with, false)
	want = []string{
		"add rule 0: lookup 255", "add rule 0: lookup 255 (IPv4)",
		"remove rule 1000: l3mdev", "remove rule 2000: l3mdev unreachable", "remove rule 2001: lookup 255",
		"remove rule 1000: l3mdev (IPv4)", "remove rule 2000: l3mdev unreachable (IPv4)", "remove rule 2001: lookup 255 (IPv4)",
	}
	if diff := cmp.Diff(want, words(back)); diff != "" {
		t.Errorf("without VRFs (-want +got):\n%s", diff)
	}
	if ops := diffRules(plain, false); ops != nil {
		t.Errorf("a machine that has none of ours: %v", words(ops))
	}

	// What others made stays: rules that do the same count, the rest is not looked at.
	others := []rule{
		{family: v6, pref: 1000, action: unix.FR_ACT_TO_TBL, l3mdev: true, proto: 2, plain: true}, // the kernel's, with the first VRF
		{family: v6, pref: 2000, action: unix.FR_ACT_UNREACHABLE, l3mdev: true, plain: false},     // for some traffic only
		{family: v6, pref: 100, action: unix.FR_ACT_TO_TBL, table: 7, plain: false},
		{family: v6, pref: 3000, action: unix.FR_ACT_TO_TBL, table: 9, proto: RuleProtocol, plain: true}, // with our mark
	}
	want = []string{"add rule 2000: l3mdev unreachable", "add rule 2001: lookup 255", "remove rule 0: lookup 255", "remove rule 3000: lookup 9"}
	got := words(diffRules(append(plainRules(v6), others...), true))
	got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "IPv4") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("beside those of others (-want +got):\n%s", diff)
	}
}

func TestRules(t *testing.T) {
	m := NewMonitor(discard())
	w := NewRules(discard(), m)
	type found struct {
		object, what string
		problem      error
	}
	var drift []found
	w.OnDrift = func(object, what string, problem error) { drift = append(drift, found{object, what, problem}) }
	t.Cleanup(func() {
		if err := w.Apply(context.Background(), false); err != nil {
			t.Error(err)
		}
	})
	before := [2]string{ip(t, "-4 rule"), ip(t, "-6 rule")}
	apply := func(vrfs bool, writes uint64) {
		t.Helper()
		foreseen, err := w.Preview(t.Context(), vrfs)
		if err != nil {
			t.Fatal(err)
		}
		n := w.Writes()
		if err := w.Apply(t.Context(), vrfs); err != nil {
			t.Fatal(err)
		}
		if got := w.Writes() - n; got != writes || uint64(len(foreseen)) != writes {
			t.Errorf("%d writes, %d foreseen, want %d:\n%s%s", got, len(foreseen), writes, ip(t, "-4 rule"), ip(t, "-6 rule"))
		}
	}
	apply(false, 0)
	apply(true, 8)
	apply(true, 0)
	if len(drift) != 0 {
		t.Errorf("drift %v", drift)
	}
	for _, family := range []string{"-4", "-6"} {
		out := strings.Join(strings.Fields(ip(t, family+" rule")), " ")
		for _, want := range []string{"1000: from all lookup [l3mdev-table]", "2000: from all lookup [l3mdev-table] unreachable", "2001: from all lookup local"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in %s", want, out)
			}
		}
		if strings.HasPrefix(out, "0:") {
			t.Errorf("the rule for local addresses is still the first: %s", out)
		}
	}
	if out := ip(t, "-6 route get ::1"); !strings.Contains(out, "local ::1") {
		t.Errorf("our own address is not found: %s", out)
	}

	ip(t, "-6 rule del pref 2000")
	ip(t, "-4 rule add pref 50 lookup 77")
	apply(true, 1)
	if len(drift) != 1 || drift[0].object != "rule 2000: l3mdev unreachable" || drift[0].what != "it was missing" {
		t.Errorf("drift %v", drift)
	}
	// Another process finds them, and knows them by their mark.
	w = NewRules(discard(), m)
	apply(true, 0)
	apply(false, 8)
	ip(t, "-4 rule del pref 50")
	if after := [2]string{ip(t, "-4 rule"), ip(t, "-6 rule")}; after != [2]string{before[0], before[1]} {
		t.Errorf("left behind:\n%s%s", after[0], after[1])
	}
}

// A rule that somebody removes is news for those who watch.
func TestMonitorTellsOfRules(t *testing.T) {
	m := NewMonitor(discard())
	news := make(chan struct{}, 1)
	background(t, m.Run)
	eventually(t, "links", func() bool { return len(m.Links()) > 0 })
	defer m.Watch(func() { notify(news) })()
	ip(t, "-6 rule add pref 4000 lookup 77")
	eventually(t, "news of the rule", func() bool {
		select {
		case <-news:
			return true
		default:
			return false
		}
	})
	ip(t, "-6 rule del pref 4000")
}

func FuzzParseRule(f *testing.F) {
	f.Add([]byte{})
	for _, op := range diffRules(nil, true) {
		f.Add(op.request().Serialize()[unix.NLMSG_HDRLEN:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := parseRule(b)
		if !ok {
			return
		}
		again, ok := parseRule(ruleOp{rule: r}.request().Serialize()[unix.NLMSG_HDRLEN:])
		again.plain = r.plain
		if !ok || again != r {
			t.Errorf("%+v becomes %+v", r, again)
		}
	})
}

// A next hop is looked for in the table of its route: the same address is another machine in each.
func TestResolvePerTable(t *testing.T) {
	prefix := netip.MustParsePrefix
	links := newResolver(Links{
		"blue": {Index: 20, Up: true, Table: 1010, Kind: "vrf"},
		"lan0": {Index: 7, Up: true, Addresses: []AddressState{{Prefix: prefix("2001:db8::1/64")}}},
		"lan1": {Index: 8, Up: true, Master: 20, Addresses: []AddressState{{Prefix: prefix("2001:db8::1/64")}}},
		"br0":  {Index: 30, Up: true, Kind: "bridge"},
		"lan2": {Index: 9, Up: true, Master: 30, Addresses: []AddressState{{Prefix: prefix("2001:db8:2::1/64")}}},
	})
	table := &rib.Table{}
	s := newFIBState(table.Best)
	put := func(r rib.Route) {
		table.Update(rib.Static, []rib.Route{r}, nil)
		s.seen(r.Prefix)
	}
	put(rib.Route{Prefix: prefix("2001:db8:9::/48"), Via: netip.MustParseAddr("2001:db8::9")})
	put(rib.Route{Prefix: prefix("2001:db8:a::/48"), Via: netip.MustParseAddr("2001:db8::a"), Table: 1010})
	for _, tt := range []struct {
		table uint32
		hop   string
		want  string
	}{
		{rib.MainTable, "2001:db8::5", "2001:db8::5 on 7"},
		{1010, "2001:db8::5", "2001:db8::5 on 8"},
		{rib.MainTable, "2001:db8:2::5", "2001:db8:2::5 on 9"}, // a bridge has no table
		{1010, "2001:db8:2::5", "next hop 2001:db8:2::5 is not reachable"},
		{rib.MainTable, "2001:db8:9::5", "2001:db8::9 on 7"},
		{1010, "2001:db8:9::5", "next hop 2001:db8:9::5 is not reachable"},
		{1010, "2001:db8:a::5", "2001:db8::a on 8"},
		{77, "2001:db8::5", "next hop 2001:db8::5 is not reachable"},
	} {
		if got := s.resolve(hopKey{tt.table, netip.MustParseAddr(tt.hop)}, links).String(); got != tt.want {
			t.Errorf("%s in table %d: got %q, want %q", tt.hop, tt.table, got, tt.want)
		}
	}
	if l := links.links["lan1"]; l.table != 1010 {
		t.Errorf("lan1 is in table %d", l.table)
	}
}
