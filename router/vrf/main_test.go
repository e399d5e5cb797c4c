package vrf

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// What this test program is when it is started by a test: Exec with a device, or a program that tells what its sockets are bound to.
const (
	execIn = "SIXFOLD_TEST_EXEC_IN"
	tell   = "SIXFOLD_TEST_TELL"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(execIn) != "":
		device := os.Getenv(execIn)
		os.Unsetenv(execIn)
		fmt.Fprintln(os.Stderr, Exec(device, os.Args[1:]))
		os.Exit(1)
	case os.Getenv(tell) != "":
		if err := tellDevice(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(netns.Isolate(m))
}

// tellDevice prints the device that new sockets are bound to.
func tellDevice() error {
	for _, family := range []int{unix.AF_INET6, unix.AF_INET} {
		for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
			fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			device, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
			if err != nil {
				return err
			}
			fmt.Printf("%q ", strings.TrimRight(device, "\x00"))
		}
	}
	fmt.Printf("as %d\n", os.Getuid())
	return nil
}
