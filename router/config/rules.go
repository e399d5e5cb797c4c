package config

import (
	"errors"
	"fmt"
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
	rules := fieldRules(v)
	value := v.FieldValue
	switch rule := v.Proto.GetRuleId(); {
	case rule == "required":
		return "is missing", nil
	case strings.HasPrefix(rule, "uint32."):
		low, high := bounds(rules.GetUint32(), v.FieldDescriptor)
		span := []string{fmt.Sprintf("%d to %d", low, high)}
		if value.IsValid() && value.Uint() == 0 && s.key.line == 0 {
			return "is missing", span
		}
		if !value.IsValid() {
			return "is out of range", span
		}
		return fmt.Sprintf("%d is out of range", value.Uint()), span
	case rule == "string.max_len":
		return fmt.Sprintf("is longer than %d characters", rules.GetString().GetMaxLen()), nil
	case rule == "string.in":
		var in []string
		for _, one := range rules.GetString().GetIn() {
			if one != "" {
				in = append(in, one)
			}
		}
		written := value.String()
		return fmt.Sprintf("%s is not known here%s", excerpt(strconv.Quote(written)), suggest(written, in)), in
	case rule == "string.pattern":
		return notAName(value.String(), rules.GetString().GetPattern()), nil
	case rule == "repeated.unique":
		return "has a value twice", nil
	}
	return v.Proto.GetMessage(), nil
}

// fieldRules returns the rules that hold for the violated value: those of the field, of its items or of its keys.
func fieldRules(v *protovalidate.Violation) *validate.FieldRules {
	if v.FieldDescriptor == nil {
		return nil
	}
	rules, _ := proto.GetExtension(v.FieldDescriptor.Options(), validate.E_Field).(*validate.FieldRules)
	for _, e := range v.Proto.GetRule().GetElements() {
		switch e.GetFieldName() {
		case "items":
			rules = rules.GetRepeated().GetItems()
		case "keys":
			rules = rules.GetMap().GetKeys()
		case "values":
			rules = rules.GetMap().GetValues()
		}
	}
	return rules
}

func bounds(rules *validate.UInt32Rules, field protoreflect.FieldDescriptor) (low, high uint32) {
	high = 1<<32 - 1
	if rules == nil || field == nil {
		return low, high
	}
	if g, ok := rules.GetGreaterThan().(*validate.UInt32Rules_Gte); ok {
		low = g.Gte
	}
	if l, ok := rules.GetLessThan().(*validate.UInt32Rules_Lte); ok {
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
	case `^[A-Za-z][A-Za-z0-9_-]{0,31}$`:
		return name + " cannot be the name of a delegation: a letter, then up to 31 letters, digits, _ and -"
	case `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`:
		return name + " cannot be a name: a letter or digit, then up to 63 letters, digits, ., _ and -"
	}
	return name + " does not have the form " + pattern
}
