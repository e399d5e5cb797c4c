package device

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
)

func (v VRF) settings() []setting {
	table := u32(nl.IFLA_VRF_TABLE, v.Table, "table %d", v.Table)
	table.fixed = true
	return []setting{table}
}

func (v VRF) text() string { return fmt.Sprintf("vrf with table %d", v.Table) }
