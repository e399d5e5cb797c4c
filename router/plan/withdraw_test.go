package plan_test

import (
	"bufio"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

// renderWithdrawn prints what is withdrawn.
func renderWithdrawn(w *bufio.Writer, p *plan.Plan) {
	for _, name := range sorted(p.Advertised) {
		for _, e := range p.Advertised[name].Withdrawn {
			fmt.Fprintf(w, "withdrawn %s %s on %q until %v: %s\n", e.Kind, e.Prefix, name, e.Until.Sub(now), e.Reason)
		}
	}
}

// NAT64 prefixes and encrypted resolvers are withdrawn like prefixes: when the delegation is another one, and when they are configured no
// more. A resolver that has another address is advertised with it after its old option was withdrawn.
func TestResolversMove(t *testing.T) {
	const head = "interfaces:\n  wan0: {delegations: {isp: {}}}\n"
	configured := func(advertise string) *config.Config {
		conf, _, err := config.Load("test", []byte(head+"  lan0: {addresses: [\"isp ::1/64\"], advertise: {"+advertise+"}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		return conf
	}
	link := func(index int, name string) kernel.LinkState {
		return kernel.LinkState{Name: name, Index: index, Running: true, Addresses: []kernel.AddressState{{Prefix: netip.MustParsePrefix("fe80::1/64")}}}
	}
	resolver := func(address string, lifetime time.Duration) ra.Resolver {
		return ra.Resolver{Priority: 1, Lifetime: lifetime, Name: "dns.example", Addresses: []netip.Addr{netip.MustParseAddr(address)}, Parameters: []ra.SvcParam{{Key: 1, Value: []byte("\x03dot")}}}
	}
	gone := func(addresses ...string) (all []ra.RawOption) {
		for _, a := range addresses {
			o, err := resolver(a, time.Hour).Gone()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, o)
		}
		return all
	}
	nat := func(prefix string, lifetime time.Duration) ra.PREF64 {
		return ra.PREF64{Prefix: netip.MustParsePrefix(prefix), Lifetime: lifetime}
	}
	with := configured(`dnr: [{name: dns.example, addresses: ["isp ::53"], alpn: [dot], lifetime: 1h}], pref64: {"isp 0:0:0:64::/96": {lifetime: 1h}}`)
	in := plan.Inputs{Links: kernel.Links{"wan0": link(2, "wan0"), "lan0": link(3, "lan0")}, Now: now}
	for _, step := range []struct {
		name   string
		conf   *config.Config
		prefix string
		after  time.Duration
		pref64 []ra.PREF64
		dnr    []ra.Resolver
		gone   []ra.RawOption
	}{
		{"at first", with, "2001:db8:1::/48", 0, []ra.PREF64{nat("2001:db8:1:64::/96", time.Hour)}, []ra.Resolver{resolver("2001:db8:1::53", time.Hour)}, nil},
		{"renumbered", with, "2001:db8:2::/48", time.Minute, []ra.PREF64{nat("2001:db8:2:64::/96", time.Hour), nat("2001:db8:1:64::/96", 0)},
			[]ra.Resolver{resolver("2001:db8:2::53", time.Hour)}, gone("2001:db8:1::53")},
		{"not configured any more", configured(""), "2001:db8:2::/48", time.Minute, []ra.PREF64{nat("2001:db8:1:64::/96", 0), nat("2001:db8:2:64::/96", 0)},
			nil, gone("2001:db8:1::53", "2001:db8:2::53")},
		{"configured again", with, "2001:db8:2::/48", time.Minute, []ra.PREF64{nat("2001:db8:2:64::/96", time.Hour), nat("2001:db8:1:64::/96", 0)},
			[]ra.Resolver{resolver("2001:db8:2::53", time.Hour)}, gone("2001:db8:1::53")},
		{"long after", with, "2001:db8:2::/48", 2 * time.Hour, []ra.PREF64{nat("2001:db8:2:64::/96", time.Hour)},
			[]ra.Resolver{resolver("2001:db8:2::53", time.Hour)}, nil},
	} {
		in.Config, in.Now = step.conf, in.Now.Add(step.after)
		in.Delegations = []pd.Delegation{{
			Name: "isp", Link: "wan0", Prefix: netip.MustParsePrefix(step.prefix), PreferredUntil: in.Now.Add(24 * time.Hour), ValidUntil: in.Now.Add(24 * time.Hour),
		}}
		p := plan.Make(in)
		out := p.RA.Interfaces["lan0"]
		for n := range out.PREF64 {
			out.PREF64[n].Until = time.Time{}
		}
		same := cmp.Options{cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}
		if diff := cmp.Diff(step.pref64, out.PREF64, same); diff != "" {
			t.Errorf("%s: NAT64 prefixes (-want +got)\n%s", step.name, diff)
		}
		if diff := cmp.Diff(step.dnr, out.DNR, same); diff != "" {
			t.Errorf("%s: resolvers (-want +got)\n%s", step.name, diff)
		}
		if diff := cmp.Diff(step.gone, out.GoneDNR); diff != "" {
			t.Errorf("%s: withdrawn resolvers (-want +got)\n%s", step.name, diff)
		}
		if _, err := ra.Encode(out, in.Now); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		in.Advertised = in.Advertised.Next(in.Now, p.Advertised)
	}
}
