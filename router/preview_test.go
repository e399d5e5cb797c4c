package router

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
)

// table prints a preview.
func table(p Preview) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 1, ' ', tabwriter.Debug)
	for _, o := range p.Operations {
		fmt.Fprintf(w, "%s \t %s \t %s \t %s \t %s\n", o.Unit, o.Object, o.Action, o.Class, o.Warning)
	}
	w.Flush()
	for _, x := range p.Pending {
		fmt.Fprintf(&b, "pending %s: %s\n", x.What, x.Reason)
	}
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(&out, strings.TrimRight(line, " |\n"))
	}
	return out.String()
}

func (m *machine) preview(text string, session netip.Addr) Preview {
	m.t.Helper()
	p, err := m.Preview(m.t.Context(), PreviewRequest{Name: "test.yaml", Text: text, Session: session})
	if err != nil {
		m.t.Fatalf("preview: %v", err)
	}
	return p
}

func (m *machine) written() uint64 { return m.monitor.Writes() + m.vxlan.Writes() + m.devices.Writes() }

// settled waits until nothing is left to do for what runs, and expects that applying it writes nothing then.
func (m *machine) settled(text string) {
	m.t.Helper()
	netns.Within(m.t, 10*time.Second, "nothing left to do", func() error {
		if p := m.preview(text, netip.Addr{}); len(p.Operations) > 0 {
			return fmt.Errorf("there is:\n%s", table(p))
		}
		return nil
	})
	before := m.written()
	if err := m.reconcile(m.t.Context()); err != nil {
		m.t.Error(err)
	}
	if n := m.written() - before; n != 0 {
		m.t.Errorf("nothing was left to do, but applying wrote %d times", n)
	}
}

// Each file of testdata/preview has links of the machine, configurations to go from and to, the address of the session if there
// is one, and what is foreseen on the way there and on the way back.
func TestPreview(t *testing.T) {
	plantest.Goldens(t, "testdata/preview/*.txtar", *update, func(t *testing.T, g *plantest.Golden) {
		var session netip.Addr
		if s := strings.TrimSpace(g.Text("session")); s != "" {
			session = netip.MustParseAddr(s)
		}
		for _, name := range strings.Fields(g.Text("links")) {
			netns.Cable(t, netns.End{Node: netns.Own(), Name: name}, netns.End{Node: netns.Own(), Name: name + "p"})
		}
		m := boot(t, t.TempDir(), g.Text("before.yaml"))
		t.Cleanup(func() { m.commit("", 0) })
		for _, way := range []struct{ golden, from, to string }{{"operations", "before.yaml", "after.yaml"}, {"back", "after.yaml", "before.yaml"}} {
			m.settled(g.Text(way.from))
			before := m.written()
			got := table(m.preview(g.Text(way.to), session))
			if n := m.written() - before; n != 0 {
				t.Errorf("the preview wrote %d times", n)
			}
			g.Expect(t, way.golden, got)
			m.must(m.commit(g.Text(way.to), 0))
			m.settled(g.Text(way.to))
		}
	})
}

// segments is a configuration of n VXLANs on p0.
func segments(n int, group func(int) string) string {
	var b strings.Builder
	b.WriteString("interfaces:\n  p0: {addresses: [10.9.0.1/24]}\n")
	for i := range n {
		fmt.Fprintf(&b, "  seg%d: {vxlan: {vni: %d, group: %s, link: p0}, addresses: [\"2001:db8:%x::1/64\"]}\n", i, i+1, group(i), i+1)
	}
	return b.String()
}

func TestPreviewOfOneAmongMany(t *testing.T) {
	all := func(int) string { return "239.0.3.232" }
	m := boot(t, t.TempDir(), segments(0, all))
	m.link("p0")
	t.Cleanup(func() { m.commit(segments(0, all), 0) })
	m.settled(segments(0, all))
	if p := m.preview(segments(100, all), netip.Addr{}); len(p.Operations) != 401 {
		t.Errorf("%d operations to make 100 devices, set them up, give them an address and a route, and to filter what comes to them", len(p.Operations))
	}
	m.must(m.commit(segments(100, all), 0))
	m.settled(segments(100, all))
	p := m.preview(segments(100, func(i int) string { return fmt.Sprintf("239.0.3.%d", 232+i/99) }), netip.Addr{})
	m.expect("one group changed", table(p), "vxlan  | seg99  | change group to 239.0.3.233  | live\n")
}

func TestPreviewOfARevision(t *testing.T) {
	m := boot(t, t.TempDir(), linkConfig("r0", "one", "2001:db8:8::1/64"))
	m.link("r0")
	m.must(m.commit(linkConfig("r0", "two", "2001:db8:8::2/64"), 0))
	p, err := m.Preview(t.Context(), PreviewRequest{Revision: 1})
	if err != nil || p.Base != 2 || !strings.Contains(table(p), "add 2001:db8:8::1/64") {
		t.Errorf("base %d, %v\n%s", p.Base, err, table(p))
	}
	if _, err := m.Preview(t.Context(), PreviewRequest{Revision: 77}); !errors.Is(err, ErrNoRevision) {
		t.Errorf("a revision that never was: %v", err)
	}
	var invalid *config.Errors
	if _, err := m.Preview(t.Context(), PreviewRequest{Name: "x", Text: "interfaces: 7\n"}); !errors.As(err, &invalid) {
		t.Errorf("an invalid text: %v", err)
	}
}

// TestPreviewSaysWhetherCommitWrites goes from one random configuration to the next.
func TestPreviewSaysWhetherCommitWrites(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 5))
	choose := func() string {
		var b strings.Builder
		fmt.Fprintf(&b, "interfaces:\n  q0: {addresses: [10.9.0.1/24], mtu: %d}\n", 1400+100*random.IntN(2))
		for i := range 3 {
			if random.IntN(4) == 0 {
				continue
			}
			fmt.Fprintf(&b, "  any%d:\n    vxlan: {vni: %d, group: 239.0.3.%d, link: q0}\n    addresses: [\"2001:db8:%d::%d/64\"]\n",
				i, 10*i+1+random.IntN(2), 232+random.IntN(2), i, 1+random.IntN(2))
			if random.IntN(2) == 0 {
				b.WriteString("    advertise: {}\n")
			}
			if random.IntN(2) == 0 {
				fmt.Fprintf(&b, "    dhcpv6: {pools: {p: {range: \"2001:db8:%d::1000-2001:db8:%d::1fff\"}}}\n", i, i)
			}
		}
		return b.String()
	}
	from := choose()
	m := boot(t, t.TempDir(), "interfaces: {q0: {}}\n")
	m.link("q0")
	m.must(m.commit(from, 0))
	t.Cleanup(func() { m.commit("interfaces: {q0: {}}\n", 0) })
	m.settled(from)
	for range 10 {
		to := choose()
		p := m.preview(to, netip.Addr{})
		writing := slices.ContainsFunc(p.Operations, func(o Operation) bool { return o.Unit == "kernel" || o.Unit == "vxlan" })
		before := m.links.Writes() + m.vxlan.Writes()
		m.must(m.commit(to, 0))
		if wrote := m.links.Writes() + m.vxlan.Writes() - before; (wrote > 0) != writing {
			t.Errorf("from\n%s\nto\n%s\n%d writes, foreseen was\n%s", from, to, wrote, table(p))
		}
		m.settled(to)
		from = to
	}
}

// The address of a session is also looked for under the link that has it.
func TestWarnings(t *testing.T) {
	session := netip.MustParseAddr("2001:db8::1")
	w := warner{session: session, links: kernel.Links{
		"vx0":  {Name: "vx0", Index: 3, Parent: 2, Addresses: []kernel.AddressState{{Prefix: netip.PrefixFrom(session, 64)}}},
		"eth0": {Name: "eth0", Index: 2},
		"eth1": {Name: "eth1", Index: 4},
	}}
	for _, tt := range []struct {
		op   change.Op
		want string
	}{
		{change.Op{}, ""},
		{change.Op{Links: []string{"eth1"}}, ""},
		{change.Op{Disturbs: "x", Links: []string{"eth1"}}, "disturbs x"},
		{change.Op{Class: change.Recreate, Disturbs: "x", Links: []string{"eth1", "eth0"}}, "this is the interface that your session came in by; interrupts x"},
		{change.Op{Class: change.Delete, Disturbs: "x", Links: []string{"vx0"}, Address: session}, "this is the address that your session came in to; ends x"},
		{change.Op{Links: []string{"vx0"}}, "this is the interface that your session came in by"},
	} {
		if got := w.of(tt.op); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.op, got, tt.want)
		}
	}
	nobody := warner{links: w.links}
	if got := nobody.of(change.Op{Links: []string{"vx0"}}); got != "" {
		t.Errorf("without a session: %q", got)
	}
}
