package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

const neighborHead = "bgp: {asn: 65001, router_id: 192.0.2.1, neighbors: "

func TestRedact(t *testing.T) {
	const hidden = `"` + Hidden + `"`
	block := func(password, more string) string {
		return "# ours\nbgp:\n  asn: 65001 # us\n  router_id: 192.0.2.1\n  neighbors:\n    isp:\n      address: 2001:db8::2\n      remote_as: 65002\n      password: " +
			password + more + "\n"
	}
	for _, tt := range []struct{ name, text, want string }{
		{"nothing to hide", "system: {hostname: r1} # hunter22\n", "system: {hostname: r1} # hunter22\n"},
		{"plain", block("hunter22", " # mail"), block(hidden, " # mail")},
		{"number", block("12345678", ""), block(hidden, "")},
		{"double quotes", block(`"hunt\"er # 22"`, "  # mail"), block(hidden, "  # mail")},
		{"escapes", block(`"\u0068unter22"`, ""), block(hidden, "")},
		{"single quotes", block("'hunt''er: 22'", ""), block(hidden, "")},
		{"anchor", block("&pw hunter22", ""), block("&pw "+hidden, "")},
		{"commented out", block("hunter22", "\n      # password: hunter21  # old\n      # pass"), block(hidden, "\n      # password: "+Hidden+"\n      # pass")},
		{"only commented out", "# {\"password\": \"hunter21\"}\nsystem: {hostname: r1}\n", "# {\"password\": " + Hidden + "\nsystem: {hostname: r1}\n"},
		{"two in a line",
			neighborHead + "{a: {address: 2001:db8::2, remote_as: 1, description: äöü, password: hunter22}, b: {password: 'x y z', address: 2001:db8::3, remote_as: 1}}}\n",
			neighborHead + "{a: {address: 2001:db8::2, remote_as: 1, description: äöü, password: " + hidden + "}, b: {password: " + hidden + ", address: 2001:db8::3, remote_as: 1}}}\n"},
		{"json", `{"bgp":{"asn":1,"router_id":"1.1.1.1","neighbors":{"a":{"password":"hunter22","address":"::2","remote_as":1}}}}`,
			`{"bgp":{"asn":1,"router_id":"1.1.1.1","neighbors":{"a":{"password":` + hidden + `,"address":"::2","remote_as":1}}}}`},
		{"windows", strings.ReplaceAll(block("hunter22", ""), "\n", "\r\n"), strings.ReplaceAll(block(hidden, ""), "\n", "\r\n")},
		{"also in a comment", block("hunter22", " # was hunter22 before"), block(hidden, " # was "+Hidden+" before")},
		{"broken", block("hunter22", "\n  x: ["), notShown},
		{"unknown field", block("hunter22", "\n      passwort: hunter22"), notShown},
		{"nothing", "", notShown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(Redact([]byte(tt.text)))); diff != "" {
				t.Errorf("Redact (-want +got):\n%s", diff)
			}
		})
	}
	for name, text := range map[string]string{
		"literal block": block("|\n        hunter22", ""),
		"folded block":  block(">-\n        hunter22", ""),
		"two lines":     block("hunter22\n        more", ""),
		"next line":     block("\n        hunter22", ""),
		"quoted lines":  block("\"hunter22\n        more\"", ""),
		"line escape":   block("\"hunt\\\n        er22\"", ""),
		"explicit key":  strings.Replace(block("hunter22", ""), "password: ", "? password\n      : ", 1),
		"byte order":    "\ufeff" + block("hunter22", ""),
		"alias":         block("&pw hunter22", "\n    lab: {address: ::9, remote_as: 9, password: *pw}"),
		"whole section": neighborHead + "{a: &n {address: ::2, remote_as: 1, password: hunter22}, b: *n}}",
		"other value":   neighborHead + "{a: {description: &pw hunter22, address: ::2, remote_as: 1, password: *pw}}}",
		"merge":         neighborHead + "{a: &n {address: ::2, remote_as: 1, password: hunter22}, b: {<<: *n, address: ::3}}}",
		"in a name":     neighborHead + "{hunter22: {address: ::2, remote_as: 1, description: x, password: hunter23}}}",
		"duplicate":     neighborHead + "{a: {password: hunter22, password: hunter22}}}",
		"tagged":        block("!!str hunter22", ""),
	} {
		out := string(Redact([]byte(text)))
		if strings.Contains(out, "hunter22") && name != "in a name" || strings.Contains(out, "er22") && name == "line escape" || strings.Contains(out, "hunter23") {
			t.Errorf("%s: the password is in\n%s", name, out)
		}
	}
}

// A secret must not be in what is shown, unless the same text is the value of something else by chance.
func checkHidden(t *testing.T, text []byte) {
	t.Helper()
	out := Redact(text)
	message, _, r := decode("f", text)
	if message == nil || r.err() != nil {
		if string(out) != notShown {
			t.Fatalf("shown of a text that cannot be read: %q", out)
		}
		return
	}
	if bytes.Contains(text, []byte("#")) && len(RedactMessage(proto.Clone(message))) == 0 && bytes.Contains(bytes.ToLower(text), []byte("password")) {
		return // a comment that looks as if it had one
	}
	secrets := RedactMessage(message)
	rest, err := Format(message)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets {
		if len(s) >= shortSecret && strings.Trim(s, "*") != "" && bytes.Contains(out, []byte(s)) &&
			(!bytes.Contains(append(rest, canonical...), []byte(s))) {
			t.Fatalf("the secret %q is in %q, made of %q", s, out, text)
		}
	}
	if string(out) == notShown {
		return
	}
	shown, _, r := decode("shown", out)
	if r.err() != nil || !proto.Equal(shown, message) {
		t.Fatalf("%q says something else than %q: %v", out, text, r.err())
	}
}

func FuzzRedact(f *testing.F) {
	for _, password := range []string{"hunter22", `"hunt\u0065r22"`, "'it''s'", "|\n      a\n      b", "&a hunter22", "*a", "1234", "\"a\\\n  b\"", "", "? x", "#", "a #b", "[a]", "~"} {
		f.Add([]byte("bgp:\n  neighbors:\n    isp:\n      password: " + password + "\n      description: &b hunter22 # hunter22\n"))
		f.Add([]byte(`{"bgp":{"neighbors":{"isp":{"password":` + password + `}}}}`))
	}
	f.Fuzz(checkHidden)
}

// FuzzRedactSecret puts any secret into texts of many styles.
func FuzzRedactSecret(f *testing.F) {
	for _, s := range []string{"hunter22", `"`, `'`, `\`, "a: b", "a #b", "*a", "&a b", "{a", "a, b", "12345", "ä ö ü", "isp1", "bgp:", "****", "********", "%", "  x", "password"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		m := &sixfoldv1.Config{Bgp: &sixfoldv1.Bgp{Neighbors: map[string]*sixfoldv1.Neighbor{
			"isp": {Password: secret, Description: "x"}, "lab": {Password: secret + secret},
		}}}
		text, err := Format(m)
		if err != nil {
			return
		}
		checkHidden(t, text)
		checkHidden(t, append(text, ("# "+secret+"\n")...))
		checkHidden(t, fmt.Appendf(nil, "bgp: {neighbors: {a: {password: %q, description: x}}} # %s\n", secret, secret))
		checkHidden(t, fmt.Appendf(nil, "bgp:\n  neighbors:\n    a:\n      password: '%s'\n      description: x\n", strings.ReplaceAll(secret, "'", "''")))
		checkHidden(t, fmt.Appendf(nil, "bgp:\n  neighbors:\n    a:\n      password: %s\n", secret))
	})
}

func TestParseRole(t *testing.T) {
	for _, r := range []Role{Read, Operate, Admin} {
		if got := ParseRole(r.String()); got != r {
			t.Errorf("ParseRole(%q) = %v", r, got)
		}
	}
	if got := ParseRole("none"); got != NoRole {
		t.Errorf("ParseRole(none) = %v", got)
	}
}
