package lease

import "slices"

// Contact is how the client of a lease can be told to renew (a Reconfigure, RFC 8415 18.3.11): the key that it was given, by which it
// knows who tells it, and the way to it. A Contact is not written to once a lease has it: leases share it.
type Contact struct {
	Key  [16]byte // of the reconfigure key authentication protocol (RFC 8415 20.4)
	Path []byte   // over which relays; opaque to this package, empty for a client on the link
}

// appendContact appends what follows the lease in an opReach.
func appendContact(b []byte, c *Contact) []byte {
	b = append(b, c.Key[:]...)
	return appendString(b, c.Path)
}

func (d *decoder) contact() *Contact {
	c := &Contact{}
	copy(c.Key[:], d.take(len(c.Key)))
	if path := d.bytes(maxString); len(path) > 0 {
		c.Path = slices.Clone(path)
	}
	return c
}
