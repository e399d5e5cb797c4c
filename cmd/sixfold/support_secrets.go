package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// shortestSecret is the length below which a secret stands by chance in any text: it is left out only where it is the value of
// its field.
const shortestSecret = 4

// secrets are values that are left out of what is given to others. Beside them, whatever is the value of a field that the schema
// marks as secret is left out.
type secrets struct {
	values map[string]bool // in all ways that they are written
	order  []string        // the same, the longest first: one may be within another
	fields *regexp.Regexp
}

// learnMessage remembers the secret values of a message, and takes them out of it.
func (s *secrets) learnMessage(m proto.Message) {
	for _, v := range config.RedactMessage(m) {
		s.learn(v)
	}
}

// learnText remembers the secret values of the text of a configuration.
func (s *secrets) learnText(name string, text []byte) {
	if _, m, err := config.Load(name, text); err == nil {
		s.learnMessage(m)
		return
	}
	// It may have been valid for another version.
	for _, m := range s.pattern().FindAllSubmatch(text, -1) {
		value := string(m[2])
		if q, err := strconv.Unquote(value); err == nil {
			value = q
		}
		s.learn(strings.Trim(value, `'"`))
	}
}

func (s *secrets) learn(value string) {
	if len(value) < shortestSecret || value == config.Hidden {
		return
	}
	if s.values == nil {
		s.values = map[string]bool{}
	}
	inner := func(quoted string) string { return quoted[1 : len(quoted)-1] }
	asJSON, _ := json.Marshal(value)
	var plainJSON bytes.Buffer
	e := json.NewEncoder(&plainJSON)
	e.SetEscapeHTML(false)
	e.Encode(value)
	for _, v := range []string{
		value, strings.ReplaceAll(value, "'", "''"), inner(string(asJSON)), inner(strings.TrimSuffix(plainJSON.String(), "\n")),
		inner(strconv.Quote(value)), inner(strconv.QuoteToASCII(value)), printable(value),
	} {
		s.values[v] = true
	}
	s.order = s.order[:0]
	for v := range s.values {
		s.order = append(s.order, v)
	}
	slices.SortFunc(s.order, func(a, b string) int { return len(b) - len(a) })
}

// hide returns text with config.Hidden in the place of what is secret.
func (s *secrets) hide(text []byte) []byte {
	return s.pattern().ReplaceAll(s.hideValues(text), []byte("${1}"+`"`+config.Hidden+`"`))
}

// hideValues hides only what was learnt.
func (s *secrets) hideValues(text []byte) []byte {
	for _, v := range s.order {
		text = bytes.ReplaceAll(text, []byte(v), []byte(config.Hidden))
	}
	return text
}

// pattern finds the values of secret fields: in YAML, in JSON, with the marks of a diff before them.
func (s *secrets) pattern() *regexp.Regexp {
	if s.fields == nil {
		names := map[string]bool{}
		secretFields((&sixfoldv1.Config{}).ProtoReflect().Descriptor(), names, map[protoreflect.FullName]bool{})
		var list []string
		for n := range names {
			list = append(list, regexp.QuoteMeta(n))
		}
		slices.Sort(list)
		s.fields = regexp.MustCompile(`(?i)(\b(?:` + strings.Join(list, "|") + `)["']?[ \t]*:[ \t]*)("(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*'|[^\s"',}][^,}\n]*)`)
	}
	return s.fields
}

// secretFields finds the names of the secret fields of a message and what is in it.
func secretFields(d protoreflect.MessageDescriptor, names map[string]bool, seen map[protoreflect.FullName]bool) {
	if seen[d.FullName()] {
		return
	}
	seen[d.FullName()] = true
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if config.Secret(f) {
			names[string(f.Name())] = true
		}
		if f.Message() != nil {
			secretFields(f.Message(), names, seen)
		}
	}
}
