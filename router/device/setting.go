package device

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink/nl"

	"github.com/sixfold-router/sixfold/router/change"
)

// native is the byte order of netlink: that of the machine.
var native = binary.NativeEndian

// setting is one attribute of a device or port: what it should be, for the kernel and for people.
type setting struct {
	attr  int
	value []byte
	text  string // "priority 4096"
	// feature, if it is not empty, is what a kernel lacks that never reports the attribute. Where the value is neutral, that is
	// all right.
	feature string
	neutral bool
	ticks   bool   // the kernel may round by one unit
	mask    uint32 // bits that count, of a u32; 0: all
	alone   bool   // is written before the others, in a message of its own
	fixed   bool   // the kernel does not change it in a device that exists
}

func u8(attr int, v uint8, format string, args ...any) setting {
	return setting{attr: attr, value: nl.Uint8Attr(v), neutral: v == 0, text: fmt.Sprintf(format, args...)}
}

func u16(attr int, v uint16, format string, args ...any) setting {
	return setting{attr: attr, value: nl.Uint16Attr(v), neutral: v == 0, text: fmt.Sprintf(format, args...)}
}

func u32(attr int, v uint32, format string, args ...any) setting {
	return setting{attr: attr, value: nl.Uint32Attr(v), neutral: v == 0, text: fmt.Sprintf(format, args...)}
}

func be16(attr int, v uint16, format string, args ...any) setting {
	return setting{attr: attr, value: binary.BigEndian.AppendUint16(nil, v), neutral: v == 0, text: fmt.Sprintf(format, args...)}
}

func be32(attr int, v uint32, format string, args ...any) setting {
	return setting{attr: attr, value: binary.BigEndian.AppendUint32(nil, v), neutral: v == 0, text: fmt.Sprintf(format, args...)}
}

func address(attr int, a netip.Addr, what string) setting {
	return setting{attr: attr, value: a.AsSlice(), text: what + " " + a.String()}
}

// flag is an attribute that is on or off.
func flag(attr int, on bool, what string) setting {
	if on {
		return u8(attr, 1, "%s on", what)
	}
	return u8(attr, 0, "%s off", what)
}

// Time attributes count hundredths of a second.
const tick = 10 * time.Millisecond

// ticks32 and ticks64 are times; what is 0 has the default.
func ticks32(attr int, d, otherwise time.Duration, what string) setting {
	if d == 0 {
		d = otherwise
	}
	s := u32(attr, uint32(d/tick), "%s %s", what, change.Span(d))
	s.ticks = true
	return s
}

func ticks64(attr int, d, otherwise time.Duration, what string) setting {
	if d == 0 {
		d = otherwise
	}
	return setting{attr: attr, value: nl.Uint64Attr(uint64(d / tick)), text: fmt.Sprintf("%s %s", what, change.Span(d)), ticks: true}
}

// ofFeature marks settings that some kernels lack; usual says that their value is what such a kernel does anyway.
func ofFeature(feature string, usual bool, all ...setting) []setting {
	for i := range all {
		all[i].feature, all[i].neutral = feature, usual
	}
	return all
}

// differing returns the settings that are not as the kernel has them, and what the kernel lacks.
func differing(want []setting, have map[int][]byte) (out []setting, lacks string) {
	for _, s := range want {
		now, reported := have[s.attr]
		switch {
		case reported && s.holds(now):
		case !reported && s.neutral:
		case !reported && s.feature != "":
			lacks = s.feature
		default:
			out = append(out, s)
		}
	}
	return out, lacks
}

// holds compares with what the kernel reports.
func (s setting) holds(now []byte) bool {
	if s.mask != 0 && len(now) == 4 && len(s.value) == 4 {
		return native.Uint32(now)&s.mask == native.Uint32(s.value)&s.mask
	}
	if s.ticks {
		a, b := number(now), number(s.value)
		return max(a, b)-min(a, b) <= 1
	}
	return string(now) == string(s.value)
}

// number reads an attribute of 1, 2, 4 or 8 bytes in the order of the machine.
func number(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(native.Uint16(b))
	case 4:
		return uint64(native.Uint32(b))
	case 8:
		return native.Uint64(b)
	}
	return 0
}

// big reads an attribute of 2 or 4 bytes in network order.
func big(b []byte) uint32 {
	switch len(b) {
	case 2:
		return uint32(binary.BigEndian.Uint16(b))
	case 4:
		return binary.BigEndian.Uint32(b)
	}
	return 0
}
