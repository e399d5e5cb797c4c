package config

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// TestFormatRandom writes messages full of odd values and reads them back: nothing is lost and nothing added, whether or not
// the configuration would make sense.
func TestFormatRandom(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 6))
		m := &sixfoldv1.Config{}
		fill(r, m.ProtoReflect())
		text, err := Format(m)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, _, problems := decode("random", text)
		if err := problems.err(); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if diff := cmp.Diff(m, got, protocmp.Transform()); diff != "" {
			t.Fatalf("seed %d (-message +read back):\n%s\n%s", seed, diff, text)
		}
		if again, err := Format(got); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("seed %d: the second text is another one (%v)\n%s\n%s", seed, err, text, again)
		}
	}
}

var oddTexts = []string{
	"", "x", "~", "null", "true", "yes", "1500", "0x10", "1e3", "1_000", "-", "- a", "a: b", "a #b", "#", "*a", "&a", "!a", "?", "? a", "|", ">", "%", "@", "`",
	"'", `"`, `\`, "a\nb", "\n", "a\n\n", " a", "a ", "\ta", "a\tb", "[", "]", "{", "}", ",", ":", "::", "::1/64", "isp ::1/64", "52:54:00:d6:c2:a9", "2001-01-01",
	"---", "...", "<<", "=", "é", "日本", "\u2028", "\u0085", "\ufeff", "\x01", "\x7f", "🐧", "12:30:45", ".inf", ".nan", "0o7", "007", "forever", "a\r\nb", "\r",
}

func fill(r *rand.Rand, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if r.IntN(3) == 0 {
			continue
		}
		switch {
		case field.IsMap():
			entries := m.Mutable(field).Map()
			for range r.IntN(4) {
				v := entries.NewValue()
				if field.MapValue().Message() != nil {
					fill(r, v.Message())
				} else {
					v = scalar(r, field.MapValue())
				}
				entries.Set(protoreflect.ValueOfString(oddTexts[r.IntN(len(oddTexts))]).MapKey(), v)
			}
		case field.IsList():
			list := m.Mutable(field).List()
			for range r.IntN(4) {
				if field.Message() != nil {
					fill(r, list.AppendMutable().Message())
				} else {
					list.Append(scalar(r, field))
				}
			}
		case field.Message() == nil:
			m.Set(field, scalar(r, field))
		default:
			sub := m.Mutable(field).Message()
			if d, ok := sub.Interface().(*durationpb.Duration); ok {
				d.Seconds = []int64{0, 1, 90, 3600, 5400, 86400 * 30, 0xfffffffe, 0xffffffff}[r.IntN(8)]
				if d.Seconds < 0xffffffff {
					d.Nanos = []int32{0, 0, 0, 500e6, 1, 1000, 999999999}[r.IntN(7)]
				}
			} else {
				fill(r, sub)
			}
		}
	}
}

func scalar(r *rand.Rand, field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) == 0)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32([]uint32{0, 1, 1500, 0xffffffff}[r.IntN(4)])
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32([]int32{0, 1, -1, 1 << 30, -1 << 31}[r.IntN(5)])
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(oddTexts[r.IntN(len(oddTexts))])
	}
	panic(fmt.Sprintf("the schema has a new kind of value, %v", field.Kind()))
}

func TestFormatRefuses(t *testing.T) {
	for _, m := range []*sixfoldv1.Config{
		{System: &sixfoldv1.System{Hostname: "r\xff"}},
		{Interfaces: map[string]*sixfoldv1.Interface{"lan0": {Advertise: &sixfoldv1.Advertise{MaxInterval: &durationpb.Duration{Seconds: -1}}}}},
		{Interfaces: map[string]*sixfoldv1.Interface{"lan0": {Advertise: &sixfoldv1.Advertise{MaxInterval: &durationpb.Duration{Seconds: 1 << 40}}}}},
	} {
		if text, err := Format(m); err == nil {
			t.Errorf("Format(%v) = %s, want an error", m, text)
		}
	}
}

func TestFormatOrder(t *testing.T) {
	_, m, err := Load("r.yaml", []byte(`
routes: {"::/0": {metric: 5, interface: b}}
interfaces: {b: {dad: true, mtu: 1500, addresses: ["2001:db8::1/64"]}, a: {advertise: {}}}
system: {hostname: r}
`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Format(m)
	if err != nil {
		t.Fatal(err)
	}
	const want = `system:
  hostname: r
interfaces:
  a:
    advertise: {}
  b:
    addresses:
      - 2001:db8::1/64
    mtu: 1500
    dad: true
routes:
  ::/0:
    interface: b
    metric: 5
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("Format (-want +got):\n%s", diff)
	}
	if got, err := Format(&sixfoldv1.Config{}); err != nil || string(got) != "{}\n" {
		t.Errorf("Format of nothing = %q, %v", got, err)
	}
}
