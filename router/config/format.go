package config

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// Format returns the canonical text of a configuration: fields in the order of the schema, names in alphabetical order,
// durations as people write them. Load gives the same configuration back.
func Format(m *sixfoldv1.Config) ([]byte, error) {
	f := formatter{}
	node := f.message(m.ProtoReflect(), "")
	if f.err != nil {
		return nil, f.err
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(node); err != nil {
		return nil, fmt.Errorf("format configuration: %w", err)
	}
	if err := e.Close(); err != nil {
		return nil, fmt.Errorf("format configuration: %w", err)
	}
	return out.Bytes(), nil
}

// formatter makes YAML nodes, and keeps the first error.
type formatter struct{ err error }

func (f *formatter) message(m protoreflect.Message, path string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	fields := m.Descriptor().Fields()
	if only := onlyList(m.Descriptor()); only != nil {
		return f.list(m.Get(only).List(), only, path)
	}
	for i := range fields.Len() {
		field := fields.Get(i)
		if !m.Has(field) {
			continue
		}
		name := string(field.Name())
		v, at := m.Get(field), (&spot{path: path}).field(name).path
		var value *yaml.Node
		switch {
		case field.IsMap():
			value = f.entries(v.Map(), field.MapValue(), at)
		case field.IsList():
			value = f.list(v.List(), field, at)
		default:
			value = f.single(v, field, at)
		}
		node.Content = append(node.Content, f.text(name, at), value)
	}
	if len(node.Content) == 0 {
		node.Style = yaml.FlowStyle
	}
	return node
}

func (f *formatter) entries(m protoreflect.Map, field protoreflect.FieldDescriptor, path string) *yaml.Node {
	var keys []string
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k.String())
		return true
	})
	slices.Sort(keys)
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range keys {
		at := (&spot{path: path}).entry(k).path
		v := m.Get(protoreflect.ValueOfString(k).MapKey())
		node.Content = append(node.Content, f.text(k, at), f.single(v, field, at))
	}
	return node
}

// list writes a list; an empty one must be seen.
func (f *formatter) list(l protoreflect.List, field protoreflect.FieldDescriptor, path string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range l.Len() {
		node.Content = append(node.Content, f.single(l.Get(i), field, path+"["+strconv.Itoa(i)+"]"))
	}
	if l.Len() == 0 {
		node.Style = yaml.FlowStyle
	}
	return node
}

func (f *formatter) single(v protoreflect.Value, field protoreflect.FieldDescriptor, path string) *yaml.Node {
	switch field.Kind() {
	case protoreflect.MessageKind:
		if d, ok := v.Message().Interface().(*durationpb.Duration); ok {
			return f.duration(d, path)
		}
		return f.message(v.Message(), path)
	case protoreflect.BoolKind:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v.Bool())}
	case protoreflect.Uint32Kind:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatUint(v.Uint(), 10)}
	case protoreflect.Int32Kind:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v.Int(), 10)}
	case protoreflect.StringKind:
		return f.text(v.String(), path)
	}
	f.fail(path, fmt.Sprintf("values of type %s have no text form", field.Kind()))
	return &yaml.Node{Kind: yaml.ScalarNode}
}

func (f *formatter) duration(m *durationpb.Duration, path string) *yaml.Node {
	d, err := fromProto(m)
	if err != nil {
		f.fail(path, err.Error())
	}
	return f.text(FormatDuration(d), path)
}

func (f *formatter) text(s, path string) *yaml.Node {
	if !utf8.ValidString(s) {
		f.fail(path, "is not UTF-8")
	}
	node := &yaml.Node{}
	node.SetString(s)
	// A text of several lines would become a block, which keeps neither all blanks nor all line ends; the line ends of
	// Unicode would be written as they are, which Load refuses. In double quotes all of them are escaped, and << is a text.
	if s == "<<" || strings.ContainsAny(s, "\r\n\u0085\u2028\u2029") {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}

func (f *formatter) fail(path, problem string) {
	if f.err == nil {
		f.err = Error{Path: path, Message: problem}
	}
}
