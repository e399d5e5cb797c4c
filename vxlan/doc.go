// Package vxlan makes the VXLAN devices of a router (RFC 7348): one device a VNI, with a multicast group on an underlying link, the way
// a plain Linux host sets them up with `ip link add … type vxlan … group …`, or with a list of remotes that get a copy each of
// what is flooded (head-end replication). Addresses on them, and everything else that any interface has, are not its business.
//
// The kernel is the only memory: Apply compares what is wanted with what the kernel reports and writes the difference, so a second
// Apply writes nothing and a restarted router finds its devices again. Ours carry a link group number of their own; a VXLAN
// without it is not ours and is never touched. What the kernel lets change in place is changed in place, the interface index and
// the addresses on the device stay; what it does not (VNI, port, address family, source ports, checksum, limit of addresses, no
// link any more) makes a new device with the old MAC address.
//
// Of the forwarding table of our devices, entries that do not age are ours, flooding and static ones: they are kept exactly as
// configured. What the kernel learns comes and goes, and what another program marks as its own (extern_learn) stays.
//
// plan.go decides, as a function of its arguments, with change.go (what to write to a device that stays), entries.go (forwarding tables)
// and groups.go (how many multicast groups a socket of the kernel has to join); apply_linux.go and request_linux.go write;
// watch_linux.go wakes Run when links or entries change, because a device whose underlying link is missing must be made when the
// link appears.
package vxlan
