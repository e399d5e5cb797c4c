package main

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/plan"
)

// What was before is shown with how long it is so already, how long it goes on, and why.
func TestShowWhatWasBefore(t *testing.T) {
	b := sample(tableNow)
	at := func(d time.Duration) time.Time { return tableNow.Add(d) }
	prefix := netip.MustParsePrefix
	const why = "isp is 2001:db8:1000::/36 now"
	i := &b.AdvertisementList[0].Interface
	i.Prefixes = []ra.Prefix{{Prefix: prefix("2001:db8:9::/64"), OnLink: true, Autonomous: true}}
	i.Routes = []ra.Route{{Prefix: prefix("2001:db8:9:100::/56")}}
	i.PREF64 = []ra.PREF64{{Prefix: prefix("2001:db8:9:64::/96")}}
	for _, w := range []ra.Withdrawn{
		{Kind: "prefix", Prefix: prefix("2001:db8:9::/64")},
		{Kind: "route", Prefix: prefix("2001:db8:9:100::/56")},
		{Kind: "dns", Prefix: prefix("2001:db8:9::53/128")},
		{Kind: "pref64", Prefix: prefix("2001:db8:9:64::/96")},
		{Kind: "dnr", Prefix: prefix("2001:db8:9::53/128"), Name: "dns.example"},
		{Kind: "dnr", Prefix: prefix("::/128"), Name: "name.example"},
	} {
		w.Since, w.Until, w.Reason = at(-3*time.Minute), at(87*time.Minute), why
		i.Withdrawn = append(i.Withdrawn, w)
	}
	p := &b.PrefixList[slices.IndexFunc(b.PrefixList, func(s plan.Delegated) bool { return s.Name == "isp" })]
	p.Delegation.Former = []pd.Former{{Prefix: prefix("2001:db8:8000::/36"), PreferredUntil: at(0), ValidUntil: at(20 * time.Minute)}}
	p.Withdrawn = []ra.Withdrawn{{Kind: "aggregate", Prefix: prefix("2001:db8:9000::/36"), Since: at(-time.Hour), Until: at(30 * time.Minute), Reason: why}}

	var out bytes.Buffer
	withDaemon(t, b, func(ctx context.Context, c *client) error {
		to := printer{out: &out, err: io.Discard, now: tableNow}
		for _, show := range []func(context.Context, *client, printer, func(proto.Message)) error{
			human(listAdvertisements, func(to printer, m *sixfoldv1.ListAdvertisementsResponse) error {
				m.Advertisements = m.GetAdvertisements()[:1]
				return printAdvertisements(to, m)
			}),
			human(listPrefixes, func(to printer, m *sixfoldv1.ListPrefixesResponse) error {
				m.Prefixes = slices.DeleteFunc(m.GetPrefixes(), func(d *sixfoldv1.PrefixState) bool { return len(d.GetFormer()) == 0 })
				return printPrefixes(to, m)
			}),
		} {
			if err := show(ctx, c, to, func(proto.Message) {}); err != nil {
				return err
			}
		}
		return nil
	})
	var got []string
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "withdrawn") || strings.Contains(line, "before:") || strings.Contains(line, "2001:db8:9:") {
			got = append(got, strings.Join(strings.Fields(line)[1:], " "))
		}
	}
	want := []string{
		"withdrawn 2001:db8:9::/64 for 3m, 1h 27m more " + why,
		"withdrawn route 2001:db8:9:100::/56 for 3m, 1h 27m more " + why,
		"withdrawn dns 2001:db8:9::53 for 3m, 1h 27m more " + why,
		"withdrawn pref64 2001:db8:9:64::/96 for 3m, 1h 27m more " + why,
		"withdrawn dnr dns.example 2001:db8:9::53 for 3m, 1h 27m more " + why,
		"withdrawn dnr name.example for 3m, 1h 27m more " + why,
		"before: 2001:db8:8000::/36, which the server lets run out: deprecated, valid for 20m",
		"before: 2001:db8:9000::/36, unreachable for 1h, 30m more: " + why,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
