package change

import (
	"strconv"
	"strings"
	"time"
)

// Rough writes a duration in its two largest units, for what goes on while it is read: 29d 23h, 4m 10s, 250ms. What is negative is 0s.
func Rough(d time.Duration) string {
	if d > 0 && d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	units := [...]struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		text := strconv.FormatInt(int64(d/u.size), 10) + u.name
		if i+1 < len(units) {
			if rest := d % u.size / units[i+1].size; rest > 0 {
				text += " " + strconv.FormatInt(int64(rest), 10) + units[i+1].name
			}
		}
		return text
	}
	return "0s"
}

// Span writes a duration as people read it, exactly: 30d, 1h 30m, 3m 20s, 1.5s. What is negative is 0s.
func Span(d time.Duration) string {
	var parts []string
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if n := d / unit.size; n > 0 {
			parts = append(parts, strconv.FormatInt(int64(n), 10)+unit.name)
			d -= n * unit.size
		}
	}
	if d > 0 || len(parts) == 0 {
		parts = append(parts, max(d, 0).String()) // less than a minute, which package time writes without zeros
	}
	return strings.Join(parts, " ")
}
