// Package kernel observes and writes what the router has in the Linux kernel: links, addresses, sysctls and routes. VXLAN
// devices belong to package vxlan; everything else that speaks netlink is here.
//
//   - [Monitor] keeps a snapshot of links and addresses and wakes those who watch it.
//   - [LinkWriter] makes a [Config] so: MTU, up, addresses, sysctls. It compares with what the kernel reports, so that applying
//     twice writes nothing and a new process goes on where a killed one stopped.
//   - [FIB] mirrors the best routes of a rib.Table into the kernel's tables, repairs drift, and leaves the routes of others alone.
//
// What is ours is marked in the kernel: addresses carry [AddressProtocol], routes one of the protocol numbers in protocol.go.
// All sockets are opened in the network namespace of the process.
package kernel
