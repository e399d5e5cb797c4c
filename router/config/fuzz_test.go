package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"google.golang.org/protobuf/testing/protocmp"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// FuzzLoad holds what is true of every text: no panic, errors with places inside of the text, and a configuration that was
// taken survives its canonical text.
func FuzzLoad(f *testing.F) {
	good, _ := filepath.Glob("testdata/good/*.yaml")
	bad, _ := filepath.Glob("testdata/bad/*.txtar")
	for _, file := range append(good, bad...) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if strings.HasSuffix(file, ".txtar") {
			text = txtar.Parse(text).Files[0].Data
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, m, err := Load("f", text)
		if err != nil {
			checkErrors(t, text, err)
			return
		}
		canonical, err := Format(m)
		if err != nil {
			t.Fatal(err)
		}
		again, same, err := Load("canonical", canonical)
		if err != nil {
			t.Fatalf("%v\n%s", err, canonical)
		}
		if diff := cmp.Diff(m, same, protocmp.Transform()); diff != "" {
			t.Fatalf("(-text +canonical)\n%s\n%s", diff, canonical)
		}
		if a, b := fmt.Sprintf("%+v", toJSON(t, cfg)), fmt.Sprintf("%+v", toJSON(t, again)); a != b {
			t.Fatalf("(-text +canonical)\n%s", cmp.Diff(a, b))
		}
	})
}

func checkErrors(t *testing.T, text []byte, err error) {
	t.Helper()
	var errs *Errors
	if !errors.As(err, &errs) || len(errs.List) == 0 {
		t.Fatalf("%T %v, want *Errors", err, err)
	}
	lines := bytes.Count(text, []byte("\n")) + 1
	var before Error
	for _, e := range errs.List {
		if e.Line < 1 || e.Line > lines || e.Column < 1 || e.Message == "" || strings.ContainsAny(e.Message, "\n\x1b") {
			t.Fatalf("odd error %+v", e)
		}
		if strings.Contains(e.Message, "cannot be read\n") || strings.Contains(e.Message, "!!") && !bytes.Contains(text, []byte("!")) {
			t.Fatalf("an error that is not for operators: %v", e)
		}
		if e.Line < before.Line || e.Line == before.Line && e.Column < before.Column {
			t.Fatalf("%v stands after %v", e, before)
		}
		before = e
	}
	_ = errs.Pretty()
}

func TestLoadLimits(t *testing.T) {
	for name, text := range map[string][]byte{
		"large":           bytes.Repeat([]byte("#"), MaxSize+1),
		"deep flow":       bytes.Repeat([]byte("["), 1<<20),
		"deep map":        []byte(strings.Repeat("{a: ", 100_000)),
		"deep block":      []byte(strings.Repeat("- ", 100_000)),
		"deep value":      []byte("system: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000)),
		"long line":       []byte("system: {hostname: " + strings.Repeat("x", 1<<20) + "}"),
		"binary":          bytes.Repeat([]byte{0, 1, 2, 3, 0xff}, 10000),
		"utf16":           []byte("\xff\xfes\x00y\x00"),
		"chain of alias":  []byte("interfaces:\n  a: &a {}\n  b: &b *a\n"),
		"many unknown":    []byte(strings.Repeat("x: {}\n", 10000)),
		"negative column": []byte("\"\n"),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Load("f", text)
			if err == nil {
				t.Fatal("loaded")
			}
			checkErrors(t, text, err)
		})
	}
	if _, _, err := LoadFile(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestFromProto(t *testing.T) {
	zero := uint32(0)
	_, err := FromProto(&sixfoldv1.Config{
		Interfaces: map[string]*sixfoldv1.Interface{
			"lan0": {Mtu: &zero, Addresses: []string{"2001:db8::1/64", "2001:db8::1"}},
			"lan1": {Addresses: []string{"2001:db8::1/64"}, Vxlan: &sixfoldv1.Vxlan{Group: "ff05::1", Link: "lan0"}},
		},
		Routes: map[string]*sixfoldv1.Route{"2001:db8::/32": {Interface: "wan0"}},
	})
	const want = `interfaces.lan0.addresses[1]: 2001:db8::1 needs a prefix length, as 2001:db8::1/64
interfaces.lan0.mtu: 0 is out of range; accepted: 68 to 65535
interfaces.lan1.addresses[0]: 2001:db8::1/64 is also interfaces.lan0.addresses[0]
interfaces.lan1.vxlan.vni: is missing; accepted: 1 to 16777215
routes["2001:db8::/32"].interface: unknown interface wan0, did you mean lan0? Or add ` + "`wan0: {}`" + ` under interfaces; accepted: lan0, lan1`
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	for _, m := range []*sixfoldv1.Config{nil, {}, {Interfaces: map[string]*sixfoldv1.Interface{"lan0": nil}}} {
		if _, err := FromProto(m); err != nil {
			t.Errorf("FromProto(%v): %v", m, err)
		}
	}
	if _, err := FromProto(&sixfoldv1.Config{System: &sixfoldv1.System{Hostname: "\xff"}}); err == nil {
		t.Error("took a text that is not UTF-8")
	}
}

func BenchmarkLoadVXLANs(b *testing.B) {
	var text strings.Builder
	text.WriteString("interfaces:\n  eth0: {mtu: 9000}\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  vxlan%d:\n    mtu: 1500\n    addresses: [\"2001:db8:%x::1/64\", 10.%d.%d.1/24]\n", i, i, i/256, i%256)
		fmt.Fprintf(&text, "    vxlan: {vni: %d, group: 239.0.%d.%d, link: eth0}\n    advertise: {}\n", i+1, i/256, i%256)
	}
	data := []byte(text.String())
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, _, err := Load("f", data); err != nil {
			b.Fatal(err)
		}
	}
}
