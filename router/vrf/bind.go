package vrf

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Control returns a function for net.Dialer and net.ListenConfig that binds sockets to a device. An empty name binds to none.
func Control(device string) func(network, address string, c syscall.RawConn) error {
	if device == "" {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			if err := unix.BindToDevice(int(fd), device); err != nil {
				failed = fmt.Errorf("bind to %s: %w", device, err)
			}
		})
		return errors.Join(err, failed)
	}
}
