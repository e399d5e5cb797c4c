package main

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sixfold-router/sixfold/router/change"
)

// left is what remains until t; a time that is absent never comes.
func left(t *timestamppb.Timestamp, now time.Time) string {
	switch {
	case t == nil:
		return "forever"
	case !t.AsTime().After(now):
		return "expired"
	}
	return change.Rough(t.AsTime().Sub(now))
}

// ago is how long t is past; empty if it is absent.
func ago(t *timestamppb.Timestamp, now time.Time) string {
	if t == nil {
		return ""
	}
	return change.Rough(now.Sub(t.AsTime()))
}

// lifetime writes a lifetime; one that is absent is infinite.
func lifetime(d *durationpb.Duration) string {
	if d == nil {
		return "forever"
	}
	return change.Rough(d.AsDuration())
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
