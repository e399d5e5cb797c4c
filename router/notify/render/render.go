// Package render is the language of files that are written when a delegated prefix changes: text/template with functions that cut
// the prefix up. It has no effects.
package render

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"text/template"
	"time"
)

// What happened to a delegation.
const (
	Bound   = "bound"   // there is a prefix, and there was none
	Changed = "changed" // it is another prefix
	Renewed = "renewed" // it is the same prefix, perhaps with other lifetimes
	Lost    = "lost"    // there is no prefix any more
)

// Change is what there is to tell of a delegation.
type Change struct {
	Event      string
	Delegation string
	Link       string
	Prefix     netip.Prefix // invalid: none
	Old        netip.Prefix // invalid: none

	PreferredUntil, ValidUntil time.Time // zero: no prefix
}

// MaxOutput is the most bytes that a template may become.
const MaxOutput = 1 << 20

// Template is a checked template.
type Template struct{ t *template.Template }

// Parse reads a template, and tries it with a large prefix and with none, so that what can never work is found before a prefix comes.
func Parse(text string) (*Template, error) {
	t, err := template.New("template").Option("missingkey=error").Funcs(template.FuncMap{
		"subnet": subnet, "host": host, "cut": cut, "addr": addr, "network": network, "bits": bits,
	}).Parse(text)
	if err != nil {
		return nil, tidy(err)
	}
	if err := plain(t); err != nil {
		return nil, err
	}
	out := &Template{t}
	sample := netip.MustParsePrefix("2001:db8::/32")
	until := time.Unix(0, 0)
	for _, c := range []Change{
		{Event: Changed, Delegation: "isp", Link: "wan0", Prefix: sample, Old: sample, PreferredUntil: until, ValidUntil: until},
		{Event: Lost, Delegation: "isp", Link: "wan0", Old: sample},
	} {
		if _, err := out.Execute(c); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Execute returns the text for a change. An error says what of the template does not fit, such as a prefix that is too small.
func (t *Template) Execute(c Change) ([]byte, error) {
	out := &limited{}
	err := t.t.Execute(out, map[string]string{
		"Event": c.Event, "Delegation": c.Delegation, "Link": c.Link, "Prefix": prefixText(c.Prefix), "Old": prefixText(c.Old),
		"PreferredUntil": timeText(c.PreferredUntil), "ValidUntil": timeText(c.ValidUntil),
	})
	if err != nil {
		return nil, tidy(err)
	}
	return out.Bytes(), nil
}

// tidy takes off an error what only programmers want to know.
func tidy(err error) error {
	text := strings.TrimPrefix(err.Error(), "template: template:")
	if exec := (template.ExecError{}); errors.As(err, &exec) {
		text = strings.TrimPrefix(text, "template: ")
	}
	return errors.New("line " + text)
}

// limited is a buffer that does not grow for ever: a template can have printf.
type limited struct{ bytes.Buffer }

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > MaxOutput {
		return 0, fmt.Errorf("the text has more than %d bytes", MaxOutput)
	}
	return l.Buffer.Write(b)
}

func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
