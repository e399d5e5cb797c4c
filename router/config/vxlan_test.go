package config

import (
	"strings"
	"testing"
)

func TestWarnVXLAN(t *testing.T) {
	cfg, _, err := Load("r.yaml", []byte(`interfaces:
  eth0: {}
  a: {vxlan: {vni: 1, group: 239.0.0.1, link: eth0, ttl: 1}}
  b: {vxlan: {vni: 2, remotes: [192.0.2.1], ttl: 1}}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := "r.yaml:3:58: interfaces.a.vxlan.ttl: packets to the group 239.0.0.1 end at the first router"
	if len(cfg.Warnings) != 1 || !strings.HasPrefix(cfg.Warnings[0].Error(), want) {
		t.Errorf("warnings %v, want %s", cfg.Warnings, want)
	}
}
