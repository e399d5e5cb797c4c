package main

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// span writes a duration in its two largest units: 29d 23h, 4m 10s, 0s.
func span(d time.Duration) string {
	if d < 0 {
		return "0s"
	}
	if d > 0 && d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	units := []struct {
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

// left is what remains until t; a time that is absent never comes.
func left(t *timestamppb.Timestamp, now time.Time) string {
	switch {
	case t == nil:
		return "forever"
	case !t.AsTime().After(now):
		return "expired"
	}
	return span(t.AsTime().Sub(now))
}

// ago is how long t is past; empty if it is absent.
func ago(t *timestamppb.Timestamp, now time.Time) string {
	if t == nil {
		return ""
	}
	return span(now.Sub(t.AsTime()))
}

// lifetime writes a lifetime; one that is absent is infinite.
func lifetime(d *durationpb.Duration) string {
	if d == nil {
		return "forever"
	}
	return span(d.AsDuration())
}

// orDash is for numbers that zero says nothing of.
func orDash[T uint32 | uint64](n T) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(n), 10)
}

func number[T uint32 | uint64](n T) string { return strconv.FormatUint(uint64(n), 10) }

// bytes writes a count of bytes in the unit that fits.
func bytesText(n uint64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), 0
	for value >= 1024 && unit < 6 {
		value /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[unit-1])
}

// yes names a flag, or not.
func yes(b bool, word string) string {
	if b {
		return word
	}
	return ""
}
