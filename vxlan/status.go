package vxlan

// Status is one device as the kernel has it.
type Status struct {
	Device  Device // as configured, with the MTU that is in force
	Index   int    // interface index; 0: it does not exist
	Up      bool
	MAC     string
	Problem string // why it is not as configured; empty: all is well
	// Counters of the device.
	RxPackets, TxPackets, RxBytes, TxBytes, RxErrors, TxErrors uint64
	Forwarding                                                 []ForwardingEntry // learnt and static
}

// ForwardingEntry says behind which remote a MAC address is. The all-zero MAC stands for flooding.
type ForwardingEntry struct {
	MAC    string
	Remote string
	State  string // permanent, reachable, stale …
}
