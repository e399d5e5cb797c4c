package plan_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

// many is a router with so many links that it advertises on, named one by one or by a pattern.
func many(t testing.TB, links int, pattern bool) plan.Inputs {
	t.Helper()
	var text strings.Builder
	text.WriteString("interfaces:\n")
	in := plan.Inputs{Links: kernel.Links{}, Now: now}
	for n := range links {
		name := fmt.Sprintf("lan%d", n)
		if !pattern {
			fmt.Fprintf(&text, "  %s: {addresses: [\"2001:db8:%x::1/64\"], advertise: {}}\n", name, n)
		}
		in.Links[name] = kernel.LinkState{
			Name: name, Index: n + 2, MTU: 1500, Up: true, Running: true,
			Addresses: []kernel.AddressState{
				{Prefix: netip.MustParsePrefix("fe80::1/64")}, {Prefix: netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::1/64", n)), Ours: true},
			},
		}
	}
	if pattern {
		text.WriteString("  lan*: {advertise: {prefixes: {\"2001:db8:1::/64\": {}}}}\n")
	}
	conf, _, err := config.Load("many.yaml", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	in.Config = conf
	return in
}

// TestKeep: parts of a plan that are as before are those of the plan before, so that one look tells that nothing changed.
func TestKeep(t *testing.T) {
	for _, pattern := range []bool{false, true} {
		in := many(t, 20, pattern)
		before, again := plan.Make(in), plan.Make(in)
		again.Keep(before)
		for name, parts := range map[string][2]any{
			"links": {before.Kernel.Links, again.Kernel.Links}, "advertisements": {before.RA.Interfaces, again.RA.Interfaces},
			"what is remembered": {before.Advertised, again.Advertised}, "observed": {before.Observe.Links, again.Observe.Links},
		} {
			a, b := reflect.ValueOf(parts[0]), reflect.ValueOf(parts[1])
			if a.UnsafePointer() != b.UnsafePointer() {
				t.Errorf("%s are others although they are the same", name)
			}
		}
		if &before.Connected[0] != &again.Connected[0] {
			t.Error("connected prefixes are others although they are the same")
		}
		l := in.Links["lan7"]
		l.Index, l.Addresses = 99, l.Addresses[:1]
		in.Links["lan7"] = l
		changed, kept := plan.Make(in), plan.Make(in)
		kept.Keep(before)
		if !reflect.DeepEqual(kept, changed) {
			t.Error("a plan with parts of the one before is another plan")
		}
		if got := kept.RA.Interfaces["lan7"].Index; got != 99 {
			t.Errorf("lan7 has the index %d", got)
		}
	}
}

func BenchmarkMake(b *testing.B) {
	for _, pattern := range []bool{false, true} {
		b.Run(fmt.Sprintf("pattern=%t", pattern), func(b *testing.B) {
			in := many(b, 4000, pattern)
			for b.Loop() {
				plan.Make(in)
			}
		})
	}
}

func BenchmarkKeep(b *testing.B) {
	in := many(b, 4000, false)
	before := plan.Make(in)
	for b.Loop() {
		b.StopTimer()
		next := plan.Make(in)
		b.StartTimer()
		next.Keep(before)
		if !reflect.DeepEqual(next, before) {
			b.Fatal("not the same")
		}
	}
}
