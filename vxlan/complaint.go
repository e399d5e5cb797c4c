package vxlan

import "time"

// complaint is something that is wrong, which is told once if it stays.
type complaint struct {
	text  string // empty: nothing is wrong
	since time.Time
	told  bool
}

// due takes what is wrong at that moment, and reports whether it is time to tell of it.
func (c *complaint) due(text string, now time.Time) bool {
	if text != c.text {
		*c = complaint{text: text, since: now}
	}
	if text == "" || c.told || now.Sub(c.since) < patient {
		return false
	}
	c.told = true
	return true
}

// wait is after how long to look again, usual if there is nothing left to tell.
func (c *complaint) wait(usual time.Duration, now time.Time) time.Duration {
	if c.text == "" || c.told {
		return usual
	}
	return max(c.since.Add(patient).Sub(now), 0)
}
