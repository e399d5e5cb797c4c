package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// maxCopies bounds the nodes that aliases may add to a file: an alias of an alias of an alias grows by powers.
const maxCopies = 100_000

// expander puts copies in the place of aliases, so that everything after it sees a plain tree.
type expander struct {
	*report
	copies int
	failed bool
}

// expand replaces the aliases below node.
func (x *expander) expand(node *yaml.Node) {
	x.walk(node, nil)
}

// walk knows the anchored nodes it is inside of as a list from the innermost out: an alias of one of them has no end.
func (x *expander) walk(node *yaml.Node, inside *enclosing) {
	if x.failed {
		return
	}
	for node.Kind == yaml.AliasNode {
		name, use, target := node.Value, at(node), node.Alias
		if target == nil || inside.has(target) {
			x.fail(use, fmt.Sprintf("*%s stands inside of what &%[1]s names", excerpt(name)))
			return
		}
		inside = &enclosing{node: target, next: inside}
		if !x.copy(node, target, use) {
			return
		}
	}
	if node.Anchor != "" {
		inside = &enclosing{node: node, next: inside}
	}
	for _, kid := range node.Content {
		x.walk(kid, inside)
	}
}

// copy overwrites node with a copy of target that shares no node with it, since each place is checked on its own.
func (x *expander) copy(node, target *yaml.Node, use position) bool {
	if x.copies++; x.copies > maxCopies {
		x.fail(use, "aliases make the file too large")
		return false
	}
	kids := target.Content
	*node = *target
	node.Anchor = ""
	node.Content = make([]*yaml.Node, len(kids))
	for i, kid := range kids {
		node.Content[i] = &yaml.Node{}
		if !x.copy(node.Content[i], kid, use) {
			return false
		}
	}
	return true
}

func (x *expander) fail(at position, message string) {
	x.failed = true
	x.add(at, "", nil, message)
}

type enclosing struct {
	node *yaml.Node
	next *enclosing
}

func (e *enclosing) has(node *yaml.Node) bool {
	for ; e != nil; e = e.next {
		if e.node == node {
			return true
		}
	}
	return false
}
