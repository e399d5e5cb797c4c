package pd

import "maps"

// Counters count messages of one link since the start.
type Counters struct {
	Sent     map[string]uint64 // by name of the message: Solicit, Request, …
	Received map[string]uint64 // what was followed, by name of the message
	Dropped  map[string]uint64 // datagrams that were ignored, by reason
}

// clone returns a copy.
func (c *Counters) clone() Counters {
	return Counters{Sent: maps.Clone(c.Sent), Received: maps.Clone(c.Received), Dropped: maps.Clone(c.Dropped)}
}

// count returns the counters of a link to be changed. c.mu is held.
func (c *Client) count(link string) *Counters {
	n := c.counters[link]
	if n == nil {
		n = &Counters{Sent: make(map[string]uint64), Received: make(map[string]uint64), Dropped: make(map[string]uint64)}
		c.counters[link] = n
	}
	return n
}

// Counters returns the counters by link.
func (c *Client) Counters() map[string]Counters {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]Counters, len(c.counters))
	for link, n := range c.counters {
		all[link] = n.clone()
	}
	return all
}

// Dropped returns how many received datagrams were ignored on all links, by reason.
func (c *Client) Dropped() map[string]uint64 {
	all := make(map[string]uint64)
	for _, n := range c.Counters() {
		for reason, count := range n.Dropped {
			all[reason] += count
		}
	}
	return all
}
