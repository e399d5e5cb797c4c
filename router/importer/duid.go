package importer

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// maxDUID is how many octets a DUID has at most, with its type (RFC 9915 11.1).
const maxDUID = 130

// setDUID makes a DUID the one of the router.
func (d *draft) setDUID(raw []byte, from source) {
	if len(raw) < 3 || len(raw) > maxDUID {
		d.notes = append(d.notes, Note{File: from.file, Line: from.line, Column: from.column, Severity: Error,
			Text: "this is no DUID: it has 3 to 130 octets, the first two of which are its type"})
		return
	}
	if d.conf.System == nil {
		d.conf.System = &sixfoldv1.System{}
	}
	d.conf.System.Duid = colons(raw)
	d.from["system"] = from
	d.from["system.duid"] = from
}

// readDUID takes the DUID from the file that the options name: hexadecimal as dibbler writes it, or the bytes of dhcp6c, with their
// number in the first two.
func (d *draft) readDUID() {
	f := d.options.DUID
	if f == nil {
		return
	}
	from := source{printable(f.Name), pos{1, 1}}
	s := strings.Map(func(r rune) rune {
		if r == ':' || r <= ' ' {
			return -1
		}
		return r
	}, string(f.Text))
	s = strings.TrimPrefix(s, "0x")
	if raw, err := hex.DecodeString(s); err == nil && utf8.Valid(f.Text) && len(raw) > 0 {
		d.setDUID(raw, from)
		return
	}
	b := f.Text
	if len(b) > 2 && len(b) <= maxDUID+2 {
		n := int(b[0]) | int(b[1])<<8
		if n != len(b)-2 {
			n = int(b[1]) | int(b[0])<<8
		}
		if n == len(b)-2 {
			d.setDUID(b[2:], from)
			return
		}
	}
	d.setDUID(nil, from)
}
