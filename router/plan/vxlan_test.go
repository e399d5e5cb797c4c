package plan_test

import (
	"fmt"
	"strings"

	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/vxlan"
)

// vxlanLine is a planned device, with what is not as usual.
func vxlanLine(d vxlan.Device) string {
	var b strings.Builder
	add := func(when bool, format string, args ...any) {
		if when {
			fmt.Fprintf(&b, " "+format, args...)
		}
	}
	fmt.Fprintf(&b, "%s vni %d", d.Name, d.VNI)
	add(d.Group.IsValid(), "group %s", d.Group)
	add(len(d.Remotes) > 0, "remotes %s", d.Remotes)
	for _, e := range d.Static {
		add(true, "%s at %s", e.MAC, e.Remote)
	}
	add(d.Link != "", "link %s", d.Link)
	add(d.Local.IsValid(), "local %s", d.Local)
	add(true, "ttl %d port %d", d.TTL, d.Port)
	add(d.MTU != 0, "mtu %d", d.MTU)
	add(d.OverIPv6(), "over IPv6")
	add(d.InnerTags != 0, "tags %d", d.InnerTags)
	add(d.NoLearning, "nolearning")
	add(d.Ageing != vxlan.DefaultAgeing, "ageing %s", d.Ageing)
	add(d.MaxAddresses != 0, "max_addresses %d", d.MaxAddresses)
	add(d.NoChecksum, "no checksum")
	add(d.TOS != 0, "dscp %s", vxlan.DSCP(d.TOS))
	add(d.DF != vxlan.DFUnset, "df %s", d.DF)
	add(d.PortLow != 0, "source ports %d-%d", d.PortLow, d.PortHigh)
	return b.String()
}

// vtepLine is from where a device accepts packets.
func vtepLine(f plan.VTEPFilter) string {
	text := fmt.Sprintf("%s port %d from %s", f.Device, f.Port, f.Sources)
	if len(f.Links) > 0 {
		text += fmt.Sprintf(" by %s", f.Links)
	}
	return text
}
