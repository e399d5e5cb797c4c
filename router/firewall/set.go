package firewall

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// SetType is what the elements of a set are.
type SetType uint8

// The types.
const (
	Interfaces SetType = iota // names
	Addresses6                // ranges
	Addresses4                // ranges
	PortsType                 // ranges
	Types6                    // types of ICMPv6
	Types4                    // types of ICMP
	Protocols                 // above IP
	VNIs                      // of VXLAN
)

// ranges reports whether elements are ranges.
func (s *Set) ranges() bool {
	t := s.Type
	return !s.Dynamic && (t == Addresses6 || t == Addresses4 || t == PortsType)
}

// String returns the word of nft.
func (t SetType) String() string {
	return [...]string{"ifname", "ipv6_addr", "ipv4_addr", "inet_service", "icmpv6_type", "icmp_type", "inet_proto", "integer"}[min(t, VNIs)]
}

// Set is a named set. Its elements are sorted; ranges neither overlap nor touch.
type Set struct {
	Name     string
	Title    string // what it holds, for people, where the name does not say it; empty: it does
	Type     SetType
	Dynamic  bool // rules add single keys, which the kernel forgets after a time; Elements is empty
	Elements []Element
}

// What is kept in dynamic sets.
const (
	dynamicTimeout = time.Minute
	dynamicSize    = 65535
)

// Element is a range of keys, both ends included, as the kernel compares them. An interface name has one key.
type Element struct{ First, Last string }

// object is what the set is called.
func (s *Set) object() string {
	if s.Title != "" {
		return s.Title
	}
	return setObject(s.Name)
}

// setObject is what a set is called by its name.
func setObject(name string) string { return "set " + name }

// has reports whether a key is in the set.
func (s *Set) has(key string) bool {
	i, found := slices.BinarySearchFunc(s.Elements, key, func(e Element, k string) int { return strings.Compare(e.First, k) })
	if found {
		return true
	}
	return i > 0 && key <= s.Elements[i-1].Last
}

// text writes an element as nft does.
func (t SetType) text(e Element) string {
	one := func(key string) string {
		switch t {
		case Interfaces:
			return fmt.Sprintf("%q", strings.TrimRight(key, "\x00"))
		case Types6:
			return ICMPType{Type: key[0]}.String()
		case Types4:
			return ICMPType{V4: true, Type: key[0]}.String()
		case Protocols:
			return Protocol(key[0]).String()
		case VNIs:
			return fmt.Sprint(uint32(key[0])<<16 | uint32(key[1])<<8 | uint32(key[2]))
		case PortsType:
			return fmt.Sprint(binary.BigEndian.Uint16([]byte(key)))
		}
		a, _ := netip.AddrFromSlice([]byte(key))
		return a.String()
	}
	if e.First == e.Last {
		return one(e.First)
	}
	if t == Addresses6 || t == Addresses4 {
		if p, ok := e.prefix(); ok {
			return p.String()
		}
	}
	return one(e.First) + "-" + one(e.Last)
}

// prefix returns a range of addresses as a prefix, if it is one.
func (e Element) prefix() (netip.Prefix, bool) {
	first, _ := netip.AddrFromSlice([]byte(e.First))
	last, _ := netip.AddrFromSlice([]byte(e.Last))
	for bits := range first.BitLen() + 1 {
		p := netip.PrefixFrom(first, bits)
		if p.Masked() == p && lastOf(p) == last {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// lastOf returns the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// after returns the key that follows; ok is false where there is none.
func after(key string) (next string, ok bool) {
	b := []byte(key)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return string(b), true
		}
	}
	return "", false
}

// merged sorts ranges and joins those that overlap or touch.
func merged(list []Element) []Element {
	slices.SortFunc(list, func(a, b Element) int { return strings.Compare(a.First, b.First) })
	var out []Element
	for _, e := range list {
		if n := len(out); n > 0 {
			next, more := after(out[n-1].Last)
			if !more || e.First <= next {
				out[n-1].Last = max(out[n-1].Last, e.Last)
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

// addressElements returns the addresses of one family.
func addressElements(list []netip.Prefix, v4 bool) []Element {
	var out []Element
	for _, p := range list {
		if p.Addr().Is4() == v4 {
			p = p.Masked()
			out = append(out, Element{string(p.Addr().AsSlice()), string(lastOf(p).AsSlice())})
		}
	}
	return merged(out)
}

func portElements(list []PortRange) []Element {
	var out []Element
	for _, r := range list {
		out = append(out, Element{portKey(r.First), portKey(r.Last)})
	}
	return merged(out)
}

func portKey(port uint16) string { return string(binary.BigEndian.AppendUint16(nil, port)) }

// ifnameSize is what the kernel has for the name of an interface.
const ifnameSize = 16

func nameElements(names []string) []Element {
	keys := make([]string, len(names))
	for i, n := range names {
		keys[i] = nameKey(n)
	}
	return single(keys)
}

func octetElements[T ~uint8](values ...T) []Element {
	keys := make([]string, len(values))
	for i, v := range values {
		keys[i] = string([]byte{byte(v)})
	}
	return single(keys)
}

// single makes elements of keys.
func single(keys []string) []Element {
	var out []Element
	for _, k := range keys {
		out = append(out, Element{k, k})
	}
	slices.SortFunc(out, func(a, b Element) int { return strings.Compare(a.First, b.First) })
	return slices.Compact(out)
}

// nameKey is the name of an interface as the kernel compares it.
func nameKey(name string) string {
	return name + strings.Repeat("\x00", max(ifnameSize-len(name), 0))
}
