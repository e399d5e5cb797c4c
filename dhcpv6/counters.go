package dhcpv6

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// counters are what Status tells of messages.
type counters struct {
	mu      sync.Mutex // guards all below
	links   map[string]*linkCounters
	dropped map[string]uint64
}

type linkCounters struct{ received, sent [256]uint64 }

func (c *counters) link(name string) *linkCounters {
	if c.links == nil {
		c.links = map[string]*linkCounters{}
	}
	l := c.links[name]
	if l == nil {
		l = &linkCounters{}
		c.links[name] = l
	}
	return l
}

func (c *counters) received(link string, kind dhcp6.MessageType) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link(link).received[kind]++
}

func (c *counters) sent(link string, kind dhcp6.MessageType) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link(link).sent[kind]++
}

func (c *counters) drop(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped == nil {
		c.dropped = map[string]uint64{}
	}
	c.dropped[reason]++
}

// maxCounted is from how many links on those that are not served any more are forgotten.
const maxCounted = 1024

// keep bounds memory. A link that is not served because its carrier is gone for a moment goes on counting where it was.
func (c *counters) keep(served map[string]*served) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.links) <= maxCounted {
		return
	}
	maps.DeleteFunc(c.links, func(name string, _ *linkCounters) bool { return served[name] == nil })
}

// Status returns what the server did since it was made, for the interfaces that it serves.
func (s *Server) Status() Status {
	cat := s.catalog.Load()
	var out Status
	s.counters.mu.Lock()
	out.Dropped = map[string]uint64{}
	maps.Copy(out.Dropped, s.counters.dropped)
	for _, name := range slices.Sorted(maps.Keys(cat.links)) {
		i := InterfaceStatus{Link: name, Received: map[string]uint64{}, Sent: map[string]uint64{}}
		if l := s.counters.links[name]; l != nil {
			count(i.Received, &l.received)
			count(i.Sent, &l.sent)
		}
		out.Interfaces = append(out.Interfaces, i)
	}
	s.counters.mu.Unlock()

	s.teller.status(&out)

	byLink := map[string][]lease.Lease{}
	for _, l := range s.store.All() {
		byLink[l.Key.Link] = append(byLink[l.Key.Link], l)
	}
	for n := range out.Interfaces {
		i := &out.Interfaces[n]
		i.Pools = poolStatus(cat.links[i.Link], byLink[i.Link])
	}
	return out
}

func count(out map[string]uint64, counts *[256]uint64) {
	for kind, n := range counts {
		if n > 0 {
			out[messageName(dhcp6.MessageType(kind))] = n
		}
	}
}

func poolStatus(s *served, all []lease.Lease) []PoolStatus {
	var out []PoolStatus
	pools := slices.Concat(s.addresses, s.prefixes)
	for _, p := range s.Pools {
		out = append(out, PoolStatus{Name: p.Name, Kind: lease.Address.String(), Range: p.First.String() + "-" + p.Last.String()})
	}
	for _, p := range s.Delegate {
		out = append(out, PoolStatus{Name: p.Name, Kind: lease.Prefix.String(), Range: fmt.Sprintf("%s in /%d", p.Prefix, p.Length)})
	}
	for n, p := range pools {
		out[n].Size = p.pieces.Size()
	}
	for _, l := range all {
		for n, p := range pools {
			if out[n].Kind != l.Key.Kind.String() || !p.pieces.Contains(l.Prefix) {
				continue
			}
			if l.State == lease.Declined {
				out[n].Declined++
			} else {
				out[n].Leased++
			}
			break
		}
	}
	return joined(out)
}

// joined makes one of pools of the same name: what is left of a delegation is one pool in several prefixes.
func joined(pools []PoolStatus) []PoolStatus {
	var out []PoolStatus
	more := 0
	for _, p := range pools {
		n := len(out) - 1
		if n < 0 || out[n].Name != p.Name || out[n].Kind != p.Kind {
			out, more = append(out, p), 0
			continue
		}
		first, length, _ := strings.Cut(out[n].Range, " ")
		length = length[strings.Index(length, "in /"):]
		more++
		out[n].Range = fmt.Sprintf("%s and %d more %s", first, more, length)
		out[n].Leased, out[n].Declined, out[n].Size = out[n].Leased+p.Leased, out[n].Declined+p.Declined, out[n].Size+p.Size
	}
	return out
}

// messageName returns the name of a message type as RFC 8415 7.3 writes it.
func messageName(t dhcp6.MessageType) string {
	switch t {
	case dhcp6.MessageTypeSolicit:
		return "Solicit"
	case dhcp6.MessageTypeAdvertise:
		return "Advertise"
	case dhcp6.MessageTypeRequest:
		return "Request"
	case dhcp6.MessageTypeConfirm:
		return "Confirm"
	case dhcp6.MessageTypeRenew:
		return "Renew"
	case dhcp6.MessageTypeRebind:
		return "Rebind"
	case dhcp6.MessageTypeReply:
		return "Reply"
	case dhcp6.MessageTypeReconfigure:
		return "Reconfigure"
	case dhcp6.MessageTypeRelease:
		return "Release"
	case dhcp6.MessageTypeDecline:
		return "Decline"
	case dhcp6.MessageTypeInformationRequest:
		return "Information-request"
	}
	return t.String()
}
