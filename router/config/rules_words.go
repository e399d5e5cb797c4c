package config

import (
	"fmt"
	"math"
	"strconv"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
)

// words says a violation in the words of the file, with what is accepted.
func (v *violation) words() (message string, accepted []string) {
	switch v.id {
	case "required":
		return "is missing", nil
	case "uint32":
		low, high := bounds(v.rules)
		span := []string{fmt.Sprintf("%d to %d", low, high)}
		if v.value.Uint() == 0 && v.at.key.line == 0 && !v.field.HasPresence() {
			return "is missing", span
		}
		return fmt.Sprintf("%d is out of range", v.value.Uint()), span
	case "string.min_len":
		return "a name cannot be empty", nil
	case "string.max_len":
		return fmt.Sprintf("is longer than %d characters", v.rules.GetString().GetMaxLen()), nil
	case "string.in":
		var in []string
		for _, one := range v.rules.GetString().GetIn() {
			if one != "" {
				in = append(in, one)
			}
		}
		written := v.value.String()
		return fmt.Sprintf("%s is not known here%s", excerpt(strconv.Quote(written)), suggest(written, in)), in
	case "string.pattern":
		return notAName(v.value.String(), v.rules.GetString().GetPattern()), nil
	case "repeated.min_items":
		return fmt.Sprintf("must contain at least %d item(s)", v.rules.GetRepeated().GetMinItems()), nil
	case "repeated.max_items":
		return fmt.Sprintf("must contain no more than %d item(s)", v.rules.GetRepeated().GetMaxItems()), nil
	case "map.max_pairs":
		return fmt.Sprintf("map must be at most %d entries", v.rules.GetMap().GetMaxPairs()), nil
	}
	return "is against the rule " + v.id + " of the schema", nil
}

// bounds returns the range that rules give to a number.
func bounds(rules *validate.FieldRules) (low, high uint32) {
	low, high = 0, math.MaxUint32
	if g, ok := rules.GetUint32().GetGreaterThan().(*validate.UInt32Rules_Gte); ok {
		low = g.Gte
	}
	if l, ok := rules.GetUint32().GetLessThan().(*validate.UInt32Rules_Lte); ok {
		high = l.Lte
	}
	return low, high
}

// notAName says in words what the patterns of the schema's map keys ask for.
func notAName(name, pattern string) string {
	name = excerpt(strconv.Quote(name))
	switch pattern {
	case `^[^/\s:%]{1,15}$`:
		return name + " cannot be the name of an interface: it has 1 to 15 characters, without blanks, /, : and %"
	case `^[^/\s:%*]{1,15}$`, `^([^/\s:%*]{1,15})?$`:
		return name + " cannot be the name of an instance: it has 1 to 15 characters, without blanks, /, :, % and *"
	case `^ipv[46]\.(neigh\.)?[a-z][a-z0-9_]{0,40}$`:
		return name + " is not a setting of a link: write ipv6.NAME or ipv4.NAME for net.ipv6.conf.LINK.NAME, ipv6.neigh.NAME for net.ipv6.neigh.LINK.NAME"
	case `^[A-Za-z][A-Za-z0-9_-]{0,31}$`:
		return name + " cannot be the name of a delegation: a letter, then up to 31 letters, digits, _ and -"
	case `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`:
		return name + " cannot be a name: a letter or digit, then up to 63 letters, digits, ., _ and -"
	}
	return name + " does not have the form " + pattern
}
