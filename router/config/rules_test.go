package config

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// TestKindsOfRules fails for a rule in the schema that checkRules does not know.
func TestKindsOfRules(t *testing.T) {
	known := []string{
		"required", "uint32.gte", "uint32.lte", "string.min_len", "string.max_len", "string.in", "string.pattern",
		"repeated.min_items", "repeated.max_items", "repeated.unique", "map.max_pairs",
	}
	var check func(rules protoreflect.Message, path, field string)
	check = func(rules protoreflect.Message, path, field string) {
		if len(rules.GetUnknown()) > 0 {
			t.Errorf("%s has rules of a newer protovalidate", field)
		}
		rules.Range(func(rule protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			name := strings.TrimPrefix(path+"."+string(rule.Name()), ".")
			switch {
			case name == "repeated.items", name == "map.keys", name == "map.values":
				check(v.Message(), "", field)
			case rule.Message() != nil && !rule.IsList():
				check(v.Message(), name, field)
			case !slices.Contains(known, name):
				t.Errorf("%s has the rule %s, which is not known to checkRules", field, name)
			}
			return true
		})
	}
	seen := map[protoreflect.MessageDescriptor]bool{}
	count := 0
	var walk func(m protoreflect.MessageDescriptor)
	walk = func(m protoreflect.MessageDescriptor) {
		if m == nil || seen[m] {
			return
		}
		seen[m] = true
		if proto.HasExtension(m.Options(), validate.E_Message) {
			t.Errorf("%s has rules of the whole message", m.FullName())
		}
		for i := range m.Oneofs().Len() {
			if proto.HasExtension(m.Oneofs().Get(i).Options(), validate.E_Oneof) {
				t.Errorf("%s has rules", m.Oneofs().Get(i).FullName())
			}
		}
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			if proto.HasExtension(f.Options(), validate.E_Field) {
				check(proto.GetExtension(f.Options(), validate.E_Field).(*validate.FieldRules).ProtoReflect(), "", string(f.FullName()))
				count++
			}
			walk(f.Message())
		}
	}
	walk((&sixfoldv1.Config{}).ProtoReflect().Descriptor())
	if count < 60 {
		t.Errorf("only %d fields with rules were found", count)
	}
}

// TestRulesAsProtovalidate compares what is against the rules in random messages with what protovalidate finds there.
func TestRulesAsProtovalidate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]int{}
	for n := range 1000 {
		m := &sixfoldv1.Config{}
		edges(random, m.ProtoReflect(), 6)
		want, got := []string{}, []string{}
		var all *protovalidate.ValidationError
		if err := protovalidate.Validate(m); errors.As(err, &all) {
			for _, v := range all.Violations {
				rule := v.Proto.GetRuleId()
				if strings.HasPrefix(rule, "uint32.") {
					rule = "uint32"
				}
				want = append(want, fmt.Sprint(find(&spot{}, v.Proto.GetField()).path, " ", rule, " ", v.Proto.GetForKey()))
			}
		} else if err != nil {
			t.Fatal(err)
		}
		for _, v := range violations(m, &spot{}) {
			got = append(got, fmt.Sprint(v.at.path, " ", v.id, " ", v.key))
			kinds[v.id]++
			if text, _ := v.words(); strings.Contains(text, "against the rule") && v.id != "repeated.unique" {
				t.Errorf("no words for %s", v.id)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("message %d (-protovalidate +ours):\n%s\n%v", n, diff, m)
		}
	}
	for _, id := range []string{"required", "uint32", "string.min_len", "string.max_len", "string.in", "string.pattern", "repeated.min_items", "repeated.max_items", "repeated.unique", "map.max_pairs"} {
		if kinds[id] == 0 {
			t.Errorf("no message was against %s (%v)", id, kinds)
		}
	}
}

// find follows the path of a violation of protovalidate.
func find(s *spot, path *validate.FieldPath) *spot {
	for _, e := range path.GetElements() {
		s = s.field(e.GetFieldName())
		switch e.WhichSubscript() {
		case validate.FieldPathElement_Index_case:
			s = s.item(int(e.GetIndex()))
		case validate.FieldPathElement_StringKey_case:
			s = s.entry(e.GetStringKey())
		}
	}
	return s
}

// edges puts values into some fields of a message: those at the edges of rules, and others.
func edges(random *rand.Rand, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if random.IntN(3) > 0 || f.Message() != nil && !f.IsMap() && depth == 0 {
			continue
		}
		rules, _ := proto.GetExtension(f.Options(), validate.E_Field).(*validate.FieldRules)
		switch {
		case f.IsMap():
			kv := m.Mutable(f).Map()
			for range edgeSize(random, rules.GetMap().GetMaxPairs()) {
				key := protoreflect.ValueOfString(edgeText(random, rules.GetMap().GetKeys())).MapKey()
				if f.MapKey().Kind() != protoreflect.StringKind {
					continue
				}
				if f.MapValue().Message() == nil {
					kv.Set(key, edge(random, f.MapValue(), rules.GetMap().GetValues()))
				} else if depth > 0 {
					v := kv.NewValue()
					edges(random, v.Message(), depth-1)
					kv.Set(key, v)
				}
			}
		case f.IsList():
			list := m.Mutable(f).List()
			for range edgeSize(random, rules.GetRepeated().GetMaxItems()) {
				if f.Message() == nil {
					list.Append(edge(random, f, rules.GetRepeated().GetItems()))
				} else {
					v := list.NewElement()
					edges(random, v.Message(), depth-1)
					list.Append(v)
				}
			}
		case f.Message() != nil:
			edges(random, m.Mutable(f).Message(), depth-1)
		default:
			m.Set(f, edge(random, f, rules))
		}
	}
}

// edgeSize is a number of entries: mostly few, sometimes about as many as are allowed.
func edgeSize(random *rand.Rand, limit uint64) uint64 {
	if limit > 0 && random.IntN(4) == 0 {
		return 2*limit + random.Uint64N(3) // of a map some have the same key
	}
	return random.Uint64N(3)
}

func edge(random *rand.Rand, f protoreflect.FieldDescriptor, rules *validate.FieldRules) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(edgeText(random, rules))
	case protoreflect.Uint32Kind:
		low, high := bounds(rules)
		return protoreflect.ValueOfUint32([]uint32{0, 1, low - 1, low, low + 1, high - 1, high, high + 1}[random.IntN(8)])
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(random.IntN(2) == 0)
	}
	return f.Default()
}

func edgeText(random *rand.Rand, rules *validate.FieldRules) string {
	r := rules.GetString()
	choices := append([]string{"", "x", "lan0", "a b", "ä", "ipv6.forwarding", "ipv4.neigh.app_solicit", "00:11", "wan*"}, r.GetIn()...)
	if r.HasMaxLen() {
		choices = append(choices, strings.Repeat("ä", int(r.GetMaxLen())), strings.Repeat("y", int(r.GetMaxLen())+1))
	}
	if random.IntN(2) == 0 { // so that maps have more than a few entries
		return fmt.Sprint("n", random.IntN(1000))
	}
	return choices[random.IntN(len(choices))]
}
