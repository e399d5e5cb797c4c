package importer

import "strings"

// value is a JSON value and its place.
type value struct {
	token        // of a text, number or word; of the bracket of others
	kind    byte // '{', '[', or 0
	members []member
	items   []value
}

// member is a field of an object.
type member struct {
	name token
	value
}

// get returns a field of an object; the zero value if there is none.
func (v value) get(name string) (value, bool) {
	for _, m := range v.members {
		if m.name.text == name {
			return m.value, true
		}
	}
	return value{}, false
}

// parseJSON reads JSON with the comments that Kea allows: #, // and /* */, and with a comma too much.
func parseJSON(s string) (value, error) {
	tokens, err := scan(s, lexis{marks: "{}[],:", quotes: `"`, escape: true, slashes: true})
	if err != nil {
		return value{}, err
	}
	for _, t := range tokens {
		if t.kind == word && strings.HasPrefix(t.text, "<?include") {
			return value{}, failed(t.pos, "the file that is included here is not read: put its text in place of this")
		}
	}
	p := &jsonParser{tokens: tokens}
	v, err := p.value(0)
	if err != nil {
		return v, err
	}
	if t := p.tokens[0]; t.kind != endFile {
		return v, failed(t.pos, "%s is behind the end of the configuration", t)
	}
	return v, nil
}

type jsonParser struct{ tokens []token }

func (p *jsonParser) take() token {
	t := p.tokens[0]
	if t.kind != endFile {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *jsonParser) value(depth int) (value, error) {
	t := p.take()
	v := value{token: t}
	switch {
	case t.kind == word, t.kind == text:
		return v, nil
	case depth == maxDepth:
		return v, failed(t.pos, "more than %d values in one another", maxDepth)
	case t.is("{"):
		v.kind = '{'
		for !p.tokens[0].is("}") {
			name := p.take()
			if name.kind != text {
				return v, failed(name.pos, "%s stands where the name of a field is expected, in quotes", name)
			}
			if colon := p.take(); !colon.is(":") {
				return v, failed(colon.pos, "%s stands where a : is expected", colon)
			}
			one, err := p.value(depth + 1)
			if err != nil {
				return v, err
			}
			v.members = append(v.members, member{name, one})
			if err := p.comma("}"); err != nil {
				return v, err
			}
		}
	case t.is("["):
		v.kind = '['
		for !p.tokens[0].is("]") {
			one, err := p.value(depth + 1)
			if err != nil {
				return v, err
			}
			v.items = append(v.items, one)
			if err := p.comma("]"); err != nil {
				return v, err
			}
		}
	default:
		return v, failed(t.pos, "%s stands where a value is expected", t)
	}
	p.take()
	return v, nil
}

func (p *jsonParser) comma(end string) error {
	switch t := p.tokens[0]; {
	case t.is(","):
		p.take()
	case !t.is(end):
		return failed(t.pos, "%s stands where a comma or %s is expected", t, end)
	}
	return nil
}
