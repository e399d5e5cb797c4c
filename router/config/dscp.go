package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// codePoints are the names of differentiated services code points (RFC 2474, 2597, 3246, 5865, 8622).
func codePoints() map[string]uint8 {
	names := map[string]uint8{"be": 0, "le": 1, "ef": 46, "va": 44}
	for class := range uint8(8) {
		names[fmt.Sprintf("cs%d", class)] = class << 3
	}
	for class := uint8(1); class <= 4; class++ {
		for drop := uint8(1); drop <= 3; drop++ {
			names[fmt.Sprintf("af%d%d", class, drop)] = class<<3 | drop<<1
		}
	}
	return names
}

// dscp reads a code point, a number or a name, and returns the traffic class octet; 1 stands for that of the inner packet.
func (b *builder) dscp(text string, s *spot) uint8 {
	if text == "" {
		return 0
	}
	if text == "inherit" {
		return 1
	}
	names := codePoints()
	if v, ok := names[strings.ToLower(text)]; ok {
		return v << 2
	}
	v, err := strconv.ParseUint(text, 10, 8)
	if err != nil || v > 63 || strconv.FormatUint(v, 10) != text {
		all := slices.Sorted(maps.Keys(names))
		b.errorf(s, "%q is not a code point: 0 to 63, inherit, or one of %s", excerpt(text), strings.Join(all, ", "))
		return 0
	}
	return uint8(v) << 2
}

// portRange reads LOW-HIGH.
func (b *builder) portRange(text string, s *spot) [2]uint16 {
	if text == "" {
		return [2]uint16{}
	}
	low, high, ok := strings.Cut(text, "-")
	x, err := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
	y, err2 := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
	if !ok || err != nil || err2 != nil || x == 0 || y < x {
		b.errorf(s, "%q is not a range of UDP ports, as 49152-65535", excerpt(text))
		return [2]uint16{}
	}
	return [2]uint16{uint16(x), uint16(y)}
}
