// Package api serves the gRPC API of the router on a unix socket: ConfigService, StateService and OperateService of
// package sixfold.v1, with health and reflection.
//
// It is a thin shell. What the router knows comes from a Backend as Go values; a file for each service asks for them and
// convert.go turns them into messages. errors.go is the one place that turns errors into status codes. The socket opens
// before the router is configured, so that a router that cannot configure itself can be asked why.
package api
