package mld

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// ICMPv6 types of the messages.
const (
	typeQuery   = 130
	typeReport1 = 131
	typeDone    = 132
	typeReport2 = 143
)

// maxRecords is more than a host puts into one report of an Ethernet frame, which has room for 72.
const maxRecords = 512

// Why a message or a record in it was dropped.
const (
	DropHopLimit    = "hop limit"        // it is not 1: it may come through a router
	DropAlert       = "no router alert"  // the hop-by-hop option is missing (RFC 3810 6.2, 7.4)
	DropSource      = "source"           // not a link-local address
	DropShort       = "too short"        // a length in it goes beyond its end
	DropLong        = "too long"         // longer than any packet of the link
	DropRecords     = "too many records" // more records than a host needs
	DropGroup       = "group"            // not a multicast address that can be listened to
	DropSourceList  = "source list"      // a source that is not a unicast address
	DropKind        = "record type"      // unknown
	DropGroupLimit  = "group limit"      // the link has as many groups as it may
	DropSourceLimit = "source limit"     // the group has as many sources as it may
	DropAnySource   = "any source"       // a group of source-specific multicast was asked for without sources (RFC 4604 2.2.1)
)

// query is a Multicast Listener Query of either version.
type query struct {
	Version     int
	Response    time.Duration // Maximum Response Delay
	Group       netip.Addr    // ::: a general query
	Suppress    bool          // S flag
	Robustness  int           // QRV; 0: not told
	Interval    time.Duration // QQI; 0: not told
	Sources     []netip.Addr
	Destination netip.Addr // of those that we send
}

// general reports whether the query asks for all groups.
func (q query) general() bool { return !q.Group.IsValid() || q.Group.IsUnspecified() }

// kind names the query as counters do.
func (q query) kind() string {
	switch {
	case q.general():
		return "general"
	case len(q.Sources) == 0:
		return "group"
	}
	return "source"
}

// recordKind is the type of a Multicast Address Record (RFC 3810 5.2.12).
type recordKind uint8

// The types of records.
const (
	isInclude recordKind = 1 + iota
	isExclude
	toInclude
	toExclude
	allow
	block
)

// record is a Multicast Address Record.
type record struct {
	Kind    recordKind
	Group   netip.Addr
	Sources []netip.Addr
}

// message is one of the four, by Type.
type message struct {
	Type    uint8
	Query   query
	Group   netip.Addr // of a report or done of version 1
	Records []record   // of a report of version 2
	Dropped []string   // records that were left out, by reason
}

// kind names the message as counters do.
func (m message) kind() string {
	switch {
	case m.Type == typeReport1:
		return "report1"
	case m.Type == typeDone:
		return "done"
	case m.Type == typeReport2:
		return "report2"
	case m.Query.Version == 1:
		return "query1"
	}
	return "query2"
}

// parse reads an ICMPv6 message whose checksum is right. It returns the reason to drop it, or nothing. Slices of the message do not
// share b.
func parse(b []byte) (message, string) {
	if len(b) < 8 {
		return message{}, DropShort
	}
	m := message{Type: b[0]}
	switch m.Type {
	case typeQuery:
		return parseQuery(b, m)
	case typeReport1, typeDone:
		if len(b) < 24 {
			return m, DropShort
		}
		m.Group = netip.AddrFrom16([16]byte(b[8:24]))
		if !joinable(m.Group) {
			return m, DropGroup
		}
		return m, ""
	case typeReport2:
		return parseReport(b, m)
	}
	return m, DropKind
}

// parseQuery tells the versions apart by length (RFC 3810 8.1).
func parseQuery(b []byte, m message) (message, string) {
	if len(b) != 24 && len(b) < 28 {
		return m, DropShort
	}
	code := binary.BigEndian.Uint16(b[4:])
	q := query{Version: 1, Response: time.Duration(code) * time.Millisecond, Group: netip.AddrFrom16([16]byte(b[8:24]))}
	if !q.general() && !joinable(q.Group) {
		return m, DropGroup
	}
	if len(b) > 24 {
		q.Version = 2
		q.Response = responseDelay(code)
		q.Suppress = b[24]&8 != 0
		q.Robustness = int(b[24] & 7)
		q.Interval = queryInterval(b[25])
		n := int(binary.BigEndian.Uint16(b[26:]))
		if len(b) < 28+16*n {
			return m, DropShort
		}
		var ok bool
		if q.Sources, ok = sources(b[28:], n); !ok {
			return m, DropSourceList
		}
	}
	m.Query = q
	return m, ""
}

func parseReport(b []byte, m message) (message, string) {
	n := int(binary.BigEndian.Uint16(b[6:]))
	if n > maxRecords {
		return m, DropRecords
	}
	b = b[8:]
	for range n {
		if len(b) < 20 {
			return m, DropShort
		}
		count := int(binary.BigEndian.Uint16(b[2:]))
		size := 20 + 16*count + 4*int(b[1])
		if len(b) < size {
			return m, DropShort
		}
		r := record{Kind: recordKind(b[0]), Group: netip.AddrFrom16([16]byte(b[4:20]))}
		list, ok := sources(b[20:], count)
		r.Sources = list
		switch {
		case r.Kind < isInclude || r.Kind > block:
			m.Dropped = append(m.Dropped, DropKind)
		case !joinable(r.Group):
			m.Dropped = append(m.Dropped, DropGroup)
		case !ok:
			m.Dropped = append(m.Dropped, DropSourceList)
		default:
			m.Records = append(m.Records, r)
		}
		b = b[size:]
	}
	return m, ""
}

// sources reads n addresses, each once. It is false if one of them cannot be a source.
func sources(b []byte, n int) ([]netip.Addr, bool) {
	if n == 0 {
		return nil, true
	}
	list := make([]netip.Addr, 0, n)
	seen := make(map[netip.Addr]bool, n)
	for i := range n {
		a := netip.AddrFrom16([16]byte(b[16*i:]))
		if a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() {
			return nil, false
		}
		if !seen[a] {
			seen[a] = true
			list = append(list, a)
		}
	}
	return list, true
}

// joinable reports whether hosts tell routers of a group (RFC 3810 6: not of all nodes, and of nothing that stays in the machine).
func joinable(group netip.Addr) bool {
	return group.IsMulticast() && scope(group) >= scopeLink && group != allNodes
}

// solicited reports whether a group is one of solicited-node addresses (RFC 4291 2.7.1). Each address of each host has one.
func solicited(group netip.Addr) bool {
	b := group.As16()
	return [13]byte(b[:13]) == [13]byte{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}
}

// responseDelay decodes a Maximum Response Code (RFC 3810 5.1.3).
func responseDelay(code uint16) time.Duration {
	ms := uint64(code)
	if code >= 0x8000 {
		ms = uint64(code&0xfff|0x1000) << (code>>12&7 + 3)
	}
	return time.Duration(ms) * time.Millisecond
}

// queryInterval decodes a QQIC (RFC 3810 5.1.9).
func queryInterval(code uint8) time.Duration {
	s := uint64(code)
	if code >= 0x80 {
		s = uint64(code&0xf|0x10) << (code>>4&7 + 3)
	}
	return time.Duration(s) * time.Second
}
