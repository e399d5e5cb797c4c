package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// checkRules evaluates the field rules of the schema.
func checkRules(m *sixfoldv1.Config, root *spot, r *report) {
	err := protovalidate.Validate(m)
	var all *protovalidate.ValidationError
	switch {
	case err == nil:
	case errors.As(err, &all):
		for _, v := range all.Violations {
			s := find(root, v.Proto.GetField())
			if v.Proto.GetRuleId() == "repeated.unique" {
				repeated(v.FieldValue.List(), s, r)
				continue
			}
			message, accepted := words(v, s)
			if v.Proto.GetForKey() {
				r.key(s, "%s", message)
				continue
			}
			r.accepted(s, accepted, "%s", message)
		}
	default:
		r.errorf(root, "the rules of the schema cannot be evaluated: %v", err)
	}
}

// repeated reports the values of a list that were there before.
func repeated(list protoreflect.List, s *spot, r *report) {
	seen := map[string]bool{}
	for i := range list.Len() {
		text := list.Get(i).String()
		if seen[text] {
			r.errorf(s.item(i), "%s is in the list twice", excerpt(text))
		}
		seen[text] = true
	}
}

// find follows the path of a violation.
func find(s *spot, path *validate.FieldPath) *spot {
	for _, e := range path.GetElements() {
		s = s.field(e.GetFieldName())
		switch sub := e.GetSubscript().(type) {
		case *validate.FieldPathElement_Index:
			s = s.item(int(sub.Index))
		case *validate.FieldPathElement_StringKey:
			s = s.entry(sub.StringKey)
		}
	}
	return s
}

// words says a violation in the words of the file, with what is accepted.
func words(v *protovalidate.Violation, s *spot) (message string, accepted []string) {
	value := v.FieldValue
	switch rule := v.Proto.GetRuleId(); {
	case rule == "required":
		return "is missing", nil
	case strings.HasPrefix(rule, "uint32."):
		low, high := bounds(v.FieldDescriptor)
		span := []string{fmt.Sprintf("%d to %d", low, high)}
		if value.Uint() == 0 && s.key.line == 0 && !v.FieldDescriptor.HasPresence() {
			return "is missing", span
		}
		return fmt.Sprintf("%d is out of range", value.Uint()), span
	case rule == "string.min_len":
		return "a name cannot be empty", nil
	case rule == "string.max_len":
		return fmt.Sprintf("is longer than %d characters", v.RuleValue.Uint()), nil
	case rule == "string.in":
		var in []string
		for i := range v.RuleValue.List().Len() {
			if one := v.RuleValue.List().Get(i).String(); one != "" {
				in = append(in, one)
			}
		}
		written := value.String()
		return fmt.Sprintf("%s is not known here%s", excerpt(strconv.Quote(written)), suggest(written, in)), in
	case rule == "string.pattern":
		return notAName(value.String(), v.RuleValue.String()), nil
	}
	return v.Proto.GetMessage(), nil
}

// bounds returns the range that the schema gives to a number.
func bounds(field protoreflect.FieldDescriptor) (low, high uint32) {
	rules, _ := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
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
