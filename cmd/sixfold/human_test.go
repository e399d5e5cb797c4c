package main

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

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
