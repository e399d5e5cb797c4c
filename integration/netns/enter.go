package netns

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Running lists the nodes of other processes of the machine that run the same program, by name.
func Running(program string) map[string]string {
	out := map[string]string{}
	tasks, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*")
	for _, task := range tasks {
		comm, err := os.ReadFile(task + "/comm")
		if err != nil || !strings.HasPrefix(string(comm), threadName("")) {
			continue
		}
		exe, err := os.Readlink(filepath.Join(filepath.Dir(filepath.Dir(task)), "exe"))
		if err != nil || filepath.Base(strings.TrimSuffix(exe, " (deleted)")) != program {
			continue
		}
		out[strings.TrimPrefix(strings.TrimSpace(string(comm)), threadName(""))] = task
	}
	return out
}

// Enter moves the calling thread into a node of another process and replaces this process by the command. It returns only
// if that fails.
func Enter(program, node string, argv []string) error {
	nodes := Running(program)
	task, ok := nodes[node]
	if !ok {
		names := make([]string, 0, len(nodes))
		for name := range nodes {
			names = append(names, name)
		}
		if len(names) == 0 {
			return fmt.Errorf("no lab runs: start one with %s lab on another terminal", program)
		}
		slices.Sort(names)
		return fmt.Errorf("no host %s: there is %s", node, strings.Join(names, ", "))
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	var files []*os.File
	for _, kind := range []string{"net", "uts", "mnt"} {
		f, err := os.Open(filepath.Join(task, "ns", kind))
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	for _, f := range files {
		if err := unix.Setns(int(f.Fd()), 0); err != nil {
			return fmt.Errorf("enter %s: %w", f.Name(), err)
		}
		f.Close()
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("run %s: %w", path, unix.Exec(path, argv, os.Environ()))
}
