package config

import "testing"

func TestPosition(t *testing.T) {
	const text = `interfaces:
  lan0: {}
firewall:
  zones: {lan: [lan0], wan: [wan0]}
  policies:
    - {from: lan, to: wan, accept: {}}
    - from: wan
      to: lan
      rules:
        - {name: web, accept: {}}
        - {name: mail, accept: {}}
`
	for _, c := range []struct {
		path         string
		line, column int
	}{
		{"firewall", 3, 1},
		{"firewall.policies[0]", 6, 7},
		{"firewall.policies[1].rules[1]", 11, 11},
		{"firewall.policies[1].rules[1].name", 11, 12},
		{"firewall.zones.lan[0]", 4, 17},
		{"firewall.policies[7]", 5, 3},
		{"nothing.of[3", 1, 1},
	} {
		if line, column := Position([]byte(text), c.path); line != c.line || column != c.column {
			t.Errorf("Position(%s) = %d:%d, want %d:%d", c.path, line, column, c.line, c.column)
		}
	}
	if line, _ := Position([]byte(":"), "firewall"); line != 0 {
		t.Errorf("found a place in what cannot be read")
	}
}
