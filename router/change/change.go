// Package change is the vocabulary in which subsystems tell what an Apply would do, before it is done. It is only words: what
// they mean for the operator as a whole is composed by package router.
package change

import "net/netip"

// Class says how an operation treats what exists.
type Class uint8

// The classes.
const (
	Live     Class = iota // in place or new: nothing that works is disturbed
	Recreate              // it is gone for a moment, or starts again
	Delete                // it goes away
)

// String returns the word of the API: live, recreate or delete.
func (c Class) String() string {
	switch c {
	case Recreate:
		return "recreate"
	case Delete:
		return "delete"
	}
	return "live"
}

// Op is one thing that an Apply would do. Operations come in the order in which Apply does them, and an Apply that would write
// nothing has none.
type Op struct {
	Class    Class
	Object   string     // what is touched: "vxlan1000", "neighbor cobra", "2001:db8::/32"
	Action   string     // what is done to it, in words that follow the object: "set mtu to 1400", "add 2001:db8::1/64"
	Disturbs string     // what does not work for a moment or no more: "forwarding through vxlan1000", "the BGP session"; empty: nothing
	Address  netip.Addr // address of ours that goes away, if only for a moment; invalid: none
	Links    []string   // links over which packets may be lost, for the warning that the operator's own session ends
}
