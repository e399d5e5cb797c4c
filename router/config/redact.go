package config

import (
	"bytes"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// Hidden stands in the place of a password that is not shown.
const Hidden = "********"

const (
	notShown  = "# not shown: this text may have passwords where they cannot be told from the rest\n"
	canonical = "# in canonical form: comments could not be told from passwords\n"
	// shortSecret is the length below which a secret is found by chance in any text, so that hiding it there would tell it.
	shortSecret = 4
)

// Redact returns the text of a configuration with Hidden in the place of the values that the schema marks as secret. All else
// is as it was written, comments included, except where a secret cannot be cut out for sure: then the text is in canonical
// form, and where even that has the secret by way of an alias, or the text is not a configuration, nothing of it is shown.
func Redact(text []byte) []byte {
	message, _, r := decode("", text)
	if message == nil || r.err() != nil {
		return []byte(notShown)
	}
	secrets := RedactMessage(message)
	if len(secrets) == 0 && !commentedOut().Match(text) {
		return text
	}
	if out, ok := cut(text, message); ok {
		if out = scrub(out, secrets); same(out, message) && !shows(out, secrets) {
			return out
		}
	}
	out, err := Format(message)
	if err != nil || has(out, secrets) && aliased(text) {
		return []byte(notShown)
	}
	return append([]byte(canonical), out...)
}

// RedactMessage puts Hidden in the place of every value that the schema marks as secret (debug_redact), and returns what those
// were.
func RedactMessage(m proto.Message) []string {
	var secrets []string
	redact(m.ProtoReflect(), &secrets)
	return secrets
}

func redact(m protoreflect.Message, secrets *[]string) {
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case Secret(field):
			if field.Kind() == protoreflect.StringKind && field.Cardinality() != protoreflect.Repeated {
				*secrets = append(*secrets, v.String())
				m.Set(field, protoreflect.ValueOfString(Hidden))
				return true
			}
			m.Clear(field)
		case field.IsMap():
			if field.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, e protoreflect.Value) bool {
					redact(e.Message(), secrets)
					return true
				})
			}
		case field.IsList():
			for i := 0; field.Message() != nil && i < v.List().Len(); i++ {
				redact(v.List().Get(i).Message(), secrets)
			}
		case field.Message() != nil:
			redact(v.Message(), secrets)
		}
		return true
	})
}

// Secret tells whether a field of the schema is one that only admins may see.
func Secret(field protoreflect.FieldDescriptor) bool {
	options, _ := field.Options().(*descriptorpb.FieldOptions)
	return options.GetDebugRedact()
}

// cut replaces the scalars of secret fields where they stand, and gives up where one does not stand on one line.
func cut(text []byte, message *sixfoldv1.Config) ([]byte, bool) {
	var doc yaml.Node
	s := strings.TrimPrefix(string(text), "\ufeff")
	if yaml.Unmarshal([]byte(s), &doc) != nil || len(doc.Content) != 1 {
		return nil, false
	}
	places := map[position]string{}
	if !locateSecrets(doc.Content[0], message.ProtoReflect().Descriptor(), places, 0) {
		return nil, false
	}
	lines := strings.SplitAfter(s, "\n")
	for at := range places {
		if at.line > len(lines) {
			return nil, false
		}
	}
	for n, line := range lines {
		// From the right, so that the places that are left stay where they are.
		runes := []rune(line)
		for column := len(runes); column >= 1; column-- {
			value, ok := places[position{n + 1, column}]
			if !ok {
				continue
			}
			start, end, ok := extent(string(runes[column-1:]), value)
			if !ok {
				return nil, false
			}
			rest := string(runes[column-1:])
			lines[n] = string(runes[:column-1]) + rest[:start] + `"` + Hidden + `"` + rest[end:]
			runes = []rune(lines[n])
		}
	}
	return []byte(strings.Join(lines, "")), true
}

// locateSecrets notes where the scalars of secret fields stand. Aliases are followed to what they stand for.
func locateSecrets(node *yaml.Node, desc protoreflect.MessageDescriptor, places map[position]string, depth int) bool {
	const deep = 100
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if depth > deep {
		return false
	}
	if only := onlyList(desc); only != nil && node.Kind == yaml.SequenceNode {
		return locateIn(node, only, places, depth)
	}
	if node.Kind != yaml.MappingNode {
		return node.Kind == yaml.ScalarNode
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		field := desc.Fields().ByName(protoreflect.Name(resolve(node.Content[i]).Value))
		if field == nil || !locateIn(node.Content[i+1], field, places, depth+1) {
			return false
		}
	}
	return true
}

func locateIn(node *yaml.Node, field protoreflect.FieldDescriptor, places map[position]string, depth int) bool {
	node = resolve(node)
	switch {
	case Secret(field):
		if node.Kind != yaml.ScalarNode {
			return false
		}
		places[at(node)] = node.Value
	case field.IsMap() && field.MapValue().Message() != nil:
		for i := 1; i < len(node.Content); i += 2 {
			if !locateSecrets(resolve(node.Content[i]), field.MapValue().Message(), places, depth+1) {
				return false
			}
		}
	case field.IsList() && field.Message() != nil:
		for _, item := range node.Content {
			if !locateSecrets(resolve(item), field.Message(), places, depth+1) {
				return false
			}
		}
	case field.Message() != nil && field.Message().FullName() != "google.protobuf.Duration" && !field.IsMap():
		return locateSecrets(node, field.Message(), places, depth+1)
	}
	return true
}

func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// extent returns where in the rest of a line a scalar begins, behind its anchor, and ends. ok is false if that is not for sure.
func extent(rest, value string) (start, end int, ok bool) {
	if strings.HasPrefix(rest, "&") {
		name := strings.IndexAny(rest, " \t")
		if name < 0 {
			return 0, 0, false
		}
		start = len(rest) - len(strings.TrimLeft(rest[name:], " \t"))
	}
	body := rest[start:]
	switch {
	case strings.HasPrefix(body, `"`):
		for i := 1; i < len(body); i++ {
			switch body[i] {
			case '\\':
				i++
			case '"':
				return start, start + i + 1, true
			}
		}
	case strings.HasPrefix(body, "'"):
		for i := 1; i < len(body); i++ {
			switch {
			case strings.HasPrefix(body[i:], "''"):
				i++
			case body[i] == '\'':
				return start, start + i + 1, true
			}
		}
	case value != "" && !strings.ContainsAny(body[:1], "|>") && strings.HasPrefix(body, value):
		return start, start + len(value), true
	}
	return 0, 0, false
}

// commentedOut finds what looks like a secret field in a comment. That # may begin no comment is found out later.
func commentedOut() *regexp.Regexp {
	return regexp.MustCompile(`(?mi)(#[^\n]*password["']?[ \t]*[:=][ \t]*)[^\r\n]+`)
}

// scrub hides secrets that stand somewhere else too, as in a comment.
func scrub(text []byte, secrets []string) []byte {
	text = commentedOut().ReplaceAll(text, []byte("${1}"+Hidden))
	for _, s := range secrets {
		if len(s) >= shortSecret {
			text = bytes.ReplaceAll(text, []byte(s), []byte(Hidden))
		}
	}
	return text
}

func same(text []byte, want *sixfoldv1.Config) bool {
	got, _, r := decode("", text)
	return got != nil && r.err() == nil && proto.Equal(got, want)
}

// shows tells whether a text has a secret too short to be hidden in comments, and has comments.
func shows(text []byte, secrets []string) bool {
	if has(text, secrets) {
		return true
	}
	if !bytes.Contains(text, []byte("#")) {
		return false
	}
	for _, s := range secrets {
		if len(s) < shortSecret && s != "" && bytes.Contains(text, []byte(s)) {
			return true
		}
	}
	return false
}

func has(text []byte, secrets []string) bool {
	for _, s := range secrets {
		if len(s) >= shortSecret && strings.Trim(s, "*") != "" && bytes.Contains(text, []byte(s)) {
			return true
		}
	}
	return false
}

// aliased tells whether the text has an alias.
func aliased(text []byte) bool {
	var doc yaml.Node
	if yaml.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &doc) != nil {
		return true
	}
	return anyAlias(&doc)
}

func anyAlias(node *yaml.Node) bool {
	for _, kid := range node.Content {
		if kid.Kind == yaml.AliasNode || anyAlias(kid) {
			return true
		}
	}
	return false
}
