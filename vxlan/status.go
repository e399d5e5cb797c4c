package vxlan

import (
	"net/netip"
	"time"
)

// Status is one device as the kernel has it.
type Status struct {
	Device  Device // as configured, with the MTU that is in force
	Index   int    // interface index; 0: it does not exist
	Up      bool
	MAC     string
	Problem string // why it is not as configured; empty: all is well
	// Counters of the device.
	RxPackets, TxPackets, RxBytes, TxBytes, RxErrors, TxErrors, RxDropped, TxDropped uint64
	Forwarding                                                                       []ForwardingEntry // learnt and static, by MAC
	Beyond                                                                           int               // learnt entries that are not in Forwarding, which has 65,536 of them
}

// ForwardingEntry says behind which remote a MAC address is. The all-zero MAC stands for flooding.
type ForwardingEntry struct {
	MAC        string
	Remote     string
	State      string        // permanent, reachable, stale …
	Configured bool          // it is one of the device's Static, Remotes, or its Group
	Learnt     bool          // by the kernel, from what came in
	Age        time.Duration // how long ago a packet from it was seen, if it was learnt
	Since      time.Duration // how long ago it was learnt, or moved to another remote
}

// Flood tells whether the entry is for what goes to all.
func (f ForwardingEntry) Flood() bool { return f.MAC == MAC{}.String() }

// Learnt is how many hardware addresses were learnt.
func (s Status) Learnt() int {
	n := s.Beyond
	for _, f := range s.Forwarding {
		if f.Learnt {
			n++
		}
	}
	return n
}

// Remote is another end point of a segment.
type Remote struct {
	Address    netip.Addr
	Configured bool // among the device's Remotes, or in Static
	Flood      bool // what goes to all goes to it
	Addresses  int  // MAC addresses behind it
}

// KnownRemotes lists the end points that are configured or that addresses were learnt from, the configured ones first, each part in the
// order of addresses. A group is none.
func (s Status) KnownRemotes() []Remote {
	at := map[netip.Addr]int{}
	var all []Remote
	get := func(a netip.Addr) *Remote {
		n, ok := at[a]
		if !ok {
			n = len(all)
			at[a] = n
			all = append(all, Remote{Address: a})
		}
		return &all[n]
	}
	for _, a := range s.Device.Remotes {
		get(a).Configured = true
	}
	for _, e := range s.Device.Static {
		get(e.Remote).Configured = true
	}
	for _, f := range s.Forwarding {
		a, err := netip.ParseAddr(f.Remote)
		if err != nil || a.IsMulticast() {
			continue
		}
		if r := get(a); f.Flood() {
			r.Flood = true
		} else {
			r.Addresses++
		}
	}
	sortRemotes(all)
	return all
}
