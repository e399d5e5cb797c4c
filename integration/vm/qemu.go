package vm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// qemuEarly are what the devices of the machine and its root need.
var qemuEarly = []string{"virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"}

// qemuModules are there at the start of each test: what most tests of this kernel use. The emulated processor takes some 40 ms for
// the signature and the code of each, and some 200 ms for one that the kernel gets by need.
var qemuModules = []string{
	"8021q", "bridge", "dummy", "veth", "vrf", "vxlan",
	"nf_tables", "nf_conntrack", "nf_nat", "nft_chain_nat", "nft_ct", "nft_fib_inet", "nft_limit", "nft_masq", "nft_nat", "nft_reject_inet",
}

// qemuCommand is a machine with qemu, which emulates its processor, and the kernel of Debian.
func qemuCommand(dir string, j *job) (*exec.Cmd, error) {
	const emulator = "qemu-system-x86_64"
	if _, err := exec.LookPath(emulator); err != nil {
		return nil, fmt.Errorf("%w: install the package qemu-system-x86", err)
	}
	kernel, modules, err := debianKernel()
	if err != nil {
		return nil, err
	}
	if j.Late, err = moduleFiles(modules, qemuModules...); err != nil {
		return nil, err
	}
	early, err := moduleFiles(modules, qemuEarly...)
	if err != nil {
		return nil, err
	}
	for _, f := range early {
		j.Early = append(j.Early, "/early/"+filepath.Base(f))
	}
	j.Out = "/dev/vport0p1"
	j.Lower = mount{Source: "host", Type: "9p", Options: "trans=virtio,version=9p2000.L,msize=512000,cache=loose"}
	if err := j.write(filepath.Join(dir, "job.json")); err != nil {
		return nil, err
	}
	initrd := filepath.Join(dir, "initrd")
	if err := writeInitrd(initrd, j.Exe, filepath.Join(dir, "job.json"), early); err != nil {
		return nil, err
	}
	words := "console=ttyS0 quiet panic=-1 reboot=t mitigations=off random.trust_cpu=on " + jobFile + "=/job.json"
	if j.Systemd {
		words += " " + systemdWords
	}
	return exec.Command(emulator, "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "qemu64,+rdrand", "-smp", "1", "-m", "1024",
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio",
		"-device", "virtio-serial", "-chardev", "file,id=out,path=/proc/self/fd/3", "-device", "virtserialport,chardev=out,nr=1",
		"-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap", "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
		"-kernel", kernel, "-initrd", initrd,
		"-append", words), nil
}

// debianKernel finds the newest kernel of the distribution that has its modules here.
func debianKernel() (image, modules string, err error) {
	images, err := filepath.Glob("/boot/vmlinuz-*")
	if err != nil {
		return "", "", err
	}
	for _, i := range images {
		dir := filepath.Join("/lib/modules", strings.TrimPrefix(filepath.Base(i), "vmlinuz-"))
		if _, err := os.Stat(filepath.Join(dir, "modules.dep")); err == nil {
			image, modules = i, dir
		}
	}
	if image == "" {
		return "", "", errors.New("no kernel in /boot with its modules in /lib/modules: install the package linux-image-amd64")
	}
	plain, err := unpackKernel(image)
	if err != nil {
		return "", "", fmt.Errorf("unpack %s: %w", image, err)
	}
	return plain, modules, nil
}

// unpackKernel returns a file with the kernel itself: a machine that is emulated unpacks it in three seconds. It is kept in the
// user's cache. Where that is not possible it returns the image.
func unpackKernel(image string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return image, nil
	}
	dir := filepath.Join(cache, "sixfold-test")
	info, err := os.Stat(image)
	if err != nil {
		return "", err
	}
	plain := filepath.Join(dir, fmt.Sprintf("%s-%d-%d", strings.Replace(filepath.Base(image), "vmlinuz", "vmlinux", 1), info.Size(), info.ModTime().Unix()))
	if _, err := os.Stat(plain); err == nil {
		return plain, nil
	}
	b, err := os.ReadFile(image)
	if err != nil {
		return "", err
	}
	at := bytes.Index(b, []byte("\xfd7zXZ\x00"))
	xz, err := exec.LookPath("xz")
	if at < 0 || err != nil {
		return image, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return image, nil
	}
	f, err := os.CreateTemp(dir, "unpack-")
	if err != nil {
		return image, nil
	}
	defer os.Remove(f.Name())
	defer f.Close()
	cmd := exec.Command(xz, "--decompress", "--stdout", "--single-stream", "--no-warn")
	cmd.Stdin, cmd.Stdout = bytes.NewReader(b[at:]), f
	var message bytes.Buffer
	cmd.Stderr = &message
	// What follows the stream in the image is no error of ours.
	if err := cmd.Run(); err != nil && message.Len() > 0 {
		return "", fmt.Errorf("%w: %s", err, message.String())
	}
	// Other processes may do the same: the name comes last.
	return plain, os.Rename(f.Name(), plain)
}

// writeInitrd writes an initial file system whose first process is this program.
func writeInitrd(file, exe, job string, modules []string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	a := newArchive(f)
	a.dir("mnt")
	a.device("dev/console", 5, 1)
	a.add("init", exe)
	a.add("job.json", job)
	for _, m := range modules {
		a.add("early/"+filepath.Base(m), m)
	}
	if err := a.close(); err != nil {
		return err
	}
	return f.Close()
}
