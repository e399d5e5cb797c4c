package vm

import (
	"context"
	"debug/elf"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// program returns a test program that runs in the machine: this one, unless it is linked with libraries. Those are not in an
// initial file system, and the race detector finds no room for its shadow memory in user-mode-linux.
func program(ctx context.Context, dir string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := elf.Open(exe)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if f.Section(".interp") == nil {
		return exe, nil
	}
	// The tests of a package run in its directory.
	static := filepath.Join(dir, "static.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", static)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the test program without cgo: %w\n%s", err, out)
	}
	return static, nil
}

// passed are the flags of the testing package that mean the same inside. All flags of the tests themselves are passed too.
var passed = []string{"test.short", "test.failfast", "test.skip", "test.parallel"}

// arguments are those of the test program inside.
func arguments(ctx context.Context, test string) []string {
	var args []string
	flag.Visit(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") || slices.Contains(passed, f.Name) {
			args = append(args, "-"+f.Name+"="+f.Value.String())
		}
	})
	args = append(args, "-test.v=test2json", "-test.count=1", "-test.paniconexit0", "-test.run="+only(test, flag.Lookup("test.run").Value.String()))
	if deadline, ok := ctx.Deadline(); ok {
		// The machine comes up, and the test program tells where it hangs, before the machine is ended.
		left := time.Until(deadline) - 2*spare
		args = append(args, "-test.timeout="+max(left, time.Second).Round(time.Second).String())
	}
	return args
}

// only is the -test.run that selects a test, and of its subtests those that the pattern selects outside.
func only(test, pattern string) string {
	var parts []string
	for part := range strings.SplitSeq(test, "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	if outside := elements(pattern); len(outside) > len(parts) {
		parts = append(parts, outside[len(parts):]...)
	}
	return strings.Join(parts, "/")
}

// elements takes a pattern of -test.run apart at the slashes, as the testing package does. A pattern of alternatives has none.
func elements(pattern string) []string {
	var parts []string
	depth, from := 0, 0
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		case '|':
			if depth == 0 {
				return nil
			}
		case '/':
			if depth == 0 {
				parts = append(parts, pattern[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, pattern[from:])
}

// environment is that of the test program inside.
func environment(k Kernel) []string { return append(outside(), inside+"="+string(k)) }

// outside is the environment without what says where this process runs: its own namespaces and machine.
func outside() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "SIXFOLD_TEST_ISOLATED=") || strings.HasPrefix(e, inside+"=")
	})
}
