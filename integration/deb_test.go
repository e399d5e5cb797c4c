package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// buildDeb makes the package as make deb does, only that nobody waits for its compression. It is made once for all tests, beside the
// program, where a machine of package vm finds it.
var buildDeb = sync.OnceValues(func() (string, error) {
	out := filepath.Join(filepath.Dir(sixfold), "deb")
	build := exec.Command("make", "-s", "-C", "..", "deb", "OUT="+out)
	build.Env = append(os.Environ(), "DPKG_DEB_COMPRESSOR_TYPE=gzip", "DPKG_DEB_COMPRESSOR_LEVEL=1", "MAKEFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make deb: %w\n%s", err, text)
	}
	return builtDeb()
})

// builtDeb finds the package that buildDeb made.
func builtDeb() (string, error) {
	found, err := filepath.Glob(filepath.Join(filepath.Dir(sixfold), "deb", "*.deb"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("make deb made %q", found)
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// debian is a host with a file system of its own: that of this machine, with changes that only the test sees.
type debian struct {
	*netns.Node
	t *testing.T
}

// newDebian makes one. Its root is at /run/root of the host, and what is changed there at /run/o/u.
func newDebian(t *testing.T) *debian {
	t.Helper()
	m := &debian{host(t, "deb"), t}
	m.Sh(t, `set -e
		mkdir /run/o /run/root
		mount -t tmpfs changes /run/o
		mkdir /run/o/u /run/o/w
		mount -t overlay -o lowerdir=/,upperdir=/run/o/u,workdir=/run/o/w root /run/root
		for d in proc dev sys; do mount --rbind /$d /run/root/$d; done
		mount -t tmpfs -o mode=755 run /run/root/run`)
	return m
}

// in runs a command in the file system of the machine.
func (m *debian) in(command ...string) (string, error) {
	return m.Run("chroot", append([]string{"/run/root"}, command...)...)
}

func (m *debian) mustIn(command ...string) string {
	m.t.Helper()
	out, err := m.in(command...)
	if err != nil {
		m.t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func (m *debian) dpkg(args ...string) {
	m.t.Helper()
	m.mustIn(append([]string{"env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--no-triggers", "--force-unsafe-io", "--force-confold"}, args...)...)
}

// unit has the settings of the unit that was installed, by name.
func (m *debian) unit() map[string]string {
	m.t.Helper()
	out := map[string]string{}
	for _, l := range lines(m.mustIn("cat", "/usr/lib/systemd/system/sixfold.service"), "=") {
		if key, value, ok := strings.Cut(l, "="); ok && !strings.HasPrefix(l, "#") {
			out[key] = value
		}
	}
	return out
}

// asUnit is the command line that runs the service as systemd would: with the capabilities of the unit only, and in a file
// system where nothing but its directories can be written.
func (m *debian) asUnit(command ...string) []string {
	m.t.Helper()
	caps := "-all"
	for _, c := range strings.Fields(m.unit()["CapabilityBoundingSet"]) {
		caps += ",+" + strings.ToLower(strings.TrimPrefix(c, "CAP_"))
	}
	// A service has no view of what other mounts become.
	return append([]string{"unshare", "--mount", "sh", "-ec", `
		mount --rbind /run/root /mnt
		mount -o remount,bind,ro /mnt
		mount --bind /run/root/var/lib/sixfold /mnt/var/lib/sixfold
		exec chroot /mnt setpriv --bounding-set=` + caps + ` --inh-caps=-all --no-new-privs "$@"`, "sh"}, command...)
}

// notifications is the socket that systemd would listen on.
type notifications struct {
	mu   sync.Mutex
	told []string
}

func (m *debian) listen(path string) *notifications {
	m.t.Helper()
	n := &notifications{}
	var socket *net.UnixConn
	must(m.t, m.Do(func() (err error) {
		socket, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		return err
	}))
	m.t.Cleanup(func() { socket.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			size, err := socket.Read(b)
			if err != nil {
				return
			}
			n.mu.Lock()
			n.told = append(n.told, string(b[:size]))
			n.mu.Unlock()
		}
	}()
	return n
}

// expect waits until a message with the words was sent, and forgets those up to it.
func (n *notifications) expect(t *testing.T, words string) string {
	t.Helper()
	var found string
	eventually(t, words+" for systemd", func() error {
		n.mu.Lock()
		defer n.mu.Unlock()
		i := slices.IndexFunc(n.told, func(s string) bool { return strings.Contains(s, words) })
		if i < 0 {
			return fmt.Errorf("told %q", n.told)
		}
		found, n.told = n.told[i], n.told[i+1:]
		return nil
	})
	return found
}

// networkState is all of the network that a program may have changed. The DHCPv6 server opens its socket at once, and hears nothing
// before it joins groups on configured links.
const networkState = `sysctl -a 2>/dev/null | grep '^net\.' | grep -v -e 'cache' -e 'stat_refresh' -e conntrack; ip -d address | grep -v _lft; ip -6 route show table all; ip route; ip rule; ip neigh; ss -Hltun | grep -v '\[::\]:547 ' || true`

// The package is built, clean in the eyes of lintian, installed, does its work with what the unit allows, and leaves nothing.
func TestDebianPackage(t *testing.T) {
	deb, err := buildDeb()
	must(t, err)
	checked := make(chan string, 1)
	go func() {
		out, err := exec.Command("lintian", "--allow-root", "--tag-display-limit", "0", "--fail-on", "error,warning", deb).CombinedOutput()
		text := strings.TrimSpace(string(out))
		if err != nil {
			text += fmt.Sprintf(" (%v)", err)
		}
		checked <- text
	}()

	m := newDebian(t)
	m.dpkg("-i", deb)
	for _, file := range []string{"/usr/bin/sixfold", "/etc/sixfold/config.yaml", "/usr/share/man/man1/sixfold-show-routes.1.gz", "/usr/share/man/man5/sixfold-config.5.gz",
		"/usr/share/bash-completion/completions/sixfold", "/usr/share/doc/sixfold/examples/router.yaml", "/usr/share/doc/sixfold/THIRD-PARTY.gz",
		"/etc/systemd/system/multi-user.target.wants/sixfold.service"} {
		if out, err := m.in("test", "-e", file); err != nil {
			t.Errorf("%s is not there: %v%s", file, err, out)
		}
	}
	m.mustIn("getent", "group", "sixfold")
	m.mustIn("sh", "-c", "cd / && md5sum --quiet -c /var/lib/dpkg/info/sixfold.md5sums")
	m.mustIn("sh", "-c", "for f in /usr/share/doc/sixfold/examples/*; do sixfold config check $f || exit; done")
	if out := m.mustIn("sh", "-c", "systemd-analyze verify --man=no /usr/lib/systemd/system/sixfold.service 2>&1"); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	m.mustIn("systemd-analyze", "security", "--offline=1", "--threshold=30", "--no-pager", "/usr/lib/systemd/system/sixfold.service")

	m.mustIn("mkdir", "-p", "/run/sixfold") // RuntimeDirectory
	t.Run("the configuration of the package changes nothing", func(t *testing.T) {
		before := m.Sh(t, "%s", networkState)
		systemd := m.listen("/run/root/run/idle")
		p := m.service(t, "/run/idle")
		systemd.expect(t, "READY=1")
		if diff := cmp.Diff(before, m.Sh(t, "%s", networkState)); diff != "" {
			t.Errorf("the network is another (-before +after):\n%s", diff)
		}
		must(t, p.Stop(soon))
	})
	t.Run("service", func(t *testing.T) { m.testService(t) })
	t.Run("an invalid configuration", func(t *testing.T) {
		m.mustIn("sh", "-c", "echo 'interfaces: 7' >/run/bad.yaml")
		argv := m.asUnit("/usr/bin/sixfold", "run", "--config", "/run/bad.yaml", "--state-dir", "/run/sixfold/new")
		out, err := m.Run(argv[0], argv[1:]...)
		if want := "exit status 3"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s\n%s", err, want, out)
		}
		if !slices.Contains(strings.Fields(m.unit()["RestartPreventExitStatus"]), "3") {
			t.Error("systemd would try again")
		}
	})

	// An upgrade, and a removal, leave what the administrator made.
	m.dpkg("-i", deb)
	if text := m.mustIn("cat", "/etc/sixfold/config.yaml"); !strings.Contains(text, "vxlan7") {
		t.Errorf("the upgrade made the configuration\n%s", text)
	}
	m.dpkg("-r", "sixfold")
	m.mustIn("test", "-e", "/etc/sixfold/config.yaml", "-a", "-e", "/var/lib/sixfold/revisions", "-a", "!", "-e", "/usr/bin/sixfold")
	m.dpkg("-P", "sixfold")
	if left := m.Sh(t, "find /run/o/u /run/root/run -name '*sixfold*' ! -name 'sixfold-test-*'"); left != "" {
		t.Errorf("purge left\n%s", left)
	}
	if out, err := m.in("getent", "group", "sixfold"); err == nil {
		t.Errorf("purge left the group %s", out)
	}
	if text := <-checked; text != "" {
		t.Errorf("lintian: %s", text)
	}
}

// service starts the service as its unit says.
func (m *debian) service(t *testing.T, notify string) *netns.Process {
	t.Helper()
	argv := m.asUnit(strings.Fields(m.unit()["ExecStart"])...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+notify, "WATCHDOG_USEC=2000000")
	p, err := m.StartCmd(cmd)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the service logged:\n%s", tail(p.Stderr(), 60))
		}
	})
	return p
}

// testService has the service do all of its jobs with the capabilities of the unit.
func (m *debian) testService(t *testing.T) {
	systemd := m.listen("/run/root/run/notify")
	peer := host(t, "peer")
	cable(t, end(m.Node, "lan0"), end(peer, "eth0"))
	must(t, m.Do(func() error {
		return os.WriteFile("/run/root/etc/sixfold/config.yaml", []byte(`
system: {router_id: 192.0.2.1}
metrics: {listen: "[::1]:9466"}
routes: {2001:db8:5::/48: {blackhole: true}}
interfaces:
  lan0:
    addresses: ["2001:db8:1::1/64", 192.0.2.1/24]
    delegations: {isp: {length: 56}}
    advertise: {}
    dhcpv6: {pools: {guests: {range: "2001:db8:1::100-2001:db8:1::1ff"}}}
    mld: {}
  vxlan7:
    vxlan: {vni: 7, group: 239.0.0.7, link: lan0}
  br7: {bridge: {}, mld: {}, sysctls: {ipv6.hop_limit: 65}}
local: ["2001:db8:a::/48"]
multicast: {proxy: {upstream: br7, downstream: [lan0]}}
firewall:
  zones: {lan: [lan0], other: [br7]}
  policies: [{from: lan, to: other, accept: {}}]
bgp:
  asn: 65000
  neighbors: {peer: {address: "2001:db8:1::2", remote_as: 65001, password: secret}}
`), 0o640)
	}))
	p := m.service(t, "/run/notify")
	if text := systemd.expect(t, "READY=1"); !strings.Contains(text, "STATUS=all of the configuration is in force") {
		t.Errorf("told systemd %q", text)
	}
	systemd.expect(t, "WATCHDOG=1")
	if out := m.mustIn("sixfold", "show", "version"); strings.Contains(out, "failed") {
		t.Errorf("not all works with these capabilities:\n%s", out)
	}
	for _, check := range []struct{ command, want string }{
		{"ip address show dev lan0", "2001:db8:1::1/64"},
		{"ip -d link show vxlan7", "vxlan id 7 group 239.0.0.7"},
		{"ip -6 route show table all", "blackhole 2001:db8:5::/48"},
		{"ip -6 route show table all", "local 2001:db8:a::/48"},
		{"ip -d link show br7", "bridge forward_delay"},
		{"nft list table inet sixfold", "lan/other"},
		{"cat /proc/net/ip6_mr_vif", "lan0"},
		{"sysctl net.ipv6.conf.all.forwarding", "= 1"},
		{"ss -Hltun", ":179"},
		{"ss -Hltun", ":547"},
	} {
		eventually(t, check.command, m.Expect(check.command, check.want))
	}
	eventually(t, "a router advertisement", peer.Expect("ip -6 route show default", "via fe80::"))
	var scrape []byte
	must(t, m.Do(func() error {
		c, err := net.Dial("tcp", "[::1]:9466")
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /metrics HTTP/1.0\r\n\r\n"); err != nil {
			return err
		}
		scrape, err = io.ReadAll(c)
		return err
	}))
	if !strings.Contains(string(scrape), `sixfold_unit_up{unit="kernel"} 1`) {
		t.Errorf("metrics:\n%s", scrape)
	}
	// Members of the group may look, and no more.
	member := []string{"setpriv", "--reuid=nobody", "--regid=sixfold", "--clear-groups", "sixfold"}
	m.mustIn(append(member, "show", "interfaces")...)
	out, err := m.in(append(member, "config", "rollback", "1")...)
	if err == nil || !strings.Contains(out, "may not") && !regexp.MustCompile(`(?i)permission|role`).MatchString(out+err.Error()) {
		t.Errorf("a member of the group may roll back: %v\n%s", err, out)
	}

	must(t, p.Signal(syscall.SIGHUP))
	if text := systemd.expect(t, "RELOADING=1"); !strings.Contains(text, "MONOTONIC_USEC=") {
		t.Errorf("told systemd %q", text)
	}
	systemd.expect(t, "READY=1")
	systemd.expect(t, "WATCHDOG=1")
	if err := p.Stop(soon); err != nil {
		t.Errorf("stop: %v", err)
	}
	systemd.expect(t, "STOPPING=1")
}
