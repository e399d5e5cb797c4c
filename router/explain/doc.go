// Package explain answers why something in the router is as it is: an address, a prefix, a MAC address, a group, or anything that has
// a name. It makes a tree of checks, in the order in which things depend on one another, and one sentence that says what it is or what
// is broken first. It is pure: a View has all that it follows from, gathered by package router.
package explain
