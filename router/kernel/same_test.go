package kernel

import (
	"fmt"
	"maps"
	"testing"
)

// TestKeep: what was read the same again is what was there before, unless something was told of it.
func TestKeep(t *testing.T) {
	link := func(index int, mtu int) LinkState {
		return LinkState{
			Name: fmt.Sprint("lan", index), Index: index, MTU: mtu, Up: true,
			Addresses: []AddressState{{Prefix: prefixes("2001:db8::1/64")[0]}}, Settings: Settings{V4: []int32{1}, V6: []int32{2}},
		}
	}
	read := func() Links { return Links{"lan1": link(1, 1500), "lan2": link(2, 1500), "lan3": link(3, 1500)} }
	before := read()
	if got := read().keep(before, nil); fmt.Sprintf("%p", got) != fmt.Sprintf("%p", before) {
		t.Error("nothing changed, and the snapshot is another one")
	}
	if got := read().keep(before, []int{2}); !got["lan1"].untouched(before["lan1"]) || got["lan2"].untouched(before["lan2"]) {
		t.Error("a link that was told of is as untouched as one that was not, or that is touched")
	}
	for what, change := range map[string]func(*LinkState){
		"MTU":      func(l *LinkState) { l.MTU++ },
		"group":    func(l *LinkState) { l.Group++ },
		"table":    func(l *LinkState) { l.Table++ },
		"lifetime": func(l *LinkState) { l.Addresses[0].Valid++ },
		"setting4": func(l *LinkState) { l.Settings.V4[0]++ },
		"setting6": func(l *LinkState) { l.Settings.V6[0]++ },
	} {
		now := read()
		l := now["lan2"]
		change(&l)
		now["lan2"] = l
		if got := now.keep(before, nil); got["lan2"].same(before["lan2"]) || !got["lan3"].untouched(before["lan3"]) {
			t.Errorf("%s: %+v", what, got)
		}
	}
	fewer := read()
	delete(fewer, "lan3")
	if got := fewer.keep(before, nil); len(got) != 2 {
		t.Errorf("a link that is gone is there: %v", maps.Keys(got))
	}
}

// TestRefreshKeeps: reading all links again leaves them as they were in memory, so that nobody looks at them again.
func TestRefreshKeeps(t *testing.T) {
	veth(t, "keep0", "keep1")
	m := listening(t)
	refresh := func() Links {
		if err := m.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		return m.Links()
	}
	mtu := 1400
	eventually(t, "a reading in which nothing is told of one link", func() bool { // its first address is told of several times
		before := refresh()
		mtu++
		ip(t, fmt.Sprint("link set keep1 mtu ", mtu))
		if err := m.Update(t.Context()); err != nil {
			t.Fatal(err)
		}
		now := refresh()
		if now["keep1"].untouched(before["keep1"]) {
			t.Errorf("a link that changed: %+v", now["keep1"])
		}
		return now["keep0"].untouched(before["keep0"])
	})
}

// TestResolverStands: the FIB makes no new resolver while nothing happened to links.
func TestResolverStands(t *testing.T) {
	links := Links{
		"lan1": {Name: "lan1", Index: 1, Up: true, Addresses: []AddressState{{Prefix: prefixes("2001:db8:1::1/64")[0]}}},
		"lan2": {Name: "lan2", Index: 2, Up: true, Addresses: []AddressState{{Prefix: prefixes("2001:db8:1::2/64")[0]}}},
	}
	r := newResolver(links)
	if !r.stands(maps.Clone(links)) {
		t.Error("the same links are others")
	}
	if got := r.onLink; len(got) != 1 || got[key("2001:db8:1::/64")] != 1 {
		t.Errorf("connected: %v, want the link with the lowest index", got)
	}
	other := maps.Clone(links)
	l := other["lan1"]
	l.Up = false
	other["lan1"] = l
	if now := newResolver(other); r.stands(other) || r.equal(now) || now.onLink[key("2001:db8:1::/64")] != 2 {
		t.Errorf("lan1 is down: %+v", now)
	}
	delete(other, "lan1")
	if r.stands(other) {
		t.Error("a link that is gone makes no difference")
	}
}
