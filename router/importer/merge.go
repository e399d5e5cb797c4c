package importer

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"

	"github.com/sixfold-router/sixfold/router/config"
)

// Merge adds what was imported to a configuration that is there already: what both say differently stays as it was there, with a
// note. Lists get what they do not have yet. The text has no comments. Where the two together are not valid the error is a
// *config.Errors, with field paths.
func (r *Result) Merge(file string, existing *sixfoldv1.Config) (*Result, error) {
	m := &merger{file: printable(file)}
	merged := proto.CloneOf(existing)
	m.message(merged.ProtoReflect(), r.Config.ProtoReflect(), "")
	if _, err := config.FromProto(merged); err != nil {
		return nil, err
	}
	text, err := config.Format(merged)
	if err != nil {
		return nil, err
	}
	return &Result{Config: merged, Text: text, Notes: append(slices.Clone(r.Notes), m.notes...)}, nil
}

type merger struct {
	file  string
	notes []Note
}

func (m *merger) message(to, from protoreflect.Message, at path) {
	from.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		p := at.field(string(field.Name()))
		switch {
		case field.IsMap():
			m.entries(to.Mutable(field).Map(), v.Map(), field.MapValue(), p)
		case field.IsList():
			m.list(to.Mutable(field).List(), v.List(), field)
		case section(field):
			m.message(to.Mutable(field).Message(), v.Message(), p)
		case !to.Has(field):
			to.Set(field, v)
		case !to.Get(field).Equal(v):
			m.kept(p)
		}
		return true
	})
	slices.SortFunc(m.notes, func(a, b Note) int { return bytes.Compare([]byte(a.Text), []byte(b.Text)) })
}

// section tells whether a field has fields of its own that are merged one by one.
func section(field protoreflect.FieldDescriptor) bool {
	return field.Kind() == protoreflect.MessageKind && field.Message().FullName() != (&durationpb.Duration{}).ProtoReflect().Descriptor().FullName()
}

func (m *merger) entries(to, from protoreflect.Map, value protoreflect.FieldDescriptor, at path) {
	from.Range(func(key protoreflect.MapKey, v protoreflect.Value) bool {
		p := at.entry(key.String())
		switch {
		case !to.Has(key):
			to.Set(key, v)
		case section(value):
			m.message(to.Mutable(key).Message(), v.Message(), p)
		case !to.Get(key).Equal(v):
			m.kept(p)
		}
		return true
	})
}

func (m *merger) list(to, from protoreflect.List, field protoreflect.FieldDescriptor) {
	for i := range from.Len() {
		has := false
		for n := range to.Len() {
			has = has || to.Get(n).Equal(from.Get(i))
		}
		if !has {
			to.Append(from.Get(i))
		}
	}
}

func (m *merger) kept(at path) {
	m.notes = append(m.notes, Note{File: m.file, Line: 1, Column: 1, Severity: Warning,
		Text: fmt.Sprintf("%s stays as it is there: what was imported has another value", at)})
}
