package ra

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/change"
)

func lines(ops []change.Op) string {
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", o.Object, o.Action, o.Class, o.Disturbs)
	}
	return b.String()
}

func TestPreview(t *testing.T) {
	lan := netip.MustParsePrefix("2001:db8:1::/64")
	until := time.Now().Add(30 * 24 * time.Hour)
	have := basic
	have.Prefixes = []Prefix{{Prefix: lan, OnLink: true, Valid: time.Hour, Preferred: time.Hour, ValidUntil: until, PreferredUntil: until}}
	for _, tt := range []struct {
		name   string
		change func(*Interface)
		want   string
	}{
		{"the same", func(*Interface) {}, ""},
		{"renewed", func(i *Interface) { i.Prefixes[0].ValidUntil = until.Add(time.Hour) }, ""},
		{"lifetime", func(i *Interface) { i.RouterLifetime = time.Hour; i.Managed = true },
			"lan0 | change router lifetime to 1h, set the managed flag | live | \n"},
		{"no default router", func(i *Interface) { i.RouterLifetime = 0 },
			"lan0 | change router lifetime to 0s | live | the default route of hosts on lan0\n"},
		{"interval", func(i *Interface) { i.MinInterval = 100 * time.Second }, "lan0 | advertise every 1m 40s to 10m | live | \n"},
		{"prefixes", func(i *Interface) { i.Prefixes[0].Prefix = netip.MustParsePrefix("2001:db8:2::/64") },
			"lan0 | advertise 2001:db8:2::/64, stop advertising 2001:db8:1::/64 | live | \n"},
		{"dns", func(i *Interface) { i.RDNSS = []netip.Addr{netip.MustParseAddr("2001:db8::53")}; i.Preference = 1 },
			"lan0 | change preference to high, advertise name servers [2001:db8::53] | live | \n"},
		{"made anew", func(i *Interface) { i.Index = 0 },
			"lan0 | advertise 2001:db8:1::/64 on the new link | recreate | the default route of hosts on lan0\n"},
		{"another link", func(i *Interface) { i.Link, i.Index = "lan1", 0; i.Prefixes = nil },
			"lan0 | stop advertising | delete | the default route of hosts on lan0\nlan1 | start advertising without a prefix | live | \n"},
	} {
		s := quiet(t)
		if err := s.Apply(context.Background(), one(have)); err != nil {
			t.Fatal(err)
		}
		i := have
		i.Prefixes = append([]Prefix(nil), have.Prefixes...)
		tt.change(&i)
		ops, err := s.Preview(one(i))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, lines(ops)); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
	}
	bad := basic
	bad.RouterLifetime = -1
	if _, err := quiet(t).Preview(one(bad)); err == nil {
		t.Error("no error for what Apply refuses")
	}
}

// TestPreviewSaysWhetherApplyChanges goes from one random configuration to the next.
func TestPreviewSaysWhetherApplyChanges(t *testing.T) {
	s := quiet(t)
	random := rand.New(rand.NewPCG(8, 1))
	for n := range 100 {
		c := Config{Interfaces: map[string]Interface{}}
		for index := 1; index <= 3; index++ {
			if random.IntN(4) == 0 {
				continue
			}
			i := basic
			i.Link, i.Index = fmt.Sprint("lan", index), index+10*random.IntN(2)
			i.MinInterval += time.Duration(random.IntN(2)) * time.Second
			i.Managed = random.IntN(3) == 0
			if random.IntN(2) == 0 {
				i.Prefixes = []Prefix{{Prefix: netip.MustParsePrefix("2001:db8::/64"), Valid: time.Hour, OnLink: random.IntN(2) == 0}}
			}
			c.Interfaces[i.Link] = i
		}
		for _, again := range []bool{false, true} {
			ops, err := s.Preview(c)
			if err != nil {
				t.Fatal(err)
			}
			before := map[string]Interface{}
			for _, st := range s.Status() {
				before[st.Interface.Link] = st.Interface
			}
			if err := s.Apply(context.Background(), c); err != nil {
				t.Fatal(err)
			}
			after := map[string]Interface{}
			for _, st := range s.Status() {
				after[st.Interface.Link] = st.Interface
			}
			same := cmp.Equal(before, after, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }))
			if same != (len(ops) == 0) || again && !same {
				t.Errorf("round %d: the same after Apply: %v, foreseen was\n%s", n, same, lines(ops))
			}
		}
	}
}
