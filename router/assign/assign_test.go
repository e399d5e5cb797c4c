package assign

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func place(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func lan(name string, bits int) Key { return Key{"isp", name, bits} }

func wish(names ...string) []Key {
	var out []Key
	for _, n := range names {
		out = append(out, lan(n, 64))
	}
	return out
}

func part(name, subnet string) Part {
	p := place(subnet)
	return Part{Key: lan(name, p.Bits()), Subnet: p}
}

func TestChoose(t *testing.T) {
	table := func(parts ...Part) Table { return Table{Parts: parts} }
	home := map[string]Space{"isp": {Bits: 56}}
	for _, c := range []struct {
		name    string
		have    Table
		wanted  []Key
		spaces  map[string]Space
		now     map[string]string
		kept    []string
		reasons map[string]string
	}{
		{
			name: "the first get the lowest, by name", wanted: wish("lan1", "lan0", "lan2"), spaces: home,
			now: map[string]string{"lan0": "::/64", "lan1": "0:0:0:1::/64", "lan2": "0:0:0:2::/64"},
		},
		{
			name: "who has a place keeps it", have: table(part("lan1", "0:0:0:7::/64"), part("lan2", "::/64")), wanted: wish("lan0", "lan1", "lan2"), spaces: home,
			now: map[string]string{"lan0": "0:0:0:1::/64", "lan1": "0:0:0:7::/64", "lan2": "::/64"},
		},
		{
			name: "explicit uses are in nobody's way", wanted: wish("lan0", "lan1"),
			spaces: map[string]Space{"isp": {Bits: 56, Claims: []Claim{{place("::/64"), "interfaces.lan9.addresses"}, {place("0:0:0:2::/63"), "local"}}}},
			now:    map[string]string{"lan0": "0:0:0:1::/64", "lan1": "0:0:0:4::/64"},
		},
		{
			name: "an explicit use of a place moves who was there", have: table(part("lan0", "::/64"), part("lan1", "0:0:0:1::/64")), wanted: wish("lan0", "lan1"),
			spaces: map[string]Space{"isp": {Bits: 56, Claims: []Claim{{place("::/64"), "interfaces.lan9.addresses"}}}},
			now:    map[string]string{"lan0": "0:0:0:2::/64", "lan1": "0:0:0:1::/64"},
		},
		{
			name: "a smaller delegation moves who does not fit", have: table(part("lan0", "0:0:0:3::/64"), part("lan1", "0:0:0:20::/64")), wanted: wish("lan0", "lan1"),
			spaces: map[string]Space{"isp": {Bits: 62}},
			now:    map[string]string{"lan0": "0:0:0:3::/64", "lan1": "0:0:0:2::/64"},
		},
		{
			name: "one that is too small leaves the rest waiting, and their places theirs",
			have: table(part("lan0", "::/64"), part("lan1", "0:0:0:1::/64"), part("lan2", "0:0:0:2::/64")), wanted: wish("lan0", "lan1", "lan2", "lan3"),
			spaces: map[string]Space{"isp": {Bits: 63}},
			now:    map[string]string{"lan0": "::/64", "lan1": "0:0:0:1::/64"},
			reasons: map[string]string{
				"lan2": "isp has no free /64 left, and 0:0:0:2::/64 is outside of a /63",
				"lan3": "isp is a /63, and has no free /64 left",
			},
		},
		{
			name: "a /60 does not come out of a /64", wanted: []Key{lan("lan0", 60), lan("lan1", 64)}, spaces: map[string]Space{"isp": {Bits: 64}},
			now:     map[string]string{"lan1": "::/64"},
			reasons: map[string]string{"lan0": "isp is a /64, too small for a /60"},
		},
		{
			name: "nothing is chosen while nothing is delegated, and nothing is lost", have: table(part("lan0", "0:0:0:5::/64")), wanted: wish("lan0", "lan1"),
			reasons: map[string]string{"lan0": "nothing is delegated as isp", "lan1": "nothing is delegated as isp"},
		},
		{
			name: "who goes leaves a place that nobody new gets", have: table(part("lan0", "::/64"), part("lan1", "0:0:0:1::/64")), wanted: wish("lan1", "lan2"), spaces: home,
			now: map[string]string{"lan1": "0:0:0:1::/64", "lan2": "0:0:0:2::/64"}, kept: []string{"lan0 ::/64"},
		},
		{
			name: "who returns gets it back", have: Table{Parts: []Part{part("lan1", "0:0:0:1::/64")}, Kept: []Part{part("lan0", "0:0:0:9::/64"), part("lan7", "::/64")}},
			wanted: wish("lan0", "lan1"), spaces: home,
			now: map[string]string{"lan0": "0:0:0:9::/64", "lan1": "0:0:0:1::/64"}, kept: []string{"lan7 ::/64"},
		},
		{
			name: "unless a client has it by now", have: Table{Kept: []Part{part("lan0", "::/64")}}, wanted: wish("lan0"),
			spaces: map[string]Space{"isp": {Bits: 56, Leased: []netip.Prefix{place("::/60")}}},
			now:    map[string]string{"lan0": "0:0:0:10::/64"},
		},
		{
			name:   "a place that is kept is given away when all others are taken, the oldest first",
			have:   Table{Parts: []Part{part("lan0", "::/64")}, Kept: []Part{part("lan1", "0:0:0:3::/64"), part("lan2", "0:0:0:1::/64"), part("lan3", "0:0:0:2::/64")}},
			wanted: wish("lan0", "lan9"), spaces: map[string]Space{"isp": {Bits: 62}},
			now: map[string]string{"lan0": "::/64", "lan9": "0:0:0:3::/64"}, kept: []string{"lan2 0:0:0:1::/64", "lan3 0:0:0:2::/64"},
		},
		{
			name: "parts of several lengths: the larger first, and nothing is cut up", wanted: []Key{lan("lan0", 64), lan("guests", 60), lan("docker", 80), lan("vpn", 72)}, spaces: home,
			now: map[string]string{"guests": "::/60", "lan0": "0:0:0:10::/64", "vpn": "0:0:0:11::/72", "docker": "0:0:0:11:100::/80"},
		},
		{
			name: "nothing new while it cannot be kept", have: table(part("lan0", "0:0:0:5::/64")), wanted: wish("lan0", "lan1"),
			spaces:  map[string]Space{"isp": {Bits: 56, Frozen: "it cannot be kept: disk full"}},
			now:     map[string]string{"lan0": "0:0:0:5::/64"},
			reasons: map[string]string{"lan1": "it cannot be kept: disk full"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Choose(c.have, c.wanted, c.spaces)
			now, reasons := map[string]string{}, map[string]string{}
			for k, p := range got.Now {
				now[k.Name] = Text(p)
			}
			for k, why := range got.Reasons {
				reasons[k.Name] = why
			}
			var kept []string
			for _, p := range got.Kept {
				kept = append(kept, p.Name+" "+Text(p.Subnet))
			}
			if diff := cmp.Diff(c.now, now, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("in force: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(c.reasons, reasons, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("reasons: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(c.kept, kept, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("kept: -want +got\n%s", diff)
			}
			if again := Choose(got.Table, c.wanted, c.spaces); !again.Equal(got.Table) || !cmp.Equal(again.Now, got.Now, cmp.Comparer(samePrefix)) {
				t.Errorf("choosing again changes it:\n%v\n%v", got.Table, again.Table)
			}
		})
	}
}

func samePrefix(a, b netip.Prefix) bool { return a == b }

func TestFree(t *testing.T) {
	for _, c := range []struct {
		within string
		taken  []string
		want   []string
	}{
		{"2001:db8::/48", nil, []string{"2001:db8::/48"}},
		{"2001:db8::/48", []string{"2001:db8::/48"}, nil},
		{"2001:db8::/48", []string{"2001::/16"}, nil},
		{"2001:db8::/48", []string{"2001:db9::/48"}, []string{"2001:db8::/48"}},
		{"2001:db8::/62", []string{"2001:db8:0:1::5/64", "2001:db8:0:1::/80"}, []string{"2001:db8::/64", "2001:db8:0:2::/63"}},
		{"2001:db8::/126", []string{"2001:db8::2/128"}, []string{"2001:db8::/127", "2001:db8::3/128"}},
		{"2001:db8::/64", []string{"2001:db8::/64", "2001:db8::/64"}, nil},
	} {
		var taken []netip.Prefix
		for _, s := range c.taken {
			taken = append(taken, place(s))
		}
		var got []string
		for _, p := range Free(place(c.within), taken) {
			got = append(got, p.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s without %v: -want +got\n%s", c.within, c.taken, diff)
		}
	}
}

func TestPlaceAndText(t *testing.T) {
	for _, c := range []struct{ base, prefix, want string }{
		{"2001:db8:1::/48", "2001:db8:1:20::1/64", "0:0:0:20::/64"},
		{"2001:db8:1:ab00::/56", "2001:db8:1:ab07::/64", "0:0:0:7::/64"},
		{"2001:db8:1::/48", "2001:db8:1::/64", "::/64"},
		{"2001:db8:1::/48", "2001:db8:1:1:0:0:0:5/128", "0:0:0:1:0:0:0:5/128"},
		{"2001:db8:1::/48", "2001:db8:1:1:2::/80", "0:0:0:1:2::/80"},
		{"2001:db8:1::/48", "2001:db8:1:1:2::5/128", "0:0:0:1:2:0:0:5/128"},
		{"2001:db8:1::/48", "2001:db8:1::7:0/112", "0:0:0:0:0:0:7::/112"},
	} {
		if got := Text(Place(place(c.base), place(c.prefix))); got != c.want {
			t.Errorf("%s in %s: got %s, want %s", c.prefix, c.base, got, c.want)
		}
	}
}
