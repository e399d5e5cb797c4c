package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// schemaMessage is a message of a .proto file with its comments.
type schemaMessage struct {
	name    string
	comment []string
	fields  []schemaField
}

type schemaField struct {
	name, kind string
	comment    []string
}

var (
	messageLine = regexp.MustCompile(`^message (\w+) \{(\})?$`)
	fieldLine   = regexp.MustCompile(`^ +(?:(repeated|optional) )?(map<\w+, ?[\w.]+>|[\w.]+) (\w+) = \d+(.*)$`)
)

// parseSchema reads the messages of a .proto file that buf formatted, as far as a reader of the configuration needs them.
func parseSchema(text string) ([]schemaMessage, error) {
	var all []schemaMessage
	var comment []string
	inside, options := false, false
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case options:
			// The rules of a field go on until its bracket closes.
			options = !strings.HasSuffix(trimmed, "];")
		case strings.HasPrefix(trimmed, "//"):
			comment = append(comment, strings.TrimPrefix(strings.TrimPrefix(trimmed, "//"), " "))
			continue
		case messageLine.MatchString(line):
			m := messageLine.FindStringSubmatch(line)
			all = append(all, schemaMessage{name: m[1], comment: comment})
			inside = m[2] == ""
		case line == "}":
			inside = false
		case inside && fieldLine.MatchString(line):
			m := fieldLine.FindStringSubmatch(line)
			message := &all[len(all)-1]
			message.fields = append(message.fields, schemaField{name: m[3], kind: kindText(m[1], m[2]), comment: comment})
			options = !strings.HasSuffix(m[4], ";")
		case inside && strings.HasPrefix(trimmed, "message "), inside && strings.HasPrefix(trimmed, "enum "):
			return nil, fmt.Errorf("line %d: %q inside a message is not understood", i+1, trimmed)
		}
		comment = nil
	}
	if len(all) == 0 || all[0].name != "Config" {
		return nil, fmt.Errorf("the first message is not Config")
	}
	return all, nil
}

// kindText says what stands in a field, in the words of YAML.
func kindText(label, kind string) string {
	word := func(k string) string {
		switch k {
		case "string":
			return "text"
		case "bool":
			return "true or false"
		case "uint32", "uint64", "int32", "int64":
			return "number"
		case "google.protobuf.Duration":
			return "duration"
		}
		return k
	}
	if inner, ok := strings.CutPrefix(kind, "map<"); ok {
		_, value, _ := strings.Cut(strings.TrimSuffix(inner, ">"), ",")
		return "map of " + word(strings.TrimSpace(value))
	}
	if label == "repeated" {
		return "list of " + word(kind)
	}
	return word(kind)
}

// configManual is the page sixfold-config(5), made from the comments of the schema.
func configManual(schema string, date time.Time) (string, error) {
	messages, err := parseSchema(schema)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, ".TH SIXFOLD\\-CONFIG 5 \"%s\" sixfold sixfold\n", date.Format(time.DateOnly))
	b.WriteString(".SH NAME\nsixfold\\-config \\- configuration of sixfold, an IPv6 router\n.SH SYNOPSIS\n.I /etc/sixfold/config.yaml\n.SH DESCRIPTION\n")
	for i, m := range messages {
		if i > 0 {
			fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(m.name))
		}
		writeRoff(&b, m.comment)
		for _, f := range m.fields {
			fmt.Fprintf(&b, ".TP 8\n.BR %s \" (%s)\"\n", roff(f.name), roff(f.kind))
			writeRoff(&b, f.comment)
		}
	}
	b.WriteString(".SH EXAMPLES\n/usr/share/doc/sixfold/examples has whole configurations.\n.SH SEE ALSO\n.BR sixfold (1),\n.BR sixfold\\-config\\-check (1)\n")
	return b.String(), nil
}

// writeRoff writes lines of a comment: an empty one ends a paragraph, and lines that start with - are items.
func writeRoff(b *strings.Builder, lines []string) {
	for _, l := range lines {
		switch text := strings.TrimSpace(l); {
		case text == "":
			b.WriteString(".PP\n")
		case strings.HasPrefix(text, "- "):
			fmt.Fprintf(b, ".IP \\(bu 2\n%s\n", roff(strings.TrimPrefix(text, "- ")))
		default:
			fmt.Fprintln(b, roff(text))
		}
	}
}

// roff keeps text from being read as instructions.
func roff(s string) string {
	s = strings.ReplaceAll(s, `\`, `\e`)
	s = strings.ReplaceAll(s, "-", `\-`)
	s = strings.ReplaceAll(s, "…", "...")
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
