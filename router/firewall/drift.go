package firewall

import "fmt"

// found is one thing that was not as it was left.
type found struct{ object, what string }

// found says what somebody else did, if the changes mend what was right before.
func (c *changes) found() []found {
	var out []found
	tell := func(object, format string, args ...any) {
		out = append(out, found{object, fmt.Sprintf(format, args...)})
	}
	switch {
	case c.remove:
		tell(tableObject, "it was added")
	case c.whole:
		tell(tableObject, "%s", c.reason)
	}
	for _, s := range c.addSets {
		tell(s.object(), "it was missing")
	}
	for _, e := range c.elements {
		tell(e.set.object(), "%s missing, %d were added", plural(len(e.add), "element"), len(e.del))
	}
	for _, chain := range c.addChains {
		tell(chainObject(chain.Name), "it was missing")
	}
	for _, chain := range c.fill {
		tell(chainObject(chain.Name), "its rules were changed")
	}
	for _, name := range c.delChains {
		tell(chainObject(name), "it was added")
	}
	for _, name := range c.dropSets {
		tell(setObject(name), "it was added")
	}
	if n := len(c.addCounters) + len(c.addTimeouts); n > 0 {
		tell(tableObject, "%s missing", plural(n, "counter"))
	}
	if n := len(c.delCounters) + len(c.delTimeouts); n > 0 {
		tell(tableObject, "%s added", plural(n, "counter"))
	}
	return out
}
