package metrics

import (
	"context"
	"strconv"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

func collectRA(ctx context.Context, b Backend, s *set) error {
	links, err := b.Advertisements(ctx)
	if err != nil {
		return err
	}
	sent := s.counter("sixfold_ra_sent_total", "Router advertisements sent.", "interface")
	solicited := s.counter("sixfold_ra_solicitations_total", "Valid router solicitations received.", "interface")
	answered := s.counter("sixfold_ra_answers_total", "Router solicitations that were answered by unicast; the others are answered by multicast, together.", "interface")
	failed := s.counter("sixfold_ra_send_errors_total", "Router advertisements that could not be sent.", "interface")
	prefixes := s.gauge("sixfold_ra_prefixes", "Prefixes that are advertised.", "interface")
	for _, l := range links {
		sent.add(float64(l.Sent), l.Interface.Link)
		solicited.add(float64(l.Solicited), l.Interface.Link)
		answered.add(float64(l.Answered), l.Interface.Link)
		failed.add(float64(l.Errors), l.Interface.Link)
		prefixes.add(float64(len(l.Interface.Prefixes)), l.Interface.Link)
	}
	return nil
}

func collectDHCPv6(ctx context.Context, b Backend, s *set) error {
	status, err := b.DHCPv6(ctx)
	if err != nil {
		return err
	}
	received := s.counter("sixfold_dhcpv6_messages_received_total", "DHCPv6 messages received from clients and relays, by type.", "interface", "type")
	sent := s.counter("sixfold_dhcpv6_messages_sent_total", "DHCPv6 messages sent, by type.", "interface", "type")
	dropped := s.counter("sixfold_dhcpv6_dropped_total", "DHCPv6 datagrams dropped, by reason.", "reason")
	leased := s.gauge("sixfold_dhcpv6_pool_leases", "What is given out of a pool, by state.", "interface", "pool", "kind", "state")
	size := s.gauge("sixfold_dhcpv6_pool_size", "What there is in a pool: addresses, or prefixes of the delegated length.", "interface", "pool", "kind")
	for _, i := range status.Interfaces {
		for kind, n := range i.Received {
			received.add(float64(n), i.Link, kind)
		}
		for kind, n := range i.Sent {
			sent.add(float64(n), i.Link, kind)
		}
		for _, p := range i.Pools {
			leased.add(float64(p.Leased), i.Link, p.Name, p.Kind, "bound")
			leased.add(float64(p.Declined), i.Link, p.Name, p.Kind, "declined")
			size.add(p.Size, i.Link, p.Name, p.Kind)
		}
	}
	told := s.counter("sixfold_dhcpv6_reconfigured_total", "Clients that were told to renew, by whether they did.", "result")
	told.add(float64(status.Reconfigured), "answered")
	told.add(float64(status.ReconfigureFailed), "silent")
	telling := s.gauge("sixfold_dhcpv6_reconfiguring", "Clients that are being told to renew.")
	telling.add(float64(len(status.Reconfigures)))
	for reason, n := range status.Dropped {
		dropped.add(float64(n), reason)
	}
	return nil
}

func collectLeases(ctx context.Context, b Backend, s *set) error {
	leases, err := b.Leases(ctx)
	if err != nil {
		return err
	}
	count := s.gauge("sixfold_dhcpv6_leases", "Leases of clients.", "interface", "kind", "state", "reserved")
	unrouted := s.gauge("sixfold_dhcpv6_prefixes_unrouted", "Prefixes delegated to clients whose route is not in the kernel.")
	unrouted.add(0)
	for _, l := range leases {
		state := "bound"
		if l.State == lease.Declined {
			state = "declined"
		}
		count.add(1, l.Key.Link, l.Key.Kind.String(), state, strconv.FormatBool(l.Reserved))
		if l.Key.Kind == lease.Prefix && l.State == lease.Bound && !l.Routed {
			unrouted.add(1)
		}
	}
	return nil
}

func collectDelegations(ctx context.Context, b Backend, s *set) error {
	prefixes, err := b.Prefixes(ctx)
	if err != nil {
		return err
	}
	up := s.gauge("sixfold_delegation_up", "Whether a prefix is delegated to us, or of an empty name an address.", "interface", "name")
	state := s.gauge("sixfold_delegation_state", "The state of the DHCPv6 client; its value is always 1.", "interface", "name", "state")
	length := s.gauge("sixfold_delegation_prefix_length", "Length of the prefix in bits.", "interface", "name")
	valid := s.gauge("sixfold_delegation_valid_seconds", "What remains of the valid lifetime.", "interface", "name")
	preferred := s.gauge("sixfold_delegation_preferred_seconds", "What remains of the preferred lifetime.", "interface", "name")
	now := time.Now()
	for _, p := range prefixes {
		state.add(1, p.Link, p.Name, p.State)
		d := p.Delegation
		held := d != nil && d.ValidUntil.After(now)
		if d == nil && p.Name == "" {
			held = p.State == "bound" || p.State == "renewing" || p.State == "rebinding"
		}
		up.add(truth(held), p.Link, p.Name)
		if d == nil {
			continue
		}
		length.add(float64(d.Prefix.Bits()), p.Link, p.Name)
		valid.add(max(0, d.ValidUntil.Sub(now).Seconds()), p.Link, p.Name)
		preferred.add(max(0, d.PreferredUntil.Sub(now).Seconds()), p.Link, p.Name)
	}
	return nil
}

func collectBGP(ctx context.Context, b Backend, s *set) error {
	speakers, err := b.BGP(ctx)
	if err != nil {
		return err
	}
	up := s.gauge("sixfold_bgp_neighbor_up", "Whether the session is established.", "neighbor", "vrf", "remote_as")
	state := s.gauge("sixfold_bgp_neighbor_state", "The state of the session; its value is always 1.", "neighbor", "vrf", "state")
	uptime := s.gauge("sixfold_bgp_neighbor_uptime_seconds", "How long the session has been established; 0 if it is not.", "neighbor", "vrf")
	received := s.gauge("sixfold_bgp_neighbor_routes_received", "Routes received, before the import filter.", "neighbor", "vrf")
	accepted := s.gauge("sixfold_bgp_neighbor_routes_accepted", "Routes received, after the import filter.", "neighbor", "vrf")
	advertised := s.gauge("sixfold_bgp_neighbor_routes_advertised", "Routes advertised.", "neighbor", "vrf")
	limit := s.gauge("sixfold_bgp_neighbor_limit_exceeded", "Whether the session was ended because of too many routes.", "neighbor", "vrf")
	flaps := s.counter("sixfold_bgp_neighbor_flaps_total", "How often an established session ended.", "neighbor", "vrf")
	now := time.Now()
	for _, speaker := range speakers {
		for _, n := range speaker.Neighbors {
			name, vrf := n.Neighbor.Name, speaker.VRF
			established := n.State == "established"
			up.add(truth(established), name, vrf, strconv.FormatUint(uint64(n.Neighbor.RemoteAS), 10))
			state.add(1, name, vrf, n.State)
			since := 0.0
			if established && !n.Since.IsZero() {
				since = max(0, now.Sub(n.Since).Seconds())
			}
			uptime.add(since, name, vrf)
			received.add(float64(n.Received), name, vrf)
			accepted.add(float64(n.Accepted), name, vrf)
			advertised.add(float64(n.Advertised), name, vrf)
			limit.add(truth(n.LimitExceeded), name, vrf)
			flaps.add(float64(n.Flaps), name, vrf)
		}
	}
	return nil
}

func collectVXLAN(ctx context.Context, b Backend, s *set) error {
	devices, err := b.VXLANs(ctx)
	if err != nil {
		return err
	}
	up := s.gauge("sixfold_vxlan_up", "Whether the device exists, is up and as it is configured.", "interface", "vni")
	entries := s.gauge("sixfold_vxlan_forwarding_entries", "Hardware addresses that the device knows remotes of.", "interface")
	learnt := s.gauge("sixfold_vxlan_learnt_addresses", "Hardware addresses that were learnt.", "interface")
	remotes := s.gauge("sixfold_vxlan_remotes", "Other end points that are configured or were learnt.", "interface")
	limit := s.gauge("sixfold_vxlan_max_addresses", "Most hardware addresses that are remembered; absent: any number.", "interface")
	rxDropped := s.counter("sixfold_vxlan_receive_drops_total", "Packets received and dropped.", "interface")
	txDropped := s.counter("sixfold_vxlan_transmit_drops_total", "Packets that were dropped for want of a remote or a route.", "interface")
	rxBytes := s.counter("sixfold_vxlan_receive_bytes_total", "Bytes received.", "interface")
	txBytes := s.counter("sixfold_vxlan_transmit_bytes_total", "Bytes sent.", "interface")
	rxPackets := s.counter("sixfold_vxlan_receive_packets_total", "Packets received.", "interface")
	txPackets := s.counter("sixfold_vxlan_transmit_packets_total", "Packets sent.", "interface")
	rxErrors := s.counter("sixfold_vxlan_receive_errors_total", "Packets that could not be received.", "interface")
	txErrors := s.counter("sixfold_vxlan_transmit_errors_total", "Packets that could not be sent.", "interface")
	for _, d := range devices {
		name := d.Device.Name
		up.add(truth(d.Index != 0 && d.Up && d.Problem == ""), name, strconv.FormatUint(uint64(d.Device.VNI), 10))
		if d.Index == 0 {
			continue
		}
		entries.add(float64(len(d.Forwarding)+d.Beyond), name)
		learnt.add(float64(d.Learnt()), name)
		remotes.add(float64(len(d.KnownRemotes())), name)
		if d.Device.MaxAddresses != 0 {
			limit.add(float64(d.Device.MaxAddresses), name)
		}
		rxDropped.add(float64(d.RxDropped), name)
		txDropped.add(float64(d.TxDropped), name)
		rxBytes.add(float64(d.RxBytes), name)
		txBytes.add(float64(d.TxBytes), name)
		rxPackets.add(float64(d.RxPackets), name)
		txPackets.add(float64(d.TxPackets), name)
		rxErrors.add(float64(d.RxErrors), name)
		txErrors.add(float64(d.TxErrors), name)
	}
	return nil
}
