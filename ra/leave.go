package ra

import (
	"context"
	"time"
)

// Leave ends the advertisements on the links that gone says so of, by name, as Apply without them does; and it waits until the first
// final advertisement of each has left, for half a second at most. So hosts hear it although the link is about to go.
func (s *Sender) Leave(ctx context.Context, gone func(link string) bool) {
	var waits []chan struct{}
	s.mu.Lock()
	for name, l := range s.links {
		if !gone(name) {
			continue
		}
		s.remove(l)
		for n := range s.queue {
			if b := s.queue[n].bye; b != nil && b.link == l && b.begun == nil && b.left == maxFinal {
				b.begun = make(chan struct{})
				waits = append(waits, b.begun)
			}
		}
	}
	s.mu.Unlock()
	if len(waits) == 0 {
		return
	}
	s.poke()
	limit := time.NewTimer(lastLimit)
	defer limit.Stop()
	for _, left := range waits {
		select {
		case <-left:
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
