package metrics

import "context"

// collectClient tells of the messages of the DHCPv6 client.
func collectClient(ctx context.Context, b Backend, s *set) error {
	c, err := b.Counters(ctx)
	if err != nil {
		return err
	}
	sent := s.counter("sixfold_dhcpv6_client_sent_total", "Messages of the DHCPv6 client, by name.", "interface", "message")
	received := s.counter("sixfold_dhcpv6_client_received_total", "Messages of servers that the DHCPv6 client followed, by name.", "interface", "message")
	dropped := s.counter("sixfold_dhcpv6_client_dropped_total", "Datagrams that the DHCPv6 client ignored, by reason.", "interface", "reason")
	for link, n := range c.Client {
		for message, count := range n.Sent {
			sent.add(float64(count), link, message)
		}
		for message, count := range n.Received {
			received.add(float64(count), link, message)
		}
		for reason, count := range n.Dropped {
			dropped.add(float64(count), link, reason)
		}
	}
	return nil
}
