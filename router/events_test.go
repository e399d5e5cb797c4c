package router

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
)

func eventText(e event.Event) string {
	return fmt.Sprintf("%s %s on %q %s: %s", e.Kind, e.Subject, e.Link, e.Action, e.Text)
}

func eventTexts(all []event.Event) []string {
	var out []string
	for _, e := range all {
		out = append(out, eventText(e))
	}
	return out
}

func TestEventsInWords(t *testing.T) {
	mac, other := net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 2}
	valid := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	l := lease.Lease{Key: lease.Key{DUID: "\x00\x01", Link: "lan0"}, Prefix: netip.MustParsePrefix("2001:db8::5/128"), Valid: valid, MAC: mac}
	p := lease.Lease{Key: lease.Key{DUID: "\x00\x01", Kind: lease.Prefix, Link: "lan0"}, Prefix: netip.MustParsePrefix("2001:db8:5::/48")}
	n := kernel.Neighbor{Link: "lan0", Address: netip.MustParseAddr("2001:db8::5"), MAC: mac}
	cobra := netip.MustParseAddr("2001:db8::5")
	var got []string
	for _, e := range []event.Event{
		leaseEvent(dhcpv6.Event{Kind: dhcpv6.Leased, Lease: l}),
		leaseEvent(dhcpv6.Event{Kind: dhcpv6.Extended, Lease: l}),
		leaseEvent(dhcpv6.Event{Kind: dhcpv6.Released, Lease: p, Note: "by the operator"}),
		leaseEvent(dhcpv6.Event{Kind: dhcpv6.Declined, Lease: l}),
		leaseEvent(dhcpv6.Event{Kind: dhcpv6.Expired, Lease: p}),
		leaseEvent(dhcpv6.Event{Kind: dhcpv6.Withdrawn, Lease: l}),
		leaseEvent(dhcpv6.Event{Kind: dhcpv6.Conflict, Lease: l}),
		sessionEvent(bgp.SessionEvent{Neighbor: "cobra", Address: cobra, Up: true}),
		sessionEvent(bgp.SessionEvent{Neighbor: "cobra", Address: cobra, Reason: "hold timer expired"}),
		sessionEvent(bgp.SessionEvent{Neighbor: "cobra", Address: cobra}),
		advertEvent(ra.Event{Kind: ra.Started, Link: "lan0"}, 1),
		advertEvent(ra.Event{Kind: ra.Stopped, Link: "lan0"}, 1),
		advertEvent(ra.Event{Kind: ra.Failed, Link: "lan0", Err: errors.New("no")}, 1),
		advertEvent(ra.Event{Kind: ra.Recovered, Link: "lan0"}, 1),
		advertEvent(ra.Event{Kind: ra.Solicited, Link: "lan0", Host: netip.MustParseAddr("fe80::1")}, 1),
		advertEvent(ra.Event{Kind: ra.Solicited, Link: "lan0", Host: netip.IPv6Unspecified()}, 13),
		neighborEvent(kernel.NeighborEvent{Neighbor: n, Action: kernel.NeighborNew}),
		neighborEvent(kernel.NeighborEvent{Neighbor: n, Action: kernel.NeighborMoved, Was: other}),
		neighborEvent(kernel.NeighborEvent{Neighbor: n, Action: kernel.NeighborFailed}),
		neighborEvent(kernel.NeighborEvent{Neighbor: n, Action: kernel.NeighborBack}),
		driftEvent(health.Drift{Object: "lan0", What: "the link was down"}),
		driftEvent(health.Drift{Object: "lan0", What: "the link was down", Problem: "no"}),
	} {
		got = append(got, eventText(e))
	}
	want := []string{
		`lease 2001:db8::5/128 on "lan0" bound: 02:00:00:00:00:01 on lan0 got 2001:db8::5 until 2026-05-01T12:00:00Z`,
		`lease 2001:db8::5/128 on "lan0" renewed: 02:00:00:00:00:01 on lan0 keeps 2001:db8::5 until 2026-05-01T12:00:00Z`,
		`lease 2001:db8:5::/48 on "lan0" released: 2001:db8:5::/48, which client 0001 on lan0 had, was given back: by the operator`,
		`lease 2001:db8::5/128 on "lan0" declined: 02:00:00:00:00:01 on lan0 found that another host uses 2001:db8::5`,
		`lease 2001:db8:5::/48 on "lan0" expired: 2001:db8:5::/48, which client 0001 on lan0 had, expired`,
		`lease 2001:db8::5/128 on "lan0" withdrawn: 2001:db8::5 was taken from 02:00:00:00:00:01 on lan0`,
		`lease 2001:db8::5/128 on "lan0" conflict: 2001:db8::5 is reserved for 02:00:00:00:00:01 on lan0, who cannot have it now`,
		`bgp cobra on "" up: neighbor cobra (2001:db8::5) is up`,
		`bgp cobra on "" down: neighbor cobra (2001:db8::5) is down: hold timer expired`,
		`bgp cobra on "" down: neighbor cobra (2001:db8::5) is down: no reason was given`,
		`ra lan0 on "lan0" started: lan0 is advertised on`,
		`ra lan0 on "lan0" stopped: lan0 is advertised on no more`,
		`ra lan0 on "lan0" failed: an advertisement on lan0 could not be sent: no`,
		`ra lan0 on "lan0" recovered: advertisements on lan0 are sent again`,
		`ra lan0 on "lan0" solicited: fe80::1 on lan0 asked for an advertisement and is answered`,
		`ra lan0 on "lan0" solicited: a host without an address on lan0 asked for an advertisement and is answered, the last of 13`,
		`neighbor 2001:db8::5 on "lan0" new: 2001:db8::5 on lan0 is at 02:00:00:00:00:01`,
		`neighbor 2001:db8::5 on "lan0" moved: 2001:db8::5 on lan0 is at 02:00:00:00:00:01 now, and was at 02:00:00:00:00:02`,
		`neighbor 2001:db8::5 on "lan0" failed: 2001:db8::5 on lan0 does not answer any more`,
		`neighbor 2001:db8::5 on "lan0" back: 2001:db8::5 on lan0 answers again, at 02:00:00:00:00:01`,
		`drift lan0 on "" found: lan0 was changed behind our back, and is mended: the link was down`,
		`drift lan0 on "" problem: lan0 was changed behind our back: the link was down; it cannot be mended: no`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestDelegationEvents(t *testing.T) {
	until := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	held := func(name, prefix string, d time.Duration) pd.Delegation {
		return pd.Delegation{Name: name, Link: "wan0", Prefix: netip.MustParsePrefix(prefix), ValidUntil: until.Add(d)}
	}
	before := []pd.Delegation{held("", "2001:db8::7/128", 0), held("a", "2001:db8:a::/48", 0), held("b", "2001:db8:b::/48", 0), held("c", "2001:db8:c::/48", 0)}
	now := []pd.Delegation{held("a", "2001:db8:a::/48", time.Hour), held("b", "2001:db8:bb::/48", 0), held("c", "2001:db8:c::/48", 0), held("d", "2001:db8:d::/48", 0)}
	now[1].Former = []pd.Former{{Prefix: netip.MustParsePrefix("2001:db8:b::/48"), ValidUntil: until.Add(time.Minute)}}
	now[2].DNS, now[2].Domains = []netip.Addr{netip.MustParseAddr("2001:db8::53")}, []string{"isp.example"}
	want := []string{
		`delegation a on "wan0" renewed: delegation a on wan0 keeps 2001:db8:a::/48 until 2026-05-01T13:00:00Z`,
		`delegation b on "wan0" changed: delegation b on wan0 is 2001:db8:bb::/48 until 2026-05-01T12:00:00Z, and was 2001:db8:b::/48, which runs out until 2026-05-01T12:01:00Z`,
		`delegation c on "wan0" dns: delegation c on wan0: DNS servers and domains are 2001:db8::53, isp.example now`,
		`delegation d on "wan0" bound: delegation d on wan0 got 2001:db8:d::/48 until 2026-05-01T12:00:00Z`,
		`delegation 2001:db8::7 on "wan0" lost: the address of wan0 lost 2001:db8::7`,
	}
	if diff := cmp.Diff(want, eventTexts(delegationEvents(before, now))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestLinkEvents(t *testing.T) {
	link := func(name string, index int, up, running bool) kernel.LinkState {
		return kernel.LinkState{Name: name, Index: index, MTU: 1500, Up: up, Running: running}
	}
	set := func(all ...kernel.LinkState) kernel.Links {
		out := kernel.Links{}
		for _, l := range all {
			out[l.Name] = l
		}
		return out
	}
	small := link("f", 6, true, true)
	small.MTU = 1400
	before := set(link("a", 1, true, true), link("b", 2, true, true), link("c", 3, false, false), link("d", 4, true, false), link("e", 5, true, true), link("f", 6, true, true), link("g", 7, true, true))
	now := set(link("a", 11, true, true), link("b", 2, false, false), link("c", 3, true, false), link("d", 4, true, true), link("ee", 5, true, false), small, link("g", 7, true, true))
	want := []string{
		`link a on "a" gone: a is gone`,
		`link a on "a" appeared: a appeared, with carrier`,
		`link b on "b" down: b was set down`,
		`link c on "c" up: c was set up, without carrier`,
		`link d on "d" carrier: d has a carrier`,
		`link ee on "ee" renamed: e is called ee now`,
		`link ee on "ee" no carrier: ee lost its carrier`,
		`link f on "f" mtu: the MTU of f is 1400, and was 1500`,
	}
	if diff := cmp.Diff(want, eventTexts(linkEvents(before, now))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
