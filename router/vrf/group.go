package vrf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// groupDir is below the control group of a command that Exec runs, with a group for each VRF in it.
const groupDir = "sixfold-vrf"

var errNoGroups = errors.New("there is no cgroup2 file system, which binding a command to a VRF needs: mount one, as mount -t cgroup2 none /sys/fs/cgroup")

// ownGroup returns the directory of the control group that this process is in, in the cgroup2 hierarchy.
func ownGroup() (mount, group string, err error) {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", "", err
	}
	defer mounts.Close()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", "", err
	}
	mount, group, err = groupIn(mounts, string(own))
	if err != nil {
		return "", "", err
	}
	// Another file system may have been mounted over it, as ip netns exec does with /sys.
	if _, err := os.Stat(filepath.Join(mount, "cgroup.procs")); err != nil {
		return "", "", errNoGroups
	}
	return mount, group, nil
}

// groupIn finds the mount of cgroup2 in the text of mountinfo (proc_pid_mountinfo(5)), and the group of a process in the text of its
// cgroup file (cgroups(7)).
func groupIn(mountinfo io.Reader, own string) (mount, group string, err error) {
	root := ""
	for scan := bufio.NewScanner(mountinfo); scan.Scan(); {
		fields, kind, ok := strings.Cut(scan.Text(), " - ")
		words := strings.Fields(fields)
		if ok && strings.HasPrefix(kind, "cgroup2 ") && len(words) >= 5 {
			root, mount = unescape(words[3]), unescape(words[4]) // the last is the one that is seen
		}
	}
	if mount == "" {
		return "", "", errNoGroups
	}
	for line := range strings.Lines(own) {
		if p, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			group = p
		}
	}
	if group == "" {
		return "", "", errNoGroups
	}
	// In a container the mount may show only a part of the hierarchy.
	if rest, ok := strings.CutPrefix(group, strings.TrimSuffix(root, "/")); ok {
		group = rest
	}
	clean := path.Clean("/" + group)
	return mount, filepath.Join(mount, clean), nil
}

// unescape reads a path as mountinfo has it: blanks and the like are octal numbers behind a backslash.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// groupFor returns the group for commands in a VRF that are started from a group: beside those of other VRFs, not in them.
func groupFor(own, vrf string) string {
	if at := strings.LastIndex(own, "/"+groupDir+"/"); at >= 0 {
		own = own[:at]
	}
	return filepath.Join(own, groupDir, vrf)
}

// enter moves this process into a group, which is made if it is missing.
func enter(group string) error {
	if err := os.MkdirAll(group, 0o755); err != nil {
		return fmt.Errorf("make the control group: %w", err)
	}
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("0"), 0); err != nil {
		return fmt.Errorf("enter the control group: %w", err)
	}
	return nil
}
