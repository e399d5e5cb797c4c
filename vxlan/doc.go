// Package vxlan makes the VXLAN devices of a router (RFC 7348): one device a VNI, each with a multicast group on an underlying
// link, the way a plain Linux host sets them up with `ip link add … type vxlan … group …`. Addresses on them, and everything else
// that any interface has, are not its business.
//
// The kernel is the only memory: Apply compares what is wanted with what the kernel reports and writes the difference, so a second
// Apply writes nothing and a restarted router finds its devices again. Ours carry a link group number of their own; a VXLAN
// without it is not ours and is never touched. What the kernel lets change in place is changed in place, the interface index and
// the addresses on the device stay; what it does not (VNI, port, address family) makes a new device with the old MAC address.
//
// plan.go decides, as a function of its arguments; apply_linux.go and request_linux.go write; watch_linux.go wakes Run when links
// change, because a device whose underlying link is missing must be made when the link appears.
package vxlan
