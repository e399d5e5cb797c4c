package config

import (
	"regexp"
	"slices"
	"unicode/utf8"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// checkRules evaluates the field rules of the schema. It does what protovalidate does with them, for the kinds of rules that our schema
// has. The library itself translates each rule of all messages to a program first, which was half of the time from the start of the
// router to its first advertisement.
func checkRules(m *sixfoldv1.Config, root *spot, r *report) {
	for _, v := range violations(m, root) {
		switch message, accepted := v.words(); {
		case v.id == "repeated.unique":
			repeated(v.value.List(), v.at, r)
		case v.key:
			r.key(v.at, "%s", message)
		default:
			r.accepted(v.at, accepted, "%s", message)
		}
	}
}

// violation is a value that a rule does not allow.
type violation struct {
	id    string // of the rule, as protovalidate has it
	at    *spot
	value protoreflect.Value
	key   bool // it is the key of a map
	field protoreflect.FieldDescriptor
	rules *validate.FieldRules // of the value
}

// violations returns all that is against a rule in a message.
func violations(m *sixfoldv1.Config, root *spot) []violation {
	w := walker{rules: map[protoreflect.MessageDescriptor][]fieldRules{}}
	w.message(m.ProtoReflect(), root)
	return w.found
}

// walker goes through a message.
type walker struct {
	rules map[protoreflect.MessageDescriptor][]fieldRules // of messages that it came by
	found []violation
}

// fieldRules are the rules of a field. A field is there without rules of its own where its values are messages.
type fieldRules struct {
	field      protoreflect.FieldDescriptor
	itself     *validate.FieldRules
	key, value valueRules // of a map, or of the items of a list; of any other field value has the rules of the field
}

// valueRules are the rules of a single value.
type valueRules struct {
	*validate.FieldRules
	pattern *regexp.Regexp // compiled, or nil
}

func newValueRules(rules *validate.FieldRules) valueRules {
	v := valueRules{FieldRules: rules}
	if rules.GetString().HasPattern() {
		v.pattern = regexp.MustCompile(rules.GetString().GetPattern())
	}
	return v
}

// of returns the rules of the fields of a message, in their order.
func (w *walker) of(message protoreflect.MessageDescriptor) []fieldRules {
	if rules, ok := w.rules[message]; ok {
		return rules
	}
	var all []fieldRules
	for i := range message.Fields().Len() {
		f := fieldRules{field: message.Fields().Get(i)}
		f.itself, _ = proto.GetExtension(f.field.Options(), validate.E_Field).(*validate.FieldRules)
		inner := f.field.Message()
		switch {
		case f.field.IsMap():
			inner = f.field.MapValue().Message()
			f.key, f.value = newValueRules(f.itself.GetMap().GetKeys()), newValueRules(f.itself.GetMap().GetValues())
		case f.field.IsList():
			f.value = newValueRules(f.itself.GetRepeated().GetItems())
		default:
			f.value = newValueRules(f.itself)
		}
		if f.itself != nil || inner != nil && inner.ParentFile().Package() == message.ParentFile().Package() {
			all = append(all, f)
		}
	}
	w.rules[message] = all
	return all
}

func (w *walker) message(m protoreflect.Message, s *spot) {
	for _, f := range w.of(m.Descriptor()) {
		has := m.Has(f.field)
		switch {
		case !has && f.itself.GetRequired():
			w.add("required", s.field(f.name()), protoreflect.Value{}, f, valueRules{FieldRules: f.itself})
		case !has && f.field.HasPresence():
		case f.field.IsMap():
			w.entries(m.Get(f.field), f, s)
		case f.field.IsList():
			w.items(m.Get(f.field), f, s)
		default:
			w.single(m.Get(f.field), f.field, f, f.value, func() *spot { return s.field(f.name()) })
		}
	}
}

func (f *fieldRules) name() string { return string(f.field.Name()) }

func (w *walker) entries(v protoreflect.Value, f fieldRules, s *spot) {
	if limit := f.itself.GetMap(); limit.HasMaxPairs() && uint64(v.Map().Len()) > limit.GetMaxPairs() {
		w.add("map.max_pairs", s.field(f.name()), v, f, valueRules{FieldRules: f.itself})
	}
	v.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		at := func() *spot { return s.field(f.name()).entry(key.String()) }
		first := len(w.found)
		w.single(key.Value(), f.field.MapKey(), f, f.key, at)
		for n := range w.found[first:] {
			w.found[first+n].key = true
		}
		w.single(value, f.field.MapValue(), f, f.value, at)
		return true
	})
}

func (w *walker) items(v protoreflect.Value, f fieldRules, s *spot) {
	list, rules := v.List(), f.itself.GetRepeated()
	add := func(id string) { w.add(id, s.field(f.name()), v, f, valueRules{FieldRules: f.itself}) }
	switch n := uint64(list.Len()); {
	case n < rules.GetMinItems():
		add("repeated.min_items")
	case rules.HasMaxItems() && n > rules.GetMaxItems():
		add("repeated.max_items")
	}
	if rules.GetUnique() && twice(list) {
		add("repeated.unique")
	}
	for i := range list.Len() {
		w.single(list.Get(i), f.field, f, f.value, func() *spot { return s.field(f.name()).item(i) })
	}
}

// single evaluates the rules of one value, of the kind of a field, that is at a spot.
func (w *walker) single(v protoreflect.Value, kind protoreflect.FieldDescriptor, f fieldRules, rules valueRules, at func() *spot) {
	switch {
	case kind.Message() != nil:
		if len(w.of(kind.Message())) > 0 {
			w.message(v.Message(), at())
		}
	case rules.HasString():
		for _, id := range againstText(v.String(), rules) {
			w.add(id, at(), v, f, rules)
		}
	case rules.HasUint32():
		low, high := bounds(rules.FieldRules)
		if n := uint32(v.Uint()); n < low || n > high {
			w.add("uint32", at(), v, f, rules)
		}
	}
}

// againstText names the rules that a text does not keep.
func againstText(s string, rules valueRules) []string {
	var ids []string
	r := rules.GetString()
	if r.HasMinLen() && uint64(utf8.RuneCountInString(s)) < r.GetMinLen() {
		ids = append(ids, "string.min_len")
	}
	if r.HasMaxLen() && uint64(utf8.RuneCountInString(s)) > r.GetMaxLen() {
		ids = append(ids, "string.max_len")
	}
	if rules.pattern != nil && !rules.pattern.MatchString(s) {
		ids = append(ids, "string.pattern")
	}
	if in := r.GetIn(); len(in) > 0 && !slices.Contains(in, s) {
		ids = append(ids, "string.in")
	}
	return ids
}

// twice tells whether a list has a value twice.
func twice(list protoreflect.List) bool {
	seen := map[string]bool{}
	for i := range list.Len() {
		text := list.Get(i).String()
		if seen[text] {
			return true
		}
		seen[text] = true
	}
	return false
}

func (w *walker) add(id string, at *spot, v protoreflect.Value, f fieldRules, rules valueRules) {
	w.found = append(w.found, violation{id: id, at: at, value: v, field: f.field, rules: rules.FieldRules})
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
