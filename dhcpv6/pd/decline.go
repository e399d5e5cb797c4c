package pd

import (
	"net/netip"
	"slices"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// declineRetry is the pause before another address is asked for: a server that gives the same one again is not to be asked without
// end.
const declineRetry = 10 * time.Second

// decline gives back the addresses that another host on the link turned out to have, RFC 9915 18.2.8.
func (m *machine) decline(now time.Time, taken []netip.Addr) {
	for _, i := range m.ias {
		if !i.duplicate(taken) {
			continue
		}
		i.old, i.lease, i.declined = i.lease, nil, true
		i.retryAt, i.problem = now.Add(declineRetry), "another host on the link has "+i.old.Prefix.Addr().String()
		m.abandon()
	}
}

// duplicate says whether i is an address that is among those taken by others.
func (i *ia) duplicate(taken []netip.Addr) bool {
	return i.key.address && i.lease != nil && i.old == nil && slices.Contains(taken, i.lease.Prefix.Addr())
}

// farewell returns what tells a server that i is not used any more.
func (i *ia) farewell() dhcp6.MessageType {
	if i.declined {
		return dhcp6.MessageTypeDecline
	}
	return dhcp6.MessageTypeRelease
}

// farewells says whether a message gives something back.
func farewells(kind dhcp6.MessageType) bool {
	return kind == dhcp6.MessageTypeRelease || kind == dhcp6.MessageTypeDecline
}

// told ends what farewell began.
func (i *ia) told() { i.old, i.declined = nil, false }
