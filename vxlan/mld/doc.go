// Package mld is the multicast part of a router: it asks hosts what they listen to, and forwards packets to groups.
//
// # Listeners
//
// On every link with a querier the package is the router side of MLDv2 (RFC 9777, whose text is that of RFC 3810): it sends general
// queries, steps back while a router with a lower link-local address does, keeps a filter mode and sources for each group, and asks
// again when a listener leaves. Hosts that know only version 1 are understood. link.go and group.go are this state machine, as
// functions of the time that is passed in; packet.go and encode.go are the messages.
//
// # Forwarding
//
// The kernel forwards; it asks about each pair of source and group that it has no entry for, and keeps the packets meanwhile.
// forward.go decides, from the static routes, the proxy (RFC 4605) and the boundaries, by which links a packet leaves; cache.go keeps
// the entries of the kernel so, and drops those that nothing uses. Upstream of the proxy the kernel is an ordinary listener to the
// union of what is wanted downstream (filter.go).
//
// Links that take part are MIFs of the kernel's only table, of which there are 32. Entries and MIFs are written by a socket that is
// not the one that multicast routing was switched on by: such ones stay when that one closes. A router that is started again finds
// them, assumes that their listeners are still there until it could ask, and packets flow again at once.
//
// # Who does what
//
// Manager has one lock. Apply, the timer, and the two sockets (messages of hosts, questions of the kernel) work under it, and nothing
// under it waits. Bridges that the proxy does not serve have the kernel's own querier, which is not made here.
package mld
