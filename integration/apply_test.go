package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What config apply makes run is in force when it returns, is what config show shows, and can be applied again.
func TestConfigApply(t *testing.T) {
	t.Parallel()
	router, guest := host(t, "router"), host(t, "guest")
	cable(t, end(router, "lan0"), end(guest, "eth0"))
	d := run(t, router, "interfaces: {lan0: {addresses: [192.0.2.1/24]}}\n")
	file := func(name, text string) string {
		must(t, os.WriteFile(filepath.Join(router.Root(), "run", name), []byte(text), 0o644))
		return "/run/" + name
	}

	d.cli("config", "apply", file("two.yaml", `
interfaces:
  lan0:
    addresses: ["2001:db8:7::1/64"]
    advertise: {max_interval: 10s}
  vx7: {vxlan: {vni: 7, group: "ff05::7", link: lan0}, addresses: ["2001:db8:8::1/64"]}
routes: {"2001:db8:9::/48": {via: "2001:db8:7::9"}}
`))
	// No polling: apply has waited.
	must(t, router.Expect("ip -6 addr show dev lan0", "2001:db8:7::1/64")())
	must(t, router.Expect("ip -6 addr show dev vx7", "2001:db8:8::1/64")())
	if out, err := router.Run("ip", "-4", "addr", "show", "dev", "lan0"); err != nil || strings.Contains(out, "192.0.2.1") {
		t.Errorf("the old address: %v\n%s", err, out)
	}
	eventually(t, "route", router.Expect("ip -6 route", "2001:db8:9::/48 via 2001:db8:7::9 dev lan0 proto 166"))
	eventually(t, "SLAAC", guest.Expect("ip -6 addr show dev eth0 scope global dynamic", "2001:db8:7:"))

	shown := d.cli("config", "show")
	if !strings.Contains(shown, "max_interval: 10s") {
		t.Errorf("config show:\n%s", shown)
	}
	d.cli("config", "apply", file("three.yaml", shown))
	if again := d.cli("config", "show"); again != shown {
		t.Errorf("config show of its own output:\n%s\nwas:\n%s", again, shown)
	}
	d.cli("config", "apply", file("four.json", d.cli("config", "show", "--json")))
	if again := d.cli("config", "show"); again != shown {
		t.Errorf("config show of its own JSON:\n%s\nwas:\n%s", again, shown)
	}

	_, err := router.Run(sixfold, "config", "apply", file("bad.yaml", "interfaces: {lan0: {mtu: 9}}\n"))
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "/run/bad.yaml:1:26") {
		t.Errorf("a file that is not valid: %v", err)
	}
	if again := d.cli("config", "show"); again != shown {
		t.Errorf("a file that is not valid changed the configuration:\n%s", again)
	}
}

// Going back and forth between configurations, with links that come and go meanwhile, ends where the first Apply did.
func TestBackAndForth(t *testing.T) {
	t.Parallel()
	router, peer := host(t, "router"), host(t, "peer")
	for _, link := range []string{"lan1", "lan2", "lan3"} {
		cable(t, end(router, link), end(peer, link))
	}
	const one = `
system: {router_id: 192.0.2.1}
interfaces:
  lan1:
    addresses: ["2001:db8:1::1/64", 192.0.2.1/24]
    advertise: {}
    dhcpv6: {pools: {guests: {range: "2001:db8:1::100-2001:db8:1::1ff"}}}
  lan2: {accept_ra: true, delegations: {isp: {}}}
  lan3: {mtu: 9000}
  vx5: {vxlan: {vni: 5, group: "ff05::5", link: lan3}, addresses: ["2001:db8:5::1/64"], advertise: {}}
bgp:
  asn: 65001
  filters: {all: [{accept: {}}]}
  neighbors: {peer: {address: "fe80::1%lan1", remote_as: 65002, import: all, export: all}}
  announce: [connected, static]
routes: {"2001:db8:9::/48": {via: "2001:db8:1::9"}, "203.0.113.0/24": {via: 192.0.2.9}}
`
	d := run(t, router, one)
	kernel := func() string {
		var b strings.Builder
		for _, command := range []string{"ip -6 route show proto 166", "ip -4 route show proto 166", "ip -br addr show scope global", "ip -o link show type vxlan | grep -o 'mtu [0-9]*'"} {
			out, err := router.Run("sh", "-c", command+" | sed 's/@[^ ]*//' | sort")
			must(t, err)
			b.WriteString(out)
		}
		return b.String()
	}
	eventually(t, "the first state", func() error {
		for _, want := range []string{"2001:db8:9::/48", "203.0.113.0/24", "2001:db8:5::1/64", "192.0.2.1/24", "mtu 8930"} {
			if state := kernel(); !strings.Contains(state, want) {
				return &missing{want, state}
			}
		}
		return nil
	})
	first := kernel()
	must(t, os.WriteFile(filepath.Join(router.Root(), "run/empty.yaml"), []byte("{}\n"), 0o644))
	for range 5 {
		d.cli("config", "apply", "/run/empty.yaml")
		if state := kernel(); strings.Contains(state, "2001:db8:") || strings.Contains(state, "192.0.2.1") {
			t.Errorf("left of a configuration that is gone:\n%s", state)
		}
		must(t, router.IP("link set lan1 down", "link del lan3"))
		d.cli("config", "apply", "/run/sixfold.yaml") // what has no link now is pending, and no error
		must(t, router.IP("link set lan1 up"))
		cable(t, end(router, "lan3"), end(peer, "lan3"))
	}
	eventually(t, "the first state again", func() error {
		if state := kernel(); state != first {
			return &missing{first, state}
		}
		return nil
	})
	if out := d.cli("show", "version"); len(lines(out, "failed")) != 0 {
		t.Errorf("%s", out)
	}
}

type missing struct{ want, have string }

func (e *missing) Error() string { return "want\n" + e.want + "\nhave\n" + e.have }
