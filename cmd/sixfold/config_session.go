package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// sessionAddress is the address of ours that the operator's SSH session came in to; empty: there is none. sudo takes the variable
// away, so that it is looked for in the processes that started this one too.
func sessionAddress(proc string, pid int, own string) string {
	if addr := sshServer(own); addr != "" {
		return addr
	}
	// A chain of parents ends at 0; the bound is for one that was read while processes came and went.
	for range 64 {
		pid = parent(proc, pid)
		if pid <= 0 {
			return ""
		}
		environ, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "environ"))
		if err != nil {
			continue // of another user
		}
		for _, v := range bytes.Split(environ, []byte{0}) {
			if value, ok := strings.CutPrefix(string(v), "SSH_CONNECTION="); ok {
				if addr := sshServer(value); addr != "" {
					return addr
				}
			}
		}
	}
	return ""
}

// sshServer is the third field of SSH_CONNECTION: client address, client port, server address, server port.
func sshServer(value string) string {
	fields := strings.Fields(value)
	if len(fields) != 4 {
		return ""
	}
	addr, err := netip.ParseAddr(fields[2])
	if err != nil {
		return ""
	}
	return addr.Unmap().String()
}

// parent reads who started a process; 0: nobody.
func parent(proc string, pid int) int {
	stat, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	// The name in parentheses may have spaces and parentheses in it.
	_, rest, _ := strings.Cut(string(stat[max(0, bytes.LastIndexByte(stat, ')')):]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	ppid, _ := strconv.Atoi(fields[1])
	return ppid
}
