// Package api serves the gRPC API of the router: ConfigService, StateService and OperateService of package sixfold.v1, with health
// and reflection, on a unix socket and, where that is configured, on TCP with mutual TLS 1.3.
//
// It is a thin shell. What the router knows comes from a Backend as Go values; a file for each service asks for them and
// convert.go turns them into messages. errors.go is the one place that turns errors into status codes. The socket opens
// before the router is configured, so that a router that cannot configure itself can be asked why.
//
// Who may do what is decided in one place, guard.go, for every call: peer_linux.go finds out who is at the other end of a
// connection (by SO_PEERCRED and SO_PEERGROUPS, or by certificate), policy.go which role that has by now, and role.go which role the
// method needs by its option in the schema; a method without one is open to nobody. The mode of the socket lets everybody
// connect, since the kernel vouches for the caller of each call.
//
// What changes something leaves a record in audit.go before it begins and after it ended; what was refused leaves one too, within
// bounds. Streams (watch.go, monitor.go) hold nothing for a client that does not read, and end its stream after a while (streams.go).
//
// Run owns the listeners; Configure, which may be called at any time, opens and closes those on TCP.
package api
