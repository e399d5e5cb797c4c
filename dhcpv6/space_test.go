package dhcpv6

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/rib"
)

// randomPrefix is one of few, so that many overlap.
func randomPrefix(rng *rand.Rand) netip.Prefix {
	var b [16]byte
	binary.BigEndian.PutUint32(b[:], 0x20010db8)
	b[4], b[5] = byte(rng.IntN(2)), byte(rng.IntN(256))
	return netip.PrefixFrom(netip.AddrFrom16(b), 32+rng.IntN(18)).Masked()
}

// The pools that a lease touches are found however the pools lie.
func TestPoolsOver(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		s := newSpace(nil)
		for range rng.IntN(20) {
			p := randomPrefix(rng)
			s.pools = append(s.pools, newPool(&served{}, "", lease.PrefixPool{Prefix: p, Length: 64}, &reservedSet{}))
		}
		sortPools(s.pools)
		for range 20 {
			q := randomPrefix(rng)
			var want, got []string
			for _, p := range s.pools {
				if p.pieces.(lease.PrefixPool).Prefix.Overlaps(q) {
					want = append(want, fmt.Sprintf("%p", p))
				}
			}
			for p := range s.over(q) {
				got = append(got, fmt.Sprintf("%p", p))
			}
			slices.Reverse(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("pools over %s (-want +got):\n%s", q, diff)
			}
		}
	}
}

func TestReservedAmong(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		of := map[netip.Prefix]*Reservation{}
		for range rng.IntN(20) {
			of[randomPrefix(rng)] = &Reservation{}
		}
		set := newReservedSet(of)
		q := randomPrefix(rng)
		var want []netip.Prefix
		for _, p := range set.sorted {
			if p.Overlaps(q) {
				want = append(want, p)
			}
		}
		got := set.among(q.Addr(), lastOf(q))
		slices.SortFunc(got, netip.Prefix.Compare)
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Fatalf("reserved in %s (-want +got):\n%s", q, diff)
		}
	}
}

// What a pool knows is what is leased, through leases, releases, expiries, changes of the configuration and a store that is busy.
func TestPoolsFollowLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := seedConfig()
		in := c.Interfaces["eth1"]
		in.Delegate = []PrefixPool{{Name: "few", Prefix: netip.MustParsePrefix("2001:db8:1000:100::/60"), Length: 64}}
		c.Interfaces["eth1"] = in
		now := time.Now()
		old := lease.Lease{
			Key: lease.Key{DUID: "old", Kind: lease.Prefix, Link: "was0"}, Valid: now.Add(time.Minute),
			Prefix: netip.MustParsePrefix("2001:db8:1000:100::/64"), Client: netip.MustParseAddr("fe80::a"),
		}
		b := newBench(t, &memory{leases: []lease.Lease{old}}, c)
		defer b.stop()
		known := func(when, want string) {
			t.Helper()
			synctest.Wait()
			b.server.space.mu.Lock()
			defer b.server.space.mu.Unlock()
			p := b.server.catalog.Load().links["eth1"].prefixes[0]
			got := []byte(strings.Repeat("t", len(want)))
			for {
				q, ok := p.known.Pick(func(netip.Prefix) bool { return false }, netip.Prefix{}, 0)
				if !ok {
					t.Fatal("the pool should be larger than what is looked at")
				}
				n := 0
				for ; n < len(got) && p.pieces.At(uint64(n)) != q; n++ {
				}
				if n == len(got) {
					break
				}
				got[n] = '-'
				p.known.Take(q)
			}
			for n, state := range got {
				if state == '-' {
					p.known.Free(p.pieces.At(uint64(n)))
				}
			}
			if string(got) != want {
				t.Errorf("%s %s is known as taken, want %s", when, got, want)
			}
		}
		known("at first", "t---")
		b.ask("request ann server pd=1")
		known("with a lease", "tt--")
		b.ask("solicit bob pd=1")
		known("with an offer", "ttt-")
		<-time.After(promiseTime)
		b.ask("solicit bob pd=2")
		known("after that, and with another offer", "ttt-")
		b.ask("request bob server pd=2,2001:db8:1000:103::/64")
		known("when the client took another", "tt-t")
		b.ask("release ann server pd=1,2001:db8:1000:101::/64")
		known("after a Release", "t--t")
		<-time.After(time.Minute)
		known("after the end of the lease of another link", "---t")
		in.Delegate = []PrefixPool{{Name: "few", Prefix: netip.MustParsePrefix("2001:db8:1000:100::/59"), Length: 64}}
		c.Interfaces = map[string]Interface{"eth1": in}
		if err := b.server.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		known("after a change of the pool", "---t----")
		in.Exclude = []netip.Prefix{netip.MustParsePrefix("2001:db8:1000:104::1/128")}
		c.Interfaces = map[string]Interface{"eth1": in}
		if err := b.server.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		known("with an exclusion", "---tt---")
		before := b.server.catalog.Load().links["eth1"].prefixes[0]
		if err := b.server.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if b.server.catalog.Load().links["eth1"].prefixes[0] != before {
			t.Error("a pool that did not change forgets what it knows")
		}
		// A store that refuses a change leaves nothing behind.
		b.store.mu.Lock()
		b.store.manual = true
		b.store.mu.Unlock()
		b.ask("request eve server pd=1")
		b.store.apply(lease.Change{Delete: []lease.DeleteRef{{Prefix: netip.MustParsePrefix("2001:db8:1000:100::/64"), Key: lease.Key{
			DUID: string(duidOf("eve")), Kind: lease.Prefix, IAID: 1, Link: "eth1"}}}})
		b.store.sync(lease.ErrBusy)
		known("after a busy store", "---tt---")
	})
}

// Promises are bounded in number, and the memory of a client that invents identifiers is, too.
func TestPromisesAreBounded(t *testing.T) {
	e := newEnv(t, seedConfig())
	p := e.cat.links["eth1"].prefixes[0]
	for i := range 3 * maxPromises {
		e.do([]string{"solicit", "eve", fmt.Sprint("pd=", i)})
	}
	if n := p.promises.Len(); n != maxPromises || len(p.byKey) != n || len(p.byWhat) != n {
		t.Errorf("%d promises, %d by key, %d by piece, want %d", n, len(p.byKey), len(p.byWhat), maxPromises)
	}
	e.now = e.now.Add(promiseTime)
	if got, want := e.do([]string{"solicit", "ann", "pd=1"}), "2001:db8:fff::/60"; !strings.Contains(got, want) {
		t.Errorf("when all are over, want %s:\n%s", want, got)
	}
	if len(p.byKey) != 1 || len(p.byWhat) != 1 {
		t.Errorf("%d keys and %d pieces left, want 1", len(p.byKey), len(p.byWhat))
	}
}

// A route whose next hop is not known any longer goes, while the lease stays.
func TestRouteWithoutNextHop(t *testing.T) {
	table := (&rib.Table{}).In(rib.MainTable)
	l := lease.Lease{Key: lease.Key{Kind: lease.Prefix, Link: "eth1"}, Prefix: netip.MustParsePrefix("2001:db8:1::/60"), Client: netip.MustParseAddr("fe80::1")}
	route(table, lease.Change{Put: []lease.Lease{l}})
	if n := len(table.Entries(nil)); n != 1 {
		t.Fatalf("%d routes, want 1", n)
	}
	l.Client = netip.Addr{}
	route(table, lease.Change{Put: []lease.Lease{l}})
	if got := table.Entries(nil); len(got) != 0 {
		t.Errorf("routes %v, want none", got)
	}
}
