package assign

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"
)

// Key names a part of a delegation.
type Key struct {
	Delegation string
	Name       string // interface, or a name of its own; empty: the router itself
	Bits       int    // length of the part
}

// compare orders larger parts first, so that smaller ones do not cut up what they need.
func (k Key) compare(o Key) int {
	return cmp.Or(strings.Compare(k.Delegation, o.Delegation), cmp.Compare(k.Bits, o.Bits), strings.Compare(k.Name, o.Name))
}

// Part is a part that was chosen.
type Part struct {
	Key
	Subnet netip.Prefix // its place: the bits of the delegation are zero
	Why    string       // how it came to this place, in words
}

// Table is what was chosen. The zero Table is empty.
type Table struct {
	Parts []Part // of what is configured, in the order of their keys
	Kept  []Part // of what was configured, the oldest first
}

// maxKept bounds how many parts are kept for what is no longer configured, as of virtual machines that come and go. The oldest are
// forgotten.
const maxKept = 1024

// Equal tells whether two tables are the same.
func (t Table) Equal(o Table) bool {
	return slices.Equal(t.Parts, o.Parts) && slices.Equal(t.Kept, o.Kept)
}

// Find returns the part with the key.
func (t Table) Find(k Key) (Part, bool) {
	i, ok := slices.BinarySearchFunc(t.Parts, k, func(p Part, k Key) int { return p.Key.compare(k) })
	if !ok {
		return Part{}, false
	}
	return t.Parts[i], true
}

// Claim is a part of a delegation that is not ours to choose.
type Claim struct {
	Subnet netip.Prefix // its place in the delegation, without host bits
	Who    string       // for reasons: "interfaces.lan1.addresses"
}

// Space is a delegation to choose in.
type Space struct {
	Bits   int            // of the delegated prefix; 0: nothing is delegated, and nothing can be chosen
	Claims []Claim        // what nobody may be put on, or stay on
	Leased []netip.Prefix // places that clients have: nobody new is put on them
	Frozen string         // why nothing new can be chosen now; empty: it can
}

// Result is what was chosen.
type Result struct {
	Table
	Now     map[Key]netip.Prefix // the places that are in force
	Reasons map[Key]string       // why others have none
}

// Choose gives each of the wanted keys its place. The order of wanted does not matter, and with the same arguments the result is
// the same. have is not changed.
func Choose(have Table, wanted []Key, spaces map[string]Space) Result {
	wanted = slices.Clone(wanted)
	slices.SortFunc(wanted, Key.compare)
	wanted = slices.Compact(wanted)
	r := Result{Now: map[Key]netip.Prefix{}, Reasons: map[Key]string{}}
	r.Kept = slices.Clone(have.Kept)
	for _, p := range have.Parts {
		if _, ok := slices.BinarySearchFunc(wanted, p.Key, Key.compare); ok {
			r.Parts = append(r.Parts, p)
		} else {
			r.Kept = append(r.Kept, p)
		}
	}
	for len(wanted) > 0 {
		n := 1
		for n < len(wanted) && wanted[n].Delegation == wanted[0].Delegation {
			n++
		}
		c := chooser{Result: &r, space: spaces[wanted[0].Delegation], name: wanted[0].Delegation}
		c.choose(wanted[:n])
		wanted = wanted[n:]
	}
	sortParts(r.Parts)
	if extra := len(r.Kept) - maxKept; extra > 0 {
		r.Kept = r.Kept[extra:]
	}
	return r
}

// chooser chooses in one delegation.
type chooser struct {
	*Result
	space Space
	name  string
	free  []netip.Prefix // once asked for: what nobody has and nothing is kept for
	asked bool
}

func (c *chooser) choose(wanted []Key) {
	at := map[Key]int{}
	for i, p := range c.Parts {
		if p.Delegation == c.name {
			at[p.Key] = i
		}
	}
	var moving []Key
	for _, k := range wanted {
		i, ok := at[k]
		switch {
		case c.space.Bits == 0:
			c.Reasons[k] = fmt.Sprintf("nothing is delegated as %s", c.name)
		case k.Bits < c.space.Bits:
			c.Reasons[k] = fmt.Sprintf("%s is a /%d, too small for a /%d", c.name, c.space.Bits, k.Bits)
		case ok && c.why(c.Parts[i].Subnet) == "":
			c.Now[k] = c.Parts[i].Subnet
		default:
			moving = append(moving, k)
		}
	}
	for _, k := range moving {
		i, had := at[k]
		why := ""
		if had {
			why = c.why(c.Parts[i].Subnet)
		}
		part, ok := c.place(k)
		switch {
		case !ok && had:
			c.Reasons[k] = fmt.Sprintf("%s has no free /%d left, and %s", c.name, k.Bits, why)
		case !ok && c.space.Frozen != "":
			c.Reasons[k] = c.space.Frozen
		case !ok:
			c.Reasons[k] = fmt.Sprintf("%s is a /%d, and has no free /%d left", c.name, c.space.Bits, k.Bits)
		case had:
			part.Why = "moved here: " + why
			c.Parts[i] = part
			c.Now[k] = part.Subnet
		default:
			c.Parts = append(c.Parts, part)
			c.Now[k] = part.Subnet
		}
	}
}

// why tells why a place cannot be used; empty: it can.
func (c *chooser) why(place netip.Prefix) string {
	if !fits(place.Addr(), c.space.Bits) {
		return fmt.Sprintf("%s is outside of a /%d", Text(place), c.space.Bits)
	}
	for _, claim := range c.space.Claims {
		if claim.Subnet.Overlaps(place) {
			return fmt.Sprintf("%s belongs to %s", Text(place), claim.Who)
		}
	}
	return ""
}

// place chooses a place for a key that has none: the one that is kept for it, a free one, or one that is kept for others, of those
// the one whose owner is gone for longest. Places of the table do not overlap, whether they are in use or kept.
func (c *chooser) place(k Key) (Part, bool) {
	if c.space.Frozen != "" {
		return Part{}, false
	}
	for i, old := range slices.Backward(c.Kept) {
		if old.Key != k {
			continue
		}
		c.Kept = slices.Delete(c.Kept, i, i+1)
		if c.why(old.Subnet) == "" && !slices.ContainsFunc(c.space.Leased, old.Subnet.Overlaps) {
			return Part{Key: k, Subnet: old.Subnet, Why: "it had this place before"}, true
		}
		break
	}
	if !c.asked {
		c.free, c.asked = Free(root(c.space.Bits), c.taken(len(c.Kept))), true
	}
	if place, rest, ok := take(c.free, k.Bits); ok {
		c.free = rest
		return Part{Key: k, Subnet: place, Why: "the first of the smallest free blocks"}, true
	}
	// The fewer of those that are gone we spare, the more room there is: spare as many of the newest as possible.
	n := sort.Search(len(c.Kept), func(gone int) bool {
		_, _, ok := take(Free(root(c.space.Bits), c.taken(len(c.Kept)-1-gone)), k.Bits)
		return ok
	})
	if n == len(c.Kept) {
		return Part{}, false
	}
	place, _, _ := take(Free(root(c.space.Bits), c.taken(len(c.Kept)-1-n)), k.Bits)
	c.Kept = slices.DeleteFunc(c.Kept, func(p Part) bool { return p.Delegation == c.name && p.Subnet.Overlaps(place) })
	c.asked = false
	return Part{Key: k, Subnet: place, Why: "all that was never used is taken"}, true
}

// taken returns the places that nobody new may have: of those that are kept, the newest so many.
func (c *chooser) taken(newest int) []netip.Prefix {
	var out []netip.Prefix
	for _, claim := range c.space.Claims {
		out = append(out, claim.Subnet)
	}
	out = append(out, c.space.Leased...)
	for _, p := range c.Parts {
		if p.Delegation == c.name {
			out = append(out, p.Subnet)
		}
	}
	for _, p := range c.Kept[len(c.Kept)-newest:] {
		if p.Delegation == c.name {
			out = append(out, p.Subnet)
		}
	}
	return out
}

func sortParts(parts []Part) {
	slices.SortFunc(parts, func(a, b Part) int { return a.Key.compare(b.Key) })
}

// root is the whole of a delegation, as a place.
func root(bits int) netip.Prefix { return netip.PrefixFrom(netip.IPv6Unspecified(), bits) }

// fits tells whether the first bits of a are zero.
func fits(a netip.Addr, bits int) bool { return root(bits).Contains(a) }
