package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// standIn puts a program into /run/bin of a host that writes down with which arguments it was called, and then does the rest of the
// script.
func standIn(t *testing.T, n *netns.Node, name, script string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(n.Root(), "run/bin"), 0o755))
	file(t, n, "bin/"+name, "#!/bin/sh\necho \"$*\" >>/run/"+name+".calls\n"+script)
}

// calls returns how a stand-in was called, a line each.
func calls(n *netns.Node, name string) []string {
	b, err := os.ReadFile(filepath.Join(n.Root(), "run", name+".calls"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// called waits until a stand-in was called as often as wanted.
func called(n *netns.Node, name string, want int) func() error {
	return func() error {
		if got := calls(n, name); len(got) != want {
			return fmt.Errorf("%s was called %d times, want %d: %q", name, len(got), want, got)
		}
		return nil
	}
}

// holds waits until a file in /run has a text in it.
func holds(n *netns.Node, name, want string) func() error {
	return func() error {
		b, err := os.ReadFile(filepath.Join(n.Root(), "run", name))
		if err != nil {
			return err
		}
		if !strings.Contains(string(b), want) {
			return fmt.Errorf("%s has\n%s\nwant\n%s", name, b, want)
		}
		return nil
	}
}

// consumers waits until all consumers of a router know of the prefix.
func consumersKnow(d *daemon, prefix string) func() error {
	return func() error {
		var list sixfoldv1.ListConsumersResponse
		if err := d.show(&list, "consumers"); err != nil {
			return err
		}
		for _, c := range list.Consumers {
			if c.State != "told" || c.Prefix != prefix {
				return fmt.Errorf("%v", c)
			}
		}
		return nil
	}
}

// delegating is a provider that delegates one prefix.
func delegating(prefix string, length int) string {
	return fmt.Sprintf(`
interfaces:
  cust0:
    addresses: ["2001:888:1::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {delegate: {customers: {pool: "%s", length: %d}}}
`, prefix, length)
}

// behindISP runs a provider that delegates one prefix, to a host whose wan0 is at its other end.
func behindISP(t *testing.T, prefix string, length int) (provider *daemon, router *netns.Node) {
	t.Helper()
	isp, router := host(t, "isp"), host(t, "router")
	cable(t, end(isp, "cust0"), end(router, "wan0"))
	return run(t, isp, delegating(prefix, length)), router
}

// dockerHook is the hook of the write-up as it stands there, but for where its file is.
const dockerHook = `#!/bin/bash

SUBNET_SIZE=80
DOCKER_ETC_DIR="/run/docker"
DOCKER_PREFIX_FILE="${DOCKER_ETC_DIR}/hook.prefix"

if [ ! -z "$new_ip6_prefix" ]; then
    SUBNET=$(sipcalc -S $SUBNET_SIZE $new_ip6_prefix|grep Network|head -n 1|awk '{print $3}')
    echo "${SUBNET}/${SUBNET_SIZE}" > $DOCKER_PREFIX_FILE

    if [ "$old_ip6_prefix" != "$new_ip6_prefix" ]; then
        service docker restart
    fi
fi
`

// Docker gets the first /80 of the prefix, once by the hook that was written for dhclient, once by a file of ours, and is restarted
// only when that changed: not when the router is killed and starts again, but when the prefix changed meanwhile.
func TestConsumersDocker(t *testing.T) {
	t.Parallel()
	p, router := behindISP(t, "2001:980:1:140::/60", 60)
	standIn(t, router, "service", "")
	standIn(t, router, "systemctl", "")
	standIn(t, router, "sipcalc", "echo \"Network - ${3%/*}\"\n")
	must(t, os.MkdirAll(filepath.Join(router.Root(), "run/docker"), 0o755))
	file(t, router, "hook", dockerHook)
	const config = `
interfaces:
  wan0:
    accept_ra: true
    delegations:
      isp:
        length: 60
        on_change:
          hook: {run: [/usr/bin/env, "PATH=/run/bin:/usr/bin:/bin", /run/hook]}
          docker:
            file:
              path: /run/docker/ipv6.prefix
              template: |
                {{subnet .Prefix 80 0}}
            run: [/run/bin/systemctl, restart, docker]
`
	r := run(t, router, config)
	eventually(t, "the consumers are told", consumersKnow(r, "2001:980:1:140::/60"))
	must(t, holds(router, "docker/hook.prefix", "2001:980:1:140::/80\n")())
	must(t, holds(router, "docker/ipv6.prefix", "2001:980:1:140::/80\n")())
	must(t, called(router, "service", 1)())
	must(t, called(router, "systemctl", 1)())

	// Nothing changed while it was down.
	r.kill()
	r.start()
	eventually(t, "the consumers know", consumersKnow(r, "2001:980:1:140::/60"))
	must(t, called(router, "service", 1)())
	must(t, called(router, "systemctl", 1)())

	// By hand: the hook runs and restarts nothing, since old and new are the same; nor does our file.
	if out := r.cli("consumer", "run", "hook"); !strings.Contains(out, "isp/hook was told: exit status 0") {
		t.Errorf("consumer run: %s", out)
	}
	if out := r.cli("consumer", "run", "isp/docker"); !strings.Contains(out, "isp/docker was told: unchanged") {
		t.Errorf("consumer run: %s", out)
	}
	must(t, called(router, "service", 1)())
	must(t, called(router, "systemctl", 1)())

	// The provider renumbers while we are down.
	r.kill()
	p.kill()
	p.write(delegating("2001:980:2:50::/60", 60))
	p.start()
	r.start()
	r.cli("delegation", "renew", "isp")
	eventually(t, "the consumers are told of the new prefix", consumersKnow(r, "2001:980:2:50::/60"))
	must(t, holds(router, "docker/hook.prefix", "2001:980:2:50::/80\n")())
	must(t, holds(router, "docker/ipv6.prefix", "2001:980:2:50::/80\n")())
	if got := calls(router, "service"); len(got) != 2 || got[1] != "docker restart" {
		t.Errorf("service was called with %q", got)
	}
	if got := calls(router, "systemctl"); len(got) != 2 || got[1] != "restart docker" {
		t.Errorf("systemctl was called with %q", got)
	}
}

// libvirtNetwork is the network of the write-up, with the place of the prefix in it.
const libvirtNetwork = `
                <network>
                  <name>OVSNetwork</name>
                  <forward mode='route'/>
                  <bridge name='br10' stp='on' delay='0'/>
                  <ip address='172.16.4.1' netmask='255.255.255.0'>
                    <dhcp>
                      <range start='172.16.4.100' end='172.16.4.199'/>
                    </dhcp>
                  </ip>
                  <virtualport type='openvswitch'/>
                {{- with .Prefix}}
                  <ip family='ipv6' address='{{host (subnet . 64 1) "::1"}}' prefix='64'>
                    <dhcp>
                      <range start='{{host (subnet . 64 1) "::100"}}' end='{{host (subnet . 64 1) "::1ff"}}'/>
                    </dhcp>
                  </ip>
                {{- end}}
                </network>
`

// The network of libvirt gets the second /64 of the /56, and starts anew with it.
func TestConsumersLibvirt(t *testing.T) {
	t.Parallel()
	_, router := behindISP(t, "fc01:100:200:400::/56", 56)
	standIn(t, router, "virsh", "case $1 in net-define) cat $2 >/run/defined;; net-destroy) exit 1;; esac\n")
	r := run(t, router, `
interfaces:
  wan0:
    accept_ra: true
    delegations:
      isp:
        length: 56
        on_change:
          libvirt:
            file:
              path: /run/OVSNetwork.xml
              template: |`+libvirtNetwork+`
            run: [/usr/bin/env, "PATH=/run/bin:/usr/bin:/bin", sh, -ec, "virsh net-define /run/OVSNetwork.xml; virsh net-destroy OVSNetwork || true; virsh net-start OVSNetwork"]
`)
	eventually(t, "libvirt is told", consumersKnow(r, "fc01:100:200:400::/56"))
	must(t, holds(router, "defined", `
  <ip family='ipv6' address='fc01:100:200:401::1' prefix='64'>
    <dhcp>
      <range start='fc01:100:200:401::100' end='fc01:100:200:401::1ff'/>
    </dhcp>
  </ip>
</network>
`)())
	if got, want := strings.Join(calls(router, "virsh"), "\n"), "net-define /run/OVSNetwork.xml\nnet-destroy OVSNetwork\nnet-start OVSNetwork"; got != want {
		t.Errorf("virsh was called with\n%s\nwant\n%s", got, want)
	}
	// What a commit would have to tell is in its preview.
	must(t, os.WriteFile(filepath.Join(router.Root(), "run/more.yaml"), []byte(`
interfaces:
  wan0: {accept_ra: true, delegations: {isp: {length: 56, on_change: {hook: {run: [/run/hook]}}}}}
`), 0o644))
	plan := r.cli("config", "plan", "/run/more.yaml")
	if len(lines(plan, "consumer isp/hook", "tell /run/hook that isp is fc01:100:200:400::/56")) != 1 || len(lines(plan, "consumer isp/libvirt", "tell it no more")) != 1 {
		t.Errorf("the preview is\n%s", plan)
	}
	// The end of the delegation: the network goes on without the prefix.
	r.cli("delegation", "release", "isp")
	eventually(t, "libvirt is told of the end", func() error {
		if err := called(router, "virsh", 6)(); err != nil {
			return err
		}
		if err := holds(router, "defined", "<ip family='ipv6'")(); err == nil {
			return fmt.Errorf("the network has a prefix that is gone")
		}
		return nil
	})
}

// A URL gets the change as JSON; one that fails is tried again until it succeeds, and whatever happens is in the events. A program
// that hangs is ended with all that it started, and holds up nobody.
func TestConsumersURL(t *testing.T) {
	t.Parallel()
	_, router := behindISP(t, "2001:980:1:140::/60", 60)
	var listener net.Listener
	must(t, router.Do(func() (err error) {
		listener, err = net.Listen("tcp", "[::1]:8080")
		return err
	}))
	var mu sync.Mutex
	var got []map[string]any
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil || r.Header.Get("Authorization") != "Bearer sesame" || r.URL.Path != "/secret/path" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if got = append(got, m); len(got) < 3 {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		}
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	r := run(t, router, `
interfaces:
  wan0:
    accept_ra: true
    delegations:
      isp:
        length: 60
        on_change:
          web: {url: "http://[::1]:8080/secret/path", token: sesame}
          hangs: {run: [/bin/sh, -c, "sleep 1000 & sleep 1000"], timeout: 1s}
`)
	eventually(t, "the third time it is taken", func() error {
		var list sixfoldv1.ListConsumersResponse
		if err := r.show(&list, "consumers"); err != nil {
			return err
		}
		for _, c := range list.Consumers {
			if c.Name == "web" && c.State == "told" && c.Failures >= 2 && c.Target == "http://[::1]:8080/…" {
				return nil
			}
		}
		return fmt.Errorf("%v", list.Consumers)
	})
	mu.Lock()
	if m := got[2]; m["event"] != "bound" || m["delegation"] != "isp" || m["link"] != "wan0" || m["prefix"] != "2001:980:1:140::/60" || m["valid_lifetime"].(float64) < 1000 {
		t.Errorf("the server got %v", m)
	}
	mu.Unlock()
	eventually(t, "the program that hangs is ended", func() error {
		var list sixfoldv1.ListConsumersResponse
		if err := r.show(&list, "consumers"); err != nil {
			return err
		}
		for _, c := range list.Consumers {
			if c.Name == "hangs" && c.Failures > 0 && strings.Contains(c.Result, "took longer than 1s") {
				return nil
			}
		}
		return fmt.Errorf("%v", list.Consumers)
	})
	if out := r.cli("show", "consumers") + r.process.Stderr(); strings.Contains(out, "secret") || strings.Contains(out, "sesame") {
		t.Errorf("secrets are shown:\n%s", out)
	}
	eventually(t, "events", func() error {
		out, err := router.Run("timeout", "2", sixfold, "monitor", "delegation", "--past", "100")
		if !strings.Contains(out, "consumer isp/web was told of isp (bound): 200 OK") || !strings.Contains(out, "consumer isp/web could not be told of isp (bound): the server answers 503") {
			return fmt.Errorf("%v\n%s", err, out)
		}
		return nil
	})
}

// As a service of systemd the router has systemd run what consumers run, and write what they write: it is shut off from the machine
// itself. A stand-in takes the part of systemd-run(1).
func TestConsumersOfAService(t *testing.T) {
	t.Parallel()
	_, router := behindISP(t, "2001:980:1:140::/60", 60)
	standIn(t, router, "service", "")
	// It takes its options, and runs the rest with the environment that it was given.
	standIn(t, router, "systemd-run", `
while [ "$1" != -- ]; do
	case $1 in --setenv=*) export "${1#--setenv=}";; esac
	shift
done
shift
exec "$@"
`)
	must(t, os.MkdirAll(filepath.Join(router.Root(), "run/systemd/system"), 0o755))
	_, err := router.Run("mount", "--bind", "/run/bin/systemd-run", "/usr/bin/systemd-run")
	must(t, err)
	d := &daemon{t: t, node: router}
	d.write(`
interfaces:
  wan0:
    accept_ra: true
    delegations:
      isp:
        length: 60
        on_change:
          docker:
            file: {path: /run/ipv6.prefix, template: "{{subnet .Prefix 80 0}}\n", mode: "0600", owner: "nobody"}
            run: [/run/bin/service, docker, restart]
            user: root
`)
	d.process, err = router.Start("sh", "-c", "SYSTEMD_EXEC_PID=$$ exec "+sixfold+" run --config /run/sixfold.yaml --state-dir /run/sixfold/state")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("sixfold:\n%s", d.process.Stderr())
		}
	})
	eventually(t, "the consumer is told", func() error {
		if err := consumersKnow(d, "2001:980:1:140::/60")(); err != nil {
			return err
		}
		return called(router, "service", 1)()
	})
	must(t, holds(router, "ipv6.prefix", "2001:980:1:140::/80\n")())
	if out := router.Sh(t, "stat -c '%%U %%a' /run/ipv6.prefix"); strings.TrimSpace(out) != "nobody 600" {
		t.Errorf("the file is %s", out)
	}
	asked := calls(router, "systemd-run")
	if len(asked) != 2 || !strings.Contains(asked[0], " -- "+sixfold+" write-file --mode 0600 --owner nobody -- /run/ipv6.prefix") ||
		!strings.Contains(asked[1], "--uid=root ") || !strings.HasSuffix(asked[1], " -- /run/bin/service docker restart") ||
		!strings.Contains(asked[1], "--setenv=new_ip6_prefix=2001:980:1:140::/60") {
		t.Errorf("systemd was asked for\n%s", strings.Join(asked, "\n"))
	}
}
