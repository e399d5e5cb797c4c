package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
)

const everyOption = `
interfaces:
  lan0:
    addresses: ["2001:db8:1::1/64", "fd00:1::1/64", "fe80::1/64"]
    advertise:
      source_address: fe80::1
      preference: high
      router_while: {always: true}
      interval_option: true
      snac: true
      home_agent: {preference: 5, lifetime: 1h}
      dns: [self, "2001:db8::53"]
      domains: [lan.example]
      prefixes:
        "::/64": {router_address: true, valid_lifetime: 2h, preferred_lifetime: 1h}
        "fd00:1::/64": {decrement: true}
      routes: {"2001:db8:4::/46": {preference: low}, "::/0": {lifetime: 30m}}
      pref64: {"64:ff9b::/96": {}}
      captive_portal: https://portal.example.net/api
      dnr: [{name: dns.example.net, addresses: [self], alpn: [dot, h2], dohpath: "/dns-query{?dns}"}]
      options: [{type: 253, data: "010203"}]
  vnet*:
    addresses: ["fe80::1/64"]
    advertise: {dns: [self], router_while: {always: true}, routes: {"2001:db8::/32": {}}}
`

// Every option goes from the configuration to hosts: what is shown is what was sent, and a change is told in words and then made.
func TestAdvertiseEveryOption(t *testing.T) {
	t.Parallel()
	router, guest, machine := host(t, "router"), host(t, "guest"), host(t, "machine")
	cable(t, end(router, "lan0"), end(guest, "eth0"))
	d := run(t, router, everyOption)

	eventually(t, "options at the host", guest.Expect("rdisc6 -1 -w 3000 eth0",
		"Mobile home agent         :          Yes", "Router preference         :         high", "from fe80::1",
		"Prefix                   : 2001:db8:1::1/64", "Valid time              :         7200", "Prefix                   : fd00:1::/64",
		"Route                    : 2001:db8:4::/46", "Recursive DNS server     : fd00:1::1", "Recursive DNS server     : 2001:db8::53", "lan.example"))

	// What is shown decodes to what is configured.
	var list sixfoldv1.ListAdvertisementsResponse
	must(t, d.show(&list, "ra", "lan0", "wire"))
	if len(list.Advertisements) != 1 || len(list.Advertisements[0].Packets) != 1 {
		t.Fatalf("shown: %v", &list)
	}
	r, err := ra.Decode(list.Advertisements[0].Packets[0])
	must(t, err)
	if len(r.DNR) != 1 || r.DNR[0].Addresses[0].String() != "fd00:1::1" || len(r.PREF64) != 1 || r.CaptivePortal == "" || !r.SNAC || r.Interval != 600000 ||
		r.HomeAgentInfo == nil || len(r.Unknown) != 1 || len(r.Malformed) != 0 {
		t.Errorf("decoded: %+v", r)
	}
	wire := d.cli("show", "ra", "lan0", "wire")
	for _, want := range []string{"captive portal: https://portal.example.net/api", "encrypted dns dns.example.net: priority 1 fd00:1::1 alpn=dot,h2 dohpath=/dns-query{?dns}"} {
		if !strings.Contains(wire, want) {
			t.Errorf("show ra lan0 wire lacks %q:\n%s", want, wire)
		}
	}

	// A link of a pattern.
	must(t, netns.Connect(end(router, "vnet1"), end(machine, "eth0")))
	eventually(t, "a link of the pattern", machine.Expect("rdisc6 -1 -w 3000 eth0", "Recursive DNS server     : fe80::", "Route                    : 2001:db8::/32"))

	// Nothing changes by itself; a change is foretold, seen by hosts, and then over.
	if out := d.cli("config", "plan", "/run/sixfold.yaml"); strings.TrimSpace(out) != "" {
		t.Errorf("the plan of what runs:\n%s", out)
	}
	next := strings.NewReplacer(
		"portal.example.net/api", "portal.example.net/next", "snac: true", "snac: false", `"2001:db8:4::/46": {preference: low}, `, "",
		"decrement: true", "pd_preferred: true", "      interval_option: true\n", "      unicast_only: true\n",
	).Replace(everyOption)
	d.write(next)
	plan := d.cli("config", "plan", "/run/sixfold.yaml")
	for _, want := range []string{
		"advertise the captive portal https://portal.example.net/next", "clear the SNAC flag", "withdraw route 2001:db8:4::/46",
		"change fd00:1::/64: set pd-preferred, clear decrement", "stop advertising the interval", "advertise by unicast only",
	} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not tell %q:\n%s", want, plan)
		}
	}
	d.cli("config", "apply", "/run/sixfold.yaml")
	if out := d.cli("config", "plan", "/run/sixfold.yaml"); strings.TrimSpace(out) != "" {
		t.Errorf("the plan of what was applied:\n%s", out)
	}
	eventually(t, "the new options", func() error {
		out, err := guest.Run("rdisc6", "-1", "-w", "3000", "eth0")
		if err == nil && strings.Contains(out, "2001:db8:4::/46") {
			// Hosts had it: for a while it is withdrawn instead.
			if !strings.Contains(out, "Route lifetime          :            0") {
				err = fmt.Errorf("%s", out)
			}
		}
		return err
	})
	var after sixfoldv1.ListAdvertisementsResponse
	must(t, d.show(&after, "ra", "lan0"))
	if a := after.Advertisements[0]; a.CaptivePortal != "https://portal.example.net/next" || a.Snac || !a.UnicastOnly || a.IntervalOption {
		t.Errorf("shown after the change: %v", a)
	}

	// An MTU that the link does not have is not advertised, and told; the rest goes on.
	d.reload(strings.Replace(next, "snac: false", "link_mtu: 9000", 1))
	eventually(t, "what is pending", router.Expect(sixfold+" show pending", "9000 is more than the MTU of the link, 1500"))
	eventually(t, "the rest", guest.Expect("rdisc6 -1 -w 3000 eth0", "Prefix                   : fd00:1::/64"))
}
