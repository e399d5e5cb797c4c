// Package vm runs tests in a kernel of their own that sees the file system of the host. There is what the host's kernel may
// lack (VLANs, VRFs, dummy, GRE and bond devices), and what must not be tried on the host.
//
// # How to write a test
//
// Run is the first line of the test. Outside it boots a machine, in which this test program runs this very test, gives the
// test the results and returns true; inside it returns false:
//
//	func TestManagement(t *testing.T) {
//		if vm.Run(t, vm.UML) {
//			return
//		}
//		t.Run("no leak", testNoLeak)
//		t.Run("name server", testNameServer)
//	}
//
// A boot takes seconds, so tests that can live in one machine are subtests of one test. Outside each subtest has its own
// result and output, and go test -run 'TestManagement/no' runs only that one inside. What goes wrong is never a pass: a test
// that fails, skips, crashes or hangs inside fails outside, as does one whose kernel does not come up or panics, and the
// message has the output and the console. With SIXFOLD_VM_SHOW=1 in the environment both are shown at once.
//
// # What is inside
//
// The root is the host's, read-only, with a memory file system over it: tests run any program of the host, find the files of
// the repository and their directory, and may write anywhere; all of it is gone with the machine, and nothing reaches the host.
// /run and /dev/shm are empty, cgroup2 is on /sys/fs/cgroup. The environment is that of outside. TestMain runs inside too, so
// netns.Isolate works as ever; what TestMain takes long to prepare it should do outside only (see Inside) and pass on by the
// environment. There is no network but what the test makes.
//
//	                        UML                          QEMU
//	kernel                  user-mode-linux of Debian    linux-image-amd64, in qemu-system-x86_64 without KVM
//	boot, idle host         2 s                          4 s
//	a process such as ip    50-100 ms                    50-100 ms
//	processors, memory      1, 1 GB                      1, 1 GB
//	links                   bond, bridge (VLANs too), dummy, gre, ip6gre, ip6tnl, macvlan, sit, tun, veth, vlan, vrf, vxlan: both
//	nftables                only the family bridge       inet, ip, ip6, bridge; nat, fib, ct, sets, limits
//	IPv6 multicast routing  no                           yes
//	programs for cgroups    yes (ip vrf exec)            yes
//	other modules           by need, as on any host      by need, as on any host
//	race detector           no                           no
//
// Systemd is the machine of QEMU in which Debian's systemd is the first process: it has its journal, the system bus and what every
// service needs, and the test program is a service of root beside those that the test starts. What the host has enabled for itself, and
// what is for hardware and disks, is not started. It is up after 12 s.
//
// All are for behaviour, never for timings: a test gives every wait the time that it would need on a machine ten times slower.
//
// # How it works
//
// The kernel's first process is the test program itself: the package's init function sees that it is process 1 of a machine,
// mounts, loads modules and starts the test program again as an ordinary process. A file with the job is named on the kernel's
// command line. A second console carries the output; lines of our own in it, with a mark that no test can know, say that the
// machine is up and how the test program ended. For a machine with systemd the first process writes a unit that does all this, and
// becomes systemd. Then the machine is killed: there is nothing to be saved. It runs in a process namespace of its own that goes
// with its first process, and is killed when the thread that runs the test ends.
//
// In user-mode-linux the file system of the host is hostfs, in qemu 9p. The kernel for qemu is unpacked once, into the user's
// cache, because the emulated processor needs seconds for it. A test program that is linked with libraries, for the race
// detector for one, is built again without, because it would not start.
package vm
