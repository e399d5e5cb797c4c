package vxlan

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"testing"
)

// TestFlaps: 200 changes of the configuration, beside an underlying link that comes and goes, leave no descriptor, goroutine or
// device behind.
func TestFlaps(t *testing.T) {
	wire(t, "flaps")
	m := New(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	apply(t, m, config(device("vx1", 1)))
	eventually(t, "device", func() error {
		if st := m.Status(); len(st) != 1 || st[0].Index == 0 {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
	var files, goroutines int
	for n := range 220 {
		if n == 20 { // everything has been opened that is opened at first use
			files, goroutines = descriptors(t), runtime.NumGoroutine()
		}
		switch n % 4 {
		case 0:
			apply(t, m, config(device("vx1", 1), device("vx2", 2)))
		case 1:
			apply(t, m, config(device("vx1", 1, func(d *Device) { d.TTL, d.MTU = 9, 1400 })))
		case 2:
			err := m.Apply(t.Context(), config(device("vx1", 1, func(d *Device) { d.Link = "nowhere" })))
			if err == nil {
				t.Fatal("no error for a link that is not there")
			}
		case 3:
			apply(t, m, Config{})
		}
		if n%50 == 49 {
			sh(t, "ip link set u0 down; ip link set u0 up")
		}
	}
	apply(t, m, config(device("vx1", 1)))
	eventually(t, "descriptors and goroutines as before", func() error {
		if f, g := descriptors(t), runtime.NumGoroutine(); f > files || g > goroutines {
			return fmt.Errorf("%d descriptors, were %d; %d goroutines, were %d", f, files, g, goroutines)
		}
		return nil
	})
	apply(t, m, Config{})
	if out := sh(t, "ip -o link show type vxlan"); out != "" {
		t.Errorf("left: %s", out)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
