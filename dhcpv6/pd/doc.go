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
//
// A delegation lives until its valid lifetime ends, whatever happens to the server or the link; only a server's Reply
// or a Release on request ends it earlier. Nothing is released on stop: a restart is no reason to renumber (RFC 9096 WPD-9).
//
// The machine of one uplink is pure (machine.go and its neighbours): the time is a parameter, messages go in and come out as
// values. Client drives the machines with sockets, timers and files.
package pd
