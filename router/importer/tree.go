package importer

// stmt is a statement: words up to a semicolon (or the end of the line), or up to a block of more statements.
type stmt struct {
	words []token
	block []stmt
	open  bool // there is a block, perhaps without anything in it
}

// first is the first word, which every statement has.
func (s stmt) first() token { return s.words[0] }

// is tells whether the statement begins with a word.
func (s stmt) is(name string) bool { return s.first().isWord(name) }

// arg returns the word with number n, and ok if there is one; else the first word, for the place.
func (s stmt) arg(n int) (token, bool) {
	if n < len(s.words) {
		return s.words[n], true
	}
	return s.words[0], false
}

// maxDepth bounds blocks in blocks.
const maxDepth = 16

// grammar says how statements end.
type grammar struct {
	lines bool // a line is a statement, and blocks may be open at the end
	loose bool // the last statement of a block needs no semicolon
}

// parse makes statements of tokens.
func parse(tokens []token, g grammar) ([]stmt, error) {
	p := &treeParser{tokens: tokens, grammar: g}
	all, err := p.list(0)
	if err != nil {
		return nil, err
	}
	if t := p.tokens[0]; t.kind != endFile {
		return nil, failed(t.pos, "this } closes nothing")
	}
	return all, nil
}

type treeParser struct {
	tokens []token // the last is endFile
	grammar
}

func (p *treeParser) take() token {
	t := p.tokens[0]
	if t.kind != endFile {
		p.tokens = p.tokens[1:]
	}
	return t
}

// list reads statements up to the end of the block or file.
func (p *treeParser) list(depth int) ([]stmt, error) {
	var all []stmt
	for {
		switch t := p.tokens[0]; {
		case t.is(";") || t.kind == eol:
			p.take()
			continue
		case t.is("}") || t.kind == endFile:
			return all, nil
		}
		s, err := p.statement(depth)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
}

func (p *treeParser) statement(depth int) (stmt, error) {
	var s stmt
	for {
		switch t := p.tokens[0]; {
		case t.is(";") || t.kind == eol:
			p.take()
			return s, nil
		case t.kind == endFile && !p.lines:
			return s, failed(t.pos, "the statement %s in line %d does not end: a ; is missing", s.first(), s.first().line)
		case t.kind == endFile, t.is("}") && (p.lines || p.loose):
			return s, nil
		case t.is("}"):
			return s, failed(t.pos, "the statement %s in line %d does not end: a ; is missing", s.first(), s.first().line)
		case t.is("{"):
			if len(s.words) == 0 {
				return s, failed(t.pos, "this block has no name")
			}
			if depth == maxDepth {
				return s, failed(t.pos, "more than %d blocks in one another", maxDepth)
			}
			p.take()
			var err error
			if s.block, err = p.list(depth + 1); err != nil {
				return s, err
			}
			if end := p.take(); !end.is("}") && !p.lines {
				return s, failed(t.pos, "this block does not end: a } is missing")
			}
			s.open = true
			return s, nil
		default:
			s.words = append(s.words, p.take())
		}
	}
}
