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
// as much memory to set up as to keep, and the garbage collector returns it over many minutes only. The first look gives back all
// that the start took. After it there is one whenever ran tells that the garbage collector ran: without that nothing becomes free.
func giveBack(ctx context.Context, ran <-chan struct{}) error {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	for first := true; ; first = false {
		if !first {
			select {
			case <-ctx.Done():
				return nil
			case <-ran:
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookAtMemory):
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
		if first {
			releaseProgram()
		}
	}
}

// collections returns a channel that has an element after the garbage collector ran.
func collections() <-chan struct{} {
	ran := make(chan struct{}, 1)
	var wait func()
	wait = func() {
		runtime.AddCleanup(new(*byte), func(struct{}) {
			select {
			case ran <- struct{}{}:
			default:
			}
			wait()
		}, struct{}{})
	}
	wait()
	return ran
}
