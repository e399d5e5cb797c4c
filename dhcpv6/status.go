package dhcpv6

// Status is what the server did, as a copy.
type Status struct {
	Interfaces []InterfaceStatus // by link name
	Dropped    map[string]uint64 // datagrams dropped, by reason

	// Clients that are being told to renew, at most 1000 of them, and how many were told and came, or did not.
	Reconfigures                    []Reconfiguring
	Reconfigured, ReconfigureFailed uint64
}

// InterfaceStatus counts the messages of one interface.
type InterfaceStatus struct {
	Link     string
	Received map[string]uint64 // by message type, as RFC 8415 names it
	Sent     map[string]uint64
	Pools    []PoolStatus
}

// PoolStatus tells how full a pool is.
type PoolStatus struct {
	Name     string
	Kind     string // address or prefix
	Range    string
	Leased   uint64
	Declined uint64
	Size     float64 // may be more than 2^64
}
