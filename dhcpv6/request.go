package dhcpv6

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// request is a client's message with what the frame and the relays said about it.
type request struct {
	kind   dhcp6.MessageType
	xid    dhcp6.TransactionID
	client []byte // Client Identifier; nil if there is none
	server []byte // Server Identifier; nil if there is none
	ias    []ia
	hasIA  bool
	rapid  bool
	oro    dhcp6.OptionCodes
	accept bool // the client says that it takes Reconfigure messages

	origin
}

// origin is what is known of the sender of a message beside what it says itself.
type origin struct {
	mac     net.HardwareAddr // link-layer source of the frame, or what a believed relay says of it; nil if unknown
	nextHop netip.Addr       // where delegated prefixes are routed to: the client's link-local address, or the relay
	path    []byte           // over which relays a Reconfigure finds the client; nil: it is on the link
	lost    bool             // there is no such path
}

// ia is one identity association of a request.
type ia struct {
	kind   lease.Kind
	id     uint32
	leases []netip.Prefix // what the client listed: hints or what it holds
}

// parse decodes a message that passed the guard.
func parse(d datagram) (*request, error) {
	m, err := dhcp6.MessageFromBytes(d.message)
	if err != nil {
		return nil, fmt.Errorf("decode message: %w", err)
	}
	r := &request{
		kind:   m.MessageType,
		xid:    m.TransactionID,
		client: d.client,
		server: d.server,
		hasIA:  d.hasIA,
		rapid:  m.GetOneOption(dhcp6.OptionRapidCommit) != nil,
		oro:    m.Options.RequestedOptions(),
		accept: m.GetOneOption(dhcp6.OptionReconfAccept) != nil,
	}
	for _, o := range m.Options.Options {
		switch o := o.(type) {
		case *dhcp6.OptIANA:
			a := ia{kind: lease.Address, id: binary.BigEndian.Uint32(o.IaId[:])}
			for _, addr := range o.Options.Addresses() {
				if ip, ok := netip.AddrFromSlice(addr.IPv6Addr); ok {
					a.leases = append(a.leases, netip.PrefixFrom(ip, 128))
				}
			}
			r.ias = append(r.ias, a)
		case *dhcp6.OptIAPD:
			a := ia{kind: lease.Prefix, id: binary.BigEndian.Uint32(o.IaId[:])}
			for _, p := range o.Options.Prefixes() {
				if p.Prefix == nil {
					continue
				}
				ip, ok := netip.AddrFromSlice(p.Prefix.IP)
				bits, size := p.Prefix.Mask.Size()
				if ok && size == 128 {
					a.leases = append(a.leases, netip.PrefixFrom(ip, bits).Masked())
				}
			}
			r.ias = append(r.ias, a)
		}
	}
	return r, nil
}

// key returns the identity of the binding of a on link.
func (r *request) key(a *ia, link string) lease.Key {
	return lease.Key{DUID: string(r.client), Kind: a.kind, IAID: a.id, Link: link}
}
