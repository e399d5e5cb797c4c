package vxlan

import "net/netip"

// Config is the whole desired state: all VXLAN devices of this router, by name.
type Config struct {
	Devices map[string]Device
}

// Device is one VXLAN tunnel end point with one VNI. Addresses on it are not its business.
type Device struct {
	Name  string
	VNI   uint32
	Group netip.Addr // multicast group, IPv4 or IPv6
	Link  string     // underlying interface
	Local netip.Addr // outer source address; invalid: the kernel chooses
	TTL   uint8
	Port  uint16
	MTU   int // 0: that of the underlying interface less the overhead (50 bytes over IPv4, 70 over IPv6)
}
