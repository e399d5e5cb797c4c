package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/event"
)

// unpack reads an archive.
func unpack(t *testing.T, file string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Mode != 0o600 {
			t.Errorf("%s has mode %o", h.Name, h.Mode)
		}
		_, name, _ := strings.Cut(path.Clean(h.Name), "/")
		files[name] = string(text)
	}
}

const neighborText = `bgp:
  asn: 65001
  router_id: 192.0.2.1
  neighbors:
    isp:
      address: 2001:db8::1
      remote_as: 65002
      password: %
`

func TestSupportHasNoPasswords(t *testing.T) {
	b := sample(time.Now())
	passwords := []string{`the-first-password`, `with "quotes" & <marks>`, `ends here: #'s`, `the-running-password`}
	for _, p := range passwords {
		quoted, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Commit(t.Context(), router.CommitRequest{
			Name: "x", Text: strings.Replace("# it was "+p+"\n"+neighborText, "%", string(quoted), 1), Comment: "now it is " + p,
		}); err != nil {
			t.Fatal(err)
		}
	}
	b.Ring.Publish(event.Event{Kind: event.Config, Text: `somebody wrote the-running-password and "with \"quotes\" & <marks>"`})
	b.DriftList[0].What = "it has the-first-password in it"
	socket := filepath.Join(t.TempDir(), "s")
	startDaemon(t, b, socket)
	file := filepath.Join(t.TempDir(), "case 7.tar.gz")
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"tech-support", file, "--socket", socket}, strings.NewReader(""), &out, &errs); code != exitOK || out.String() != file+"\n" {
		t.Fatalf("exit code %d: %s%s", code, out.String(), errs.String())
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	files := unpack(t, file)
	for name, text := range files {
		for _, p := range append(passwords, "secret", `with \"quotes\"`, `\u003cmarks`) {
			if strings.Contains(text, p) && !(p == "secret" && !strings.Contains(text, "password: secret")) {
				t.Errorf("%s has %q", name, p)
			}
		}
		if strings.HasPrefix(name, "daemon/") && strings.HasSuffix(name, ".json") && name != "daemon/events.json" && !json.Valid([]byte(text)) {
			t.Errorf("%s is not JSON:\n%s", name, text)
		}
	}
	for name, want := range map[string]string{
		"manifest.txt":                 "daemon/bgp.json",
		"daemon/config.txt":            "remote_as: 65002",
		"daemon/config-submitted.yaml": "router_id: 192.0.2.1",
		"daemon/revisions.txt":         "REV",
		"daemon/events.txt":            "neighbor isp is up",
		"daemon/events.json":           `"kind":"bgp"`,
		"daemon/routes.txt":            "2001:db8:1::/48",
		"daemon/routes.json":           `"in_kernel": true`,
		"daemon/drift.txt":             "it was missing",
		"revisions/000002.diff":        "password: ",
		"system/version.txt":           "go\tgo1.",
		"system/ip_-d_-s_link.txt":     "lo: ",
		"system/proc/meminfo.txt":      "MemTotal",
		"system/sysctls.txt":           "net/ipv6/conf/all/forwarding = ",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s has no %q:\n%.500s", name, want, files[name])
		}
	}
}

func TestSupportWithoutDaemon(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"tech-support", "--json", "--socket", "/nowhere"}, strings.NewReader(""), &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var said supportResult
	if err := json.Unmarshal(out.Bytes(), &said); err != nil || !strings.HasPrefix(said.File, "sixfold-support-") || len(said.Missing) == 0 {
		t.Fatalf("%s: %v", out.String(), err)
	}
	files := unpack(t, said.File)
	if !strings.Contains(files["manifest.txt"], "daemon/bgp ") || !strings.Contains(files["manifest.txt"], "no daemon at /nowhere") {
		t.Errorf("%s", files["manifest.txt"])
	}
	if !strings.Contains(files["system/proc/meminfo.txt"], "MemTotal") {
		t.Error("what does not need the daemon is missing")
	}
}

func TestSupportFails(t *testing.T) {
	var out bytes.Buffer
	file := filepath.Join(t.TempDir(), "none", "x.tar.gz")
	if code := run(t.Context(), []string{"tech-support", file, "--socket", "/nowhere"}, strings.NewReader(""), &out, &out); code != exitFailed {
		t.Errorf("exit code %d: %s", code, out.String())
	}
	// Interrupted, it leaves nothing.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file = filepath.Join(t.TempDir(), "x.tar.gz")
	out.Reset()
	if code := run(ctx, []string{"tech-support", file, "--socket", "/nowhere"}, strings.NewReader(""), &out, &out); code != exitFailed || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("exit code %d: %s", code, out.String())
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestSupportAsksEverything holds that a new RPC which lists is in the archive.
func TestSupportAsksEverything(t *testing.T) {
	// Rules, sets and translations are in the answer about the firewall, forwarding entries in what the system's own bridge fdb says.
	const elsewhere = "Explain Watch Monitor Check Diff Plan GetRevision Apply Confirm Cancel Rollback " +
		"TestFirewall ListFirewallRules ListFirewallSets ListFirewallTranslations ListVxlanForwarding"
	services := sixfoldv1.File_sixfold_v1_state_service_proto.Services().Get(0).Methods().Len() +
		sixfoldv1.File_sixfold_v1_config_service_proto.Services().Get(0).Methods().Len()
	for _, m := range strings.Fields(elsewhere) {
		s, c := sixfoldv1.File_sixfold_v1_state_service_proto.Services().Get(0), sixfoldv1.File_sixfold_v1_config_service_proto.Services().Get(0)
		if s.Methods().ByName(protoreflect.Name(m)) == nil && c.Methods().ByName(protoreflect.Name(m)) == nil {
			t.Errorf("no method %s", m)
		}
	}
	if got, want := len(questions())+len(strings.Fields(elsewhere)), services; got != want {
		t.Errorf("%d methods are known here, but there are %d: add the new ones to questions", got, want)
	}
}

func TestSecrets(t *testing.T) {
	var s secrets
	s.learnText("x", []byte("bgp:\n  colour: red\n  neighbors: {isp: {password: 'unparsable secret', x: y}}\n"))
	for in, want := range map[string]string{
		"has unparsable secret in it":              "has ******** in it",
		"+      password: x y z\n  remote_as: 1\n": "+      password: \"********\"\n  remote_as: 1\n",
		`{"password":"a\"b","x":1}`:                `{"password":"********","x":1}`,
		`{password: ab, x: 1}`:                     `{password: "********", x: 1}`,
		`"has_password": true`:                     `"has_password": true`,
		"password: 'it''s'":                        `password: "********"`,
		"no secret":                                "no secret",
	} {
		if got := string(s.hide([]byte(in))); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
