package vm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A test program that imports this package is also the first process of the machine, so that nothing else must be built or
// be in the initial file system. This must come before TestMain, which knows nothing of it.
func init() {
	if file := os.Getenv(jobFile); file != "" && os.Getpid() == 1 {
		first(file)
	}
	if file := os.Getenv(jobOfUnit); file != "" {
		runUnit(file)
	}
}

// first is the first process of the machine. It does not return.
func first(file string) {
	g := &guest{}
	if err := g.run(file); err != nil {
		// If the output is not open yet, the host finds it on the console.
		fmt.Fprintf(os.Stderr, "first process: %v\n", err)
		g.say(wordFail, err)
	}
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	os.Exit(1) // the kernel panics
}

// guest is the machine seen from inside.
type guest struct {
	job *job
	out *os.File
}

// say writes a line of our own.
func (g *guest) say(word string, args ...any) {
	if g.out == nil {
		return
	}
	text := strings.ReplaceAll(strings.TrimSpace(fmt.Sprintln(args...)), "\n", " ")
	fmt.Fprintf(g.out, "\n%s %s %s\n", g.job.Mark, word, text)
}

func (g *guest) run(file string) error {
	var err error
	if g.job, err = readJob(file); err != nil {
		return err
	}
	if err := loadModules(g.job.Early); err != nil {
		return err
	}
	if err := enterRoot(g.job.Lower); err != nil {
		return err
	}
	if err := mountAll(); err != nil {
		return err
	}
	if err := g.openOutput(); err != nil {
		return err
	}
	if dir := g.job.Link; dir != "" {
		const all = "/lib/modules"
		if err := errors.Join(os.MkdirAll(all, 0o755), os.Symlink(dir, filepath.Join(all, filepath.Base(dir)))); err != nil {
			return err
		}
	}
	if err := loadModules(g.job.Late); err != nil {
		return err
	}
	if err := settle(); err != nil {
		return err
	}
	if g.job.Systemd {
		return g.becomeSystemd()
	}
	g.say(wordUp)
	code, err := g.runTests()
	if err != nil {
		return err
	}
	g.say(wordExit, code)
	return nil
}

// loadModules loads the files, which are in the order they need.
func loadModules(files []string) error {
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(f.Fd()), "", 0)
		f.Close()
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("load %s: %w", file, err)
		}
	}
	return nil
}

// enterRoot makes the host's file system the root, with a memory file system over it for all that is written.
func enterRoot(lower mount) error {
	const base = "/mnt" // any directory that is there: it must hide nothing that is needed until the root changes
	if err := unix.Mount("tmpfs", base, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount tmpfs on %s: %w", base, err)
	}
	for _, dir := range []string{"lower", "upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(base, dir), 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount(lower.Source, base+"/lower", lower.Type, unix.MS_RDONLY, lower.Options); err != nil {
		return fmt.Errorf("mount the host's file system: %w", err)
	}
	if err := unix.Mount("overlay", base+"/root", "overlay", 0, "lowerdir="+base+"/lower,upperdir="+base+"/upper,workdir="+base+"/work"); err != nil {
		return fmt.Errorf("mount an overlay on the host's file system: %w", err)
	}
	// pivot_root cannot leave an initial file system in memory: what switch_root does, works for both.
	if err := os.Chdir(base + "/root"); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	return os.Chdir("/")
}

// mountAll mounts what every Linux system has below the root.
func mountAll() error {
	for _, m := range []struct {
		target, kind, options string
		optional              bool
	}{
		{"/proc", "proc", "", false},
		{"/sys", "sysfs", "", false},
		{"/dev", "devtmpfs", "", false},
		{"/dev/pts", "devpts", "ptmxmode=666", false},
		{"/dev/shm", "tmpfs", "", false},
		{"/run", "tmpfs", "mode=755", false},
		{"/sys/fs/cgroup", "cgroup2", "", false},
		{"/sys/fs/bpf", "bpf", "", true},
	} {
		if strings.HasPrefix(m.target, "/dev/") {
			if err := os.MkdirAll(m.target, 0o755); err != nil {
				return err
			}
		}
		if err := unix.Mount(m.kind, m.target, m.kind, 0, m.options); err != nil && !m.optional {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	for name, target := range map[string]string{"/dev/fd": "/proc/self/fd", "/dev/stdin": "fd/0", "/dev/stdout": "fd/1", "/dev/stderr": "fd/2"} {
		if err := os.Symlink(target, name); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// openOutput opens the device whose other end the host reads. If it is a terminal, it shall change nothing.
func (g *guest) openOutput() error {
	f, err := os.OpenFile(g.job.Out, os.O_WRONLY|unix.O_NOCTTY, 0)
	// A port of virtio comes some time after its driver.
	for tries := 0; errors.Is(err, os.ErrNotExist) && tries < 500; tries++ {
		unix.Nanosleep(&unix.Timespec{Nsec: int64(10 * time.Millisecond)}, nil)
		f, err = os.OpenFile(g.job.Out, os.O_WRONLY|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return err
	}
	if mode, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err == nil {
		mode.Oflag &^= unix.OPOST
		if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, mode); err != nil {
			return fmt.Errorf("make %s raw: %w", g.job.Out, err)
		}
	}
	g.out = f
	return nil
}

// settle makes the machine like any other host: it has a name and a loopback interface that is up.
func settle() error {
	if err := unix.Sethostname([]byte("vm")); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(lo))); errno != 0 {
		return fmt.Errorf("set lo up: %w", errno)
	}
	return nil
}

// runTests runs the test program to its end, and takes leave of the processes whose parents ended before them.
func (g *guest) runTests() (code int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	pid, err := syscall.ForkExec(g.job.Exe, append([]string{g.job.Exe}, g.job.Args...), &syscall.ProcAttr{
		Dir:   g.job.Dir,
		Env:   g.job.Env,
		Files: []uintptr{null.Fd(), g.out.Fd(), g.out.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s in %s: %w", g.job.Exe, g.job.Dir, err)
	}
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait for the test program: %w", err)
		case ended == pid && status.Signaled():
			return 128 + int(status.Signal()), nil
		case ended == pid:
			return status.ExitStatus(), nil
		}
	}
}
