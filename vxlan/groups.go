package vxlan

import "net/netip"

// socket is one UDP socket of the kernel. All devices that agree in these share one, and its limit of multicast memberships.
type socket struct {
	family family
	port   uint16
	zeroRx bool
	link   string // where both ends of the outer header are link-local
}

// membership is one group that a socket joins. Devices with the same group on the same link share it.
type membership struct {
	socket
	group netip.Addr
	link  string
}

// memberships is how many multicast groups one UDP socket of the kernel has to join, at most: those of devices of others that are
// there and those of want.
func memberships(want Config, have snapshot) (four, six int) {
	joined := map[membership]bool{}
	add := func(group, local netip.Addr, link string, port uint16, zeroRx bool) {
		if !group.IsValid() || !group.IsMulticast() {
			return
		}
		s := socket{familyOf(group), port, zeroRx, ""}
		if group.Is6() && local.IsLinkLocalUnicast() {
			s.link = link
		}
		joined[membership{s, group, link}] = true
	}
	link := make(map[int]string, len(have))
	for _, p := range have {
		link[p.Index] = p.Name
	}
	for _, p := range have {
		if t := p.Vxlan; p.Kind == "vxlan" && !p.ours() {
			add(t.Group, t.Local, link[t.Link], t.Port, t.ZeroRx)
		}
	}
	for _, d := range want.Devices {
		add(d.Group, d.Local, d.Link, d.Port, d.NoChecksum && d.OverIPv6())
	}
	count := map[socket]int{}
	for m := range joined {
		count[m.socket]++
		if m.family == ipv4 {
			four = max(four, count[m.socket])
		} else {
			six = max(six, count[m.socket])
		}
	}
	return four, six
}
