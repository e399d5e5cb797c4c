package config

import (
	"strings"
	"testing"
)

// More LANs than a delegation has room for are allowed, because the ISP may give more than is asked for, but seldom meant.
func TestRoomOfParts(t *testing.T) {
	for _, c := range []struct {
		name, asked, lans, warning string
	}{
		{"enough", "62", "isp auto/64", ""},
		{"too many", "63", "isp auto/64", "need a /62, and a /63 is asked for"},
		{"one large", "60", "isp auto/60", "need a /58, and a /60 is asked for"},
		{"not said", "", "isp auto/64", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			length := ""
			if c.asked != "" {
				length = "length: " + c.asked
			}
			text := "interfaces:\n  wan0: {delegations: {isp: {" + length + "}}}\n"
			for _, lan := range []string{"lan0", "lan1", "lan2"} {
				text += "  " + lan + ": {addresses: [" + c.lans + "]}\n"
			}
			conf, _, err := Load("f", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range conf.Warnings {
				got = append(got, w.Error())
			}
			all := strings.Join(got, "\n")
			if c.warning == "" && len(got) > 0 || !strings.Contains(all, c.warning) {
				t.Errorf("got %q, want %q", all, c.warning)
			}
		})
	}
}

// An interface of a pattern has parts of its own, and what stands under the pattern is not changed by that.
func TestExpandGivesPartsToLinks(t *testing.T) {
	conf, _, err := Load("f", []byte(`
interfaces:
  wan0: {delegations: {isp: {}}}
  vnet*:
    addresses: [isp auto/64]
    advertise: {dns: ["isp auto ::1", "isp auto:lan0 ::1"]}
    dhcpv6: {pools: {p: {range: "isp auto ::10-::20"}}}
  lan0: {addresses: [isp auto/64]}
`))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		out := conf.Expand([]string{"vnet1", "vnet2", "lan0"})
		for _, i := range out.Interfaces {
			if i.Pattern == "" {
				continue
			}
			for what, got := range map[string]Slot{
				i.Name: i.Addresses[0].Auto, i.Name + " ": i.Advertise.DNS[0].Auto, "lan0": i.Advertise.DNS[1].Auto,
				i.Name + "  ": i.DHCPv6.Pools[0].Auto, i.Name + "   ": i.DHCPv6.DNS[0].Auto,
			} {
				if want := (Slot{strings.TrimSpace(what), 64}); got != want {
					t.Errorf("%s has %v, want %v", i.Name, got, want)
				}
			}
		}
		if n := len(out.Claims()); n != 3 {
			t.Errorf("%d claims, want 3: %v", n, out.Claims())
		}
	}
	for _, i := range conf.Interfaces {
		if i.Name == "vnet*" && i.Addresses[0].Auto.Name != "vnet*" {
			t.Errorf("the pattern was changed: %v", i.Addresses)
		}
	}
}
