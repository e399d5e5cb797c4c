package main

import (
	"bufio"
	"context"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUntouched(t *testing.T) {
	const smaps = `00400000-01766000 r-xp 00000000 fe:00 393 /usr/bin/sixfold
Size:              19864 kB
Anonymous:             0 kB
01766000-02cfa000 r--p 01366000 fe:00 393 /usr/bin/sixfold
Size:              22096 kB
Anonymous:             0 kB
02cfa000-02cfb000 r--p 01366000 fe:00 393 /usr/bin/sixfold
Anonymous:             4 kB
02cfb000-02dab000 rw-p 028fa000 fe:00 393 /usr/bin/sixfold
Anonymous:             0 kB
02dab000-04df5000 rw-p 00000000 00:00 0
Anonymous:           132 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 393 /lib/x86_64-linux-gnu/libc.so.6
Anonymous:             0 kB
7f0000002000-7f0000003000 ---p 00000000 fe:00 393 /usr/bin/sixfold
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0x1766000}, {0x1766000, 0x2cfa000}}
	if diff := cmp.Diff(want, untouched(bufio.NewScanner(strings.NewReader(smaps)), "/usr/bin/sixfold"), cmp.AllowUnexported(mapping{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestReleaseProgram goes on after the pages of the program were given back.
func TestReleaseProgram(t *testing.T) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if len(untouched(bufio.NewScanner(f), program)) == 0 {
		t.Error("no mapping of the program was found")
	}
	for range 20 {
		releaseProgram()
		runtime.GC()
		if got := versionText(); got == "" {
			t.Error("no version")
		}
	}
}

func TestCollections(t *testing.T) {
	ran := collections()
	for n := range 3 {
		deadline := time.After(30 * time.Second)
		for waiting := true; waiting; {
			runtime.GC() // one may have begun before the last element was taken
			select {
			case <-ran:
				waiting = false
			case <-deadline:
				t.Fatalf("nothing was told after collection %d", n+1)
			default:
			}
		}
	}
}

// TestGiveBack looks after each collection, and not without one.
func TestGiveBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		ran := make(chan struct{})
		ended := make(chan error)
		go func() { ended <- giveBack(ctx, ran) }()
		began := time.Now()
		for n := range 3 {
			ran <- struct{}{}
			if took := time.Since(began); took != time.Duration(n+1)*lookAtMemory {
				t.Errorf("look %d was done after %v", n, took)
			}
		}
		if err := <-ended; err != nil || time.Since(began) != time.Hour {
			t.Errorf("ended with %v after %v", err, time.Since(began))
		}
	})
}
