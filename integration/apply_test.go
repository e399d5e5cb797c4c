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
