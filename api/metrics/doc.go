// Package metrics serves what the router knows of itself to Prometheus, over HTTP at /metrics. It is off until it is configured.
//
// Nothing is counted here: each scrape asks the router, as the other commands of an operator do, and one at a time, so that
// however many scrape the router does the work of one. Every series is bounded by the configuration: there are labels for
// interfaces, neighbors and pools, never for routes, leases or hosts.
//
// There is no TLS and there are no passwords: the address and the device to listen on are what keeps strangers out. Names of
// interfaces, neighbors and pools, and numbers, are all that is told.
package metrics
