package render

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestExecute(t *testing.T) {
	bound := Change{
		Event: Changed, Delegation: "isp", Link: "wan0", Prefix: netip.MustParsePrefix("2001:980:1:140::/60"), Old: netip.MustParsePrefix("2001:980:2:50::/60"),
		PreferredUntil: time.Unix(1457617054, 0), ValidUntil: time.Unix(1457617054, 0),
	}
	dibbler := bound
	dibbler.Prefix = netip.MustParsePrefix("fc01:100:200:400::/56")
	lost := Change{Event: Lost, Delegation: "isp", Link: "wan0", Old: bound.Prefix}
	for _, tt := range []struct {
		name, text string
		change     Change
		want       string
	}{
		{"docker", "{{subnet .Prefix 80 0}}\n", bound, "2001:980:1:140::/80\n"},
		{"the last subnet", "{{subnet .Prefix 64 15}}", bound, "2001:980:1:14f::/64"},
		{"itself", "{{subnet .Prefix 60 0}}", bound, "2001:980:1:140::/60"},
		{"of one another", `{{host (subnet .Prefix 64 1) "::1"}}`, dibbler, "fc01:100:200:401::1"},
		{"as in the configuration", `{{cut .Prefix "0:0:0:1::1/64"}}`, dibbler, "fc01:100:200:401::1/64"},
		{"apart", `{{with cut .Prefix "0:0:0:1::1/64"}}{{addr .}} {{network .}} {{bits .}}{{end}}`, dibbler, "fc01:100:200:401::1 fc01:100:200:401::/64 64"},
		{"words", "{{.Event}} {{.Delegation}} {{.Link}} {{.Prefix}} {{.Old}} {{.ValidUntil}}", bound, "changed isp wan0 2001:980:1:140::/60 2001:980:2:50::/60 2016-03-10T13:37:34Z"},
		{"lost", `{{.Event}} "{{.Prefix}}" "{{subnet .Prefix 80 0}}" "{{host .Prefix "::1"}}" "{{cut .Prefix "::1/64"}}" {{.Old}}`, lost, `lost "" "" "" "" 2001:980:1:140::/60`},
		{"none", `{{if .Prefix}}yes{{else}}no{{end}}`, lost, "no"},
	} {
		tmpl, err := Parse(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got, err := tmpl.Execute(tt.change); err != nil || string(got) != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Prefix":                               "unclosed action",
		"{{.Prefixx}}":                            `no entry for key "Prefixx"`,
		"{{subnet .Prefix 16 0}}":                 "there is no /16 in 2001:db8::/32",
		"{{subnet .Prefix 33 2}}":                 "has 2 subnets of length 33",
		"{{subnet .Prefix 33 -1}}":                "there is no number -1",
		`{{host .Prefix "1::1"}}`:                 "is too small for 1::1",
		`{{host .Prefix "x"}}`:                    `"x" is not an address`,
		`{{host .Prefix "192.0.2.1"}}`:            "is not an address in",
		`{{cut .Prefix "::1"}}`:                   "is not a prefix",
		`{{cut .Prefix "::1/16"}}`:                "too small for a /16",
		"{{shell .Prefix}}":                       `function "shell" not defined`,
		`{{addr "x"}}`:                            "is not a prefix",
		"{{define \"a\"}}x{{end}}":                "define, block and template",
		"{{if .Prefix}}{{range 9}}{{end}}{{end}}": "range has no place",
		"{{with .Old}}{{else}}{{template \"template\" .}}{{end}}": "define, block and template",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// What a template asks for can be more than the prefix of the day has.
func TestTooSmall(t *testing.T) {
	tmpl, err := Parse("{{subnet .Prefix 48 1}}")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := tmpl.Execute(Change{Prefix: netip.MustParsePrefix("2001:db8::/56")}); err == nil || !strings.Contains(err.Error(), "there is no /48 in 2001:db8::/56") {
		t.Errorf("got %q, %v", out, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("{{subnet .Prefix 80 0}}", "2001:db8::/56")
	f.Add(`{{cut .Prefix "::1/64"}}{{host .Old "::1"}}`, "2001:db8::/128")
	f.Fuzz(func(t *testing.T, text, prefix string) {
		tmpl, err := Parse(text)
		if err != nil {
			return
		}
		p, err := netip.ParsePrefix(prefix)
		if err != nil {
			return
		}
		tmpl.Execute(Change{Prefix: p.Masked()})
	})
}
