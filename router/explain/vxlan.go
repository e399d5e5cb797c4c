package explain

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/vxlan"
)

// carried says how the remotes of a segment are reached.
func carried(d vxlan.Device) string {
	text := ""
	if d.Link != "" {
		text = " over " + d.Link
	}
	switch {
	case d.Group.IsValid():
		text += ", group " + d.Group.String()
	case len(d.Remotes) > 0:
		text += ", " + count(len(d.Remotes), "remote", "remotes")
	}
	return text
}

// flooded says where frames go whose receiver is not known.
func flooded(d vxlan.Device) string {
	switch {
	case d.Group.IsValid():
		return "frames to it go to the group " + d.Group.String()
	case len(d.Remotes) > 0:
		return "frames to it go to " + count(len(d.Remotes), "remote", "remotes")
	}
	return "frames to it are dropped, because there are neither a group nor remotes"
}

// standing says whether a remote is one that is expected: configured, or where packets are meant to come from.
func (v View) standing(s vxlan.Status, remote netip.Addr) (text string, expected bool) {
	for _, r := range s.KnownRemotes() {
		if r.Address == remote && r.Configured {
			return "a configured remote", true
		}
	}
	for _, f := range v.Plan.VTEPs {
		if f.Device == s.Device.Name && f.Accepts(remote) {
			return "learnt, and among the sources", true
		}
	}
	return "learnt, and not among the sources of " + s.Device.Name, false
}

// vtep tells behind which remote a hardware address is.
func (v View) vtep(s vxlan.Status, f vxlan.ForwardingEntry) check {
	d := s.Device
	where := fmt.Sprintf("by %s (VNI %d%s)", d.Name, d.VNI, carried(d))
	remote, err := netip.ParseAddr(f.Remote)
	if err != nil {
		return note("vxlan", "", "behind %s, %s", f.Remote, where)
	}
	text, expected := v.standing(s, remote)
	if f.Configured {
		text += ", in fdb"
	}
	seen := when(f.State != "", ", "+f.State)
	if f.Learnt {
		seen = fmt.Sprintf(", seen %s ago", change.Rough(f.Age))
	}
	c := good("vxlan", "", "behind VTEP %s, %s, %s%s", f.Remote, text, where, seen)
	if !expected {
		c.state = Info
		c.advice = "add it to remotes or sources, or find out who sends from there"
	}
	return c
}

// behind tells behind which end point of a VXLAN a host is. The link is the device, or the bridge that it is a port of.
func (v View) behind(link string, mac net.HardwareAddr) []check {
	if len(mac) == 0 {
		return nil
	}
	for _, s := range v.VXLAN {
		d := s.Device
		bridged := v.Links[d.Name].Master != 0 && v.Links[d.Name].Master == v.Links[link].Index
		if d.Name != link && !bridged {
			continue
		}
		for _, f := range s.Forwarding {
			if known, err := net.ParseMAC(f.MAC); err == nil && known.String() == mac.String() {
				return []check{v.vtep(s, f)}
			}
		}
		if !bridged {
			return []check{note("vxlan", "", "%s (VNI %d) has not learnt behind which VTEP %s is: %s", d.Name, d.VNI, mac, flooded(d))}
		}
	}
	return nil
}

// vteps tells of which segments an address is a remote.
func (v View) vteps(a netip.Addr) []check {
	var out []check
	for _, s := range v.VXLAN {
		at := slices.IndexFunc(s.KnownRemotes(), func(r vxlan.Remote) bool { return r.Address == a.WithZone("") })
		if at < 0 {
			continue
		}
		r := s.KnownRemotes()[at]
		text, expected := v.standing(s, r.Address)
		c := good("vxlan", "", "%s is a VTEP of %s (VNI %d%s), %s, with %s behind it", a, s.Device.Name, s.Device.VNI, carried(s.Device), text,
			count(r.Addresses, "hardware address", "hardware addresses"))
		if !expected {
			c.state = Info
			c.advice = "add it to remotes or sources, or find out who sends from there"
		}
		out = append(out, c)
	}
	return out
}
