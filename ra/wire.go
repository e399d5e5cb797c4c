package ra

import (
	"fmt"
	"strings"
)

// Part is a piece of an advertisement as it is on the wire: the header or an option.
type Part struct {
	Offset int
	Bytes  []byte
	Text   []string // what it says, a line each
}

// Dissect cuts an ICMPv6 router advertisement into its parts and says what they mean. What is no advertisement is one part.
func Dissect(b []byte) []Part {
	r, err := Decode(b)
	if err != nil {
		return []Part{{Bytes: b, Text: []string{err.Error()}}}
	}
	var header []string
	for _, f := range headerFields(r) {
		header = append(header, f.what+" "+f.text)
	}
	// The flags are in the middle of the six.
	half := len(header) / 2
	parts := []Part{{Bytes: b[:raHeader], Text: []string{
		"router advertisement: " + strings.Join(header[:half], ", "), strings.Join(header[half:], ", "),
	}}}
	offset := raHeader
	whole := walkOptions(b[raHeader:], func(o []byte) {
		parts = append(parts, Part{Offset: offset, Bytes: o, Text: optionText(b, o)})
		offset += len(o)
	})
	if !whole {
		parts = append(parts, Part{Offset: offset, Bytes: b[offset:], Text: []string{"an option that is cut off, or of length 0"}})
	}
	return parts
}

// optionText says what one option means in an advertisement of its own.
func optionText(message, option []byte) []string {
	r, err := Decode(append(append([]byte(nil), message[:raHeader]...), option...))
	if err != nil {
		return []string{err.Error()}
	}
	var lines []string
	for _, t := range thingsOf(r) {
		line := t.key
		if t.text != "" {
			line += ": " + t.text
		}
		for n, seconds := range t.lives {
			line += []string{", for ", ", preferred for "}[min(n, 1)] + secondsText(seconds)
		}
		lines = append(lines, line)
	}
	if len(r.Nonce) > 0 {
		lines = append(lines, "nonce: "+r.Nonce.String())
	}
	for _, m := range r.Malformed {
		lines = append(lines, fmt.Sprintf("option %d is skipped: %s", m.Type, m.Reason))
	}
	if len(lines) == 0 {
		lines = append(lines, fmt.Sprintf("option %d", option[0]))
	}
	return lines
}
