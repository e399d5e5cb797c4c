package vm

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

func TestMain(m *testing.M) { os.Exit(netns.Isolate(m)) }

// links are the kinds of links that this package promises, and the words for ip that make one.
var links = map[string]string{
	"bond":        "type bond mode active-backup",
	"bridge":      "type bridge mcast_querier 1",
	"bridge_vlan": "type bridge vlan_filtering 1",
	"dummy":       "type dummy",
	"gre":         "type gre local 192.0.2.1 remote 192.0.2.2",
	"ip6gre":      "type ip6gre local 2001:db8::1 remote 2001:db8::2",
	"ip6tnl":      "type ip6tnl local 2001:db8::1 remote 2001:db8::2",
	"macvlan":     "link eth0 type macvlan mode bridge",
	"sit":         "type sit local 192.0.2.1 remote 192.0.2.2",
	"veth":        "type veth peer name y0",
	"vlan":        "link eth0 type vlan id 300",
	"vrf":         "type vrf table 1000",
	"vxlan":       "type vxlan id 1000 group ff05::1000 dev eth0 dstport 4789",
}

func testLinks(t *testing.T) {
	n := netns.Host(t, "a")
	n.Sh(t, "ip link add eth0 type veth peer name eth1 && ip link set eth0 up")
	for name, words := range links {
		t.Run(name, func(t *testing.T) {
			n.Sh(t, "printf 'link add x0 %s\nlink set x0 up\nlink del x0\n' | ip -batch -", words)
		})
	}
}

func TestUML(t *testing.T) {
	if runUnchanged(t, UML) {
		return
	}
	t.Run("links", testLinks)
	t.Run("host", testHost)
	t.Run("vrf", testVRF)
	t.Run("vlan_bridge", testVLANBridge)
	t.Run("cgroup", testCgroup)
	t.Run("modprobe", testModprobe)
}

func TestQEMU(t *testing.T) {
	if runUnchanged(t, QEMU) {
		return
	}
	t.Run("links", testLinks)
	t.Run("host", testHost)
	t.Run("vrf", testVRF)
	t.Run("vlan_bridge", testVLANBridge)
	t.Run("nftables", testNftables)
	t.Run("mroute", testMulticastRouting)
	t.Run("cgroup", testCgroup)
	t.Run("modprobe", testModprobe)
}

// systemd is the first process and the tests are one of its services; it and the system bus answer.
func TestSystemd(t *testing.T) {
	if runUnchanged(t, Systemd) {
		return
	}
	t.Run("host", testHost)
	t.Run("manager", testManager)
}

func testManager(t *testing.T) {
	manager := func(command string) string {
		t.Helper()
		out, err := exec.Command("nsenter", "-t", "1", "-m", "-n", "sh", "-ec", command).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	if out := manager("cat /proc/1/comm; systemctl is-active sixfold-vm.service"); out != "systemd\nactive\n" {
		t.Errorf("the first process, and our unit: %q", out)
	}
	if out := manager("systemctl list-units --failed --no-legend --plain"); out != "" {
		t.Errorf("what failed: %s", out)
	}
	if out := manager("systemd-detect-virt; systemd-run --quiet --pipe --wait --collect id -u"); out != "qemu\n0\n" {
		t.Errorf("systemd says that it runs in, and a transient unit printed: %q", out)
	}
}

// testHost looks at what is around the tests: the host's files, and a system to run anything in.
func testHost(t *testing.T) {
	if !Inside() {
		t.Error("Inside says that this is no machine")
	}
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if first, err := os.Readlink("/proc/1/ns/net"); err != nil || first == own {
		t.Errorf("the tests are in the network namespace of the first process: %v", err)
	}
	if _, err := os.Stat("vm_test.go"); err != nil {
		t.Errorf("the directory of the package: %v", err)
	}
	for _, file := range traces {
		if err := os.WriteFile(file, []byte("guest"), 0o644); err != nil {
			t.Error(err)
		}
	}
	out, err := exec.Command("sh", "-c", "hostname; ip -o link show dev lo; stat -f -c %T /sys/fs/cgroup; echo text >/dev/stderr; tty </dev/ptmx; cat /proc/sys/kernel/ostype").CombinedOutput()
	for _, want := range []string{"vm\n", "LOOPBACK,UP", "cgroup2fs", "text\n", "Linux\n"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("no %q: %v\n%s", want, err, out)
		}
	}
	// A process whose parent ends first must not stay as a zombie.
	pid := strings.TrimSpace(netns.Host(t, "orphan").Sh(t, "(setsid sleep 0.1 </dev/null >/dev/null 2>&1 & echo $!)"))
	if err := netns.Eventually(20*time.Second, func() error {
		if _, err := os.Stat("/proc/" + pid); err == nil {
			return fmt.Errorf("process %s is still there", pid)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// testVRF sends between two hosts, one of which has the cable in a VRF with a table of its own.
func testVRF(t *testing.T) {
	a, b := netns.Host(t, "a"), netns.Host(t, "b")
	netns.Cable(t, netns.End{Node: a, Name: "em0"}, netns.End{Node: b, Name: "eth0"})
	a.Sh(t, `ip link add mgmt type vrf table 1000 && ip link set mgmt up && ip link set em0 master mgmt &&
		ip -6 addr add 2001:db8::1/64 dev em0 nodad && ip -6 rule add l3mdev unreachable pref 2000`)
	b.Sh(t, "ip -6 addr add 2001:db8::2/64 dev eth0 nodad")
	a.Sh(t, "ip vrf exec mgmt ping -c 1 -W 10 2001:db8::2 || ping -c 1 -W 10 -I mgmt 2001:db8::2")
	if out, err := a.Run("ip", "-6", "route", "get", "2001:db8::2"); err == nil {
		t.Errorf("the main table knows the way: %s", out)
	}
}

// testVLANBridge sends through a bridge that keeps VLANs apart.
func testVLANBridge(t *testing.T) {
	sw, a, b := netns.Host(t, "switch"), netns.Host(t, "a"), netns.Host(t, "b")
	sw.Sh(t, "ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0 && ip link set br0 up")
	for i, n := range []*netns.Node{a, b} {
		port := fmt.Sprintf("port%d", i)
		netns.Cable(t, netns.End{Node: sw, Name: port}, netns.End{Node: n, Name: "eth0"})
		sw.Sh(t, "ip link set %s master br0 && bridge vlan add dev %s vid 300", port, port)
		n.Sh(t, `ip link add link eth0 name eth0.300 type vlan id 300 && ip link add link eth0 name eth0.301 type vlan id 301 &&
			ip link set eth0.300 up && ip link set eth0.301 up &&
			ip -6 addr add 2001:db8:300::%d/64 dev eth0.300 nodad && ip -6 addr add 2001:db8:301::%d/64 dev eth0.301 nodad`, i+1, i+1)
	}
	a.Sh(t, "ping -c 1 -W 10 2001:db8:300::2")
	if out, err := a.Run("ping", "-c", "1", "-W", "1", "2001:db8:301::2"); err == nil {
		t.Errorf("a VLAN that the bridge does not carry comes through:\n%s", out)
	}
}

// testNftables counts packets with rules of the family inet, in a VRF, and translates a prefix.
func testNftables(t *testing.T) {
	n := netns.Host(t, "a")
	n.Sh(t, `ip link add mgmt type vrf table 1000 && ip link set mgmt up && ip link add d0 type dummy && ip link set d0 master mgmt up &&
		ip -6 addr add 2001:db8::1/64 dev d0 nodad`)
	n.Sh(t, `nft -f - <<'END'
table inet t {
	set s { type ipv6_addr; flags interval; elements = { 2001:db8::/32 } }
	chain in { type filter hook input priority filter; policy accept; ct state established counter accept; iifname "mgmt" ip6 saddr @s counter; fib daddr type local limit rate 10/second accept; }
	chain out { type nat hook postrouting priority srcnat; ip6 saddr fd00::/64 oifname "d0" masquerade; ip6 saddr fd01::/64 snat ip6 prefix to 2001:db8:1::/64; }
}
END`)
	n.Sh(t, "ping -c 1 -W 10 -I mgmt 2001:db8::1")
	if out := n.Sh(t, "nft list table inet t"); !strings.Contains(out, "@s counter packets 1") {
		t.Errorf("the rule of the VRF counted nothing:\n%s", out)
	}
}

// testMulticastRouting opens the kernel's table of multicast routes, as a proxy does.
func testMulticastRouting(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	const mrt6Init = 200 // linux/mroute6.h
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, mrt6Init, 1); err != nil {
		t.Fatal(err)
	}
}

// testCgroup attaches a program to a control group, which is how ip vrf exec binds a process to a VRF.
func testCgroup(t *testing.T) {
	n := netns.Host(t, "a")
	n.Sh(t, "mount -t cgroup2 cgroup2 /sys/fs/cgroup && ip link add mgmt type vrf table 1000 && ip link set mgmt up")
	if out := n.Sh(t, "ip vrf exec mgmt ip vrf identify"); out != "mgmt\n" {
		t.Errorf("the process is in the VRF %q", out)
	}
}

// testModprobe makes a link whose module is not there yet.
func testModprobe(t *testing.T) {
	if b, err := os.ReadFile("/proc/modules"); err != nil || strings.Contains(string(b), "ipvlan") {
		t.Fatalf("the test needs another module: %v", err)
	}
	netns.Host(t, "a").Sh(t, "ip link add eth0 type veth && ip link add link eth0 type ipvlan")
}

// traces are files that no host has.
var traces = []string{"/etc/sixfold-vm", "/var/lib/sixfold-vm", "/usr/lib/sixfold-vm", "/tmp/sixfold-vm", "/root/sixfold-vm", "/run/sixfold-vm", "/dev/shm/sixfold-vm"}

// runUnchanged is Run for a test that writes the traces: what the machine writes must not reach the host.
func runUnchanged(t *testing.T, k Kernel) bool {
	if Inside() {
		return Run(t, k)
	}
	before := look(t)
	Run(t, k)
	if diff := cmp.Diff(before, look(t)); diff != "" {
		t.Errorf("the machine changed the host (-before +after):\n%s", diff)
	}
	for _, file := range traces {
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s is on the host", file)
		}
	}
	return true
}

// look describes the host.
func look(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", "ls -la --time-style=full-iso /etc /mnt /root; ip -o link; ip -o addr; cat /proc/mounts").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(string(out), "\n")
}

// caseVariable selects what TestCase does inside a machine, kernelVariable which.
const (
	caseVariable   = "SIXFOLD_VM_CASE"
	kernelVariable = "SIXFOLD_VM_CASE_KERNEL"
)

// TestCase is run by child, in a process of its own. Otherwise it has nothing to do.
func TestCase(t *testing.T) {
	name := os.Getenv(caseVariable)
	if name == "" || Run(t, Kernel(os.Getenv(kernelVariable))) {
		return
	}
	switch name {
	case "fails":
		t.Run("good", func(t *testing.T) { t.Log("all is well") })
		t.Run("bad", func(t *testing.T) { t.Error("this is wrong") })
	case "skips":
		t.Run("part", func(t *testing.T) { t.SkipNow() })
	case "crashes":
		done := make(chan bool)
		go func() { panic("out of the blue") }()
		<-done
	case "killed":
		unix.Kill(os.Getpid(), unix.SIGKILL)
	case "exits":
		os.Exit(0)
	case "panics":
		os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
	case "halts":
		unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	case "hangs":
		fmt.Println("here it hangs")
		for {
			unix.Pause() // in the kernel: the runtime would see that nothing can go on
		}
	default:
		t.Fatalf("no case %s", name)
	}
}

// child is this program with the test of one case.
func child(t *testing.T, name string, k Kernel) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestCase$", "-test.v")
	cmd.Env = append(outside(), caseVariable+"="+name, kernelVariable+"="+string(k))
	return cmd
}

// A test that does not pass in the machine must not pass outside, whatever the reason, and says it.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name   string
		kernel Kernel
		want   []string
	}{
		{"fails", UML, []string{"--- FAIL: TestCase/bad", "--- PASS: TestCase/good", "all is well", "this is wrong"}},
		{"fails", QEMU, []string{"--- FAIL: TestCase/bad", "--- PASS: TestCase/good", "all is well", "this is wrong"}},
		{"skips", UML, []string{"--- FAIL: TestCase/part", "skipped in the machine"}},
		{"crashes", UML, []string{"panic: out of the blue", "exit code 2"}},
		{"killed", UML, []string{"the test did not end in the machine", "exit code 255"}},
		{"exits", UML, []string{"unexpected call to os.Exit(0)"}},
		{"panics", UML, []string{"the machine's kernel panicked while the test program ran", "sysrq: Trigger a crash"}},
		{"panics", QEMU, []string{"the machine's kernel panicked while the test program ran", "sysrq: Trigger a crash"}},
		{"halts", UML, []string{"the machine ended before the test program did"}},
		{"anything", "abacus", []string{"no such machine"}},
	} {
		t.Run(c.name+"_"+string(c.kernel), func(t *testing.T) {
			cmd, dir := child(t, c.name, c.kernel), t.TempDir()
			cmd.Env = append(cmd.Env, "TMPDIR="+dir)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Error("the test passes")
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no word of %q", want)
				}
			}
			if t.Failed() {
				t.Logf("the output:\n%s", out)
			}
		})
	}
}

// A test that hangs tells where, if it is given less time than the machine; otherwise the machine ends with its time.
func TestHang(t *testing.T) {
	for _, c := range []struct {
		inside  string
		outside time.Duration
		err     string
		output  string
	}{
		{"-test.timeout=1s", time.Minute, "exit code 2", "panic: test timed out after 1s"},
		{"-test.timeout=0", 6 * time.Second, "in time", ""},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), c.outside)
		defer cancel()
		dir := t.TempDir()
		exe, err := program(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		o, err := start(ctx, dir, &job{
			Exe: exe, Dir: dir, Args: []string{"-test.run=^TestCase$", c.inside},
			Env: append(environment(UML), caseVariable+"=hangs", kernelVariable+"="+string(UML)),
		}, UML)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.err(); err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(o.output, c.output) {
			t.Errorf("with %s inside and %v outside: %v\n%s", c.inside, c.outside, err, o.output)
		}
	}
}

// A machine that cannot start the test program says why.
func TestNotSetUp(t *testing.T) {
	for _, k := range []Kernel{UML, QEMU} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		dir := t.TempDir()
		exe, err := program(ctx, dir)
		if err != nil {
			t.Fatal(err)
		}
		o, err := start(ctx, dir, &job{Exe: exe, Dir: "/nowhere"}, k)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.err(); err == nil || !strings.Contains(err.Error(), "the machine was not set up: start "+exe+" in /nowhere: no such file or directory") {
			t.Errorf("%s: %v\n%s", k, err, o.console)
		}
	}
}

// The kernel is unpacked once, and as it is where that is not possible.
func TestUnpackKernel(t *testing.T) {
	images, err := filepath.Glob("/boot/vmlinuz-*")
	if err != nil || len(images) == 0 {
		t.Fatalf("no kernel in /boot: install the package linux-image-amd64 (%v)", err)
	}
	image, cache := images[0], t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	plain, err := unpackKernel(image)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := elf.Open(plain); err != nil {
		t.Errorf("%s: %v", plain, err)
	} else {
		f.Close()
	}
	if files, err := filepath.Glob(cache + "/*/*"); err != nil || len(files) != 1 || files[0] != plain {
		t.Errorf("in the cache: %v, want only %s", files, plain)
	}
	t.Setenv("PATH", "")
	if again, err := unpackKernel(image); err != nil || again != plain {
		t.Errorf("the second time: %s %v", again, err)
	}
	for _, dir := range []string{t.TempDir(), "/dev/null", ""} {
		t.Setenv("XDG_CACHE_HOME", dir)
		t.Setenv("HOME", "")
		if as, err := unpackKernel(image); err != nil || as != image {
			t.Errorf("without xz, in the cache %q: %s %v", dir, as, err)
		}
	}
}

// With the test program goes the machine, even if it is killed.
func TestMachineEndsWithTheTest(t *testing.T) {
	for _, k := range []Kernel{UML, QEMU} {
		t.Run(string(k), func(t *testing.T) {
			cmd := child(t, "hangs", k)
			dir := t.TempDir()
			cmd.Env = append(cmd.Env, "TMPDIR="+dir, showVariable+"=1")
			out, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines, seen := bufio.NewScanner(out), false
			for !seen && lines.Scan() {
				seen = strings.Contains(lines.Text(), "here it hangs")
			}
			if !seen || len(processes(dir)) == 0 {
				t.Errorf("the machine does not run: %v", lines.Err())
			}
			cmd.Process.Signal(syscall.SIGKILL)
			cmd.Wait()
			if err := netns.Eventually(10*time.Second, func() error {
				if left := processes(dir); len(left) > 0 {
					return fmt.Errorf("still there: %s", left)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
}

// processes lists the command lines that name a directory.
func processes(dir string) []string {
	var out []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte(dir)) {
			out = append(out, string(b))
		}
	}
	return out
}

// A kernel that is not there is told by the name of its package.
func TestMissingKernel(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for k, want := range map[Kernel]string{UML: "user-mode-linux", QEMU: "qemu-system-x86"} {
		_, err := start(t.Context(), t.TempDir(), &job{}, k)
		if err == nil || !strings.Contains(err.Error(), "install the package "+want) {
			t.Errorf("%s: %v", k, err)
		}
	}
}
