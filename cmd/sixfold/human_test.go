package main

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestSpan(t *testing.T) {
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
		if got := span(d); got != want {
			t.Errorf("span(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestLeft(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		end  *timestamppb.Timestamp
		want string
	}{
		{nil, "forever"},
		{timestamppb.New(now), "expired"},
		{timestamppb.New(now.Add(-time.Hour)), "expired"},
		{timestamppb.New(now.Add(90 * time.Minute)), "1h 30m"},
	} {
		if got := left(tt.end, now); got != tt.want {
			t.Errorf("left(%v) = %q, want %q", tt.end, got, tt.want)
		}
	}
	if got := lifetime(nil); got != "forever" {
		t.Errorf("lifetime(nil) = %q", got)
	}
	if got := lifetime(durationpb.New(0)); got != "0s" {
		t.Errorf("lifetime(0) = %q", got)
	}
	if got := ago(nil, now); got != "" {
		t.Errorf("ago(nil) = %q", got)
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 123456: "120.6 KiB", 1<<64 - 1: "16.0 EiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		n    uint64
		size float64
		want string
	}{{0, 0, ""}, {0, 16, "0.0%"}, {4, 256, "1.6%"}, {1, 1e19, "<0.1%"}, {16, 16, "100.0%"}} {
		if got := share(tt.n, tt.size); got != tt.want {
			t.Errorf("share(%d, %g) = %q, want %q", tt.n, tt.size, got, tt.want)
		}
	}
}
