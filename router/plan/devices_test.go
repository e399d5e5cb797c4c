package plan_test

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/plan"
)

// renderDevices prints what is planned of devices, ports and hardware addresses.
func renderDevices(w io.Writer, p *plan.Plan) {
	for _, name := range slices.Sorted(maps.Keys(p.Devices.Devices)) {
		d := p.Devices.Devices[name]
		fmt.Fprintf(w, "device %s: %s%s\n", name, d.Text(), address(" mac", d.MAC.String()))
		switch {
		case d.Bridge != nil:
			fmt.Fprintf(w, "  %+v\n", *d.Bridge)
		case d.Bond != nil:
			fmt.Fprintf(w, "  %+v\n", *d.Bond)
		case d.GRE != nil:
			fmt.Fprintf(w, "  ttl %d tos %d\n", d.GRE.TTL, d.GRE.TOS)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Devices.Members)) {
		m := p.Devices.Members[name]
		if m.Master == "" {
			continue
		}
		fmt.Fprintf(w, "port %s of %s%s\n", name, m.Master, show(" index", p.Ports[name]))
		if def := device.DefaultPort(); fmt.Sprint(m.Port) != fmt.Sprint(def) && fmt.Sprint(m.Port) != fmt.Sprint(device.Port{}) {
			pvid := m.Port.PVID
			m.Port.PVID = nil
			fmt.Fprintf(w, "  %+v", m.Port)
			if pvid != nil {
				fmt.Fprintf(w, " pvid %d", *pvid)
			}
			fmt.Fprintln(w)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Devices.MACs)) {
		fmt.Fprintf(w, "mac %s of %s\n", p.Devices.MACs[name], name)
	}
}

func address(what, text string) string {
	if text == "" {
		return ""
	}
	return what + " " + text
}
