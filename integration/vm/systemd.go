package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// systemdPath is the first process of Debian.
const systemdPath = "/lib/systemd/systemd"

// jobOfUnit is the environment variable of the unit that runs the tests, with the path of its job.
const jobOfUnit = "SIXFOLD_VM_UNIT"

// keptJob is where the job is for the unit: what the machine booted from is gone by then.
const keptJob = "/run/sixfold-vm.json"

// machineID is that of the machine (machine-id(5)). One without would be a machine that is booted for the first time, on which
// systemd enables all that is installed.
const machineID = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e\n"

// testTarget is what is booted: the tests, and what every service needs. What the host has enabled for itself stays out.
const testTarget = "sixfold-vm.target"

// systemdWords are for systemd on the kernel's command line. Nothing of the host's disks is mounted, and what systemd does is in its
// journal only: a console that is emulated takes its time.
const systemdWords = "systemd.unit=" + testTarget + " systemd.show_status=error systemd.log_target=journal-or-kmsg systemd.log_level=info " +
	"systemd.gpt_auto=0 fstab=no systemd.firstboot=0 systemd.hostname=vm"

// testUnit runs the tests as a service.
const testUnit = `[Unit]
Description=tests of sixfold
Requires=dbus.socket
After=dbus.socket basic.target
[Service]
ExecStart=%s
Environment=` + jobOfUnit + `=` + keptJob + `
OOMScoreAdjust=-900
`

// unwanted is what Debian starts early for hardware, disks and the clock, which the machine has none of: the emulated processor
// takes its time for each.
var unwanted = []string{
	"e2scrub_reap.service", "kmod-static-nodes.service", "systemd-binfmt.service", "systemd-firstboot.service", "systemd-journal-flush.service",
	"systemd-modules-load.service", "systemd-pcrphase-sysinit.service", "systemd-pcrphase.service", "systemd-pstore.service",
	"systemd-random-seed.service", "systemd-repart.service", "systemd-sysctl.service", "systemd-sysusers.service", "systemd-timesyncd.service",
	"systemd-tmpfiles-setup-dev.service", "systemd-tmpfiles-setup.service", "systemd-udev-trigger.service", "systemd-udevd.service", "systemd-udevd-control.socket",
	"systemd-udevd-kernel.socket", "systemd-update-utmp.service", "proc-sys-fs-binfmt_misc.automount", "dev-hugepages.mount", "dev-mqueue.mount",
	"sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount", "sys-fs-fuse-connections.mount",
}

// containerSigns are files by which systemd takes the machine for the container that the tests were started in.
var containerSigns = []string{"/.dockerenv", "/run/.containerenv", "/run/host/container-manager"}

// systemdCommand is the machine of qemuCommand, which systemd takes over.
func systemdCommand(dir string, j *job) (*exec.Cmd, error) {
	if _, err := os.Stat(systemdPath); err != nil {
		return nil, fmt.Errorf("%w: install the package systemd", err)
	}
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		return nil, fmt.Errorf("%w: install the package dbus", err)
	}
	j.Systemd = true
	return qemuCommand(dir, j)
}

// becomeSystemd makes the first process systemd, which will run the tests as a service. It returns only if that fails.
func (g *guest) becomeSystemd() error {
	if err := g.job.write(keptJob); err != nil {
		return err
	}
	const units = "/run/systemd/system"
	if err := os.MkdirAll(units, 0o755); err != nil {
		return err
	}
	service := strings.TrimSuffix(testTarget, ".target") + ".service"
	err := errors.Join(
		os.WriteFile("/etc/machine-id", []byte(machineID), 0o444),
		os.WriteFile(filepath.Join(units, service), fmt.Appendf(nil, testUnit, g.job.Exe), 0o644),
		os.WriteFile(filepath.Join(units, testTarget), []byte("[Unit]\nRequires="+service+"\nAfter="+service+"\n"), 0o644),
	)
	for _, unit := range unwanted {
		err = errors.Join(err, os.Symlink(os.DevNull, filepath.Join(units, unit)))
	}
	for _, sign := range containerSigns {
		if remove := os.Remove(sign); !errors.Is(remove, fs.ErrNotExist) {
			err = errors.Join(err, remove)
		}
	}
	if err != nil {
		return err
	}
	return unix.Exec(systemdPath, []string{systemdPath}, []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=linux"})
}

// runUnit is what the unit with the tests runs. It does not return.
func runUnit(file string) {
	g := &guest{}
	code, err := 0, error(nil)
	if g.job, err = readJob(file); err == nil {
		err = g.openOutput()
	}
	if err == nil {
		g.say(wordUp)
		code, err = g.runTests()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "tests in systemd: %v\n", err)
		g.say(wordFail, err)
		os.Exit(1)
	}
	g.say(wordExit, code)
	os.Exit(0)
}
