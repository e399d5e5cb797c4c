package vxlan

import (
	"maps"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Status reads the configured devices from the kernel, sorted by name.
func (m *Manager) Status() []Status {
	links, forwarding, err := m.read()
	m.mu.Lock()
	want, final, problems := m.want, m.final, maps.Clone(m.problems)
	m.mu.Unlock()
	all := make([]Status, 0, len(want.Devices))
	for _, name := range slices.Sorted(maps.Keys(want.Devices)) {
		d, known := final[name]
		if !known {
			d = want.Devices[name]
		}
		s := Status{Device: d, Problem: problems[name]}
		s.Device.Name = name
		l, exists := links[name]
		switch {
		case exists:
			fill(&s, l)
			s.Forwarding = forwarding[s.Index]
		case s.Problem != "":
		case err != nil:
			s.Problem = err.Error()
		default:
			s.Problem = "the device does not exist"
		}
		all = append(all, s)
	}
	return all
}

// read gets our devices and all forwarding entries.
func (m *Manager) read() (map[string]*netlink.Vxlan, map[int][]ForwardingEntry, error) {
	m.applying.Lock()
	k, err := m.open()
	m.applying.Unlock()
	if err != nil {
		return nil, nil, err
	}
	links, err := k.links()
	if err != nil {
		return nil, nil, err
	}
	ours := map[string]*netlink.Vxlan{}
	for _, l := range links {
		if v, ok := l.(*netlink.Vxlan); ok && (v.LinkAttrs.Group == groupOurs || v.LinkAttrs.Group == groupDoomed) {
			ours[v.Name] = v
		}
	}
	forwarding, err := k.forwarding()
	return ours, forwarding, err
}

func fill(s *Status, v *netlink.Vxlan) {
	s.Index = v.Index
	s.Device.MTU = v.MTU
	s.Up = v.RawFlags&unix.IFF_UP != 0
	s.MAC = v.HardwareAddr.String()
	if st := v.Statistics; st != nil {
		s.RxPackets, s.TxPackets = st.RxPackets, st.TxPackets
		s.RxBytes, s.TxBytes = st.RxBytes, st.TxBytes
		s.RxErrors, s.TxErrors = st.RxErrors, st.TxErrors
	}
}
