package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUnwiseAdvertising: what is allowed but seldom meant is noted, each thing once and in the order of the file; the defaults are wise.
func TestUnwiseAdvertising(t *testing.T) {
	cfg, _, err := Load("r.yaml", []byte(`interfaces:
  lan0:
    dhcpv6: {delegate: {lan: {pool: "2001:db8:f000::/40", length: 56}}}
    advertise:
      captive_portal: https://portal.example.net/api
      prefixes: {"2001:db8::/64": {pd_preferred: true}}
      clients: ["fe80::1"]
      options: [{type: 253}]
      routes: {"::/0": {lifetime: 0s}}
  lan1: {advertise: {max_interval: 10s, unicast_only: true}}
  lan2: {advertise: {dns_lifetime: 30m, dns: [self]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Warnings) > 0 {
		t.Errorf("warnings of what is wise: %v", cfg.Warnings)
	}

	cfg, _, err = Load("r.yaml", []byte(`interfaces:
  lan0:
    advertise:
      max_interval: 10s
      dns_lifetime: 29s
      captive_portal: http://portal.example.net/api
      pref64: {"64:ff9b::/96": {lifetime: 8s}}
      routes: {"2001:db8:2::/48": {lifetime: 20s}, "2001:db8:1::/48": {lifetime: 10s}}
      options: [{type: 25, data: "00"}]
      prefixes: {"2001:db8:1::/64": {preferred_lifetime: 5s, pd_preferred: true, autonomous: true}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range cfg.Warnings {
		got = append(got, strings.TrimPrefix(w.Error(), "r.yaml:"))
	}
	const lan = "interfaces.lan0.advertise."
	want := []string{
		"4:21: " + lan + "max_interval: an advertisement to all every 10s at the latest wakes the phones of the link; about 7 an hour, as with " +
			"the default of 10m, spare their batteries (RFC 7772)",
		"5:21: " + lan + "dns_lifetime: 29s is less than three times max_interval (30s): hosts that miss two advertisements lose their name servers " +
			"(RFC 8106 5.1)",
		"6:23: " + lan + "captive_portal: hosts ask the API of a captive portal by https only (RFC 8908 4.1): this one will not be asked",
		"7:43: " + lan + `pref64["64:ff9b::/96"].lifetime: 8s is less than three times max_interval (30s): hosts that miss two advertisements lose ` +
			"the NAT64 prefix (RFC 8781 4.1)",
		"8:46: " + lan + `routes["2001:db8:2::/48"].lifetime: 20s is less than three times max_interval (30s): hosts that miss two advertisements ` +
			"lose the route",
		"8:82: " + lan + `routes["2001:db8:1::/48"].lifetime: 10s is less than three times max_interval (30s): hosts that miss two advertisements ` +
			"lose the route",
		"9:24: " + lan + "options[0].type: options of type 25 are what dns is for",
		"10:58: " + lan + `prefixes["2001:db8:1::/64"].preferred_lifetime: 5s is less than max_interval (10s): addresses are deprecated between two ` +
			"advertisements",
		"10:76: " + lan + `prefixes["2001:db8:1::/64"].pd_preferred: hosts are told to ask for prefixes of their own, and dhcpv6 of lan0 delegates none`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestNoSLAAC: a prefix that is no /64 is advertised for nothing where nothing else gives addresses.
func TestNoSLAAC(t *testing.T) {
	for name, tt := range map[string]struct {
		lan  string
		want bool
	}{
		"delegated /56":       {`{addresses: ["isp ::1/56"], advertise: {}}`, true},
		"literal /48":         {`{addresses: ["2001:db8::1/48"], advertise: {}}`, true},
		"second of two":       {`{addresses: ["2001:db8:1::1/64", "2001:db8::1/48"], advertise: {}}`, true},
		"/64":                 {`{addresses: ["isp ::1/64", "fe80::1/10", "2001:db8::1/128", "192.0.2.1/24"], advertise: {}}`, false},
		"not advertised":      {`{addresses: ["2001:db8::1/48"]}`, false},
		"skipped":             {`{addresses: ["2001:db8::1/48"], advertise: {prefixes: {"2001:db8::/48": {skip: true}}}}`, false},
		"off for the prefix":  {`{addresses: ["isp ::1/56"], advertise: {prefixes: {"isp ::/56": {autonomous: false}}}}`, false},
		"off for the link":    {`{addresses: ["isp ::1/56"], advertise: {autonomous: false}}`, false},
		"pools":               {`{addresses: ["2001:db8::1/48"], advertise: {managed: true}, dhcpv6: {pools: {p: {range: "2001:db8::/112"}}}}`, false},
		"DHCPv6 without pool": {`{addresses: ["2001:db8::1/48"], advertise: {}, dhcpv6: {dns: ["2001:db8::1"]}}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, _, err := Load("r.yaml", []byte("interfaces:\n  wan0: {delegations: {isp: {length: 56}}}\n  lan0: "+tt.lan+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			got := false
			for _, w := range cfg.Warnings {
				got = got || strings.Contains(w.Error(), "interfaces.lan0.addresses[") && strings.Contains(w.Error(), "SLAAC needs a /64")
			}
			if got != tt.want {
				t.Errorf("warned: %v, want %v: %v", got, tt.want, cfg.Warnings)
			}
		})
	}
}
