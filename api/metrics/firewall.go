package metrics

import (
	"context"
	"strconv"

	"github.com/sixfold-router/sixfold/router/firewall"
)

// firewallBackend is the firewall as the metrics need it.
type firewallBackend interface {
	Firewall(ctx context.Context) (firewall.Status, error)
}

func collectFirewall(ctx context.Context, b Backend, s *set) error {
	st, err := b.Firewall(ctx)
	if err != nil {
		return err
	}
	if st.MaxConnections > 0 {
		s.gauge("sixfold_firewall_connections", "Connections that are tracked.").add(float64(st.Connections))
		s.gauge("sixfold_firewall_max_connections", "Most connections that can be tracked.").add(float64(st.MaxConnections))
	}
	if !st.Active {
		return nil
	}
	packets := s.counter("sixfold_firewall_rule_packets_total", "Packets that a rule matched: of a connection that passes, those that began it.",
		"from", "to", "number", "name", "action")
	bytes := s.counter("sixfold_firewall_rule_bytes_total", "Bytes of the packets that a rule matched.", "from", "to", "number", "name", "action")
	for _, r := range st.Rules {
		labels := []string{r.From, r.To, strconv.Itoa(r.Number), r.Name, r.Action.String()}
		packets.add(float64(r.Packets), labels...)
		bytes.add(float64(r.Bytes), labels...)
	}
	dropped := s.counter("sixfold_firewall_dropped_packets_total", "Packets dropped before any rule of a policy, by reason.", "reason")
	for _, d := range st.Drops {
		dropped.add(float64(d.Packets), d.Reason)
	}
	s.counter("sixfold_firewall_established_packets_total", "Packets that passed because they belong to a connection.").add(float64(st.Established.Packets))
	s.counter("sixfold_firewall_established_bytes_total", "Bytes of packets that passed because they belong to a connection.").add(float64(st.Established.Bytes))
	translated := s.counter("sixfold_firewall_translated_connections_total",
		"Connections whose source (out) or destination (in) was replaced by a masquerade, prefix translation or port forward.", "kind", "name", "direction")
	clamped := s.counter("sixfold_firewall_clamped_packets_total", "TCP packets that began a connection and whose segment size was looked at, in both directions.", "zone")
	for _, t := range st.Translations {
		switch t.Kind {
		case "mss_clamp":
			clamped.add(float64(t.Packets), t.Zone)
			continue
		case "forward":
		default:
			translated.add(float64(t.ConnectionsOut), t.Kind, t.Name, "out")
		}
		if t.Kind != "masquerade" {
			translated.add(float64(t.ConnectionsIn), t.Kind, t.Name, "in")
		}
	}
	elements := s.gauge("sixfold_firewall_set_elements", "Elements of a set; ranges that touch are one.", "set")
	for _, e := range st.Sets {
		elements.add(float64(e.Size), e.Name)
	}
	return nil
}
