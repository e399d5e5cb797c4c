package bgp

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/osrg/gobgp/v4/pkg/server"
	"github.com/sixfold-router/sixfold/router/rib"
)

// announceBatch is how many paths are handed to GoBGP at once. It does nothing else meanwhile.
const announceBatch = 256

// announcer originates the routes of chosen sources of the rib.
type announcer struct {
	log   *slog.Logger
	table *rib.Instance
	srv   pathServer
	wake  chan struct{} // sources changed

	mu      sync.Mutex // guards sources
	sources []rib.Source

	announced map[netip.Prefix]rib.Source // of run alone
}

// pathServer is the part of GoBGP that originates paths.
type pathServer interface {
	AddPath(apiutil.AddPathRequest) ([]apiutil.AddPathResponse, error)
	DeletePath(apiutil.DeletePathRequest) error
}

var _ pathServer = (*server.BgpServer)(nil)

func newAnnouncer(log *slog.Logger, table *rib.Instance, srv pathServer) *announcer {
	return &announcer{log: log, table: table, srv: srv, wake: make(chan struct{}, 1), announced: map[netip.Prefix]rib.Source{}}
}

// set chooses the sources.
func (a *announcer) set(sources []rib.Source) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.Equal(a.sources, sources) {
		return
	}
	a.sources = slices.Clone(sources)
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// match returns the choice of sources now. What neighbors taught us is not originated again, whatever is configured.
func (a *announcer) match() func(rib.Source) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	sources := a.sources
	return func(s rib.Source) bool { return s != rib.BGP && slices.Contains(sources, s) }
}

func (a *announcer) run(ctx context.Context) {
	w := a.table.Watch(a.match())
	defer func() { w.Close() }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
			match := a.match()
			next := a.table.Watch(match)
			w.Close()
			w = next
			a.withdrawOthers(ctx, match)
		case <-w.C():
			a.update(ctx, w.Take())
		}
	}
}

// withdrawOthers withdraws what no source that matches has any more. What they have is reported by the new watch.
func (a *announcer) withdrawOthers(ctx context.Context, match func(rib.Source) bool) {
	have := map[netip.Prefix]bool{}
	for _, e := range a.table.Entries(match) {
		have[e.Route.Prefix] = true
	}
	var del []netip.Prefix
	for p := range a.announced {
		if !have[p] {
			del = append(del, p)
		}
	}
	slices.SortFunc(del, netip.Prefix.Compare)
	a.send(ctx, nil, del)
}

// update acts on changes of the rib.
func (a *announcer) update(ctx context.Context, changes []rib.Change) {
	add := map[netip.Prefix]rib.Source{}
	var del []netip.Prefix
	for _, c := range changes {
		if !announceable(c.Key.Prefix) {
			continue
		}
		have, ok := a.announced[c.Key.Prefix]
		switch {
		case c.Gone && ok:
			del = append(del, c.Key.Prefix)
		case !c.Gone && (!ok || have != c.Best.Source):
			add[c.Key.Prefix] = c.Best.Source
		}
	}
	a.send(ctx, add, del)
}

func (a *announcer) send(ctx context.Context, add map[netip.Prefix]rib.Source, del []netip.Prefix) {
	order := slices.SortedFunc(maps.Keys(add), netip.Prefix.Compare)
	for batch := range slices.Chunk(order, announceBatch) {
		if ctx.Err() != nil {
			return
		}
		a.batch(batch, func(p netip.Prefix) rib.Source { return add[p] }, func(paths []*apiutil.Path) error {
			_, err := a.srv.AddPath(apiutil.AddPathRequest{Paths: paths})
			return err
		})
		for _, p := range batch {
			a.announced[p] = add[p]
		}
	}
	for batch := range slices.Chunk(del, announceBatch) {
		if ctx.Err() != nil {
			return
		}
		a.batch(batch, func(p netip.Prefix) rib.Source { return a.announced[p] }, func(paths []*apiutil.Path) error {
			return a.srv.DeletePath(apiutil.DeletePathRequest{Paths: paths})
		})
		for _, p := range batch {
			delete(a.announced, p)
		}
	}
}

// batch hands paths over. An error means that GoBGP is stopping, and all that is announced with it, or a bug.
func (a *announcer) batch(prefixes []netip.Prefix, src func(netip.Prefix) rib.Source, do func([]*apiutil.Path) error) {
	paths := make([]*apiutil.Path, 0, len(prefixes))
	for _, p := range prefixes {
		path, err := originate(p, src(p))
		if err != nil {
			a.log.Error("route not announced", "prefix", p, "error", err)
			continue
		}
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		return
	}
	if err := do(paths); err != nil {
		a.log.Error("announce", "first", fmt.Sprint(prefixes[0]), "routes", len(prefixes), "error", err)
	}
}

var neverAnnounced = []netip.Prefix{
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("224.0.0.0/4"),
}

// announceable reports whether a prefix may mean anything to another router. All else is for the filters to say.
func announceable(p netip.Prefix) bool {
	for _, n := range neverAnnounced {
		if p.Bits() >= n.Bits() && n.Contains(p.Addr()) {
			return false
		}
	}
	return p.IsValid()
}
