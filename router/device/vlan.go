package device

import (
	"cmp"
	"fmt"

	"github.com/vishvananda/netlink/nl"
)

func (v VLAN) settings() []setting {
	id := u16(nl.IFLA_VLAN_ID, v.ID, "id %d", v.ID)
	protocol := be16(nl.IFLA_VLAN_PROTOCOL, uint16(cmp.Or(v.Protocol, Dot1Q)), "protocol %s", v.Protocol)
	id.fixed, protocol.fixed = true, true
	return []setting{protocol, id}
}

func (v VLAN) text() string {
	text := fmt.Sprintf("vlan %d on %s", v.ID, v.Link)
	if v.Protocol == Dot1AD {
		text += " (802.1ad)"
	}
	return text
}
