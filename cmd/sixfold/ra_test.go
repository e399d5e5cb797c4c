package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/ra"
)

// TestRAWatchPrints: every option of an advertisement, and what changed since the last.
func TestRAWatchPrints(t *testing.T) {
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.Local)
	addr := netip.MustParseAddr
	i := ra.Interface{
		MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, MaxInterval: 600 * time.Second, Managed: true, OtherConfig: true, HopLimit: 64, LinkMTU: 1500,
		ReachableTime: 30 * time.Second, RetransTimer: time.Second, RouterLifetime: 1800 * time.Second, Preference: 1, SNAC: true, Interval: true,
		HomeAgent: &ra.HomeAgent{Preference: 10, Lifetime: time.Hour, MobileRouter: true},
		Prefixes: []ra.Prefix{
			{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, Valid: ra.Forever, Preferred: 24 * time.Hour, PDPreferred: true},
			{Prefix: netip.MustParsePrefix("2001:db8:2::/56"), Autonomous: true, Valid: time.Hour, Preferred: time.Hour, RouterAddress: addr("2001:db8:2::1")},
		},
		Routes: []ra.Route{{Prefix: netip.MustParsePrefix("2001:db8:10::/60"), Preference: 3, Lifetime: time.Hour}, {Prefix: netip.MustParsePrefix("2001:db8:20::/48")}},
		RDNSS:  []netip.Addr{addr("2001:db8::53"), addr("fe80::53")}, DNSSL: []string{"lan.example"}, DNSLifetime: 1800 * time.Second, DNSSLLifetime: 1800 * time.Second,
		PREF64: []ra.PREF64{{Prefix: netip.MustParsePrefix("64:ff9b::/96"), Lifetime: 1800 * time.Second}}, CaptivePortal: "https://portal.example/api",
		DNR: []ra.Resolver{{
			Priority: 1, Lifetime: time.Hour, Name: "dns.example", Addresses: []netip.Addr{addr("2001:db8::53")},
			Parameters: []ra.SvcParam{{Key: 1, Value: []byte("\x02h2\x03dot")}, {Key: 7, Value: []byte("/dns-query{?dns}")}},
		}},
		Raw: []ra.RawOption{
			{Type: 253, Data: bytes.Repeat([]byte{0xab}, 30)}, {Type: 24, Data: []byte{129, 0, 0, 0, 0, 0}},
			{Type: 14, Data: []byte{1, 2, 3, 4, 5, 6}}, {Type: 34, Data: []byte{64, 0x11, 0, 0, 0, 10, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0}},
		},
	}
	var out bytes.Buffer
	w := &raWatcher{out: &out, heard: map[heardOn]*ra.Heard{}, names: map[int]string{3: "lan0"}}
	show := func(at time.Duration) {
		t.Helper()
		messages, err := ra.Encode(i, noon)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			r, err := ra.Decode(m)
			if err != nil {
				t.Fatal(err)
			}
			r.Time, r.Index, r.Router = noon.Add(at), 3, addr("fe80::1")
			if err := w.print(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	show(0)
	i = ra.Interface{
		MAC: i.MAC, MaxInterval: i.MaxInterval, RouterLifetime: 0, HopLimit: 64,
		Prefixes: i.Prefixes[:1], Routes: i.Routes[1:], RDNSS: i.RDNSS[:1], CaptivePortal: "urn:ietf:params:capport:unrestricted",
	}
	show(time.Minute)
	show(2 * time.Minute)
	const file = "testdata/ra_watch.golden"
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}

	out.Reset()
	w.json = true
	i.HopLimit = 32
	show(3 * time.Minute)
	var got struct {
		Link    string
		Router  string
		Changes []ra.Change
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Link != "lan0" || got.Router != "fe80::1" || len(got.Changes) != 1 || got.Changes[0] != (ra.Change{What: "hop limit", Was: "64", Now: "32"}) {
		t.Errorf("--json: %s", out.String())
	}
}
