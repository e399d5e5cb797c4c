package vrf

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Default is the name of the instance of all that is in no VRF.
const Default = "default"

// Exec becomes the command: each socket that it and its children make is bound to the device, a VRF or any other link; to none for
// Default. It needs root; the command may give up its privileges and stays bound. It returns only an error.
func Exec(device string, command []string) error {
	if len(command) == 0 {
		return errors.New("no command")
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	_, own, err := ownGroup()
	if err != nil {
		return err
	}
	group := groupFor(own, device)
	if device == Default {
		group = filepath.Dir(filepath.Dir(groupFor(own, device)))
	} else {
		index, err := indexOf(device)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(group, 0o755); err != nil {
			return fmt.Errorf("make the control group: %w", err)
		}
		if err := attachProgram(group, index); err != nil {
			return err
		}
	}
	if err := enter(group); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", program, unix.Exec(program, command, os.Environ()))
}

// Attach binds the sockets that will be made in the control group of this process to the device: those of a service, when it is what
// runs before its main process.
func Attach(device string) error {
	mount, own, err := ownGroup()
	if err != nil {
		return err
	}
	if own == mount {
		return errors.New("this process is in no control group of its own: every program of the machine would be bound")
	}
	index, err := indexOf(device)
	if err != nil {
		return err
	}
	return attachProgram(own, index)
}

func indexOf(device string) (int, error) {
	link, err := net.InterfaceByName(device)
	if err != nil {
		return 0, fmt.Errorf("there is no device %s: see sixfold show vrfs", device)
	}
	return link.Index, nil
}

// detachGroup no longer binds the sockets of a control group, given by its path in the hierarchy.
func detachGroup(group string) error {
	mount, _, err := ownGroup()
	if err != nil {
		return err
	}
	return detachProgram(filepath.Join(mount, group))
}
