package bgp

import (
	"net/netip"
	"sync"

	"github.com/osrg/gobgp/v4/pkg/apiutil"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// changes is what the callback of GoBGP's event queue fills and the writer of the rib drains. It keeps the newest best path
// of each prefix and nothing older.
type changes struct {
	wake chan struct{} // readable when there is something to take

	mu    sync.Mutex
	best  map[netip.Prefix]*apiutil.Path // nil: no best path of a neighbor any more
	ready bool                           // the paths of before a restart have all been seen
}

func newChanges() *changes {
	return &changes{wake: make(chan struct{}, 1), best: map[netip.Prefix]*apiutil.Path{}}
}

// add notes new best paths. It never blocks.
func (c *changes) add(paths []*apiutil.Path) {
	c.mu.Lock()
	for _, p := range paths {
		prefix, ok := prefixOf(p)
		if !ok {
			continue
		}
		if p.Withdrawal || isLocal(p) {
			// A path of our own is in the rib already, under the source that we originated it from.
			c.best[prefix] = nil
			continue
		}
		c.best[prefix] = p
	}
	c.mu.Unlock()
	c.signal()
}

// setReady notes that all paths of before a restart have been seen. The writer says so after what was added before.
func (c *changes) setReady() {
	c.mu.Lock()
	c.ready = true
	c.mu.Unlock()
	c.signal()
}

func (c *changes) take() (best map[netip.Prefix]*apiutil.Path, ready bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	best, c.best = c.best, map[netip.Prefix]*apiutil.Path{}
	ready, c.ready = c.ready, false
	return best, ready
}

func (c *changes) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func prefixOf(p *apiutil.Path) (netip.Prefix, bool) {
	if p == nil {
		return netip.Prefix{}, false
	}
	n, ok := p.Nlri.(*packet.IPAddrPrefix)
	if !ok || n == nil || !n.Prefix.IsValid() {
		return netip.Prefix{}, false
	}
	return n.Prefix.Masked(), true
}

// isLocal reports whether the path is originated by this router.
func isLocal(p *apiutil.Path) bool { return !p.PeerAddress.IsValid() }
