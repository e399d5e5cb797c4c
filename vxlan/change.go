package vxlan

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// change is what to write to a device that stays. Zero values leave things alone.
type change struct {
	Mark     bool       // put it back into our link group
	MTU      int        // 0: unchanged
	Link     int        // 0: unchanged
	Group    netip.Addr // invalid: unchanged; unspecified: none any more
	Local    netip.Addr // invalid: unchanged; unspecified: none any more
	TTL      uint8      // 0: unchanged
	Learning *bool
	Ageing   *uint32
	TOS      *uint8
	DF       *DF
	Up       bool    // bring it up
	Add      []entry // to the forwarding table
	Drop     []entry // from it, after that
}

// tunnel reports whether the device itself changes, rather than its forwarding table or what all links have.
func (c change) tunnel() bool {
	return c.Link != 0 || c.Group.IsValid() || c.Local.IsValid() || c.TTL != 0 || c.Learning != nil || c.Ageing != nil || c.TOS != nil ||
		c.DF != nil
}

func (c change) empty() bool {
	return !c.tunnel() && !c.Mark && c.MTU == 0 && !c.Up && len(c.Add)+len(c.Drop) == 0
}

// anew reports whether d differs from p in something that the kernel does not change in an existing device.
func anew(d Device, p present, link int, rejoin bool) bool {
	t, f := p.Vxlan, d.family()
	return t.Odd || t.VNI != d.VNI || t.Port != d.Port || t.Limit != d.MaxAddresses ||
		t.PortLow != d.PortLow || t.PortHigh != d.PortHigh ||
		p.Family != unknown && p.Family != f ||
		link == 0 && t.Link != 0 ||
		f == ipv4 && (t.Checksum == d.NoChecksum || t.ZeroRx || t.ZeroTx) ||
		f == ipv6 && (t.ZeroTx != d.NoChecksum || t.ZeroRx != d.NoChecksum) ||
		!rejoin && (t.Group.IsMulticast() || d.Group.IsMulticast()) && (t.Group != d.Group || t.Link != link)
}

// difference is what to write to make the device p what d says.
func difference(d Device, p present, link int) change {
	t := p.Vxlan
	c := change{Mark: p.Group != groupOurs, Up: !p.Up}
	if p.MTU != d.MTU {
		c.MTU = d.MTU
	}
	if t.Link != link {
		c.Link = link
	}
	c.Group = replacement(t.Group, d.Group, d)
	c.Local = replacement(t.Local, d.Local, d)
	if t.TTL != d.TTL {
		c.TTL = d.TTL
	}
	c.Learning = differs(t.Learning, !d.NoLearning)
	c.Ageing = differs(t.Ageing, d.ageing())
	c.TOS = differs(t.TOS, d.TOS)
	c.DF = differs(t.DF, d.DF)
	c.Add, c.Drop = exchange(d.entries(link), t.moved(p.Entries, c))
	return c
}

func differs[T comparable](have, want T) *T {
	if have == want {
		return nil
	}
	return &want
}

// replacement is what to write over an address.
func replacement(have, want netip.Addr, d Device) netip.Addr {
	switch {
	case have == want:
		return netip.Addr{}
	case want.IsValid():
		return want
	case d.OverIPv6():
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// link is the index of the underlying link after the change.
func (c change) link(now int) int {
	return cmp.Or(c.Link, now)
}

// on returns p as it is after the change.
func (c change) on(p present) present {
	t := &p.Vxlan
	p.Entries = t.moved(p.Entries, c)
	if c.Mark {
		p.Group = groupOurs
	}
	if c.MTU != 0 {
		p.MTU = c.MTU
	}
	t.Link = c.link(t.Link)
	t.Group = replaced(t.Group, c.Group)
	t.Local = replaced(t.Local, c.Local)
	if c.TTL != 0 {
		t.TTL = c.TTL
	}
	set(&t.Learning, c.Learning)
	set(&t.Ageing, c.Ageing)
	set(&t.TOS, c.TOS)
	set(&t.DF, c.DF)
	p.Up = p.Up || c.Up
	entries := slices.DeleteFunc(slices.Concat(p.Entries, c.Add), func(e entry) bool { return slices.Contains(c.Drop, e) })
	// What is added for a hardware address replaces what was there.
	entries = slices.DeleteFunc(entries, func(e entry) bool {
		return e.MAC != (MAC{}) && !slices.Contains(c.Add, e) && slices.ContainsFunc(c.Add, func(a entry) bool { return a.MAC == e.MAC })
	})
	slices.SortFunc(entries, entry.compare)
	p.Entries = slices.Compact(entries)
	return p
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func replaced(have, by netip.Addr) netip.Addr {
	switch {
	case !by.IsValid():
		return have
	case by.IsUnspecified():
		return netip.Addr{}
	}
	return by
}

// text tells what becomes of d.
func (c change) text(d Device) string {
	var parts []string
	add := func(when bool, format string, args ...any) {
		if when {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(c.Link != 0, "move to link %s", d.Link)
	add(d.Group.IsValid() && c.Group.IsValid(), "change group to %s", d.Group)
	add(!d.Group.IsValid() && c.Group.IsValid(), "leave its group")
	add(d.Local.IsValid() && c.Local.IsValid(), "change local address to %s", d.Local)
	add(!d.Local.IsValid() && c.Local.IsValid(), "leave the local address to the kernel")
	add(c.TTL != 0, "change ttl to %d", c.TTL)
	if c.Learning != nil {
		parts = append(parts, "switch learning "+map[bool]string{true: "on", false: "off"}[*c.Learning])
	}
	if c.Ageing != nil {
		parts = append(parts, "change ageing to "+ageingText(*c.Ageing))
	}
	if c.TOS != nil {
		parts = append(parts, "change dscp to "+DSCP(*c.TOS))
	}
	if c.DF != nil {
		parts = append(parts, "change df to "+c.DF.String())
	}
	// That entries move with the link goes without saying.
	for _, e := range c.Add {
		add(c.Link == 0 || !goes(e, c.Drop), "add %s", e)
	}
	for _, e := range c.Drop {
		add(c.Link == 0 || !goes(e, c.Add), "remove %s", e)
	}
	add(c.Mark, "mark it as ours")
	add(c.MTU != 0, "change mtu to %d", c.MTU)
	add(c.Up, "bring up")
	if len(parts) > wordy {
		parts = append(parts[:wordy], fmt.Sprintf("and %d more", len(parts)-wordy))
	}
	return strings.Join(parts, ", ")
}

// goes reports whether the others have e at another link.
func goes(e entry, others []entry) bool {
	return slices.ContainsFunc(others, func(o entry) bool { return o.MAC == e.MAC && o.Remote == e.Remote })
}

// wordy is how many changes of one device are told of.
const wordy = 12

func ageingText(seconds uint32) string {
	if seconds == math.MaxUint32 {
		return "forever"
	}
	return fmt.Sprintf("%ds", seconds)
}

// DSCP is the text of the differentiated services code point in a traffic class octet, or inherit.
func DSCP(tos uint8) string {
	if tos == TOSInherit {
		return "inherit"
	}
	return fmt.Sprint(tos >> 2)
}
