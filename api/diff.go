package api

import (
	"bytes"
	"context"
	"fmt"

	"github.com/rogpeppe/go-internal/diff"
	"google.golang.org/protobuf/reflect/protoreflect"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// otherSecret stands in a difference for a password that is another one than that of the base.
const otherSecret = config.Hidden + " (changed)"

// Diff compares canonical texts.
func (s *configService) Diff(ctx context.Context, req *sixfoldv1.DiffRequest) (*sixfoldv1.DiffResponse, error) {
	before, from, err := s.revisionOf(ctx, req.GetBaseRevision())
	if err != nil {
		return nil, err
	}
	var after *sixfoldv1.Config
	to := req.GetName()
	if req.GetText() == "" {
		if after, to, err = s.revisionOf(ctx, req.GetRevision()); err != nil {
			return nil, err
		}
	} else if _, after, err = config.Load(req.GetName(), []byte(req.GetText())); err != nil {
		return nil, err
	}
	if !seesAll(ctx) {
		hideChange(before.ProtoReflect(), after.ProtoReflect())
	}
	text, err := difference(from, before, to, after)
	return &sixfoldv1.DiffResponse{Diff: clean(text)}, err
}

// revisionOf returns the configuration of a revision, and what to call it.
func (s *configService) revisionOf(ctx context.Context, id uint64) (*sixfoldv1.Config, string, error) {
	rev, text, err := s.backend.Revision(ctx, id)
	if err != nil {
		return nil, "", err
	}
	_, message, err := config.Load(rev.Name, []byte(text))
	if err != nil {
		return nil, "", outdated(rev.ID, err)
	}
	return message, fmt.Sprintf("revision %d", rev.ID), nil
}

// difference is a unified diff of canonical texts, empty if they are the same.
func difference(from string, before *sixfoldv1.Config, to string, after *sixfoldv1.Config) (string, error) {
	a, err := config.Format(before)
	if err != nil {
		return "", err
	}
	b, err := config.Format(after)
	if err != nil {
		return "", err
	}
	out := diff.Diff(header(from), a, header(to), b)
	// The line "diff A B" before the header is for programs.
	if _, rest, ok := bytes.Cut(out, []byte("\n")); ok {
		out = rest
	}
	return string(out), nil
}

// header makes a name fit for a line of its own.
func header(name string) string {
	if name == "" {
		return "submitted"
	}
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, []byte(clean(name))))
}

// hideChange hides the passwords of two configurations, so that those that differ are seen to.
func hideChange(before, after protoreflect.Message) {
	hideAgainst(before, after)
	config.RedactMessage(before.Interface())
}

// hideAgainst hides the passwords of a message; before is what stands in the same place of the base, or an invalid message.
func hideAgainst(before, after protoreflect.Message) {
	after.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		old := before.Get(field)
		switch {
		case config.Secret(field):
			shown := config.Hidden
			if before.Has(field) && !old.Equal(v) {
				shown = otherSecret
			}
			after.Set(field, protoreflect.ValueOfString(shown))
		case field.IsMap() && field.MapValue().Message() != nil:
			v.Map().Range(func(k protoreflect.MapKey, e protoreflect.Value) bool {
				from := e.Message().Type().Zero()
				if old.Map().Has(k) {
					from = old.Map().Get(k).Message()
				}
				hideAgainst(from, e.Message())
				return true
			})
		case field.IsList() && field.Message() != nil:
			for i := range v.List().Len() {
				from := v.List().Get(i).Message().Type().Zero()
				if i < old.List().Len() {
					from = old.List().Get(i).Message()
				}
				hideAgainst(from, v.List().Get(i).Message())
			}
		case field.Message() != nil && !field.IsMap() && !field.IsList():
			hideAgainst(old.Message(), v.Message())
		}
		return true
	})
}
