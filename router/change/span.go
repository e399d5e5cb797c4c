package change

import (
	"strconv"
	"strings"
	"time"
)

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
