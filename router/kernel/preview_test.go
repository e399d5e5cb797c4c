package kernel

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/change"
)

// lines prints operations, one a line.
func lines(ops []change.Op) string {
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", o.Object, o.Action, o.Class, o.Disturbs)
	}
	return b.String()
}

func preview(t *testing.T, w *LinkWriter, cfg Config) []change.Op {
	t.Helper()
	if err := w.monitor.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	before := w.Writes()
	ops, err := w.Preview(cfg, w.monitor.Links())
	if err != nil {
		t.Fatalf("Preview: %v", err)
	}
	if n := w.Writes() - before; n != 0 {
		t.Errorf("Preview wrote %d times", n)
	}
	return ops
}

func TestPreview(t *testing.T) {
	ip(t, "link add lan0 type veth peer name lan1")
	t.Cleanup(func() { ip(t, "link del lan0") })
	w := NewLinks(discard(), NewMonitor(discard()))
	apply(t, w, Config{Forwarding: true})
	for _, tt := range []struct {
		name string
		cfg  Link
		want string
	}{
		{"a new link", Link{MTU: 1400, Addresses: addresses("2001:db8::1/64", "192.0.2.1/24")}, `lan0 | change mtu from 1500 to 1400 | live | 
lan0 | set keep_addr_on_down to 1, accept_ra to 0, promote_secondaries to 1 (IPv4) | live | 
lan0 | bring up | live | 
lan0 | add 2001:db8::1/64 | live | 
lan0 | add 192.0.2.1/24 | live | 
`},
		{"another length and one address less", Link{MTU: 1400, Addresses: addresses("2001:db8::1/56")},
			`lan0 | change 2001:db8::1/64 to /56 | recreate | connections to and from 2001:db8::1
lan0 | remove 192.0.2.1/24 | delete | connections to and from 192.0.2.1
`},
		{"advertisements", Link{AcceptRA: true, Addresses: addresses("2001:db8::1/56")}, `lan0 | set accept_ra to 2 | live | 
lan0 | change mtu from 1400 back to 1500 | live | 
`},
		{"no room for IPv6", Link{MTU: 1000},
			`lan0 | change mtu from 1500 to 1000 | live | IPv6 on lan0, which needs an mtu of 1280
lan0 | set accept_ra to 0 | live | 
lan0 | remove 2001:db8::1/56 | delete | connections to and from 2001:db8::1
`},
		{"and again", Link{MTU: 1280, Addresses: addresses("2001:db8::2/56")}, `lan0 | change mtu from 1000 to 1280 | live | 
lan0 | set keep_addr_on_down to 1, accept_ra to 0 | live | 
lan0 | add 2001:db8::2/56 | live | 
`},
	} {
		cfg := Config{Forwarding: true, Links: map[string]Link{"lan0": tt.cfg, "missing": {MTU: 1300}}}
		if diff := cmp.Diff(tt.want, lines(preview(t, w, cfg))); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
		if tt.cfg.MTU == 1000 {
			// With the small MTU the kernel takes all of IPv6 off the link in the middle of Apply.
			_ = w.Apply(context.Background(), cfg)
			continue
		}
		apply(t, w, cfg)
		if got := lines(preview(t, w, cfg)); got != "" {
			t.Errorf("%s: after Apply there is left:\n%s", tt.name, got)
		}
	}
}

func TestPreviewOfNewLinks(t *testing.T) {
	w := NewLinks(discard(), NewMonitor(discard()))
	apply(t, w, Config{Forwarding: true})
	links := Links{"vxlan7": NewLink("vxlan7", "vxlan", 1450), "small": NewLink("small", "vxlan", 1000)}
	cfg := Config{Forwarding: true, Links: map[string]Link{
		"vxlan7": {MTU: 1450, Addresses: addresses("2001:db8::1/64")}, "small": {Addresses: addresses("192.0.2.1/24")},
	}}
	ops, err := w.Preview(cfg, links)
	if err != nil {
		t.Fatal(err)
	}
	want := `small | set promote_secondaries to 1 (IPv4) | live | 
vxlan7 | set keep_addr_on_down to 1, accept_ra to 0, promote_secondaries to 1 (IPv4) | live | 
small | add 192.0.2.1/24 | live | 
vxlan7 | add 2001:db8::1/64 | live | 
`
	if diff := cmp.Diff(want, lines(ops)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	after := Simulate(cfg, links)
	if len(after["vxlan7"].Addresses) != 2 || len(links["vxlan7"].Addresses) != 1 {
		t.Errorf("after: %+v, before: %+v", after, links)
	}
	if _, ok := after["small"].LinkLocal(); ok {
		t.Error("a link-local address on a link without IPv6")
	}
}

// TestPreviewSaysWhetherApplyWrites goes from one random configuration to the next. Simulate has to foresee the addresses too.
func TestPreviewSaysWhetherApplyWrites(t *testing.T) {
	veth(t, "lan0", "lan1")
	m := NewMonitor(discard())
	w := NewLinks(discard(), m)
	random := rand.New(rand.NewPCG(3, 14))
	choose := func() Config {
		cfg := Config{Forwarding: true, Links: map[string]Link{}}
		for _, name := range []string{"lan0", "lan1", "later"} {
			if random.IntN(4) == 0 {
				continue
			}
			l := Link{Name: name, MTU: []int{0, 1400, 1500}[random.IntN(3)], AcceptRA: random.IntN(3) == 0, DAD: random.IntN(2) == 0}
			seen := map[string]bool{}
			for range random.IntN(4) {
				host := fmt.Sprintf("2001:db8::%d/", random.IntN(4)+1)
				if random.IntN(3) == 0 {
					host = fmt.Sprintf("192.0.2.%d/", random.IntN(4)+1)
				}
				if seen[host] {
					continue
				}
				seen[host] = true
				bits := []string{"64", "56"}[random.IntN(2)]
				if strings.HasPrefix(host, "192") {
					bits = []string{"24", "25"}[random.IntN(2)]
				}
				l.Addresses = append(l.Addresses, addresses(host+bits)...)
			}
			cfg.Links[name] = l
		}
		return cfg
	}
	empty := 0
	for n := range 60 {
		cfg := choose()
		for _, again := range []bool{false, true} {
			ops := preview(t, w, cfg)
			foreseen := Simulate(cfg, w.PutBack(cfg, m.Links()))
			before := w.Writes()
			apply(t, w, cfg)
			wrote := w.Writes() - before
			if (len(ops) > 0) != (wrote > 0) || again && wrote > 0 {
				t.Errorf("round %d: Apply of %+v wrote %d times, foreseen was\n%s", n, cfg, wrote, lines(ops))
			}
			if wrote == 0 {
				empty++
			}
			for name, l := range m.Links() {
				if diff := cmp.Diff(ownAddresses(foreseen[name]), ownAddresses(l)); diff != "" || foreseen[name].MTU != l.MTU {
					t.Errorf("round %d: %s has mtu %d, -foreseen +got\n%s", n, name, l.MTU, diff)
				}
			}
		}
	}
	if empty < 60 || empty > 100 {
		t.Errorf("%d of 120 times there was nothing to do", empty)
	}
}

func ownAddresses(l LinkState) []string {
	var out []string
	for _, a := range l.Addresses {
		if a.Ours {
			out = append(out, a.Prefix.String())
		}
	}
	slices.Sort(out)
	return out
}
