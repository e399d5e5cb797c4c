// Package device makes the links of a router that are not hardware: VLANs (IEEE 802.1Q), bridges (802.1D), dummies, GRE tunnels
// (RFC 2784, RFC 7676), bonds (802.1AX) and VRF devices; and it says which link is a port of which bridge, bond or VRF, and what
// hardware address a link has. MTU, addresses and everything else that any link has are not its business, nor are VXLAN devices,
// which may be ports here and carry nothing.
//
// The kernel is the only memory: Apply compares what is wanted with what the kernel reports and writes the difference, so a second
// Apply writes nothing and a restarted router finds its devices again. Ours carry a link group number of their own, and so do the
// ports that we added of links that were in no group; a device without it is not ours and is never touched. What the kernel lets
// change in place is changed in place; what it does not (the id of a VLAN, the mode of a bond, the table of a VRF, the address
// family of a tunnel) makes a new device. Many devices are deleted together: one by one costs some 30 ms each.
//
// plan.go decides, as a function of its arguments, what can be done at once; apply.go does it and asks again, because a VLAN can
// be made when the bond is there that carries it. vlan.go, bridge.go, gre.go, bond.go and port.go say what of each kind the kernel
// stores, as a list of settings that is compared, written and told of in the same way for all.
package device
