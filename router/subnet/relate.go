package subnet

import "net/netip"

// Relation is how one prefix lies to another.
type Relation string

// The relations.
const (
	Equal    Relation = "equal"
	Contains Relation = "contains" // the first holds all of the second, and more
	Within   Relation = "within"   // the second holds all of the first, and more
	Apart    Relation = "apart"    // they have no address in common
)

// Relate says how a lies to b. Prefixes never overlap in part.
func Relate(a, b netip.Prefix) Relation {
	a, b = a.Masked(), b.Masked()
	switch {
	case a == b:
		return Equal
	case !a.Overlaps(b):
		return Apart
	case a.Bits() < b.Bits():
		return Contains
	}
	return Within
}
