package metrics

import (
	"context"

	"github.com/sixfold-router/sixfold/vxlan/mld"
)

// multicastBackend is the multicast part of a Backend.
type multicastBackend interface {
	MLDLinks(ctx context.Context) ([]mld.LinkStatus, error)
	MulticastRoutes(ctx context.Context) ([]mld.RouteStatus, error)
}

func collectMulticast(ctx context.Context, b Backend, s *set) error {
	links, err := b.MLDLinks(ctx)
	if err != nil {
		return err
	}
	querier := s.gauge("sixfold_mld_querier", "Whether this router asks for multicast listeners.", "interface")
	groups := s.gauge("sixfold_mld_groups", "Groups with listeners.", "interface")
	most := s.gauge("sixfold_mld_max_groups", "Most groups that are kept.", "interface")
	received := s.counter("sixfold_mld_received_total", "Valid messages received, by type.", "interface", "type")
	sent := s.counter("sixfold_mld_sent_total", "Queries sent, by type, and those that could not be.", "interface", "type")
	dropped := s.counter("sixfold_mld_dropped_total", "Messages and records dropped, by reason.", "interface", "reason")
	for _, l := range links {
		switch l.State {
		case mld.Asking, mld.Hearing, mld.Waiting:
			querier.add(truth(l.State == mld.Asking), l.Link)
			groups.add(float64(l.Groups), l.Link)
			most.add(float64(l.Timers.MaxGroups), l.Link)
		}
		for kind, n := range l.Received {
			received.add(float64(n), l.Link, kind)
		}
		for kind, n := range l.Sent {
			sent.add(float64(n), l.Link, kind)
		}
		for reason, n := range l.Dropped {
			dropped.add(float64(n), l.Link, reason)
		}
	}
	routes, err := b.MulticastRoutes(ctx)
	if err != nil {
		return err
	}
	// One series a flow would let whoever sends make as many as they like.
	type sum struct{ entries, forwarded, packets, bytes, wrong float64 }
	sums := map[string]*sum{}
	for _, r := range routes {
		if !r.Installed {
			continue
		}
		if sums[r.In] == nil {
			sums[r.In] = &sum{}
		}
		t := sums[r.In]
		t.entries++
		t.wrong += float64(r.Wrong)
		if len(r.Out) > 0 {
			t.forwarded++
			t.packets += float64(r.Packets)
			t.bytes += float64(r.Bytes)
		}
	}
	entries := s.gauge("sixfold_mroute_entries", "Entries of the multicast forwarding cache, by the link that packets come in by, and whether they are forwarded.", "interface", "forwarded")
	packets := s.gauge("sixfold_mroute_packets", "Packets that the entries there are forwarded.", "interface")
	bytes := s.gauge("sixfold_mroute_bytes", "Bytes that the entries there are forwarded.", "interface")
	wrong := s.gauge("sixfold_mroute_wrong_interface_packets", "Packets of the entries there are that came in by another link.", "interface")
	for link, t := range sums {
		entries.add(t.forwarded, link, "yes")
		entries.add(t.entries-t.forwarded, link, "no")
		packets.add(t.packets, link)
		bytes.add(t.bytes, link)
		wrong.add(t.wrong, link)
	}
	return nil
}
