package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
)

// check is one thing that was looked at. Those in next rest on it: if it is broken, they are not looked at.
type check struct {
	topic  string
	what   string // what it is about, for when it is not looked at: "route to ::/0"; empty: say nothing then
	state  string
	text   string
	advice string
	next   []check
}

func good(topic, what, format string, args ...any) check {
	return check{topic: topic, what: what, state: OK, text: fmt.Sprintf(format, args...)}
}

func note(topic, what, format string, args ...any) check {
	return check{topic: topic, what: what, state: Info, text: fmt.Sprintf(format, args...)}
}

func bad(topic, what, advice, format string, args ...any) check {
	return check{topic: topic, what: what, state: Broken, text: fmt.Sprintf(format, args...), advice: advice}
}

func (c check) with(next ...check) check {
	c.next = append(c.next[:len(c.next):len(c.next)], next...)
	return c
}

// chain makes each check rest on the one before it.
func chain(list []check) []check {
	for n := len(list) - 1; n > 0; n-- {
		list[n-1] = list[n-1].with(list[n])
	}
	return list[:min(len(list), 1)]
}

func findings(list []check, skip bool) []Finding {
	var out []Finding
	for _, c := range list {
		f := Finding{Topic: c.topic, State: c.state, Text: c.text, Advice: c.advice}
		if skip {
			if c.what == "" {
				continue
			}
			f = Finding{Topic: c.topic, State: Skipped, Text: c.what}
		}
		f.Findings = findings(c.next, skip || c.state == Broken)
		out = append(out, f)
	}
	return out
}

// firstBroken returns the first check of the tree that is broken.
func firstBroken(list []check) *check {
	for n := range list {
		if list[n].state == Broken {
			return &list[n]
		}
		if c := firstBroken(list[n].next); c != nil {
			return c
		}
	}
	return nil
}

// tale is an explanation before it is told.
type tale struct {
	good   string            // the summary if nothing is broken
	bad    map[string]string // what the subject cannot do when a check of a topic is broken: "has no prefix"
	checks []check
}

func (t tale) explanation(s Subject) Explanation {
	e := Explanation{Kind: s.Kind, Subject: s.String(), Summary: t.good, Finding: findings(t.checks, false)}
	if c := firstBroken(t.checks); c != nil {
		lead, ok := t.bad[c.topic]
		if !ok {
			lead = t.bad[""]
		}
		if lead == "" {
			lead = "does not work"
		}
		e.Summary = fmt.Sprintf("%s %s: %s", e.Subject, lead, c.text)
		if c.advice != "" {
			e.Summary += "; " + c.advice
		}
	}
	return e
}

// century is longer than any lifetime that ends.
const century = 100 * 365 * 24 * time.Hour

// left is what remains until t: "for 1h 4m", "forever", "ended 3m ago". A time that is zero never comes.
func (v View) left(t time.Time) string {
	d := t.Sub(v.Now)
	switch {
	case t.IsZero() || d > century:
		return "forever"
	case d <= 0:
		return "ended " + change.Rough(-d) + " ago"
	}
	return "for " + change.Rough(d)
}

// lifetime is one that is advertised: the configured one, or what is left until an end.
func (v View) lifetime(d time.Duration, until time.Time) string {
	if !until.IsZero() {
		d = min(d, max(0, until.Sub(v.Now)))
	}
	if d > century {
		return "forever"
	}
	return change.Rough(d)
}

// commas joins what is not empty.
func commas(parts ...string) string {
	return strings.Join(nonEmpty(parts...), ", ")
}

func when(ok bool, text string) string {
	if ok {
		return text
	}
	return ""
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
