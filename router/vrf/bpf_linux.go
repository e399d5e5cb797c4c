package vrf

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// instruction is struct bpf_insn.
type instruction struct {
	code      uint8
	registers uint8 // destination in the lower half, source in the upper
	offset    int16
	immediate int32
}

// bindProgram sets the device of a new socket and lets it pass. Its only argument, in register 1, is a struct bpf_sock, whose first
// field is bound_dev_if.
func bindProgram(index int) []instruction {
	const (
		move  = unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K
		store = unix.BPF_STX | unix.BPF_MEM | unix.BPF_W
		exit  = unix.BPF_JMP | unix.BPF_EXIT
	)
	return []instruction{
		{code: move, registers: 2, immediate: int32(index)},
		{code: store, registers: 2<<4 | 1},
		{code: move, registers: 0, immediate: 1},
		{code: exit},
	}
}

// bpf is bpf(2).
func bpf(command uintptr, attributes unsafe.Pointer, size uintptr) (int, error) {
	for {
		n, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(attributes), size)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EAGAIN, unix.EINTR:
		default:
			return -1, errno
		}
	}
}

// loadProgram loads the program for a device and returns its descriptor.
func loadProgram(index int) (int, error) {
	program := bindProgram(index)
	license := []byte("GPL\x00")
	var pin runtime.Pinner // the kernel gets their addresses as numbers
	defer pin.Unpin()
	pin.Pin(&program[0])
	pin.Pin(&license[0])
	attributes := struct { // the first fields of union bpf_attr for BPF_PROG_LOAD
		kind, count                uint32
		program, license           uint64
		logLevel, logSize          uint32
		log                        uint64
		kernelVersion, flags       uint32
		name                       [unix.BPF_OBJ_NAME_LEN]byte
		device, expectedAttachType uint32
	}{
		kind: unix.BPF_PROG_TYPE_CGROUP_SOCK, count: uint32(len(program)),
		program: uint64(uintptr(unsafe.Pointer(&program[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0]))),
		expectedAttachType: unix.BPF_CGROUP_INET_SOCK_CREATE,
	}
	copy(attributes.name[:], "sixfold_vrf")
	fd, err := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&attributes), unsafe.Sizeof(attributes))
	if err != nil {
		return -1, fmt.Errorf("load the program that binds sockets: %w", err)
	}
	return fd, nil
}

// attachment is union bpf_attr for BPF_PROG_ATTACH and BPF_PROG_DETACH.
type attachment struct{ target, program, kind, flags, replace uint32 }

// attachProgram binds the sockets that will be made in a control group to a device, in place of any program before.
func attachProgram(group string, index int) error {
	program, err := loadProgram(index)
	if err != nil {
		return err
	}
	defer unix.Close(program)
	return onGroup(group, func(fd int) error {
		a := attachment{target: uint32(fd), program: uint32(program), kind: unix.BPF_CGROUP_INET_SOCK_CREATE}
		if _, err := bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(&a), unsafe.Sizeof(a)); err != nil {
			return fmt.Errorf("bind the sockets of %s: %w", group, err)
		}
		return nil
	})
}

// detachProgram ends that. A group without a program is as it should be.
func detachProgram(group string) error {
	return onGroup(group, func(fd int) error {
		a := attachment{target: uint32(fd), kind: unix.BPF_CGROUP_INET_SOCK_CREATE}
		if _, err := bpf(unix.BPF_PROG_DETACH, unsafe.Pointer(&a), unsafe.Sizeof(a)); err != nil && err != unix.ENOENT {
			return fmt.Errorf("no longer bind the sockets of %s: %w", group, err)
		}
		return nil
	})
}

func onGroup(group string, do func(fd int) error) error {
	fd, err := unix.Open(group, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open control group %s: %w", group, err)
	}
	defer unix.Close(fd)
	return do(fd)
}
