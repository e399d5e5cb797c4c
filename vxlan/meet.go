package vxlan

import "net/netip"

// maxMeetings bounds how many remotes are remembered: whoever can send to us can invent them.
const maxMeetings = 4096

// meeting is a remote of a device.
type meeting struct {
	index  int
	remote netip.Addr
}

// met is told of an address that the kernel learnt.
func (m *Manager) met(r row) {
	if m.OnRemote == nil {
		return
	}
	k := meeting{r.Index, r.Remote}
	m.mu.Lock()
	name := m.names[r.Index]
	tell := name != "" && !m.known[k] && len(m.known) < maxMeetings
	if tell {
		if m.known == nil {
			m.known = map[meeting]bool{}
		}
		m.known[k] = true
	}
	m.mu.Unlock()
	if tell {
		m.OnRemote(name, r.Remote, r.MAC)
	}
}

// ourNames returns the names of our devices by index.
func ourNames(have snapshot) map[int]string {
	names := map[int]string{}
	for _, p := range have {
		if p.ours() {
			names[p.Index] = p.Name
		}
	}
	return names
}

// forget drops the remotes of devices that are gone. m.mu is held.
func (m *Manager) forget() {
	for k := range m.known {
		if m.names[k.index] == "" {
			delete(m.known, k)
		}
	}
}
