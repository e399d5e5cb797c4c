package dhcpv6

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// How a Reconfigure is repeated until the client answers (RFC 8415 7.6, 18.3.11), and how many are sent at most: what all clients
// of a large link answer at once has to be written to disk.
const (
	recTimeout = 2 * time.Second
	recMaxRC   = 8
	tellTick   = 10 * time.Millisecond
	tellBurst  = 10 // in one tick
)

// telling is a client that is being told to renew.
type telling struct {
	client
	what    dhcp6.MessageType // that it is to send
	reason  string
	address netip.Addr // link-local address of the client, or its relay
	contact *lease.Contact
	lease   lease.Lease // one that it has, for events

	sent  int
	wait  time.Duration // until it is told again
	next  time.Time
	place int // in the queue
}

// teller is who is being told. It is safe for concurrent use.
type teller struct {
	mu             sync.Mutex // guards all below
	all            map[client]*telling
	queue          queue
	answered, lost uint64 // clients that were told, and did or did not come
}

// tell has a client told, from now on; what is under way for it is replaced only by what asks for more.
func (t *teller) tell(n *telling, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[client]*telling{}
	}
	if old := t.all[n.client]; old != nil {
		if old.what != dhcp6.MessageTypeInformationRequest || n.what == dhcp6.MessageTypeInformationRequest {
			old.reason, old.lease, old.contact, old.address = n.reason, n.lease, n.contact, n.address
			return
		}
		heap.Remove(&t.queue, old.place)
	}
	n.next = now
	t.all[n.client] = n
	heap.Push(&t.queue, n)
}

// spare ends the telling of clients for which it is no longer needed, except for those that are asked for information.
func (t *teller) spare(needed func(client) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c, n := range t.all {
		if n.what != dhcp6.MessageTypeInformationRequest && !needed(c) {
			t.end(n)
		}
	}
}

// heard notes a message of a client, which ends its telling if it is what it was told to send, or more.
func (t *teller) heard(c client, kind dhcp6.MessageType) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.all[c]
	if n == nil || kind == dhcp6.MessageTypeConfirm || kind == dhcp6.MessageTypeDecline {
		return
	}
	if kind == dhcp6.MessageTypeInformationRequest && n.what != kind {
		return
	}
	if n.sent > 0 {
		t.answered++
	}
	t.end(n)
}

// end forgets a telling. mu is held.
func (t *teller) end(n *telling) {
	delete(t.all, n.client)
	heap.Remove(&t.queue, n.place)
}

// due returns up to limit clients to tell now, and those that were told often enough. It counts them as told.
func (t *teller) due(now time.Time, limit int) (tell []telling, given []telling) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.queue) > 0 && len(tell) < limit && !now.Before(t.queue[0].next) {
		n := t.queue[0]
		if n.sent == recMaxRC {
			t.lost++
			given = append(given, *n)
			t.end(n)
			continue
		}
		n.sent++
		n.wait = backoff(n.wait, rand.Float64())
		n.next = now.Add(n.wait)
		heap.Fix(&t.queue, n.place)
		tell = append(tell, *n)
	}
	return tell, given
}

// backoff is RT of RFC 8415 15 with an initial time of recTimeout and no maximum; random is between 0 and 1.
func backoff(before time.Duration, random float64) time.Duration {
	spread := func(d time.Duration) time.Duration { return time.Duration((0.2*random - 0.1) * float64(d)) }
	if before == 0 {
		return recTimeout + spread(recTimeout)
	}
	return 2*before + spread(before)
}

// after returns how long nothing is to be told, and false if nobody is.
func (t *teller) after(now time.Time) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return 0, false
	}
	return t.queue[0].next.Sub(now), true
}

// maxShown bounds how many clients Status lists.
const maxShown = 1000

func (t *teller) status(out *Status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out.Reconfigured, out.ReconfigureFailed = t.answered, t.lost
	for _, n := range t.queue {
		if len(out.Reconfigures) == maxShown {
			break
		}
		out.Reconfigures = append(out.Reconfigures, Reconfiguring{
			Link: n.link, Client: n.address, DUID: []byte(n.duid), Reason: n.reason, Sent: n.sent, Next: n.next,
		})
	}
	slices.SortFunc(out.Reconfigures, func(a, b Reconfiguring) int { return a.Next.Compare(b.Next) })
}

// queue is a heap of clients by when they are told next.
type queue []*telling

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].next.Before(q[j].next) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push is that of heap.Interface.
func (q *queue) Push(x any) {
	n := x.(*telling)
	n.place = len(*q)
	*q = append(*q, n)
}

// Pop is that of heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	n := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return n
}
