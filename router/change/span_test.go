package change

import (
	"math"
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "1ns": 1, "1.5s": 1500 * time.Millisecond, "200ms": 200 * time.Millisecond, "59s": 59 * time.Second, "1m": time.Minute,
		"3m 20s": 200 * time.Second, "1h": time.Hour, "1h 30m": 90 * time.Minute, "1h 1s": time.Hour + time.Second, "1d": 24 * time.Hour,
		"30d": 720 * time.Hour, "1d 2h 3m 4.005s": 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond,
		"106751d 23h 47m 16.854775807s": math.MaxInt64,
	} {
		if got := Span(d); got != want {
			t.Errorf("%d: got %q, want %q", d, got, want)
		}
	}
	if got := Span(math.MinInt64); got != "0s" {
		t.Errorf("got %q", got)
	}
}

func TestRough(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Second:                          "0s",
		0:                                     "0s",
		250 * time.Millisecond:                "250ms",
		time.Second:                           "1s",
		59*time.Second + 999*time.Millisecond: "59s",
		time.Minute:                           "1m",
		10*time.Minute + 5*time.Second:        "10m 5s",
		time.Hour:                             "1h",
		25*time.Hour - time.Second:            "1d",
		30*day - time.Minute:                  "29d 23h",
		1000 * day:                            "1000d",
		time.Duration(1<<63 - 1):              "106751d 23h",
	} {
		if got := Rough(d); got != want {
			t.Errorf("Rough(%d) = %q, want %q", d, got, want)
		}
	}
}
