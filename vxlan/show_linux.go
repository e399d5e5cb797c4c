package vxlan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
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
			s.Forwarding, s.Beyond = shown(d, l.Vxlan.Link, forwarding[s.Index].rows), forwarding[s.Index].beyond
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
func (m *Manager) read() (map[string]seen, map[int]*rows, error) {
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
	ours, forwarding := map[string]seen{}, map[int]*rows{}
	for _, l := range links {
		if l.ours() {
			ours[l.Name] = l
			forwarding[l.Index] = &rows{}
		}
	}
	begin := func() {
		for _, f := range forwarding {
			*f = rows{}
		}
	}
	err = k.forwarding(begin, func(r row) {
		switch f, ok := forwarding[r.Index]; {
		case !ok:
		case len(f.rows) < maxRows || r.fixed():
			f.rows = append(f.rows, r)
		default:
			f.beyond++
		}
	})
	return ours, forwarding, err
}

// maxRows is how many learnt entries of one device are looked at; the rest is only counted.
const maxRows = 1 << 16

// rows is the forwarding table of a device.
type rows struct {
	rows   []row
	beyond int
}

// shown makes the forwarding entries of d for Status, by MAC and remote.
func shown(d Device, link int, rows []row) []ForwardingEntry {
	slices.SortFunc(rows, func(a, b row) int { return a.compare(b.entry) })
	own := d.entries(link)
	out := make([]ForwardingEntry, 0, len(rows))
	for _, r := range rows {
		_, configured := slices.BinarySearchFunc(own, r.entry, entry.compare)
		f := ForwardingEntry{
			MAC: r.MAC.String(), Remote: r.Remote.String(), State: r.state(), Configured: configured,
			Learnt: r.State&(netlink.NUD_PERMANENT|netlink.NUD_NOARP) == 0 && !r.External,
		}
		if f.Learnt {
			f.Age, f.Since = r.Used, r.Updated
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b ForwardingEntry) int {
		return cmp.Or(strings.Compare(a.MAC, b.MAC), strings.Compare(a.Remote, b.Remote))
	})
	return out
}

func fill(s *Status, l seen) {
	s.Index = l.Index
	s.Device.MTU = l.MTU
	s.Up = l.Up
	s.MAC = l.MAC.String()
	s.RxPackets, s.TxPackets = l.RxPackets, l.TxPackets
	s.RxBytes, s.TxBytes = l.RxBytes, l.TxBytes
	s.RxErrors, s.TxErrors = l.RxErrors, l.TxErrors
	s.RxDropped, s.TxDropped = l.RxDropped, l.TxDropped
}
