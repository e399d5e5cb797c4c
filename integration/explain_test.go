package integration

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

const explainISP = `
interfaces:
  cust0:
    addresses: ["fe80::1/64", "2001:888:1::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {rapid_commit: true, delegate: {customers: {pool: "2001:980::/44", length: 48, valid_lifetime: 2h, preferred_lifetime: 1h}}}
bgp:
  asn: 65001
  router_id: 10.0.0.1
  prefix_sets: {theirs: ["2001:980::/44+"]}
  filters: {in: {rules: [{prefix: theirs, accept: {}}]}, out: {rules: [{source: static, accept: {}}]}}
  neighbors: {office: {address: "2001:888:1::2", remote_as: 65004, import: in, export: out}}
  announce: [static]
routes: {"2001:db8:53::/48": {blackhole: true}}
`

const explainRouter = `
interfaces:
  wan0:
    addresses: ["2001:888:1::2/64"]
    accept_ra: true
    delegations: {isp: {length: 48, rapid_commit: true}}
  lan0:
    addresses: ["isp ::1/64", 192.168.5.1/24]
    advertise: {max_interval: 10s}
bgp:
  asn: 65004
  router_id: 10.0.0.4
  filters: {upstream: {rules: [{accept: {}}]}, ours: {rules: [{source: connected, reject: {}}, {source: aggregate, accept: {}}]}}
  neighbors: {upstream: {address: "2001:888:1::1", remote_as: 65001, import: upstream, export: ours}}
  announce: [aggregate, connected]
`

// explanation is what sixfold explain answers, with all its findings in one list.
func (d *daemon) explanation(subject ...string) (*sixfoldv1.ExplainResponse, string, error) {
	out, err := d.node.Run(sixfold, append([]string{"explain", "--json"}, subject...)...)
	if err != nil {
		return nil, "", err
	}
	var m sixfoldv1.ExplainResponse
	if err := protojson.Unmarshal([]byte(out), &m); err != nil {
		return nil, "", err
	}
	var all strings.Builder
	var walk func([]*sixfoldv1.Finding)
	walk = func(list []*sixfoldv1.Finding) {
		for _, f := range list {
			fmt.Fprintf(&all, "%s %s: %s\n", f.GetState(), f.GetTopic(), f.GetText())
			walk(f.GetFindings())
		}
	}
	walk(m.GetFindings())
	return &m, all.String(), nil
}

// explains waits until the story of a subject has this summary and these findings.
func (d *daemon) explains(t *testing.T, subject, summary string, findings ...string) {
	t.Helper()
	eventually(t, "explain "+subject, func() error {
		m, all, err := d.explanation(strings.Fields(subject)...)
		if err != nil {
			return err
		}
		if !strings.Contains(m.GetSummary(), summary) {
			return fmt.Errorf("summary %q, want %q in\n%s", m.GetSummary(), summary, all)
		}
		for _, f := range findings {
			if !strings.Contains(all, f) {
				return fmt.Errorf("no %q in\n%s\n%s", f, m.GetSummary(), all)
			}
		}
		return nil
	})
}

func TestExplain(t *testing.T) {
	t.Parallel()
	isp, router, desktop := host(t, "explain-isp"), host(t, "explain-office"), host(t, "explain-desktop")
	cable(t, end(isp, "cust0"), end(router, "wan0"))
	cable(t, end(router, "lan0"), end(desktop, "eth0"))
	must(t, desktop.Sysctl("net.ipv6.conf.eth0.addr_gen_mode=0"))
	r := run(t, router, explainRouter)

	t.Run("while no server answers, the first broken link of the chain", func(t *testing.T) {
		r.explains(t, "lan0", "lan0 has no prefix: delegation isp is soliciting since", "ok link: lan0 is up", "skipped address: address isp ::1/64")
		r.explains(t, "2001:db8:53::1", "no route matches 2001:db8:53::1", "broken route")
		r.explains(t, "neighbor upstream", "upstream is not established: ")
	})

	run(t, isp, explainISP)
	prefix := waitPrefix(t, r, "isp")
	own := within(prefix, "::1")
	t.Run("our own address", func(t *testing.T) {
		r.explains(t, own.String(), "is our own address on lan0", "ok delegation: isp is "+prefix.String()+", from fe80::1 on wan0, preferred for ",
			`configured as "isp ::1/64"`, "ok advertisement: we advertise on lan0 ", "upstream (AS 65001) hears "+prefix.String()+": rule 2 of filter ours accepts it")
		r.explains(t, netip.PrefixFrom(prefix.Addr(), 64).String(), "is on lan0", "hears "+prefix.String())
	})
	t.Run("a host that made its address by EUI-64", func(t *testing.T) {
		a := globalAddress(t, desktop, "eth0")
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		if _, err := desktop.Ping(ctx, own); err != nil {
			t.Fatal(err)
		}
		out, err := desktop.Run("cat", "/sys/class/net/eth0/address")
		must(t, err)
		mac := strings.TrimSpace(out)
		r.explains(t, a.String(), a.String()+" is on lan0", "ok slaac: SLAAC from ", "EUI-64 of MAC "+mac+", as in the neighbor table", "ok neighbor: ")
		r.explains(t, strings.ToUpper(strings.ReplaceAll(mac, ":", "-")), mac+" is on lan0", a.String())
	})
	t.Run("a route learnt by BGP, the default route, and what is not in use", func(t *testing.T) {
		r.explains(t, "2001:db8:53::1", "is reached by 2001:db8:53::/48 via ", "rule 1 of import filter upstream let it in",
			"ok neighbor: next hop ")
		r.explains(t, "2001:4860::1", "is reached by ::/0 via fe80::1 dev wan0", "from a router advertisement")
		r.explains(t, within(nth(prefix, 56, 0xff), "::1").String(), "no link and no client has this part of isp")
		r.explains(t, "isp", "isp is "+prefix.String())
		r.explains(t, "neighbor upstream", "neighbor upstream (AS 65001) is established", "import filter upstream (1 rule) accepts 1 of 1 routes")
	})
	t.Run("what is not there", func(t *testing.T) {
		for _, subject := range [][]string{{"nothing"}, {"fruit", "lan0"}, {"pool", "lan0"}} {
			if _, _, err := r.explanation(subject...); err == nil || !strings.Contains(err.Error(), "there is n") && !strings.Contains(err.Error(), "is no kind") {
				t.Errorf("%v: %v", subject, err)
			}
		}
	})
	if out := r.cli("explain", own.String()); !strings.Contains(out, "is our own address on lan0\n") {
		t.Errorf("explain:\n%s", out)
	}
}
