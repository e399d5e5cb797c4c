package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/integration/vm"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// serviceConfig is a home router. What it tells consumers is out of reach of the service itself, and what it has in its management
// instance is started by systemd.
const serviceConfig = `
interfaces:
  wan0:
    accept_ra: true
    delegations:
      isp:
        length: 56
        on_change:
          program: {run: [/root/record, root]}
          nobody: {run: [/srv/record, nobody], user: nobody}
          file: {file: {path: /usr/local/etc/isp.prefix, template: "{{.Prefix}}\n", owner: nobody}}
  lan0:
    addresses: [isp auto/64]
    advertise: {max_interval: 10s}
    dhcpv6: {delegate: {homes: {pool: isp rest, length: 64}}}
  em0: {addresses: ["2001:db8:e::1/64"]}
management:
  interfaces: [em0]
%s
`

const (
	servicesInside  = "  services: [answer.service]"
	servicesOutside = "  services: []"
)

// recorder is a consumer that writes down what it is and may.
const recorder = `#!/bin/sh
{
	echo "user $(id -un), event $SIXFOLD_EVENT, prefix $new_ip6_prefix, group $(cat /proc/self/cgroup)"
	grep -e CapEff -e NoNewPrivs /proc/self/status
	[ "$1" = nobody ] || touch /usr/local/outside /root/outside && echo writes
	cat
} >"/srv/$1.new"
mv "/srv/$1.new" "/srv/$1.told"
`

// answerer is a service that says which instance it is in: only the management instance knows the way to the station.
const answerer = `#!/bin/sh
rm -f /srv/answer.where
if ping -q -c 1 -W 20 2001:db8:e::2; then echo mgmt; else echo default; fi >/srv/answer.new
tail -n 1 /srv/answer.new >/srv/answer.where
exec sleep infinity
`

// installed is a machine with Debian's systemd on which the package is installed: a router between an ISP and a home, which are hosts
// of the machine. The machine itself is the router.
type installed struct {
	t        *testing.T
	home     *daemon  // a router of its own, which starts when this one serves
	lan, wan *wiretap // of what the home and the ISP see
}

// TestSystemd has the package as Debian's systemd runs it.
func TestSystemd(t *testing.T) {
	t.Parallel()
	if !vm.Inside() {
		_, err := buildDeb()
		must(t, err)
	}
	if vm.Run(t, vm.Systemd) {
		return
	}
	m := newInstalled(t)
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := exec.Command("sh", "-c", "systemctl status --no-pager --full sixfold; journalctl --no-pager -q -o short-monotonic -n 150 | cut -c 1-300").CombinedOutput()
			t.Logf("%s", out)
		}
	})
	t.Run("install", m.testInstall)
	t.Run("start", m.testStart)
	t.Run("consumers", m.testConsumers)
	t.Run("management", m.testManagementServices)
	t.Run("restart", m.testRestart)
	t.Run("killed", m.testKilled)
	t.Run("hung", m.testHung)
	t.Run("reload", m.testReload)
	t.Run("stop", m.testStop)
}

// sh runs commands on the machine itself.
func sh(t *testing.T, format string, args ...any) string {
	t.Helper()
	out, err := try(format, args...)
	must(t, err)
	return out
}

func try(format string, args ...any) (string, error) {
	command := fmt.Sprintf(format, args...)
	out, err := exec.Command("sh", "-ec", command).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	return strings.TrimSpace(string(out)), err
}

// property is what systemd knows of the service.
func property(t *testing.T, name string) string {
	t.Helper()
	return sh(t, "systemctl show --value -p %s sixfold.service", name)
}

// served asks the service.
func served(into proto.Message, what string) error {
	out, err := exec.Command("/usr/bin/sixfold", "show", what, "--json").Output()
	if err != nil {
		return err
	}
	return protojson.Unmarshal(out, into)
}

func newInstalled(t *testing.T) *installed {
	t.Helper()
	isp, home, station := host(t, "isp"), host(t, "home"), host(t, "station")
	sh(t, "sysctl -q -w net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0")
	for link, peer := range map[string]netns.End{"wan0": end(isp, "cust0"), "lan0": end(home, "eth0"), "em0": end(station, "eth0")} {
		sh(t, "ip link add %s type veth peer name %s netns %s && ip link set %s up", link, peer.Name, peer.Node.NetFile(), link)
		must(t, peer.Node.IP("link set "+peer.Name+" up"))
	}
	must(t, os.MkdirAll("/etc/sixfold", 0o755))
	for _, name := range []string{"/root/record", "/srv/record"} {
		must(t, os.WriteFile(name, []byte(recorder), 0o755))
	}
	must(t, os.WriteFile("/srv/answer", []byte(answerer), 0o755))
	must(t, station.IP("addr add 2001:db8:e::2/64 dev eth0 nodad"))
	// It keeps packages of a container from starting what they bring.
	if err := os.Remove("/usr/sbin/policy-rc.d"); !errors.Is(err, fs.ErrNotExist) {
		must(t, err)
	}
	must(t, os.Chmod("/srv", 0o777))
	run(t, isp, delegating("2001:980:1::/48", 56))
	return &installed{t: t, home: &daemon{node: home}, lan: tap(t, home, "eth0"), wan: tap(t, isp, "cust0")}
}

// testInstall installs the package: the service runs at once, with a configuration that does nothing.
func (m *installed) testInstall(t *testing.T) {
	deb, err := builtDeb()
	must(t, err)
	sh(t, "DEBIAN_FRONTEND=noninteractive dpkg --no-triggers --force-unsafe-io -i %s", deb)
	if got := sh(t, "systemctl is-active sixfold; systemctl is-enabled sixfold"); got != "active\nenabled" {
		t.Errorf("the service is %q", got)
	}
}

// testStart changes the file as an administrator does and starts the service anew: it is active from the moment when all is in force.
func (m *installed) testStart(t *testing.T) {
	sh(t, "systemctl stop sixfold")
	must(t, os.WriteFile("/etc/sixfold/config.yaml", fmt.Appendf(nil, serviceConfig, servicesOutside), 0o640))
	sh(t, "systemctl start --no-block sixfold")
	eventually(t, "active", func() error {
		if state := property(t, "ActiveState"); state != "active" {
			return errors.New(state)
		}
		return nil
	})
	for command, want := range map[string]string{
		"ip -6 address show dev em0":                     "2001:db8:e::1/64",
		"ip link show dev em0":                           "master mgmt",
		"systemctl show --value -p SubState sixfold":     "running",
		"systemctl show --value -p NotifyAccess sixfold": "main",
		"systemctl show --value -p WatchdogUSec sixfold": "2min",
		"cat /proc/sys/net/ipv6/conf/all/forwarding":     "1",
		"grep CapEff /proc/$(pidof -s sixfold)/status":   "0000000000003400",
		"grep Seccomp: /proc/$(pidof -s sixfold)/status": "2",
		"grep NoNewPr /proc/$(pidof -s sixfold)/status":  "1",
		"stat -c '%U %a' /var/lib/sixfold":               "root 700",
	} {
		if strings.Contains(command, "pidof") {
			command = strings.ReplaceAll(command, "$(pidof -s sixfold)", property(t, "MainPID"))
		}
		if out, err := try("%s", command); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %q, want %q (%v)", command, out, want, err)
		}
	}
	m.home = run(m.t, m.home.node, "interfaces: {eth0: {accept_ra: true, delegations: {up: {length: 64}}}}\n")
	eventually(t, "the delegation, and what the home gets of it", func() error {
		if prefix := waitPrefix(t, m.home, "up"); !strings.HasPrefix(prefix.String(), "2001:980:1:") {
			return fmt.Errorf("the home has %s", prefix)
		}
		return m.home.node.Expect("ip -6 route show default", "dev eth0")()
	})
	eventually(t, "the status", func() error {
		if text := property(t, "StatusText"); text != "all of the configuration is in force" {
			return errors.New(text)
		}
		return nil
	})
}

// testConsumers looks at programs and files of consumers: they are outside of the sandbox, where the service itself cannot go.
func (m *installed) testConsumers(t *testing.T) {
	var list sixfoldv1.ListConsumersResponse
	eventually(t, "consumers are told", func() error {
		if err := served(&list, "consumers"); err != nil {
			return err
		}
		for _, c := range list.Consumers {
			if c.State != "told" {
				return fmt.Errorf("%v", c)
			}
		}
		return nil
	})
	if len(list.Consumers) != 3 {
		t.Fatalf("consumers: %v", list.Consumers)
	}
	prefix := list.Consumers[0].Prefix
	for _, c := range []struct {
		name  string
		words []string
	}{
		{"root", []string{"user root, event bound, prefix " + prefix + ", group 0::/system.slice/sixfold-isp-program-", "ffffffff", "NoNewPrivs:\t0", "writes", `"prefix":"` + prefix + `"`}},
		{"nobody", []string{"user nobody, event bound, prefix " + prefix + ", group 0::/system.slice/sixfold-isp-nobody-", "0000000000000000", `"prefix":"` + prefix + `"`}},
	} {
		told, err := os.ReadFile("/srv/" + c.name + ".told")
		must(t, err)
		for _, w := range c.words {
			if !strings.Contains(string(told), w) {
				t.Errorf("the program of %s was not told of %q:\n%s", c.name, w, told)
			}
		}
	}
	if out := sh(t, "cat /usr/local/etc/isp.prefix; stat -c %%U /usr/local/etc/isp.prefix"); out != prefix+"\nnobody" {
		t.Errorf("the file: %q", out)
	}
	if out := sh(t, "systemctl list-units --all --plain --no-legend 'sixfold-*' | grep -v sixfold-vm || true"); out != "" {
		t.Errorf("left of the programs:\n%s", out)
	}
	// The service cannot do any of that itself.
	if out, err := try("nsenter -t %s -m touch /usr/local/inside", property(t, "MainPID")); err == nil || !strings.Contains(out+err.Error(), "Read-only") {
		t.Errorf("/usr is writable for the service: %v", err)
	}
	if out := sh(t, "nsenter -t %s -m sh -c 'ls /root | wc -l'", property(t, "MainPID")); out != "0" {
		t.Errorf("the service sees %s files in /root", out)
	}
}

// testManagementServices puts a service into the management instance, and takes it out again.
func (m *installed) testManagementServices(t *testing.T) {
	must(t, os.WriteFile("/etc/systemd/system/answer.service", []byte("[Service]\nExecStart=/srv/answer\n"), 0o644))
	sh(t, "systemctl daemon-reload; systemctl start answer.service")
	for _, step := range []struct{ services, in string }{{servicesInside, "mgmt"}, {servicesOutside, "default"}} {
		must(t, os.WriteFile("/etc/sixfold/config.yaml", fmt.Appendf(nil, serviceConfig, step.services), 0o640))
		sh(t, "sixfold config apply /etc/sixfold/config.yaml --yes")
		eventually(t, "the service in "+strconv.Quote(step.in), func() error {
			if in, err := os.ReadFile("/srv/answer.where"); err != nil || string(in) != step.in+"\n" {
				return fmt.Errorf("answer.service is in %q (%v)", in, err)
			}
			return nil
		})
		if out := sh(t, "systemctl is-active answer.service"); out != "active" {
			t.Errorf("the service is %q", out)
		}
	}
}

// state is what must not change while the service is exchanged: addresses with their lifetimes to come, routes of the router and of its
// clients, leases.
func (m *installed) state(t *testing.T) string {
	t.Helper()
	var leases sixfoldv1.ListLeasesResponse
	must(t, served(&leases, "leases"))
	out := sh(t, "ip -6 -br address show dev lan0; ip -6 -br address show dev wan0; ip -6 route show proto 167; ip -6 route show type unreachable; ip -6 route show default | cut -d' ' -f 1-5")
	for _, l := range leases.Leases {
		out += fmt.Sprintf("\n%s %s", l.Duid, l.Prefix)
	}
	return out + "\nhome " + waitPrefix(t, m.home, "up").String()
}

// silently does something to the service that nobody outside must notice, and waits until another process serves.
func (m *installed) silently(t *testing.T, what string, do func(pid string)) {
	t.Helper()
	before, pid := m.state(t), property(t, "MainPID")
	went := routeLog(t, m.home.node)
	m.lan.forget()
	m.wan.forget()
	do(pid)
	eventually(t, "another process after "+what, func() error {
		if now := property(t, "MainPID"); now == pid || now == "0" {
			return fmt.Errorf("the main process is %s", now)
		}
		if state := property(t, "ActiveState"); state != "active" {
			return errors.New(state)
		}
		return nil
	})
	eventually(t, "the same state after "+what, func() error {
		if now := m.state(t); now != before {
			return fmt.Errorf("it was\n%s\nand is\n%s", before, now)
		}
		return nil
	})
	eventually(t, "an advertisement after "+what, func() error {
		if m.lan.count("RA lifetime=") == 0 {
			return errors.New("none yet")
		}
		return nil
	})
	for _, words := range [][]string{{"lifetime=0"}, {"/0/0"}, {"Release"}, {"Decline"}} {
		if m.lan.count(words...)+m.wan.count(words...) > 0 {
			t.Errorf("after %s there was %q on the wire:\n%s", what, words, strings.Join(append(m.lan.seen(), m.wan.seen()...), "\n"))
		}
	}
	for _, line := range went("default") {
		if strings.Contains(line, "Deleted") {
			t.Errorf("after %s the default route of the home went: %s", what, line)
		}
	}
}

// testRestart exchanges the service by hand.
func (m *installed) testRestart(t *testing.T) {
	m.silently(t, "a restart", func(string) { sh(t, "systemctl restart sixfold") })
	if n := property(t, "NRestarts"); n != "0" {
		t.Errorf("systemd restarted it by itself %s times", n)
	}
}

// testKilled kills the process.
func (m *installed) testKilled(t *testing.T) {
	m.silently(t, "kill -9", func(pid string) { sh(t, "kill -9 %s", pid) })
	if n := property(t, "NRestarts"); n != "1" {
		t.Errorf("systemd restarted it %s times", n)
	}
}

// testHung gives the service a shorter watchdog, with a restart as the package does it after an upgrade, and stops the process without an
// end: it shows no sign of life, and the watchdog has its stacks and another process.
func (m *installed) testHung(t *testing.T) {
	const dropIn = "/run/systemd/system/sixfold.service.d"
	must(t, os.MkdirAll(dropIn, 0o755))
	must(t, os.WriteFile(dropIn+"/short.conf", []byte("[Service]\nWatchdogSec=10\n"), 0o644))
	m.silently(t, "an upgrade", func(string) {
		sh(t, "DPKG_MAINTSCRIPT_PACKAGE=sixfold DPKG_MAINTSCRIPT_NAME=postinst /var/lib/dpkg/info/sixfold.postinst configure 0")
	})
	m.silently(t, "a hang", func(pid string) { sh(t, "kill -STOP %s", pid) })
	must(t, os.RemoveAll(dropIn))
	sh(t, "systemctl daemon-reload")
	if n := property(t, "NRestarts"); n == "0" {
		t.Errorf("it was not systemd that restarted it")
	}
	if log := sh(t, "journalctl --no-pager -q -u sixfold -o cat"); !strings.Contains(log, "SIGABRT: abort") || !strings.Contains(log, "goroutine 1 ") {
		t.Errorf("the journal does not tell why it was ended, or where it was:\n%s", tail(log, 40))
	}
}

// testReload has systemd make the service read its file again.
func (m *installed) testReload(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(serviceConfig, servicesOutside), "2001:db8:e::1/64", "2001:db8:e::2/64", 1)
	must(t, os.WriteFile("/etc/sixfold/config.yaml", []byte(text), 0o640))
	pid := property(t, "MainPID")
	sh(t, "systemctl reload sixfold")
	eventually(t, "the new address", func() error {
		out, err := try("ip -6 address show dev em0")
		if err == nil && !strings.Contains(out, "2001:db8:e::2/64") {
			err = errors.New(out)
		}
		return err
	})
	if now := property(t, "MainPID"); now != pid {
		t.Errorf("the process was %s and is %s", pid, now)
	}
}

// testStop ends the service for good: hosts lose their default router, and the ISP keeps the delegation.
func (m *installed) testStop(t *testing.T) {
	m.lan.forget()
	m.wan.forget()
	sh(t, "systemctl stop sixfold")
	if state := sh(t, "systemctl show --value -p ActiveState,Result sixfold"); !strings.Contains(state, "inactive") || !strings.Contains(state, "success") {
		t.Errorf("the service is %q", state)
	}
	if n := m.lan.count("RA lifetime=0 "); n < 3 {
		t.Errorf("%d final advertisements:\n%s", n, strings.Join(m.lan.seen(), "\n"))
	}
	if n := m.wan.count("Release"); n > 0 {
		t.Errorf("the delegation was given back")
	}
	eventually(t, "the home has no default route", func() error {
		out, err := m.home.node.Run("ip", "-6", "route", "show", "default")
		if err == nil && strings.TrimSpace(out) != "" {
			err = errors.New(out)
		}
		return err
	})
}
