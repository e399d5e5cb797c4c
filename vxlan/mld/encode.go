package mld

import (
	"encoding/binary"
	"net/netip"
	"time"
)

var (
	allNodes   = netip.MustParseAddr("ff02::1")
	allRouters = netip.MustParseAddr("ff02::2")  // reports of version 1 that a listener leaves
	allMLDv2   = netip.MustParseAddr("ff02::16") // reports of version 2
)

// querySources is how many sources fit into a query on a link with the smallest MTU, 1280 bytes.
const querySources = (1280 - 40 - 8 - 28) / 16

// The longest times that a query can say.
const (
	MaxResponse  = 8387584 * time.Millisecond
	MaxResponse1 = 65535 * time.Millisecond // of version 1
	MaxInterval  = 31744 * time.Second
)

// encode returns the ICMPv6 message of a query with at most querySources sources, without its checksum, which the kernel adds.
func (q query) encode() []byte {
	size := 24
	if q.Version > 1 {
		size = 28 + 16*len(q.Sources)
	}
	b := make([]byte, size)
	b[0] = typeQuery
	if !q.general() {
		group := q.Group.As16()
		copy(b[8:], group[:])
	}
	if q.Version == 1 {
		binary.BigEndian.PutUint16(b[4:], uint16(min(q.Response.Milliseconds(), MaxResponse1.Milliseconds())))
		return b
	}
	binary.BigEndian.PutUint16(b[4:], responseCode(q.Response))
	if q.Robustness <= 7 { // RFC 3810 5.1.8: more cannot be said
		b[24] = uint8(q.Robustness)
	}
	if q.Suppress {
		b[24] |= 8
	}
	b[25] = intervalCode(q.Interval)
	binary.BigEndian.PutUint16(b[26:], uint16(len(q.Sources)))
	for i, s := range q.Sources {
		a := s.As16()
		copy(b[28+16*i:], a[:])
	}
	return b
}

// responseCode encodes the longest delay that is not longer than d.
func responseCode(d time.Duration) uint16 {
	ms := uint64(max(d, 0).Milliseconds())
	if ms < 0x8000 {
		return uint16(ms)
	}
	for exp := uint16(0); exp < 8; exp++ {
		if mant := ms >> (exp + 3); mant < 0x2000 {
			return 0x8000 | exp<<12 | uint16(mant&0xfff)
		}
	}
	return 0xffff
}

// intervalCode encodes the longest interval that is not longer than d.
func intervalCode(d time.Duration) uint8 {
	s := uint64(max(d, 0) / time.Second)
	if s < 0x80 {
		return uint8(s)
	}
	for exp := uint8(0); exp < 8; exp++ {
		if mant := s >> (exp + 3); mant < 0x20 {
			return 0x80 | exp<<4 | uint8(mant&0xf)
		}
	}
	return 0xff
}
