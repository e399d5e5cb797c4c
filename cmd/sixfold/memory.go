package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	lookAtMemory = 10 * time.Second
	spare        = 32 << 20 // free memory that is worth giving back
)

// firstCollection is the garbage collector's target percentage (GOGC) until it ran once: it runs first at 16 MiB, not at 4.
const firstCollection = 400

// collectLater puts off the first garbage collection. Most commands end before it, and the router sends its first advertisements: a
// start leaves little garbage.
func collectLater() {
	before := debug.SetGCPercent(firstCollection)
	if before < 0 || before >= firstCollection {
		debug.SetGCPercent(before)
		return
	}
	// What nothing refers to is cleaned up after the first collection.
	runtime.AddCleanup(&[]byte{0}, func(percent int) { debug.SetGCPercent(percent) }, before)
}

// giveBack gives memory that is free back to the kernel when there is much of it, until ctx ends. Thousands of links take several times
// as much memory to set up as to keep, and the garbage collector returns it over many minutes only. The first look gives back all,
// what the start took.
func giveBack(ctx context.Context) error {
	tick := time.NewTicker(lookAtMemory)
	defer tick.Stop()
	samples := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		metrics.Read(samples)
		value := func(n int) uint64 {
			if samples[n].Value.Kind() != metrics.KindUint64 {
				return 0
			}
			return samples[n].Value.Uint64()
		}
		free, unused, live, objects := value(0), value(1), value(2), value(3)
		if garbage := objects - min(live, objects); free+unused+garbage > spare+live/4 || first {
			debug.FreeOSMemory()
		}
	}
}
