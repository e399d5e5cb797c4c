package dhcpv6

import (
	"encoding/binary"
	"slices"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
)

// patience is the longest that a client waits between two Solicits when there is no prefix for it (SOL_MAX_RT, RFC 9915 21.24). Pools
// are often empty because our own delegation is away; with the hour that clients take otherwise, each router of a chain would be that
// much later than the one above it.
const patience = 5 * time.Minute

// beSoon asks a client that gets no prefix to come again before long, if it wants to be told.
func (h *handler) beSoon(results []result) {
	if !h.asked(dhcp6.OptionSolMaxRT) || !slices.ContainsFunc(results, func(r result) bool { return r.status == iana.StatusNoPrefixAvail }) {
		return
	}
	h.out.reply.AddOption(&dhcp6.OptionGeneric{
		OptionCode: dhcp6.OptionSolMaxRT, OptionData: binary.BigEndian.AppendUint32(nil, uint32(patience/time.Second)),
	})
}
