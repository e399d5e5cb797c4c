package integration

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// office has a web server that the world may reach, in a prefix that the ISP delegates.
const office = `
interfaces:
  wan0: {accept_ra: true, delegations: {isp: {length: 48}}}
  lan0: {addresses: ["isp ::1/64"], advertise: {max_interval: 4s}}
firewall:
  zones: {wan: [wan0], lan: [lan0]}
  address_sets: {servers: ["isp ::80/128"]}
  policies:
    - {from: lan, to: wan, accept: {}}
    - from: wan
      to: lan
      rules: [{name: web, destinations: [servers], protocols: [tcp], ports: [80], accept: {}}]
      simple_security: {}
    - {from: wan, to: router, rules: [{protocols: [icmpv6], icmp_types: [echo-request], accept: {}}], drop: {}}
`

// officeISP delegates from a pool.
const officeISP = `
interfaces:
  cust0:
    addresses: ["2001:888:1::1/64"]
    advertise: {max_interval: 4s}
    dhcpv6: {delegate: {customers: {pool: "%s", length: 48}}}
`

// The firewall of an office: a server can be reached and nothing else, also after the ISP gave another prefix, and no rule is written for
// that.
func TestFirewallFollowsDelegation(t *testing.T) {
	t.Parallel()
	isp, router, server := host(t, "isp"), host(t, "router"), host(t, "server")
	cable(t, end(isp, "cust0"), end(router, "wan0"))
	cable(t, end(router, "lan0"), end(server, "eth0"))
	p := run(t, isp, fmt.Sprintf(officeISP, "2001:980::/44"))
	r := run(t, router, office)
	witness(t, isp, "[2001:888:1::1]:80")
	witness(t, server, "[::]:80")
	witness(t, server, "[::]:22")
	witness(t, router, "[::]:22")

	serve := func(prefix netip.Prefix) string {
		t.Helper()
		address := strings.TrimSuffix(prefix.String(), "/48") + "80"
		must(t, server.IP("addr add "+address+"/64 dev eth0 nodad"))
		eventually(t, "the server is reached at "+address, func() error {
			_, err := seenAs(isp, "["+address+"]:80")
			return err
		})
		if _, err := seenAs(isp, "["+address+"]:22"); err == nil {
			t.Errorf("port 22 of %s can be reached", address)
		}
		if _, err := isp.Ping(t.Context(), netip.MustParseAddr(address)); err != nil {
			t.Errorf("RFC 4890 4.3.1: %v", err)
		}
		if _, err := seenAs(server, "[2001:888:1::1]:80"); err != nil {
			t.Errorf("the server does not reach the Internet: %v", err)
		}
		return address
	}
	first := waitPrefix(t, r, "isp")
	before := serve(first)
	if _, err := seenAs(isp, "["+strings.TrimSuffix(before, "80")+"1]:22"); err == nil {
		t.Error("the router can be logged in to from outside")
	}
	handles := func() string { return router.Sh(t, "nft -a list table inet sixfold | grep comment") }
	rules := handles()

	fate := r.cli("firewall", "test", "--from", "wan", "--src", "2001:888:1::1", "--dst", before, "--dport", "80")
	if !strings.Contains(fate, "accept, from wan to lan") || !strings.Contains(fate, "firewall.policies[1].rules[0] in line 12") {
		t.Errorf("firewall test says\n%s", fate)
	}
	if fate = r.cli("firewall", "test", "--from", "wan", "--src", "2001:888:1::1", "--dst", before, "--dport", "22"); !strings.Contains(fate, "drop, from wan to lan\nby firewall.policies[1] in line 10") {
		t.Errorf("firewall test says\n%s", fate)
	}

	// The ISP has another pool.
	r.cli("delegation", "release", "isp")
	p.reload(fmt.Sprintf(officeISP, "2001:a80::/44"))
	r.cli("delegation", "renew", "isp")
	eventually(t, "another prefix", func() error {
		if now := waitPrefix(t, r, "isp"); now == first {
			return fmt.Errorf("it is %s", now)
		}
		return nil
	})
	must(t, server.IP("addr flush dev eth0 scope global"))
	after := serve(waitPrefix(t, r, "isp"))
	if after == before {
		t.Fatal("the prefix is the same")
	}
	if now := handles(); now != rules {
		t.Errorf("rules were written for another prefix:\n%s\nbefore:\n%s", now, rules)
	}
	var list sixfoldv1.ListFirewallRulesResponse
	must(t, r.show(&list, "firewall", "policy", "wan", "lan"))
	if len(list.GetRules()) != 3 || list.GetRules()[0].GetName() != "web" || list.GetRules()[0].GetPackets() < 2 {
		t.Errorf("policy wan to lan: %v", list.GetRules())
	}

	// Somebody else's work is noticed and mended at once.
	router.Sh(t, "nft flush table inet sixfold")
	eventually(t, "drift is told", func() error {
		if said := r.cli("show", "drift"); !strings.Contains(said, "policy wan to lan") && !strings.Contains(said, "changes: its rules were changed") {
			return fmt.Errorf("%s", said)
		}
		return nil
	})
	if _, err := seenAs(isp, "["+after+"]:22"); err == nil {
		t.Error("port 22 can be reached after the table was flushed")
	}
}
