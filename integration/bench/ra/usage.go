package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// spent is what the processes of a router took of the processor, and how many advertisements were seen, until a moment.
type spent struct {
	at    time.Time
	cpu   time.Duration
	count int
}

// spent adds up what the threads of a process and of those that it started took. A thread that ended is missing; those of the
// programs that are measured stay.
func (r *rig) spent(pid int, w *watcher) (spent, error) {
	s := spent{at: time.Now(), count: w.count()}
	for _, p := range family(pid) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p))
		if err != nil {
			return s, err
		}
		for _, t := range threads {
			b, err := os.ReadFile(t)
			if err != nil {
				continue // it just ended
			}
			var ran int64
			if _, err := fmt.Sscan(string(b), &ran); err != nil {
				return s, fmt.Errorf("%s: %w", t, err)
			}
			s.cpu += time.Duration(ran)
		}
	}
	return s, nil
}

// over measures what a router spends in a while.
func (r *rig) over(d time.Duration, pid int, w *watcher) (spent, error) {
	before, err := r.spent(pid, w)
	if err != nil {
		return spent{}, err
	}
	pause(d)
	after, err := r.spent(pid, w)
	return spent{cpu: after.cpu - before.cpu, count: after.count - before.count}, err
}

// family is a process with all those that it started, as the one that radvd keeps its rights in.
func family(pid int) []int {
	all := []int{pid}
	for n := 0; n < len(all); n++ {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[n]))
		for _, list := range lists {
			b, err := os.ReadFile(list)
			if err != nil {
				continue // it just ended
			}
			for _, word := range strings.Fields(string(b)) {
				var child int
				if _, err := fmt.Sscan(word, &child); err == nil {
					all = append(all, child)
				}
			}
		}
	}
	return all
}

// memory is what processes have resident, in kB: of their own, and of files, which others may share and the kernel can take back; and the
// most that the first of them had.
type memory struct{ own, file, peak int }

func memoryOf(pid int) (memory, error) {
	var m memory
	for n, p := range family(pid) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
		if err != nil {
			return m, err
		}
		for line := range strings.Lines(string(b)) {
			var kB int
			if _, err := fmt.Sscanf(line, "RssAnon: %d", &kB); err == nil {
				m.own += kB
			}
			if _, err := fmt.Sscanf(line, "RssFile: %d", &kB); err == nil {
				m.file += kB
			}
			if _, err := fmt.Sscanf(line, "VmHWM: %d", &kB); err == nil && n == 0 {
				m.peak = kB
			}
		}
	}
	return m, nil
}

// each tells what an advertisement takes and what nothing takes in a second, by two whiles of the same length in which many and few
// advertisements were sent.
func each(many, few spent, long time.Duration) (perRA, idle time.Duration) {
	if many.count <= few.count {
		return 0, 0
	}
	perRA = max(0, (many.cpu-few.cpu)/time.Duration(many.count-few.count))
	rest := few.cpu - perRA*time.Duration(few.count)
	if rest < 0 { // one that has nothing to do when idle, within what can be measured
		return (many.cpu + few.cpu) / time.Duration(many.count+few.count), 0
	}
	return perRA, time.Duration(float64(rest) / long.Seconds())
}
