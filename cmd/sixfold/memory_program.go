package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseProgram tells the kernel that we can do without the pages of our program file that are mapped: most are of what only the start
// needs, as is most of what was read of the schema, and three quarters of what a router with few links has resident. They stay in
// the page cache, but count no longer as in use; what is used again is mapped again, without reading the file. That it could not be done
// costs memory and nothing else.
func releaseProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer f.Close()
	for _, m := range untouched(bufio.NewScanner(f), program) {
		// The bytes are those of the file whenever they are looked at next.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

// mapping is a part of the address space.
type mapping struct{ from, to uintptr }

// untouched finds the mappings of a file that cannot be written to and of which no page was, in the form of /proc/PID/smaps (proc(5)): a
// program that the dynamic linker relocated has changed pages that are read-only afterwards.
func untouched(smaps *bufio.Scanner, file string) []mapping {
	var all []mapping
	var at mapping
	readOnly := false
	for smaps.Scan() {
		line := smaps.Text()
		var from, to uintptr
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err == nil {
			at = mapping{from, to}
			readOnly = strings.HasPrefix(mode, "r") && !strings.Contains(mode, "w") && strings.HasSuffix(line, " "+file)
			continue
		}
		var kB int
		if _, err := fmt.Sscanf(line, "Anonymous: %d kB", &kB); err == nil && readOnly && kB == 0 {
			all = append(all, at)
		}
	}
	return all
}
