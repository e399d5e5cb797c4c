package router

import "strings"

// refuse returns what a unit could not do of a configuration, unless it cannot do that already: nothing has been touched yet.
func (r *Router) refuse(unit string, reasons []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := ""
	for _, u := range r.units {
		if u.name == unit {
			known = u.problem
		}
	}
	if reason := newLines(known, strings.Join(reasons, "\n")); reason != "" {
		return &CommitError{Unit: unit, Reason: reason, Running: r.runs}
	}
	return nil
}
