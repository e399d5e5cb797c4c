package dhcpv6

import (
	"net"
	"net/netip"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// linkAddress returns the innermost link-address that is not zero, which tells the client's link (RFC 8415 13.1). A relay
// on layer two (RFC 6221) has none of its own.
func (d *datagram) linkAddress() netip.Addr {
	for i := len(d.relays) - 1; i >= 0; i-- {
		if a := d.relays[i].link; !a.IsUnspecified() {
			return a
		}
	}
	return netip.Addr{}
}

// innermost returns the relay next to the client.
func (d *datagram) innermost() *relayLayer { return &d.relays[len(d.relays)-1] }

// wrap puts the reply into one Relay-reply for each layer the request came in. Hop count, addresses, Interface-Id and Relay
// Source Port (RFC 8357) come back as the relay wrote them.
func wrap(relays []relayLayer, reply dhcp6.DHCPv6) dhcp6.DHCPv6 {
	for i := len(relays) - 1; i >= 0; i-- {
		l := &relays[i]
		outer := &dhcp6.RelayMessage{
			MessageType: dhcp6.MessageTypeRelayReply,
			HopCount:    l.hops,
			LinkAddr:    net.IP(l.link.AsSlice()),
			PeerAddr:    net.IP(l.peer.AsSlice()),
		}
		if l.interfaceID != nil {
			outer.AddOption(dhcp6.OptInterfaceID(l.interfaceID))
		}
		if l.relayPort != nil {
			outer.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionRelayPort, OptionData: l.relayPort})
		}
		outer.AddOption(dhcp6.OptRelayMessage(reply))
		reply = outer
	}
	return reply
}
