package explain

import (
	"fmt"
	"strings"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/device"
)

// made checks a link that the router makes, and what a link is a port of.
func (v View) made(i *config.Interface) []check {
	var out []check
	if lower := i.Lower(); lower != "" && i.VXLAN == nil {
		out = append(out, v.link(lower))
	}
	state := v.device(i.Name)
	if d, ok := v.Plan.Devices.Devices[i.Name]; ok {
		text := d.Text()
		if state != nil {
			text = commas(text, working(state))
		}
		c := good("device", i.Kind()+" "+i.Name, "%s", text)
		if problem := v.refusedDevice(i.Name); problem != "" {
			c = bad("device", i.Kind()+" "+i.Name, "", "%s is not as configured: %s", i.Name, problem)
		}
		out = append(out, c)
	}
	if i.Master != "" {
		out = append(out, v.port(i, state))
	}
	return chain(out)
}

// device returns what the kernel has of a link, nil if that is not known.
func (v View) device(name string) *device.Status {
	for n := range v.Devices {
		if v.Devices[n].Name == name {
			return &v.Devices[n]
		}
	}
	return nil
}

// refusedDevice returns why a device or port is not as configured.
func (v View) refusedDevice(name string) string {
	for _, u := range v.Units {
		if u.Name != "device" {
			continue
		}
		for line := range strings.Lines(u.Problem) {
			if reason, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), name+": "); ok {
				return reason
			}
		}
	}
	return ""
}

// port checks that a link is a port of what it should be.
func (v View) port(i *config.Interface, state *device.Status) check {
	what := "port of " + i.Master
	switch {
	case state == nil || state.Master != i.Master:
		advice := v.refusedDevice(i.Name)
		if advice == "" {
			advice = v.refusedDevice(i.Master)
		}
		return bad("device", what, advice, "%s is no port of %s", i.Name, i.Master)
	case state.Port != nil && state.Port.State != "forwarding":
		return note("device", what, "%s is a port of %s, %s by the spanning tree", i.Name, i.Master, state.Port.State)
	case state.Port != nil:
		return good("device", what, "%s is a port of %s, forwarding", i.Name, commas(i.Master, when(state.Port.Isolated, "isolated")))
	case state.Slave != nil && !state.Slave.Up:
		return bad("device", what, "is the cable in, and the other end on?", "%s is a port of %s without carrier", i.Name, i.Master)
	case state.Slave != nil:
		return good("device", what, "%s is the %s port of %s", i.Name, map[bool]string{true: "active", false: "backup"}[state.Slave.Active], i.Master)
	}
	return good("device", what, "%s is a port of %s", i.Name, i.Master)
}

// working says what a device does at this moment.
func working(s *device.Status) string {
	switch {
	case s.Bond != nil:
		return commas(count(len(s.Ports), "port", "ports"), when(s.Bond.Active != "", "active "+s.Bond.Active), when(s.Bond.Partner != "", "partner "+s.Bond.Partner))
	case s.Bridge != nil:
		root := ""
		if s.Bridge.STP {
			root = "root of the spanning tree"
			if !s.Bridge.Root {
				root = fmt.Sprintf("root %s by %s", s.Bridge.RootID, s.Bridge.RootPort)
			}
		}
		return commas(count(len(s.Ports), "port", "ports"), root)
	}
	return ""
}
