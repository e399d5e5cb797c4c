package bgp

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/sixfold-router/sixfold/router/rib"
)

// fakePaths is the originated paths of a GoBGP that is not there.
type fakePaths struct {
	paths map[netip.Prefix]string
	calls int
	most  int
}

func (f *fakePaths) AddPath(r apiutil.AddPathRequest) ([]apiutil.AddPathResponse, error) {
	f.calls++
	f.most = max(f.most, len(r.Paths))
	for _, p := range r.Paths {
		prefix, _ := prefixOf(p)
		f.paths[prefix] = pathOf(p, prefix).Source
	}
	return nil, nil
}

func (f *fakePaths) DeletePath(r apiutil.DeletePathRequest) error {
	f.calls++
	for _, p := range r.Paths {
		prefix, _ := prefixOf(p)
		delete(f.paths, prefix)
	}
	return nil
}

func (f *fakePaths) String() string {
	var out []string
	for p, src := range f.paths {
		out = append(out, p.String()+" "+src)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestAnnouncer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &rib.Table{}
		fake := &fakePaths{paths: map[netip.Prefix]string{}}
		a := newAnnouncer(slog.New(slog.DiscardHandler), table.In(rib.MainTable), fake)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { a.run(ctx); close(done) }()
		defer func() { cancel(); <-done }()
		want := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := fake.String(); got != want {
				t.Errorf("announced %q, want %q", got, want)
			}
		}
		r := func(p string) rib.Route { return rib.Route{Prefix: pfx(p)} }
		key := func(p string) rib.Key { return r(p).Key() }

		table.Update(rib.Connected, []rib.Route{r("2001:db8:1::/64"), r("fe80::/64"), r("ff00::/8"), r("::1/128"), r("127.0.0.0/8")}, nil)
		table.Update(rib.Static, []rib.Route{r("2001:db8:1::/64"), r("::/0"), {Prefix: pfx("2001:db8:9::/48"), Table: 10}}, nil)
		table.Update(rib.BGP, []rib.Route{r("2001:db8:2::/64")}, nil)
		want("")
		a.set([]rib.Source{rib.Connected, rib.Static, rib.BGP})
		want("2001:db8:1::/64 connected, ::/0 static")
		table.Update(rib.Connected, nil, []rib.Key{key("2001:db8:1::/64")})
		want("2001:db8:1::/64 static, ::/0 static")
		a.set([]rib.Source{rib.Connected})
		want("")
		table.Update(rib.Connected, []rib.Route{r("2001:db8:1::/64")}, nil)
		want("2001:db8:1::/64 connected")
		a.set(nil)
		want("")

		calls := fake.calls
		var many []rib.Route
		for i := range 1000 {
			many = append(many, r(fmt.Sprintf("2001:db8:%x::/48", i)))
		}
		table.Update(rib.Delegated, many, nil)
		a.set([]rib.Source{rib.Delegated})
		synctest.Wait()
		if len(fake.paths) != 1000 || fake.calls-calls != 4 || fake.most != announceBatch {
			t.Errorf("%d paths in %d calls of up to %d", len(fake.paths), fake.calls-calls, fake.most)
		}
		// A route that changes its way stays announced as it is.
		calls = fake.calls
		table.Update(rib.Delegated, []rib.Route{{Prefix: pfx("2001:db8:1::/48"), Link: "eth0"}}, nil)
		synctest.Wait()
		if fake.calls != calls {
			t.Errorf("%d calls for nothing", fake.calls-calls)
		}
	})
}
