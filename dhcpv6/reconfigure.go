package dhcpv6

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// gatherTime is for how long changes of the configuration are gathered before clients are told of them.
const gatherTime = 20 * time.Millisecond

// inform notes that a catalog was replaced. mu is held.
func (s *Server) inform(old *catalog) {
	if s.known == nil {
		s.known = old
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// reconfigure tells clients to renew when what they hold is no longer right, until ctx ends.
func (r *run) reconfigure(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var look <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.news:
			if look == nil {
				look = time.After(gatherTime)
			}
			continue
		case <-look:
			look = nil
			r.lookForStale(time.Now())
		case <-timer.C:
		}
		tell, lost := r.teller.due(time.Now(), tellBurst)
		for i := range lost {
			r.tell([]Event{{Kind: Silent, Lease: lost[i].lease, Note: fmt.Sprintf("it was told %d times", recMaxRC)}})
		}
		for i := range tell {
			r.remind(&tell[i])
		}
		switch wait, any := r.teller.after(time.Now()); {
		case any:
			timer.Reset(max(wait, tellTick))
		default:
			timer.Stop()
		}
	}
}

// lookForStale finds the clients that have to be told.
func (r *run) lookForStale(now time.Time) {
	r.mu.Lock()
	cat, known := r.catalog.Load(), r.known
	r.known = nil
	r.mu.Unlock()
	if known == nil {
		known = cat
	}
	renamed := len(known.duid) > 0 && !bytes.Equal(known.duid, cat.duid)
	needed := map[client]bool{}
	for who, leases := range contacts(cat, r.store.Walk, now) {
		n := &telling{client: who, what: dhcp6.MessageTypeRenew}
		if n.reason = stale(now, cat, leases, r.store, r.space); n.reason != "" {
			needed[who] = true
			if renamed { // a Renew would not name us
				n.what = dhcp6.MessageTypeRebind
			}
		} else if otherInformation(known.links[who.link], cat.links[who.link]) {
			n.what, n.reason = dhcp6.MessageTypeInformationRequest, "other DNS servers or search domains"
		} else {
			continue
		}
		n.lease, _ = newest(leases)
		n.contact, n.address = n.lease.Contact, n.lease.Client
		r.teller.tell(n, now)
	}
	r.teller.spare(func(who client) bool { return needed[who] })
}

// otherInformation reports whether clients of a link have to ask for DNS servers and search domains again.
func otherInformation(old, next *served) bool {
	return old != nil && !(bytes.Equal(old.dns, next.dns) && bytes.Equal(old.domains, next.domains))
}

// remind sends a Reconfigure.
func (r *run) remind(n *telling) {
	if n.sent == 1 {
		r.tell([]Event{{Kind: Told, Lease: n.lease, Note: n.reason}})
	}
	if err := r.sendReconfigure(n); err != nil {
		r.counters.drop("send")
		r.log.Debug("reconfigure not sent", "link", n.link, "client", n.address, "error", err)
		return
	}
	r.counters.sent(n.link, dhcp6.MessageTypeReconfigure)
}

func (r *run) sendReconfigure(n *telling) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	cat := r.catalog.Load()
	in := cat.links[n.link]
	if r.hearing == nil || in == nil {
		return fmt.Errorf("%s is not served", n.link)
	}
	m := reconfigure(cat.duid, []byte(n.duid), n.what, n.contact.Key, r.keys.next())
	if len(n.contact.Path) == 0 {
		if in.Index == 0 || !n.address.IsLinkLocalUnicast() {
			return fmt.Errorf("%s is on no link of ours", n.address)
		}
		return r.hearing.conn.tell(m.ToBytes(), neighbor{n.address, n.lease.MAC, in.Index}, in.LinkLocal)
	}
	path, err := decodePath(n.contact.Path)
	if err != nil {
		return err
	}
	index := 0
	if path.to.Addr().IsLinkLocalUnicast() {
		via := cat.links[path.link]
		if via == nil {
			return fmt.Errorf("the relay is on %s, which is not served", path.link)
		}
		index = via.Index
	}
	return r.hearing.conn.send(wrap(path.relays, m).ToBytes(), path.to, netip.Addr{}, index)
}

// Reconfiguring is a client that is being told to renew.
type Reconfiguring struct {
	Link   string
	Client netip.Addr // its link-local address, or its relay
	DUID   []byte
	Reason string
	Sent   int       // how often it was told
	Next   time.Time // when it is told next
}

// reachable tells what is kept of the way to the sender of a relayed message.
func (c *catalog) reachable(d *datagram, in inbound, to netip.AddrPort) (path []byte, lost bool) {
	p := relayPath{to: netip.AddrPortFrom(to.Addr().WithZone(""), to.Port()), relays: d.relays}
	if to.Addr().IsLinkLocalUnicast() {
		via := c.indexes[in.index]
		if via == nil {
			return nil, true
		}
		p.link = via.Link
	}
	path = p.encode()
	return path, path == nil
}
