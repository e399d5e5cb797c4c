package config

import (
	"fmt"
	"testing"
)

func TestVRFOf(t *testing.T) {
	c := &Config{VRFs: []VRF{
		{Name: "blue", Interfaces: []string{"eth3", "vnet1*"}},
		{Name: "mgmt", Interfaces: []string{"em0"}},
		{Name: "red", Interfaces: []string{"vnet*", "vnet12"}},
	}}
	for link, want := range map[string]string{
		"eth3": "blue", "em0": "mgmt", "eth4": "", "vnet7": "red", "vnet17": "blue", "vnet12": "red", "vnet": "red", "lo": "", "": "",
	} {
		got := ""
		if v := c.VRFOf(link); v != nil {
			got = v.Name
		}
		if got != want {
			t.Errorf("%s is in %q, want %q", link, got, want)
		}
	}
	if c.VRF("red") != &c.VRFs[2] || c.VRF("grey") != nil {
		t.Error("instances are not found by name")
	}
}

// Where the API and the metrics listen if their device says nothing, or that it is the default instance.
func TestListenInManagement(t *testing.T) {
	const text = `
interfaces: {em0: {}}
%s
api: {tcp: {listen: [%s], %scertificate: /a, key: /b, client_ca: /c}}
`
	const mgmt = "management: {interfaces: [em0], name: ops}"
	for _, tt := range []struct{ management, listen, device, want string }{
		{mgmt, `"[2001:db8::1]:4610"`, "", "ops"},
		{mgmt, `"[::]:4610"`, "", "ops"},
		{mgmt, `"[::1]:4610", "[2001:db8::1]:4610"`, "", "ops"},
		{mgmt, `"[::1]:4610", "127.0.0.1:4610"`, "", ""},
		{mgmt, `"[2001:db8::1]:4610"`, "device: default, ", ""},
		{mgmt, `"[2001:db8::1]:4610"`, "device: em0, ", "em0"},
		{"", `"[2001:db8::1]:4610"`, "", ""},
		{"", `"[2001:db8::1]:4610"`, "device: default, ", ""},
	} {
		c, _, err := Load("r.yaml", fmt.Appendf(nil, text, tt.management, tt.listen, tt.device))
		if err != nil {
			t.Fatal(err)
		}
		if c.API.TCP.Device != tt.want {
			t.Errorf("%s %s %s: device %q, want %q", tt.management, tt.listen, tt.device, c.API.TCP.Device, tt.want)
		}
	}
}
