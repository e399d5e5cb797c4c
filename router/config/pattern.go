package config

import (
	"fmt"
	"strconv"
	"strings"
)

const patternForms = "a pattern is P, P+ (and within), P- (and around) or P{LOW,HIGH} with a prefix P, as 2001:db8::/32{48,64}"

// pattern reads a prefix pattern: BIRD's forms.
func (b *builder) pattern(text string, s *spot) Pattern {
	bare, suffix := strings.TrimSpace(text), ""
	if i := strings.IndexAny(bare, "+-{"); i >= 0 && strings.Contains(bare[:i], "/") {
		bare, suffix = bare[:i], bare[i:]
	} else if strings.HasSuffix(bare, "+") || strings.HasSuffix(bare, "}") {
		b.errorf(s, "%q has no prefix length; %s", excerpt(text), patternForms)
		return Pattern{}
	}
	e := b.prefix(bare, s)
	if !e.IsValid() {
		return Pattern{}
	}
	bits, most := e.Prefix.Bits(), e.Prefix.Addr().BitLen()
	p := Pattern{Prefix: e, Min: bits, Max: bits}
	switch {
	case suffix == "":
	case suffix == "+":
		p.Max = most
	case suffix == "-":
		p.Min = 0
	case strings.HasPrefix(suffix, "{") && strings.HasSuffix(suffix, "}"):
		low, high, err := parseBounds(suffix[1 : len(suffix)-1])
		switch {
		case err != nil:
			b.errorf(s, "%v; %s", err, patternForms)
		case low < bits || high < low || high > most:
			b.errorf(s, "%s is out of range: %d <= LOW <= HIGH <= %d for %s", suffix, bits, most, e)
		}
		p.Min, p.Max = low, high
	default:
		b.errorf(s, "%q after the prefix says nothing; %s", excerpt(suffix), patternForms)
	}
	return p
}

func parseBounds(text string) (low, high int, err error) {
	a, z, ok := strings.Cut(text, ",")
	if !ok {
		return 0, 0, fmt.Errorf("{%s} is not {LOW,HIGH}", excerpt(text))
	}
	if low, err = strconv.Atoi(strings.TrimSpace(a)); err == nil {
		high, err = strconv.Atoi(strings.TrimSpace(z))
	}
	if err != nil {
		return 0, 0, fmt.Errorf("{%s} is not {LOW,HIGH}", excerpt(text))
	}
	return low, high, nil
}

// String returns the pattern as the configuration has it.
func (p Pattern) String() string {
	bits := p.Prefix.Prefix.Bits()
	switch {
	case p.Min == bits && p.Max == bits:
		return p.Prefix.String()
	case p.Min == bits && p.Max == p.Prefix.Prefix.Addr().BitLen():
		return p.Prefix.String() + "+"
	case p.Min == 0 && p.Max == bits:
		return p.Prefix.String() + "-"
	}
	return fmt.Sprintf("%s{%d,%d}", p.Prefix, p.Min, p.Max)
}
