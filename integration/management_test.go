package integration

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/integration/vm"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// junos is the switch of the seed: set system management-instance, with the addresses of its em0 and detection of duplicates off,
// beside a data plane that may be anything.
const junos = `
system: {hostname: qfx1, router_id: 172.16.4.1}
interfaces:
  em0:
    addresses: [172.17.5.10/24, "2a00:f10:ff04:100::100/64"]
    dad: false
%s
management:
  interfaces: [em0]
  routes:
    0.0.0.0/0: {via: 172.17.5.1}
    "::/0": {via: "2a00:f10:ff04:100::1"}
%s
  dns: ["2a00:f10:ff04:153::53", "2a00:f10:ff04:253::53"]
  domains: [pcextreme.nl]
api:
  tcp:
    listen: ["[2a00:f10:ff04:100::100]:4610"]
    certificate: /run/tls/router.pem
    key: /run/tls/router.key
    client_ca: /run/tls/ca.pem
metrics: {listen: "[::]:9466"}
%s
`

const (
	dataPort    = "  eth1: {addresses: [\"2a00:f10:101::1/64\"]}\n"
	dataDefault = "routes: {\"::/0\": {via: \"2a00:f10:101::2\"}}\n"
	dataBGP     = `
bgp:
  asn: 65010
  filters: {all: [{accept: {}}]}
  neighbors: {transit: {address: "2a00:f10:101::2", remote_as: 65020, import: all}}
`
)

// transitSeed is a neighbor in the data plane that announces a default route and many others.
const transitSeed = `
log "/run/bird.log" all;
router id 10.0.0.2;
protocol device { }
protocol static announced {
  ipv6;
  route ::/0 unreachable;
%s}
protocol bgp switch {
  local 2a00:f10:101::2 as 65020;
  neighbor 2a00:f10:101::1 as 65010;
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  ipv6 { import none; export all; };
}
`

// manyRoutes is how many routes flood the default instance.
const manyRoutes = 2000

// managed is a switch with its management network and its data plane.
type managed struct {
	t                    *testing.T
	router, oob, transit *netns.Node
	daemon               *daemon
	operator             []string // how the operator's sixfold reaches it
}

// TestManagement has a switch whose default instance goes through everything, while it is operated through its management instance.
func TestManagement(t *testing.T) {
	if vm.Run(t, vm.QEMU) {
		return
	}
	m := newManaged(t)
	t.Run("use", m.testInUse)
	t.Run("isolated", m.testIsolated)
	t.Run("emptied", m.testEmptied)
	t.Run("flooded", m.testFlooded)
	t.Run("commit", m.testCommit)
	t.Run("killed", m.testKilled)
	t.Run("removed", m.testRemoved)
}

func newManaged(t *testing.T) *managed {
	m := &managed{t: t, router: host(t, "qfx1"), oob: host(t, "oob"), transit: host(t, "transit")}
	cable(t, end(m.router, "em0"), end(m.oob, "oob0"))
	cable(t, end(m.router, "eth1"), end(m.transit, "eth0"))
	// The other switch answers for our address too, as on the out of band network of the seed.
	must(t, m.oob.IP("addr add 2a00:f10:ff04:100::1/64 dev oob0 nodad", "addr add 172.17.5.1/24 dev oob0",
		"addr add 2a00:f10:ff04:200::7/128 dev lo nodad", "addr add 10.99.0.7/32 dev lo",
		"addr add 2a00:f10:ff04:153::53/128 dev lo nodad", "addr add 2a00:f10:ff04:253::53/128 dev lo nodad",
		"route add 2a00:f10:101::/64 via 2a00:f10:ff04:100::100"))
	must(t, m.transit.IP("addr add 2a00:f10:101::2/64 dev eth0 nodad", "route add 2a00:f10:ff04::/48 via 2a00:f10:101::1"))
	serveNames(t, m.oob, "2a00:f10:ff04:253::53", map[string]string{"qfx2.pcextreme.nl.": "2a00:f10:ff04:100::101"})
	m.keys()
	m.daemon = run(t, m.router, fmt.Sprintf(junos, dataPort, "", dataDefault))
	_, err := m.router.Run("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup")
	must(t, err)
	p, err := m.router.Start(sixfold, "vrf", "exec", "mgmt", "/usr/sbin/sshd", "-D", "-e", "-f", "/run/sshd_config")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("sshd: %s", tail(p.Stderr(), 20))
		}
	})
	return m
}

// keys makes what the operator and the switch know one another by.
func (m *managed) keys() {
	run, tls := filepath.Join(m.router.Root(), "run"), filepath.Join(m.router.Root(), "run/tls")
	must(m.t, os.MkdirAll(tls, 0o755))
	must(m.t, os.MkdirAll(filepath.Join(run, "sshd"), 0o755))
	certificates(m.t, tls, netip.MustParseAddr("2a00:f10:ff04:100::100"))
	theirs := filepath.Join(m.oob.Root(), "run/tls")
	must(m.t, os.MkdirAll(theirs, 0o755))
	for _, f := range []string{"ca.pem", "operator.pem", "operator.key"} {
		text, err := os.ReadFile(filepath.Join(tls, f))
		must(m.t, err)
		must(m.t, os.WriteFile(filepath.Join(theirs, f), text, 0o600))
	}
	m.operator = []string{"--address", "[2a00:f10:ff04:100::100]:4610",
		"--tls-ca", "/run/tls/ca.pem", "--tls-cert", "/run/tls/operator.pem", "--tls-key", "/run/tls/operator.key"}
	must(m.t, os.WriteFile(filepath.Join(run, "sshd_config"), []byte(`
HostKey /run/host_key
AuthorizedKeysFile /run/authorized_keys
StrictModes no
PermitRootLogin yes
UsePAM no
PidFile none
`), 0o644))
	_, err := m.router.Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/run/host_key")
	must(m.t, err)
	_, err = m.oob.Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/run/id")
	must(m.t, err)
	public, err := os.ReadFile(filepath.Join(m.oob.Root(), "run/id.pub"))
	must(m.t, err)
	must(m.t, os.WriteFile(filepath.Join(run, "authorized_keys"), public, 0o600))
}

func sshTo(target, source string, command ...string) []string {
	return append([]string{"-F", "none", "-i", "/run/id", "-b", source, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10", "root@" + target}, command...)
}

// goesOn checks that the switch can be operated from beyond the gateway: by SSH, and by the API over mutual TLS, which looks up a name.
func (m *managed) goesOn(t *testing.T, when string) {
	t.Helper()
	eventually(t, "operate the switch "+when, func() error {
		if out, err := m.oob.Run("ssh", sshTo("2a00:f10:ff04:100::100", "2a00:f10:ff04:200::7", "echo", "in")...); err != nil || out != "in\n" {
			return fmt.Errorf("SSH: %q, %w", out, err)
		}
		if out, err := m.oob.Run(sixfold, append(m.operator, "resolve", "qfx2")...); err != nil || out != "2a00:f10:ff04:100::101\n" {
			return fmt.Errorf("the API and names: %q, %w", out, err)
		}
		return nil
	})
}

func (m *managed) testInUse(t *testing.T) {
	m.goesOn(t, "at first")
	if out, err := m.oob.Run("ssh", sshTo("172.17.5.10", "10.99.0.7", "echo", "in")...); err != nil || out != "in\n" {
		t.Errorf("SSH over IPv4: %q, %v", out, err)
	}
	var vrfs sixfoldv1.ListVrfsResponse
	must(t, m.daemon.show(&vrfs, "vrfs"))
	if v := vrfs.GetVrfs(); len(v) != 1 || v[0].GetName() != "mgmt" || v[0].GetTable() != 1001 || !v[0].GetManagement() || !v[0].GetUp() ||
		strings.Join(v[0].GetInterfaces(), " ") != "em0" || v[0].GetProblem() != "" {
		t.Errorf("show vrfs: %v", v)
	}
	for table, want := range map[string]string{"mgmt": "2a00:f10:ff04:100::1", "default": "2a00:f10:101::2"} {
		var routes sixfoldv1.ListRoutesResponse
		must(t, m.daemon.show(&routes, "routes", "::/0", "--vrf", table))
		found := false
		for _, r := range routes.GetRoutes() {
			found = found || r.GetPrefix() == "::/0" && r.GetVia() == want && r.GetInKernel()
		}
		if !found {
			t.Errorf("routes of %s: %v", table, routes.GetRoutes())
		}
	}
	if out := m.daemon.cli("config", "plan", "/run/sixfold.yaml"); out != "" {
		t.Errorf("once more would do:\n%s", out)
	}
	if out, err := m.router.Run("ip", "-6", "addr", "show", "dev", "em0"); err != nil || strings.Contains(out, "tentative") || !strings.Contains(out, "nodad") {
		t.Errorf("addresses of em0: %s %v", out, err)
	}
}

// testIsolated checks that neither instance is reached through the other.
func (m *managed) testIsolated(t *testing.T) {
	var data, both net.Listener
	must(t, m.router.Do(func() (err error) {
		data, err = net.Listen("tcp", "[::]:8080")
		both = data
		return err
	}))
	defer both.Close()
	open := func(from *netns.Node, address string) error {
		return from.Do(func() error {
			c, err := net.DialTimeout("tcp", address, 2*time.Second)
			if err == nil {
				c.Close()
			}
			return err
		})
	}
	eventually(t, "the data plane at its own port", func() error { return open(m.transit, "[2a00:f10:101::1]:8080") })
	for _, tt := range []struct {
		what, address string
		from          *netns.Node
		open          bool
	}{
		{"a listener of the data plane, by the management address", "[2a00:f10:ff04:100::100]:8080", m.oob, false},
		{"a listener of the data plane, by its own address through the management port", "[2a00:f10:101::1]:8080", m.oob, false},
		{"SSH by the data port", "[2a00:f10:101::1]:22", m.transit, false},
		{"SSH at the management address through the data port", "[2a00:f10:ff04:100::100]:22", m.transit, false},
		{"the API through the data port", "[2a00:f10:ff04:100::100]:4610", m.transit, false},
		{"metrics by the data port", "[2a00:f10:101::1]:9466", m.transit, false},
		{"metrics by the management port", "[2a00:f10:ff04:100::100]:9466", m.oob, true},
		{"SSH by the management port", "[2a00:f10:ff04:100::100]:22", m.oob, true},
	} {
		if err := open(tt.from, tt.address); (err == nil) != tt.open {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
	// Without a default route of its own the instance leads nowhere, whatever the other one has.
	bare := regexp.MustCompile(`(?s)  routes:.*?  dns:`).ReplaceAllString(fmt.Sprintf(junos, dataPort, "", dataDefault), "  dns:")
	m.daemon.reload(bare)
	eventually(t, "no default route in the instance", func() error {
		out, err := m.router.Run("ip", "-6", "route", "show", "table", "1001", "default")
		if err != nil || out != "" {
			return fmt.Errorf("%s %w", out, err)
		}
		return nil
	})
	for _, args := range [][]string{{"-6", "route", "get", "2001:db8::1", "oif", "mgmt"}, {"-4", "route", "get", "192.0.2.1", "oif", "mgmt"}} {
		if out, err := m.router.Run("ip", args...); err == nil || !strings.Contains(err.Error(), "unreachable") {
			t.Errorf("a look-up leaks: %s %v", out, err)
		}
	}
	must(t, m.router.Expect("ip -6 route get 2001:db8::1", "via 2a00:f10:101::2")())
	m.daemon.reload(fmt.Sprintf(junos, dataPort, "", dataDefault))
	m.goesOn(t, "with its default routes again")
}

func (m *managed) testEmptied(t *testing.T) {
	m.daemon.reload(fmt.Sprintf(junos, "", "", ""))
	eventually(t, "nothing in the default instance", func() error {
		out, err := m.router.Run("ip", "-6", "route", "show", "default")
		if err != nil || out != "" {
			return fmt.Errorf("%s %w", out, err)
		}
		return nil
	})
	must(t, m.router.IP("link set eth1 down", "-6 route flush table main proto kernel"))
	m.goesOn(t, "while the default instance is empty")
	must(t, m.router.IP("link set eth1 up"))
}

func (m *managed) testFlooded(t *testing.T) {
	var many strings.Builder
	for i := range manyRoutes {
		fmt.Fprintf(&many, "  route 2a10:%x:%x::/48 unreachable;\n", i/256+1, i%256+1)
	}
	// Also what the management network is made of.
	for _, p := range []string{"2a00:f10:ff04:100::/64", "2a00:f10:ff04:200::7/128", "2a00:f10:ff04:253::53/128"} {
		fmt.Fprintf(&many, "  route %s unreachable;\n", p)
	}
	m.daemon.reload(fmt.Sprintf(junos, dataPort, "", dataBGP))
	must(t, os.WriteFile(filepath.Join(m.transit.Root(), "run/bird.conf"), []byte(fmt.Sprintf(transitSeed, many.String())), 0o644))
	peer, err := m.transit.Start("bird", "-f", "-c", "/run/bird.conf", "-s", "/run/bird.ctl")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("bird: %s\n%s", peer.Stderr(), m.daemon.cli("show", "bgp"))
		}
	})
	eventually(t, "a bogus default route and many others", func() error {
		out, err := m.router.Run("ip", "-6", "route", "show", "proto", "168")
		if n := strings.Count(out, "via "); err != nil || n < manyRoutes || !strings.Contains(out, "default via") {
			return fmt.Errorf("%d routes, %w", n, err)
		}
		return nil
	})
	must(t, m.router.Expect("ip -6 route get 2a00:f10:ff04:253::53", "via 2a00:f10:101::2")())
	m.goesOn(t, "while the default instance is led astray")
}

// testCommit changes the management instance through itself, with a session open.
func (m *managed) testCommit(t *testing.T) {
	session, err := m.oob.Start("ssh", sshTo("2a00:f10:ff04:100::100", "2a00:f10:ff04:200::7", "echo up; exec sleep 600")...)
	must(t, err)
	eventually(t, "a session", func() error {
		if session.Stdout() != "up\n" {
			return fmt.Errorf("%q %s", session.Stdout(), session.Stderr())
		}
		return nil
	})
	defer session.Kill()
	next := filepath.Join(m.oob.Root(), "run/next.yaml")
	remote := func(args ...string) (string, error) { return m.oob.Run(sixfold, append(m.operator, args...)...) }

	// What would cut the operator off says so.
	moved := strings.Replace(fmt.Sprintf(junos, dataPort, "", dataBGP), "::100/64", "::200/64", 1)
	must(t, os.WriteFile(next, []byte(moved), 0o644))
	out, err := remote("config", "plan", "/run/next.yaml")
	must(t, err)
	if !strings.Contains(out, "this is the address that your session came in to") {
		t.Errorf("another address for em0:\n%s", out)
	}
	other := strings.Replace(fmt.Sprintf(junos, dataPort, "", dataBGP), "  interfaces: [em0]", "  interfaces: [em0]\n  table: 1002", 1)
	must(t, os.WriteFile(next, []byte(other), 0o644))
	out, err = remote("config", "plan", "/run/next.yaml")
	must(t, err)
	if !strings.Contains(out, "this is the interface that your session came in by") {
		t.Errorf("another table for the instance:\n%s", out)
	}

	more := fmt.Sprintf(junos, dataPort, "    \"2001:db8:77::/48\": {via: \"2a00:f10:ff04:100::1\"}", dataBGP)
	must(t, os.WriteFile(next, []byte(more), 0o644))
	_, err = remote("config", "apply", "/run/next.yaml", "--confirm", "10m")
	must(t, err)
	must(t, m.router.Expect("ip -6 route show table 1001", "2001:db8:77::/48")())
	_, err = remote("config", "cancel")
	must(t, err)
	if out, err := m.router.Run("ip", "-6", "route", "show", "table", "1001"); err != nil || strings.Contains(out, "2001:db8:77::") {
		t.Errorf("after going back: %s %v", out, err)
	}
	if !session.Running() {
		t.Errorf("the session ended: %s", session.Stderr())
	}
	m.goesOn(t, "after changes of its own")
}

// testKilled checks that the data path of the instance does not notice that the router starts again.
func (m *managed) testKilled(t *testing.T) {
	m.daemon.reload(fmt.Sprintf(junos, dataPort, "", dataDefault))
	eventually(t, "a calm data plane", m.router.Expect("ip -6 route show default", "via 2a00:f10:101::2"))
	ping, err := m.oob.Start("ping", "-q", "-i", "0.1", "-I", "2a00:f10:ff04:200::7", "2a00:f10:ff04:100::100")
	must(t, err)
	defer ping.Kill()
	rules, err := m.router.Run("ip", "-6", "rule")
	must(t, err)
	m.daemon.kill()
	m.daemon.start()
	m.goesOn(t, "after a restart")
	if again, err := m.router.Run("ip", "-6", "rule"); err != nil || again != rules {
		t.Errorf("rules were\n%sand are\n%s%v", rules, again, err)
	}
	must(t, ping.Signal(os.Interrupt))
	eventually(t, "the end of the ping", func() error {
		if !strings.Contains(ping.Stdout(), " 0% packet loss") {
			return fmt.Errorf("%s", ping.Stdout())
		}
		return nil
	})
	if out := m.daemon.cli("config", "plan", "/run/sixfold.yaml"); out != "" {
		t.Errorf("once more would do:\n%s", out)
	}
}

// testRemoved takes the management instance away: em0 is like any other port then.
func (m *managed) testRemoved(t *testing.T) {
	m.daemon.reload(`
interfaces:
  em0: {addresses: [172.17.5.10/24, "2a00:f10:ff04:100::100/64"], dad: false}
routes: {"::/0": {via: "2a00:f10:ff04:100::1"}}
`)
	eventually(t, "no VRF", func() error {
		if out, err := m.router.Run("ip", "link", "show", "type", "vrf"); err != nil || out != "" {
			return fmt.Errorf("%s %w", out, err)
		}
		return m.router.Expect("ip -6 route get 2a00:f10:ff04:200::7", "via 2a00:f10:ff04:100::1 dev em0")()
	})
	eventually(t, "the rules of the kernel", func() error {
		out, err := m.router.Run("ip", "-6", "rule")
		if err != nil || !strings.HasPrefix(out, "0:\tfrom all lookup local") || strings.Contains(out, "unreachable") {
			return fmt.Errorf("%s %w", out, err)
		}
		return nil
	})
}
