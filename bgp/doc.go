// Package bgp is the BGP speaker of the router (RFC 4271, RFC 4760): GoBGP, embedded, behind the shape that every subsystem
// has. [Speaker.Apply] takes the whole desired state, [Speaker.Run] owns all goroutines, [Speaker.Status] and
// [Speaker.Paths] return copies.
//
// Routes flow through the rib. Best paths that neighbors taught us are written there with [rib.BGP] as their source; the
// sources that the configuration announces are watched there and originated. GoBGP hands over one event a prefix through a
// queue without bound, so its callback only marks the prefix in a map ([changes]), which a goroutine drains in batches: memory
// is bounded by the number of prefixes, however slow the reader.
//
// What GoBGP leaves to its user is done here:
//
//   - Policy per neighbor. GoBGP has one global chain for imports and one for exports; policy.go compiles the filters of all
//     neighbors into it. Both chains end with a reject, so that without a filter nothing passes (RFC 8212).
//   - Changes of policy without a change of sessions: a new chain is swapped in as one operation, then the routes of the
//     neighbors whose part of it changed are evaluated again.
//   - Next hops. A link-local next hop is of use only with the interface of the session that it came over (RFC 2545 3), and
//     next hops that cannot be anyone's router are refused (nexthop.go).
//   - A limit on accepted routes, where GoBGP only has one on received routes.
//
// There is a Speaker for each VRF with BGP, bound to its device, beside that of the default instance, which is bound to none:
// the kernel gives it no connection that comes in on a link of a VRF, unless net.ipv4.tcp_l3mdev_accept is set.
//
// GoBGP keeps options of route selection in package variables, which each start of a server writes. A Speaker never sets them to
// anything but the defaults, so that what the others read meanwhile does not change.
package bgp
