package explain

import (
	"fmt"
	"strings"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/notify"
)

// consumerID is the name of a consumer among those of all delegations.
func consumerID(s notify.Status) string { return s.Delegation + "/" + s.Name }

// consumerNamed completes the name of a consumer with that of its delegation, where it is clear which one is meant.
func (v View) consumerNamed(s Subject) Subject {
	var found []string
	for _, c := range v.Consumers {
		if c.Name == s.Name {
			found = append(found, consumerID(c))
		}
	}
	if len(found) == 1 && (s.Kind == KindConsumer || len(v.kindsOf(s.Name)) == 0) {
		s.Name = found[0]
	}
	return s
}

// consumer checks that a consumer of a delegation knows what is so.
func (v View) consumer(s notify.Status) check {
	id := consumerID(s)
	knows := "of no prefix"
	if s.Prefix.IsValid() {
		knows = "of " + s.Prefix.String()
	}
	switch s.State {
	case "failed":
		text := fmt.Sprintf("%s (%s) could not be told, %s ago: %s", id, s.Target, change.Rough(v.Now.Sub(s.Tried)), s.Result)
		if s.Next.After(v.Now) {
			text += "; it is tried again in " + change.Rough(s.Next.Sub(v.Now))
		}
		return bad("consumer", "", fmt.Sprintf("see sixfold show consumers %s; to try now: sixfold consumer run %[1]s", id), "%s", text)
	case "told":
		return good("consumer", "", "%s (%s) knows %s, told %s ago: %s", id, s.Target, knows, change.Rough(v.Now.Sub(s.Told)), strings.TrimSpace(s.Result))
	}
	return note("consumer", "", "%s (%s) is %s, and knows %s", id, s.Target, s.State, knows)
}

// consumers checks those that are told of a delegation.
func (v View) consumers(delegation string) []check {
	var out []check
	for _, s := range v.Consumers {
		if s.Delegation == delegation {
			out = append(out, v.consumer(s))
		}
	}
	return out
}

// taleOfConsumer tells of a consumer beside its delegation, not under it: it is told also when there is no prefix any more.
func (v View) taleOfConsumer(id string) tale {
	t := tale{bad: map[string]string{"": "has no prefix to be told of", "consumer": "does not know what is so"}}
	for _, s := range v.Consumers {
		if consumerID(s) == id {
			c := v.consumer(s)
			t.good = c.text
			t.checks = append(chain(v.delegation(s.Delegation)), c)
		}
	}
	return t
}
