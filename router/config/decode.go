package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// decoder is protoyaml's hook for custom messages. With the first message, the configuration itself, it gets the whole tree:
// it checks the tree against the schema, cuts out what does not fit, and rewrites the short forms of the file to what
// protoyaml knows. After that it is asked about each message inside, and takes the durations.
type decoder struct {
	*report
	root  *spot // nil until the tree was seen
	fatal bool  // nothing useful can be said about the content
}

// Unmarshal is called by protoyaml.
func (d *decoder) Unmarshal(node *yaml.Node, message proto.Message) (bool, error) {
	if d.root == nil {
		d.root = &spot{at: at(node)}
		x := expander{report: d.report}
		if x.expand(node); x.failed {
			d.fatal = true
			*node = yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
			return false, nil
		}
		switch {
		case isNull(node):
			d.add(at(node), "", nil, emptyFile)
			d.fatal = true
		case !d.message(node, message.ProtoReflect().Descriptor(), d.root):
			d.fatal = true
			*node = yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
		}
		return false, nil
	}
	if duration, ok := message.(*durationpb.Duration); ok {
		v, err := ParseDuration(node.Value)
		if err != nil {
			return false, err // message looked at it before
		}
		proto.Merge(duration, durationpb.New(v))
		return true, nil
	}
	return false, nil
}

// message checks a section and tells whether something is left of it.
func (d *decoder) message(node *yaml.Node, desc protoreflect.MessageDescriptor, s *spot) bool {
	if only := onlyList(desc); only != nil && node.Kind == yaml.SequenceNode {
		return d.short(node, only, s)
	}
	if !d.section(node, s, onlyList(desc)) {
		return false
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name, ok := d.name(key, s)
		if !ok {
			continue
		}
		field := desc.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			d.unknown(key, name, desc, s)
			continue
		}
		if first, ok := s.kids[name]; ok {
			d.duplicate(key, name, first, s)
			continue
		}
		k := newSpot(s.field(name).path, key, value)
		s.put(name, k)
		if d.value(value, field, k) {
			kept = append(kept, key, value)
		}
	}
	node.Content = kept
	return true
}

// onlyList returns the field of a message that has one field, a list, and may be written as that list.
func onlyList(desc protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	if desc.Fields().Len() == 1 && desc.Fields().Get(0).IsList() {
		return desc.Fields().Get(0)
	}
	return nil
}

// short checks a message that is written as the list of its only field, and makes it the long form.
func (d *decoder) short(node *yaml.Node, field protoreflect.FieldDescriptor, s *spot) bool {
	name := string(field.Name())
	list := *node
	k := &spot{path: s.path, at: s.at, key: s.key}
	s.put(name, k)
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name, Line: node.Line, Column: node.Column}
	*node = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: node.Line, Column: node.Column}
	if d.value(&list, field, k) {
		node.Content = []*yaml.Node{key, &list}
	}
	return true
}

// section reports a node that should be a mapping and is not.
func (d *decoder) section(node *yaml.Node, s *spot, only protoreflect.FieldDescriptor) bool {
	switch {
	case node.Kind == yaml.MappingNode:
		return d.untagged(node, s)
	case isNull(node):
		d.wrong(node, s, "has nothing in it; write {} to take the defaults, or leave it out")
	case only != nil:
		d.wrong(node, s, "expected a list of %s, got %s%s", only.Name(), describe(node), asList(node, only))
	default:
		d.wrong(node, s, "expected a section (NAME: VALUE lines), got %s", describe(node))
	}
	return false
}

// value checks the value of a field and tells whether it can stay.
func (d *decoder) value(node *yaml.Node, field protoreflect.FieldDescriptor, s *spot) bool {
	switch {
	case field.IsMap():
		return d.entries(node, field, s)
	case field.IsList():
		return d.items(node, field, s)
	}
	return d.single(node, field, s)
}

// entries checks a map. An entry whose value is wrong stays, empty, so that its name is known to the later checks.
func (d *decoder) entries(node *yaml.Node, field protoreflect.FieldDescriptor, s *spot) bool {
	if isNull(node) {
		return false // all entries are commented out
	}
	if !d.section(node, s, nil) {
		return false
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name, ok := d.name(key, s)
		if !ok {
			continue
		}
		if first, ok := s.kids[name]; ok {
			d.duplicate(key, name, first, s)
			continue
		}
		k := newSpot(s.entry(name).path, key, value)
		s.put(name, k)
		if !d.single(value, field.MapValue(), k) {
			if field.MapValue().Message() == nil {
				continue
			}
			*value = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line, Column: value.Column}
		}
		kept = append(kept, key, value)
	}
	node.Content = kept
	return true
}

// asList says how a single value that should be a list is written. A text cannot be an item of a list of sections.
func asList(node *yaml.Node, field protoreflect.FieldDescriptor) string {
	if node.Kind != yaml.ScalarNode || field.Message() != nil {
		return ""
	}
	if field.FullName() == "sixfold.v1.Consumer.run" {
		return "; write [" + strings.Join(strings.Fields(inBrackets(node.Value)), ", ") + "]"
	}
	return "; write [" + inBrackets(node.Value) + "]"
}

// items checks a list. A wrong item stays, empty, so that the others keep their numbers; nothing is said of it again.
func (d *decoder) items(node *yaml.Node, field protoreflect.FieldDescriptor, s *spot) bool {
	if isNull(node) {
		return false
	}
	if node.Kind != yaml.SequenceNode {
		d.wrong(node, s, "expected a list, got %s%s", describe(node), asList(node, field))
		return false
	}
	if !d.untagged(node, s) {
		return false
	}
	for i, item := range node.Content {
		k := newSpot(s.path+"["+strconv.Itoa(i)+"]", nil, item)
		s.put(strconv.Itoa(i), k)
		if d.single(item, field, k) {
			continue
		}
		empty := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Line: item.Line, Column: item.Column}
		if field.Message() != nil {
			empty.Kind, empty.Tag = yaml.MappingNode, "!!map"
		}
		*item = empty
	}
	return true
}

// single checks one message or scalar.
func (d *decoder) single(node *yaml.Node, field protoreflect.FieldDescriptor, s *spot) bool {
	if m := field.Message(); m != nil && m.FullName() != "google.protobuf.Duration" {
		return d.message(node, m, s)
	}
	if isNull(node) {
		d.wrong(node, s, "has no value; give one, or leave it out")
		return false
	}
	if node.Kind != yaml.ScalarNode {
		d.wrong(node, s, "expected %s, got %s%s", expected(field), describe(node), addressTakenApart(node))
		return false
	}
	if !d.untagged(node, s) {
		return false
	}
	var problem string
	switch {
	case field.Message() != nil:
		problem = checkDuration(node)
	case field.Kind() == protoreflect.BoolKind:
		problem = checkBool(node)
	case field.Kind() == protoreflect.Uint32Kind:
		problem = checkNumber(node)
	case field.Kind() == protoreflect.Int32Kind:
		problem = checkSigned(node)
	}
	if problem != "" {
		d.wrong(node, s, "%s", problem)
	}
	return problem == ""
}

// name returns the text of a key.
func (d *decoder) name(key *yaml.Node, s *spot) (string, bool) {
	if key.Kind != yaml.ScalarNode || isNull(key) && key.Value == "" {
		d.add(at(key), s.path, nil, "expected a name before the colon, got "+describe(key))
		return "", false
	}
	if key.Value == "<<" && key.Style == 0 {
		d.add(at(key), s.path, nil, "merge keys (<<) are not known here; an alias (*NAME) can stand for a whole value")
		return "", false
	}
	return key.Value, true
}

func (d *decoder) unknown(key *yaml.Node, name string, desc protoreflect.MessageDescriptor, s *spot) {
	var names []string
	for i := range desc.Fields().Len() {
		if f := string(desc.Fields().Get(i).Name()); s.kids[f] == nil {
			names = append(names, f)
		}
	}
	path := (&spot{path: s.path}).field(name).path
	if !isWord(name) {
		path = s.path
	}
	accepted := names
	if len(names) == 0 {
		accepted = []string{"nothing (write {})"}
	}
	d.add(at(key), path, accepted, fmt.Sprintf("unknown key %s%s", excerpt(name), suggest(name, names)))
}

func (d *decoder) duplicate(key *yaml.Node, name string, first, s *spot) {
	d.add(at(key), first.path, nil, fmt.Sprintf("%s is here a second time; the first is in line %d", excerpt(name), first.key.line))
}

// wrong reports a value that does not fit the schema, and silences what would follow from it.
func (d *decoder) wrong(node *yaml.Node, s *spot, format string, args ...any) {
	place := at(node)
	if isNull(node) {
		place = s.key // what is not there is seen at its name
	}
	if !s.bad {
		d.add(place, s.path, nil, fmt.Sprintf(format, args...))
	}
	s.bad = true
}

func (d *decoder) untagged(node *yaml.Node, s *spot) bool {
	if node.Style&yaml.TaggedStyle == 0 {
		return true
	}
	d.wrong(node, s, "tags (%s) are not known here; leave it out", excerpt(node.Tag))
	return false
}

// newSpot makes the spot of a value in a section (with its key) or in a list.
func newSpot(path string, key, value *yaml.Node) *spot {
	k := &spot{path: path, at: at(value), key: at(value)}
	if key != nil {
		k.key = at(key)
		if value.Kind != yaml.ScalarNode {
			k.at = k.key
		}
	}
	return k
}

func at(node *yaml.Node) position { return position{max(node.Line, 1), max(node.Column, 1)} }

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// describe says in an operator's words what a node is.
func describe(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a section"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(node):
		return "nothing"
	case node.Tag == "!!int" || node.Tag == "!!float":
		return "the number " + excerpt(node.Value)
	case node.Tag == "!!bool":
		return node.Value
	}
	return "the text " + excerpt(strconv.Quote(node.Value))
}

func expected(field protoreflect.FieldDescriptor) string {
	switch {
	case field.Message() != nil:
		return "a duration like 30s, 5m, 12h, 30d or forever"
	case field.Kind() == protoreflect.BoolKind:
		return "true or false"
	case field.Kind() == protoreflect.Uint32Kind, field.Kind() == protoreflect.Int32Kind:
		return "a number"
	}
	return "text"
}

// excerpt shortens what an error quotes.
func excerpt(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

func checkDuration(node *yaml.Node) string {
	if _, err := ParseDuration(node.Value); err == nil {
		return ""
	} else if err != errDuration {
		return excerpt(node.Value) + " " + err.Error()
	}
	if node.Tag == "!!int" && !strings.HasPrefix(node.Value, "-") {
		return fmt.Sprintf("%s needs a unit, as %[1]ss; %v", excerpt(node.Value), errDuration)
	}
	return fmt.Sprintf("%q is not a duration; %v", excerpt(node.Value), errDuration)
}

func checkBool(node *yaml.Node) string {
	plain := node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	right := node.Value == "true" || node.Value == "false"
	switch {
	case plain && right:
		return ""
	case right:
		return "expected true or false without quotes"
	case slices.Contains([]string{"yes", "on", "y"}, strings.ToLower(node.Value)) || strings.EqualFold(node.Value, "true"):
		return fmt.Sprintf("expected true or false, got %s; write true", node.Value)
	case slices.Contains([]string{"no", "off", "n"}, strings.ToLower(node.Value)) || strings.EqualFold(node.Value, "false"):
		return fmt.Sprintf("expected true or false, got %s; write false", node.Value)
	}
	return "expected true or false, got " + describe(node)
}

// checkSigned is checkNumber for numbers that may be negative.
func checkSigned(node *yaml.Node) string {
	digits := *node
	negative := strings.HasPrefix(node.Value, "-")
	if digits.Value = strings.TrimPrefix(node.Value, "-"); strings.HasPrefix(digits.Value, "-") || digits.Value == "" {
		return "expected a number, got " + describe(node)
	}
	if problem := checkNumber(&digits); problem != "" {
		return problem
	}
	if _, err := strconv.ParseInt(node.Value, 10, 32); err != nil || negative && digits.Value == "0" {
		return fmt.Sprintf("expected a number from -2147483648 to 2147483647, got %s", excerpt(node.Value))
	}
	return ""
}

func checkNumber(node *yaml.Node) string {
	v := node.Value
	n, err := strconv.ParseUint(v, 10, 32)
	switch {
	case err == nil && (v == "0" || v[0] != '0') && v[0] != '+':
		return ""
	case err == nil:
		return fmt.Sprintf("write the number %s as %d", excerpt(v), n)
	case strings.HasPrefix(v, "-"):
		return fmt.Sprintf("expected a number that is not negative, got %s", excerpt(v))
	case strings.Trim(v, "0123456789") == "" && v != "":
		return fmt.Sprintf("%s is too large", excerpt(v))
	case node.Tag == "!!float" || node.Tag == "!!int":
		return fmt.Sprintf("expected a whole decimal number, got %s", excerpt(v))
	}
	return "expected a number, got " + describe(node)
}
