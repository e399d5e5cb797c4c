package plan_test

import (
	"bufio"
	"flag"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
)

var update = flag.Bool("update", false, "write the expected plans anew")

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Each file of testdata/plan has a configuration, the state of the machine, and the plan that follows. A line of the state
// is what plantest.State reads.
func TestMake(t *testing.T) {
	plantest.Goldens(t, "testdata/plan/*.txtar", *update, func(t *testing.T, g *plantest.Golden) {
		in := inputs(t, g)
		made := plan.Make(in)
		if again := plan.Make(in); !reflect.DeepEqual(made, again) {
			t.Error("equal inputs give different plans")
		}
		g.Expect(t, "plan", render(made))
	})
}

// inputs reads the configuration and the state of a file.
func inputs(t *testing.T, g *plantest.Golden) plan.Inputs {
	t.Helper()
	conf, _, err := config.Load(g.Path, []byte(g.Text("config.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	in := plan.Inputs{Config: conf, Links: kernel.Links{}, DUID: []byte{0, 3, 0, 1, 1, 2, 3, 4, 5, 6}, Now: now}
	if err := plantest.State(g.Text("state"), &in); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestPlanOfNothingIsEmpty(t *testing.T) {
	made := plan.Make(plan.Inputs{})
	if len(made.Pending)+len(made.Kernel.Links)+len(made.RA.Interfaces)+len(made.Static) != 0 {
		t.Fatalf("got %+v", made)
	}
}

// render prints a plan, a line for each thing that is to be.
func render(p *plan.Plan) string {
	var b strings.Builder
	w := bufio.NewWriter(&b)
	if p.Rules {
		fmt.Fprintf(w, "rules of VRFs\n")
	}
	renderDevices(w, p)
	for _, name := range slices.Sorted(maps.Keys(p.Kernel.Links)) {
		l := p.Kernel.Links[name]
		fmt.Fprintf(w, "link %s%s%s%s\n", name, show(" mtu", l.MTU), show(" accept_ra", l.AcceptRA), show(" dad", l.DAD))
		for _, a := range l.Addresses {
			fmt.Fprintf(w, "  address %s%s\n", a.Prefix, show(" deprecated", a.Deprecated))
		}
		for _, s := range l.Sysctls {
			fmt.Fprintf(w, "  %s = %s\n", s.Path, s.Value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.VXLAN.Devices)) {
		fmt.Fprintf(w, "vxlan %s\n", vxlanLine(p.VXLAN.Devices[name]))
	}
	for _, f := range p.VTEPs {
		fmt.Fprintf(w, "vtep %s\n", vtepLine(f))
	}
	for _, name := range slices.Sorted(maps.Keys(p.PD.Uplinks)) {
		u := p.PD.Uplinks[name]
		fmt.Fprintf(w, "uplink %s index %d from %s%s\n", name, u.Index, u.LinkLocal, show(" rapid", u.RapidCommit)+show(" no carrier", u.NoCarrier)+clientWords(u))
		if u.Address != nil {
			fmt.Fprintf(w, "  address\n")
		}
		for _, ia := range u.Prefixes {
			fmt.Fprintf(w, "  prefix %s hint %s\n", ia.Name, ia.Hint)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.RA.Interfaces)) {
		i := p.RA.Interfaces[name]
		fmt.Fprintf(w, "advertise %s from %s every %v-%v lifetime %v hop %d%s%s%s\n", name, i.LinkLocal, i.MinInterval, i.MaxInterval,
			i.RouterLifetime, i.HopLimit, show(" mtu", i.LinkMTU), show(" M", i.Managed), show(" O", i.OtherConfig))
		for _, x := range i.Prefixes {
			fmt.Fprintf(w, "  prefix %s%s%s%s valid %v preferred %v%s\n", x.Prefix, show(" L", x.OnLink), show(" A", x.Autonomous), prefixExtra(x),
				x.Valid, x.Preferred, ends(x.PreferredUntil, x.ValidUntil))
		}
		renderAdvertised(w, i)
		if len(i.RDNSS)+len(i.DNSSL) > 0 {
			fmt.Fprintf(w, "  dns %v %v for %v%s\n", i.RDNSS, i.DNSSL, i.DNSLifetime, show(" and "+i.DNSSLLifetime.String(), i.DNSSLLifetime != i.DNSLifetime))
		}
	}
	renderFollow(w, p)
	renderWithdrawn(w, p)
	renderDHCP(w, p.DHCP)
	renderMotion(w, p)
	renderMulticast(w, p)
	for _, r := range p.Connected {
		fmt.Fprintf(w, "connected %s\n", r)
	}
	for _, r := range p.Static {
		fmt.Fprintf(w, "static %s\n", r)
	}
	for _, r := range p.Local {
		fmt.Fprintf(w, "local %s\n", r)
	}
	for _, r := range p.Aggregate {
		fmt.Fprintf(w, "aggregate %s\n", r)
	}
	for _, r := range p.Withdrawn {
		fmt.Fprintf(w, "withdrawn %s\n", r)
	}
	renderBGP(w, p.BGP)
	for _, name := range slices.Sorted(maps.Keys(p.Instances)) {
		n := p.Instances[name]
		fmt.Fprintf(w, "instance %s table %d%s\n", name, n.Table, show(" device", n.DHCP.Device))
		renderDHCP(w, n.DHCP)
		renderBGP(w, n.BGP)
	}
	if n := len(p.DHCP.Elsewhere); n > 0 {
		fmt.Fprintf(w, "elsewhere %d links\n", n)
	}
	renderAssigned(w, p)
	for _, x := range p.Pending {
		fmt.Fprintf(w, "pending %s: %s\n", x.What, x.Reason)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Uses)) {
		for _, u := range p.Uses[name] {
			fmt.Fprintf(w, "use %s %s: %s = %s\n", name, u.Where, u.Expr, u.Prefix)
		}
	}
	w.Flush()
	return b.String()
}

func renderDHCP(w *bufio.Writer, c dhcpv6.Config) {
	for _, name := range slices.Sorted(maps.Keys(c.Interfaces)) {
		i := c.Interfaces[name]
		fmt.Fprintf(w, "dhcpv6 %s from %s on %v preferred %v valid %v t1 %v t2 %v%s dns %v %v\n", name, i.LinkLocal, i.Subnets, i.Preferred,
			i.Valid, i.Renew, i.Rebind, show(" rapid", i.RapidCommit), i.DNS, i.Domains)
		if len(i.Exclude) > 0 {
			fmt.Fprintf(w, "  exclude %v\n", i.Exclude)
		}
		for _, x := range i.Former {
			fmt.Fprintf(w, "  former %s", x.Prefix)
			if !x.Until.IsZero() {
				fmt.Fprintf(w, " until %v", x.Until.Sub(now))
			}
			if x.Valid > 0 {
				fmt.Fprintf(w, " renewed for %v", x.Valid)
			}
			fmt.Fprintln(w)
		}
		for _, x := range i.Pools {
			fmt.Fprintf(w, "  pool %s %s-%s%s\n", x.Name, x.First, x.Last, ends(x.Until.Preferred, x.Until.Valid))
		}
		for _, x := range i.Delegate {
			fmt.Fprintf(w, "  delegate %s %s in /%d preferred %v valid %v%s\n", x.Name, x.Prefix, x.Length, x.Preferred, x.Valid,
				ends(x.Until.Preferred, x.Until.Valid))
		}
		for _, x := range i.Reservations {
			fmt.Fprintf(w, "  reservation %s mac %s %v %v%s\n", x.Name, x.MAC, x.Addresses, x.Prefixes, ends(x.Until.Preferred, x.Until.Valid))
		}
	}
}

func renderBGP(w *bufio.Writer, c bgp.Config) {
	if c.ASN != 0 {
		device := ""
		if c.Device != "" {
			device = fmt.Sprintf(" in %s, index %d", c.Device, c.Index)
		}
		fmt.Fprintf(w, "bgp %d id %s announce %v%s\n", c.ASN, c.RouterID, c.Announce, device)
		for _, name := range slices.Sorted(maps.Keys(c.PrefixSets)) {
			fmt.Fprintf(w, "  set %s %v\n", name, c.PrefixSets[name])
		}
		for _, name := range slices.Sorted(maps.Keys(c.Filters)) {
			for _, rule := range c.Filters[name].Rules {
				fmt.Fprintf(w, "  filter %s: prefix %q from %q source %d action %d prepend %d\n", name, rule.PrefixSet, rule.LearnedFrom,
					rule.Source, rule.Action, rule.PrependCount)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(c.Neighbors)) {
			n := c.Neighbors[name]
			fmt.Fprintf(w, "  neighbor %s %s as %d import %q export %q%s%s\n", name, n.Address, n.RemoteAS, n.Import, n.Export,
				show(" limit", n.ImportLimit), show(" self", n.NextHopSelf))
		}
	}
}

// show prints a number with its name, or the name alone for a true; nothing for a zero value.
func show(name string, v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return name
		}
	case int:
		if v != 0 {
			return fmt.Sprintf("%s %d", name, v)
		}
	}
	return ""
}

func ends(preferred, valid time.Time) string {
	if valid.IsZero() {
		return ""
	}
	return fmt.Sprintf(" ends in %v/%v", preferred.Sub(now), valid.Sub(now))
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
