package render

import (
	"errors"
	"text/template"
	"text/template/parse"
)

var (
	errLoop   = errors.New("range has no place in a template: there are no lists")
	errNested = errors.New("define, block and template have no place in a template")
)

// plain refuses what could make a template run for ever: loops, and templates that call one another.
func plain(t *template.Template) error {
	for _, other := range t.Templates() {
		if other.Name() != t.Name() {
			return errNested
		}
	}
	if t.Tree == nil {
		return nil
	}
	return walk(t.Root)
}

func walk(list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		var branch *parse.BranchNode
		switch n := n.(type) {
		case *parse.RangeNode:
			return errLoop
		case *parse.TemplateNode:
			return errNested
		case *parse.IfNode:
			branch = &n.BranchNode
		case *parse.WithNode:
			branch = &n.BranchNode
		default:
			continue
		}
		if err := errors.Join(walk(branch.List), walk(branch.ElseList)); err != nil {
			return err
		}
	}
	return nil
}
