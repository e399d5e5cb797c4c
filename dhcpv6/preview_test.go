package dhcpv6

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/rib"
)

func lines(ops []change.Op) string {
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", o.Object, o.Action, o.Class, o.Disturbs)
	}
	return b.String()
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// previewed is a configuration of one interface with one of everything.
func previewed() Config {
	return Config{DUID: make([]byte, 10), Interfaces: map[string]Interface{"lan0": {
		Link: "lan0", Index: 2, LinkLocal: addr("fe80::2"), Valid: time.Hour, Preferred: time.Hour,
		Subnets:      []netip.Prefix{netip.MustParsePrefix("2001:db8::/64")},
		Pools:        []AddressPool{{Name: "hosts", First: addr("2001:db8::1000"), Last: addr("2001:db8::1fff")}},
		Delegate:     []PrefixPool{{Name: "sites", Prefix: netip.MustParsePrefix("2001:db8:100::/40"), Length: 56}},
		Reservations: []Reservation{{Name: "nas", DUID: []byte{0, 3, 0, 1, 1}, Addresses: []netip.Addr{addr("2001:db8::5")}}},
	}}}
}

func TestPreview(t *testing.T) {
	held := func(link string, kind lease.Kind, first, last netip.Addr) int {
		if kind == lease.Prefix {
			return 1
		}
		return 12
	}
	for _, tt := range []struct {
		name   string
		change func(c *Config, i *Interface)
		want   string
	}{
		{"the same", func(*Config, *Interface) {}, ""},
		{"an address of ours in a pool", func(_ *Config, i *Interface) { i.Exclude = []netip.Prefix{netip.MustParsePrefix("2001:db8::1001/128")} },
			"lan0 | keep our own addresses, which changed, out of pools | live | \n"},
		{"a prefix of ours in a pool", func(_ *Config, i *Interface) { i.Exclude = []netip.Prefix{netip.MustParsePrefix("2001:db8:100::/64")} },
			"lan0 | keep our own addresses, which changed, out of pools | live | \n"},
		{"an address of another link", func(_ *Config, i *Interface) { i.Exclude = []netip.Prefix{netip.MustParsePrefix("2001:db8:7::1/64")} }, ""},
		{"pools", func(_ *Config, i *Interface) {
			i.Pools = []AddressPool{{Name: "new", First: addr("2001:db8::2000"), Last: addr("2001:db8::2fff")}}
			i.Delegate[0].Length = 60
		}, `lan0 | remove pool hosts, 2001:db8::1000 - 2001:db8::1fff | delete | the renewal of 12 leases from 2001:db8::1000 - 2001:db8::1fff
lan0 | change delegate sites to 2001:db8:100::/40 in /60s | live | the renewal of 1 lease from 2001:db8:100::/40 in /56s
lan0 | add pool new, 2001:db8::2000 - 2001:db8::2fff | live | 
`},
		{"a pool in several parts", func(_ *Config, i *Interface) {
			i.Delegate = []PrefixPool{{Name: "sites", Prefix: netip.MustParsePrefix("2001:db8:140::/42"), Length: 56}, {Name: "sites", Prefix: netip.MustParsePrefix("2001:db8:180::/41"), Length: 56}}
		}, `lan0 | remove delegate sites, 2001:db8:100::/40 in /56s | delete | the renewal of 1 lease from 2001:db8:100::/40 in /56s
lan0 | add delegate sites, 2001:db8:140::/42 in /56s | live | 
lan0 | add delegate sites, 2001:db8:180::/41 in /56s | live | 
`},
		{"larger pool", func(_ *Config, i *Interface) { i.Pools[0].Last = addr("2001:db8::2fff") },
			"lan0 | change pool hosts to 2001:db8::1000 - 2001:db8::2fff | live | \n"},
		{"reservations", func(_ *Config, i *Interface) {
			i.Reservations = []Reservation{{Name: "tv", MAC: []byte{1, 2, 3, 4, 5, 6}, Addresses: []netip.Addr{addr("2001:db8::6")}}}
		}, `lan0 | add reservation tv of 2001:db8::6 | live | 
lan0 | remove reservation nas of 2001:db8::5 | delete | 
`},
		{"settings", func(_ *Config, i *Interface) { i.RapidCommit, i.DNS = true, []netip.Addr{addr("2001:db8::53")} },
			"lan0 | allow rapid commit, tell the name servers [2001:db8::53] | live | \n"},
		{"identifier and rate", func(c *Config, _ *Interface) { c.DUID, c.Rate = []byte("0123456789"), -1 },
			`server | change the server identifier | recreate | renewals: clients have to find the server anew
server | take any number of messages from a client | live | 
`},
		{"another link", func(c *Config, i *Interface) {
			c.Interfaces["lan1"] = *i
			delete(c.Interfaces, "lan0")
		}, `lan0 | stop serving | delete | new and renewed leases on lan0
lan1 | start serving 1 address pool, 1 prefix pool, 1 reservation | live | 
`},
		{"made anew", func(_ *Config, i *Interface) { i.Index = 0 }, "lan0 | serve the new link | live | \n"},
	} {
		next := previewed()
		i := next.Interfaces["lan0"]
		tt.change(&next, &i)
		if _, ok := next.Interfaces["lan0"]; ok {
			next.Interfaces["lan0"] = i
		}
		old, err := newCatalog(previewed())
		if err != nil {
			t.Fatal(err)
		}
		cat, err := newCatalog(next)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, lines(compare(old, cat, held))); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
	}
}

// TestPreviewSaysWhetherApplyChanges goes from one random configuration to the next.
func TestPreviewSaysWhetherApplyChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 2))
	s := newServer(slog.New(slog.DiscardHandler), &memory{}, (&rib.Table{}).In(rib.MainTable), nil)
	if ops, err := s.Preview(Config{DUID: make([]byte, 10)}); err != nil || len(ops) > 0 {
		t.Errorf("no interface: %v, %v", ops, err)
	}
	if _, err := s.Preview(Config{}); err == nil {
		t.Error("no error for what Apply refuses")
	}
	look := func() map[string]Interface {
		out := map[string]Interface{}
		for link, in := range s.catalog.Load().links {
			out[link] = in.Interface
		}
		return out
	}
	for n := range 100 {
		c := previewed()
		i := c.Interfaces["lan0"]
		i.RapidCommit = random.IntN(2) == 0
		i.Valid += time.Duration(random.IntN(2)) * time.Second
		if random.IntN(2) == 0 {
			i.Pools = nil
		}
		if random.IntN(2) == 0 {
			i.Delegate[0].Until = Until{Valid: time.Unix(2e9, 0)}
		}
		if random.IntN(2) == 0 {
			i.Reservations[0].MAC = []byte{1, 2, 3, 4, 5, 6}
		}
		i.Subnets[0] = netip.PrefixFrom(i.Subnets[0].Addr(), 64-random.IntN(2))
		c.Interfaces["lan0"] = i
		if random.IntN(5) == 0 {
			c.Interfaces = nil
		}
		for _, again := range []bool{false, true} {
			ops, err := s.Preview(c)
			if err != nil {
				t.Fatal(err)
			}
			before := look()
			if err := s.Apply(context.Background(), c); err != nil {
				t.Fatal(err)
			}
			same := reflect.DeepEqual(before, look())
			if same != (len(ops) == 0) || again && !same {
				t.Errorf("round %d: the same after Apply: %v, foreseen was\n%s", n, same, lines(ops))
			}
		}
	}
}
