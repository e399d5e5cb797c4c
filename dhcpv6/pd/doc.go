// Package pd is the DHCPv6 client of the uplinks (RFC 8415, RFC 9915): it asks for prefixes to delegate further (IA_PD) and,
// if wanted, for an address of the uplink (IA_NA), keeps them alive, and remembers them over restarts. What is done with a
// delegation is left to others.
//
// All identity associations of one uplink share one exchange at a time (RFC 8415 18.2): what is not held yet is asked for
// in the same Renew or Rebind that extends what is held, so a missing address never delays a prefix nor the other way
// round. The life of an uplink:
//
//	soliciting   Solicit, until an Advertise (or, with rapid commit, a Reply) has something for us
//	requesting   Request to the chosen server
//	bound        nothing to do until T1
//	renewing     Renew to the server that gave the lease, from T1 to T2
//	rebinding    Rebind to any server: from T2 on, and at once after a restart or a change of the link (18.2.12)
//	confirming   Confirm instead of that Rebind, where addresses alone are held
//	declining    Decline of an address that another host turned out to have
//
// A server may change a prefix in two ways. It withdraws the old one (valid lifetime 0, or no memory of it): it is gone. Or it lets
// it run out beside the new one: then it is a former prefix (Delegation.Former), still routed to us and good for what uses it, and
// extended by name as long as the server does that. What a server gives beside the prefix in use is spare: it is kept alive, and
// takes over when that one ends.
//
// Reconfigure messages are followed with the authentication of RFC 9915 20.4 only, with keys that outlive a restart. On a link where
// nothing else is asked for an Information-request brings DNS servers and search domains (Resolver).
//
// A delegation lives until its valid lifetime ends, whatever happens to the server or the link; only a server's Reply
// or a Release on request ends it earlier. Nothing is released on stop: a restart is no reason to renumber (RFC 9096 WPD-9).
//
// The machine of one uplink is pure (machine.go and its neighbours): the time is a parameter, messages go in and come out as
// values. Client drives the machines with sockets, timers and files.
package pd
