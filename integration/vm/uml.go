package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// umlModules are there at the start of each test: most tests need some, and one by one they take longer. The kernel gets others
// by need.
var umlModules = []string{"ipv6", "8021q", "vrf", "dummy", "ip_gre", "ip6_gre", "sit", "ip6_tunnel", "bonding", "macvlan", "bridge", "vxlan", "veth", "tun", "af_packet_diag", "udp_diag"}

// umlCommand is a machine with user-mode-linux: dir is the test's own, for the job and what the kernel leaves.
func umlCommand(dir string, j *job) (*exec.Cmd, error) {
	kernel, err := exec.LookPath("linux.uml")
	if err != nil {
		return nil, fmt.Errorf("%w: install the package user-mode-linux", err)
	}
	version, err := exec.Command(kernel, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", kernel, err)
	}
	modules := filepath.Join("/usr/lib/uml/modules", strings.TrimSpace(string(version)))
	if j.Early, err = moduleFiles(modules, "overlay"); err != nil {
		return nil, err
	}
	if j.Late, err = moduleFiles(modules, umlModules...); err != nil {
		return nil, err
	}
	j.Link = modules
	j.Out = "/dev/tty1"
	j.Lower = mount{Source: "none", Type: "hostfs", Options: "/"}
	file := filepath.Join(dir, "job.json")
	if err := j.write(file); err != nil {
		return nil, err
	}
	// The kernel's console is our standard output, the second console the pipe for the output of the tests.
	cmd := exec.Command(kernel, "rootfstype=hostfs", "rootflags=/", "ro", "mem=1G", "init="+j.Exe,
		"con=null", "con0=null,fd:1", "con1=null,fd:3", "uml_dir="+dir, "umid=uml", jobFile+"="+file)
	cmd.Env = append(os.Environ(), "TMPDIR="+memoryDir(dir), "HOME="+dir)
	return cmd, nil
}

// memoryDir is where the memory of a machine may be, a file that grows as it is used and is mapped as code. The memory file
// system of a container may be too small, or not allow it.
func memoryDir(otherwise string) string {
	const memory = "/dev/shm"
	var fs unix.Statfs_t
	if err := unix.Statfs(memory, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < 1<<30 || fs.Flags&unix.ST_NOEXEC != 0 {
		return otherwise
	}
	return memory
}

// moduleFiles is modulePaths with the directory before them.
func moduleFiles(dir string, names ...string) ([]string, error) {
	files, err := modulePaths(os.DirFS(dir), names...)
	if err != nil {
		return nil, fmt.Errorf("modules of %s: %w", dir, err)
	}
	for i, f := range files {
		files[i] = filepath.Join(dir, f)
	}
	return files, nil
}
