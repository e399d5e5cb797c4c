package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

var errDuration = errors.New("a duration is a number with a unit (ms, s, m, h, d, w), as 30s, 5m, 1h30m, 30d, or forever")

var units = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "ms": time.Millisecond,
	"s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": week,
}

// ParseDuration reads a duration as the configuration has it: 30s, 1h30m, 30d, 1w, 1.5s, or forever.
func ParseDuration(s string) (time.Duration, error) {
	if s == "forever" {
		return Forever, nil
	}
	if s == "" {
		return 0, errDuration
	}
	var sum time.Duration
	for s != "" {
		n := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if n <= 0 {
			return 0, errDuration
		}
		number := s[:n]
		s = s[n:]
		end := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
		if end < 0 {
			end = len(s)
		}
		unit, ok := units[s[:end]]
		if !ok {
			return 0, errDuration
		}
		s = s[end:]
		part, err := scale(number, unit)
		if err != nil {
			return 0, err
		}
		if sum += part; sum > Forever {
			return 0, errTooLong
		}
	}
	return sum, nil
}

var errTooLong = errors.New("is longer than forever, which is 4294967295s")

// scale multiplies a decimal number with a unit, exactly.
func scale(number string, unit time.Duration) (time.Duration, error) {
	whole, fraction, dotted := strings.Cut(number, ".")
	if whole == "" || dotted && (fraction == "" || strings.Contains(fraction, ".")) {
		return 0, errDuration
	}
	n, err := strconv.ParseUint(whole, 10, 63)
	if err != nil || n > uint64(Forever/unit) {
		return 0, errTooLong
	}
	d := time.Duration(n) * unit
	for _, digit := range fraction {
		if unit%10 != 0 {
			// Below a nanosecond only zeros say nothing; units that are not powers of ten have enough tens in them.
			if digit != '0' {
				return 0, errors.New("is finer than a nanosecond")
			}
			continue
		}
		unit /= 10
		d += time.Duration(digit-'0') * unit
	}
	return d, nil
}

// FormatDuration is the reverse of ParseDuration, in the shorter of two forms: 30d and 1h30m, but 1000s and 1500ms.
func FormatDuration(d time.Duration) string {
	if d == Forever {
		return "forever"
	}
	if d <= 0 {
		return "0s"
	}
	var mixed strings.Builder
	rest := d
	for _, name := range []string{"d", "h", "m", "s", "ms", "us", "ns"} {
		if n := rest / units[name]; n > 0 {
			mixed.WriteString(strconv.FormatInt(int64(n), 10) + name)
			rest -= n * units[name]
		}
	}
	for _, name := range []string{"s", "ms", "us", "ns"} {
		if d%units[name] == 0 {
			if plain := strconv.FormatInt(int64(d/units[name]), 10) + name; len(plain) < mixed.Len() {
				return plain
			}
			break
		}
	}
	return mixed.String()
}

// fromProto converts a duration of a message, which may hold anything.
func fromProto(d *durationpb.Duration) (time.Duration, error) {
	switch {
	case d.CheckValid() != nil:
		return 0, errors.New("is not a valid duration")
	case d.GetSeconds() < 0 || d.GetNanos() < 0:
		return 0, errors.New("is negative")
	case d.GetSeconds() > math.MaxUint32 || d.GetSeconds() == math.MaxUint32 && d.GetNanos() > 0:
		return 0, errTooLong
	}
	return d.AsDuration(), nil
}
