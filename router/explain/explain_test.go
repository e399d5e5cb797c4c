package explain

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/notify"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
	"github.com/sixfold-router/sixfold/router/rib"
	"github.com/sixfold-router/sixfold/vxlan"
)

var update = flag.Bool("update", false, "write the expected explanations anew")

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// TestExplain reads a configuration and a state of the machine, and explains what the names of the other files ask for. The plan
// is that of TestMake of router/plan; so are advertisements, devices, sessions and the routes that follow from it.
func TestExplain(t *testing.T) {
	subjects := 0
	plantest.Goldens(t, "testdata/explain/*.txtar", *update, func(t *testing.T, g *plantest.Golden) {
		v, err := parseView(g.Path, g.Text("config.yaml"), g.Text("state"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range g.Names() {
			asked, ok := strings.CutPrefix(name, "explain ")
			if !ok {
				continue
			}
			subjects++
			e, err := Of(v, asked)
			got := tell(e)
			if err != nil {
				got = "error: " + err.Error() + "\n"
			}
			g.Expect(t, name, got)
			checkTree(t, asked, e.Finding, false)
		}
	})
	if subjects < 25 {
		t.Errorf("%d subjects", subjects)
	}
}

// checkTree checks that what rests on something broken is not looked at, and nothing else is left out.
func checkTree(t *testing.T, asked string, list []Finding, below bool) {
	for _, f := range list {
		if (f.State == Skipped) != below || f.Text == "" || f.Topic == "" {
			t.Errorf("%s: below something broken: %v, and it is %+v", asked, below, f)
		}
		checkTree(t, asked, f.Findings, below || f.State == Broken)
	}
}

func tell(e Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n%s\n", e.Kind, e.Subject, e.Summary)
	var walk func(list []Finding, indent string)
	walk = func(list []Finding, indent string) {
		for _, f := range list {
			fmt.Fprintf(&b, "%s%s %s: %s\n", indent, map[string]string{OK: "+", Info: "·", Broken: "X", Skipped: "-"}[f.State], f.Topic, f.Text)
			if f.Advice != "" {
				fmt.Fprintf(&b, "%s  > %s\n", indent, f.Advice)
			}
			walk(f.Findings, indent+"  ")
		}
	}
	walk(e.Finding, "")
	return b.String()
}

// parseView makes a view of a configuration and lines of state. The first lines are those of parseState.
func parseView(name, conf, state string) (View, error) {
	c, _, err := config.Load(name, []byte(conf))
	if err != nil {
		return View{}, err
	}
	in := plan.Inputs{Config: c, Links: kernel.Links{}, DUID: []byte{0, 3, 0, 1, 1, 2, 3, 4, 5, 6}, Now: now}
	var rest []string
	for line := range strings.Lines(state) {
		f := strings.Fields(line)
		switch {
		case len(f) > 0 && slices.Contains([]string{"noroute", "link", "delegation", "assigned", "kept", "leased", "spare", "excluded", "former", "advertised"}, f[0]):
			if err := plantest.State(line, &in); err != nil {
				return View{}, err
			}
		case len(f) > 0 && f[0] == "address":
			flagAddress(in.Links, f)
		case len(f) > 0:
			rest = append(rest, line)
		}
	}
	want := plan.Make(in)
	v := View{Now: now, Config: plan.Expand(c, in.Links), Plan: want, Links: in.Links, FIB: map[rib.Key]FIBOutcome{}, Told: map[string][]bgp.Path{}}
	v.BGP = bgp.Status{ASN: want.BGP.ASN, Running: want.BGP.ASN != 0}
	for _, n := range want.BGP.Neighbors {
		v.BGP.Neighbors = append(v.BGP.Neighbors, bgp.NeighborStatus{Neighbor: n, State: "idle"})
	}
	sortBy(v.BGP.Neighbors, func(n bgp.NeighborStatus) string { return n.Neighbor.Name })
	for _, i := range want.RA.Interfaces {
		v.RA = append(v.RA, ra.Status{Interface: i, Last: now.Add(-7 * time.Second)})
	}
	for _, d := range want.VXLAN.Devices {
		v.VXLAN = append(v.VXLAN, vxlan.Status{Device: d, Index: in.Links[d.Name].Index, Up: true})
	}
	sortBy(v.VXLAN, func(s vxlan.Status) string { return s.Device.Name })
	for _, d := range in.Delegations {
		d.Server, d.T1 = netip.MustParseAddr("fe80::1"), now.Add(15*time.Minute)
		v.Prefixes = append(v.Prefixes, plan.Delegated{Status: pd.Status{Link: d.Link, Name: d.Name, State: "bound", Since: now.Add(-time.Hour), Delegation: &d}, Uses: want.Uses[d.Name]})
	}
	v.Prefixes = append(v.Prefixes, plan.ULAStatus(plan.ULAOf(c, in.ULA), want.Uses, want.PartsOf)...)
	for src, routes := range map[rib.Source][]rib.Route{rib.Connected: want.Connected, rib.Static: want.Static, rib.Local: want.Local, rib.Aggregate: want.Aggregate, rib.Withdrawn: want.Withdrawn} {
		for _, r := range routes {
			v.addRoute(src, r, "")
		}
	}
	for _, r := range want.Connected {
		v.Kernel = append(v.Kernel, kernel.Route{Route: rib.Route{Prefix: r.Prefix, Link: r.Link, Metric: 256}, Protocol: "kernel"})
	}
	for _, line := range rest {
		if err := v.parseLine(line); err != nil {
			return v, fmt.Errorf("%s: %w", strings.TrimSpace(line), err)
		}
	}
	return v, nil
}

func sortBy[T any](list []T, name func(T) string) {
	for i := range list {
		for j := i; j > 0 && name(list[j]) < name(list[j-1]); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

func flagAddress(links kernel.Links, f []string) {
	l := links[f[1]]
	for i := range l.Addresses {
		if a := &l.Addresses[i]; a.Prefix.String() == f[2] {
			for _, flag := range f[3:] {
				a.Ours = true
				switch flag {
				case "duplicate":
					a.Duplicate = true
				case "tentative":
					a.Tentative = true
				case "deprecated":
					a.Deprecated = true
				case "dynamic":
					a.Dynamic, a.Ours, a.Preferred, a.Valid = true, false, time.Hour, 2*time.Hour
				}
			}
		}
	}
}

func (v *View) addRoute(src rib.Source, r rib.Route, missing string) {
	v.Routes = append(v.Routes, rib.Entry{Source: src, Route: r})
	if best := Covering(v.Routes, r.Prefix)[0]; best.Source == src && best.Route.Prefix == r.Prefix {
		v.FIB[r.Key()] = FIBOutcome{Installed: missing == "", Reason: missing}
	}
}

// parseLine reads one line of state. What a word does not have is written as -.
func (v *View) parseLine(line string) error {
	line, why, _ := strings.Cut(strings.TrimSpace(line), " because ")
	f := strings.Fields(line)
	span := func(s string) time.Time {
		d, err := time.ParseDuration(s)
		if err != nil {
			return time.Time{}
		}
		return now.Add(d)
	}
	mac := func(s string) net.HardwareAddr {
		m, _ := net.ParseMAC(s)
		return m
	}
	switch f[0] {
	case "route": // SOURCE PREFIX via ADDRESS|- dev LINK|- [because MISSING]
		src, _ := rib.ParseSource(f[1])
		v.addRoute(src, routeOf(f[2:]), why)
	case "missing": // PREFIX because REASON
		v.FIB[rib.Route{Prefix: netip.MustParsePrefix(f[1])}.Key()] = FIBOutcome{Reason: why}
	case "kernel": // PROTOCOL METRIC PREFIX via ADDRESS|- dev LINK|-
		metric, err := strconv.Atoi(f[2])
		if err != nil {
			return err
		}
		r := routeOf(f[3:])
		r.Metric = uint32(metric)
		v.Kernel = append(v.Kernel, kernel.Route{Route: r, Protocol: f[1]})
	case "asking": // NAME LINK STATE SINCE [because PROBLEM]
		v.Prefixes = append(v.Prefixes, plan.Delegated{Status: pd.Status{Name: f[1], Link: f[2], State: f[3], Since: span("-" + f[4]), Problem: why}})
	case "lease": // LINK PREFIX MAC CLIENT|- POOL VALID [reserved|declined]
		l := lease.Lease{Key: lease.Key{Link: f[1], DUID: "\x01\x02"}, Prefix: netip.MustParsePrefix(f[2]), MAC: mac(f[3]), Pool: f[5], Valid: span(f[6]), Preferred: span(f[6]), Updated: now.Add(-time.Minute)}
		if l.Prefix.Bits() != 128 {
			l.Key.Kind = lease.Prefix
		}
		if f[4] != "-" {
			l.Client = netip.MustParseAddr(f[4])
		}
		for _, word := range f[7:] {
			l.Reserved = l.Reserved || word == "reserved"
			if word == "declined" {
				l.State = lease.Declined
			}
		}
		v.Leases = append(v.Leases, l)
	case "neighbor": // LINK ADDRESS MAC|- STATE [router]
		v.Neighbors = append(v.Neighbors, kernel.Neighbor{Link: f[1], Address: netip.MustParseAddr(f[2]), MAC: mac(f[3]), State: f[4], Router: len(f) > 5})
	case "session": // NAME STATE SINCE RECEIVED ACCEPTED ADVERTISED [limited] [because ERROR]
		for i := range v.BGP.Neighbors {
			if s := &v.BGP.Neighbors[i]; s.Neighbor.Name == f[1] {
				s.State, s.Since, s.LastError, s.LimitExceeded = f[2], span("-"+f[3]), why, len(f) > 7
				if _, err := fmt.Sscan(strings.Join(f[4:7], " "), &s.Received, &s.Accepted, &s.Advertised); err != nil {
					return err
				}
			}
		}
	case "path": // PREFIX NEIGHBOR best|other NEXTHOP AS... [because UNUSABLE]
		v.Paths = append(v.Paths, bgp.Path{Prefix: netip.MustParsePrefix(f[1]), Neighbor: f[2], Best: f[3] == "best", NextHop: netip.MustParseAddr(f[4]),
			ASPath: strings.Join(f[5:], " "), LocalPref: 100, Source: "bgp", Unusable: why})
	case "told": // NEIGHBOR PREFIX
		v.Told[f[1]] = append(v.Told[f[1]], bgp.Path{Prefix: netip.MustParsePrefix(f[2])})
	case "forwarding": // DEVICE MAC REMOTE STATE
		for i := range v.VXLAN {
			if v.VXLAN[i].Device.Name == f[1] {
				v.VXLAN[i].Forwarding = append(v.VXLAN[i].Forwarding, vxlan.ForwardingEntry{MAC: f[2], Remote: f[3], State: f[4]})
			}
		}
	case "pool": // LINK NAME LEASED SIZE
		p := dhcpv6.PoolStatus{Name: f[2], Range: "its range"}
		if _, err := fmt.Sscan(f[3]+" "+f[4], &p.Leased, &p.Size); err != nil {
			return err
		}
		v.DHCP.Interfaces = append(v.DHCP.Interfaces, dhcpv6.InterfaceStatus{Link: f[1], Pools: []dhcpv6.PoolStatus{p}})
	case "consumer": // DELEGATION NAME TARGET STATE PREFIX|- [because RESULT]
		s := notify.Status{Delegation: f[1], Name: f[2], Target: f[3], State: f[4], Told: now.Add(-time.Hour), Tried: now.Add(-time.Minute), Result: why}
		if f[5] != "-" {
			s.Prefix = netip.MustParsePrefix(f[5])
		}
		if s.State == "failed" {
			s.Next = now.Add(2 * time.Minute)
		}
		v.Consumers = append(v.Consumers, s)
	case "unit": // NAME SINCE [because PROBLEM]
		v.Units = append(v.Units, health.Unit{Name: f[1], Since: span("-" + f[2]), Problem: why})
	case "drift": // UNIT OBJECT because WHAT
		v.Drift = append(v.Drift, health.Drift{Time: now.Add(-time.Hour), Unit: f[1], Object: f[2], What: why})
	case "multicast": // mld LINK STATE | group LINK GROUP MODE | flow SOURCE GROUP IN OUT PACKETS REASON...
		return v.parseMulticast(f[1:], why)
	case "toolarge":
		v.TooLarge = true
	case "bridge": // LINK MASTER
		l := v.Links[f[1]]
		l.Master = v.Links[f[2]].Index
		v.Links[f[1]] = l
	case "down": // LINK
		l := v.Links[f[1]]
		l.Up, l.Running = false, false
		v.Links[f[1]] = l
	default:
		return errors.New("unknown line")
	}
	return nil
}

func routeOf(f []string) rib.Route {
	r := rib.Route{Prefix: netip.MustParsePrefix(f[0])}
	for i := 1; i+1 < len(f); i += 2 {
		switch {
		case f[i+1] == "-":
		case f[i] == "via":
			r.Via = netip.MustParseAddr(f[i+1])
		case f[i] == "dev":
			r.Link = f[i+1]
		case f[i] == "kind" && f[i+1] == "unreachable":
			r.Kind = rib.Unreachable
		}
	}
	return r
}

func TestExplainIsOnlyOfWhatIsThere(t *testing.T) {
	v := View{Links: kernel.Links{"eth0": {Name: "eth0"}}}
	for text, malformed := range map[string]bool{"": true, "a b c": true, "fruit cobra": true, "mac cobra": true, "cobra": false, "neighbor eth0": false} {
		_, err := Of(v, text)
		var bad *SubjectError
		if !errors.As(err, &bad) || bad.Malformed != malformed {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Of(v, "2001:db8::1"); err != nil {
		t.Errorf("an address with no configuration: %v", err)
	}
}

func TestParseMAC(t *testing.T) {
	for _, text := range []string{"52:54:00:d6:c2:a9", "52-54-00-D6-C2-A9", "5254.00d6.c2a9", "525400d6c2a9", "525400-d6c2a9", "52:54:0:d6:c2:a9"} {
		s, err := Parse(text)
		if err != nil || s.Kind != KindMAC || s.String() != "52:54:00:d6:c2:a9" {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
	for _, text := range []string{"52:54:00:d6:c2", "5254.00d6", "52:54:00:d6:c2:a9:00", "5g5400d6c2a9", "52:540:0:d6:c2:a9"} {
		if s, _ := Parse(text); s.Kind == KindMAC {
			t.Errorf("%q is %s", text, s)
		}
	}
}

// FuzzSubject explains whatever is asked, and expects that the canonical form of a subject means the same.
func FuzzSubject(f *testing.F) {
	for _, text := range []string{
		"2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1", "2001:db8::1/64", "192.0.2.1/32", "52:54:0:d6:c2:a9", "neighbor cobra", "lan0", "prefix ::1", "mac 525400d6c2a9",
		"address fe80::1%eth0", "prefix fe80::1%eth0", "ff02::1", "::", "",
	} {
		f.Add(text)
	}
	v, err := parseView("fuzz", "interfaces: {lan0: {addresses: [\"isp ::1/64\"]}, wan0: {delegations: {isp: {}}}}", "link wan0 2 fe80::2/64\n")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Of(v, text)
		if err != nil {
			var bad *SubjectError
			if !errors.As(err, &bad) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		s, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if s.Kind == "" || s.Kind == KindPrefix && s.Prefix.IsSingleIP() {
			return
		}
		again, err := Parse(e.Kind + " " + e.Subject)
		if err != nil || again.String() != e.Subject || again.Kind != e.Kind {
			t.Errorf("%q is %s %q, which is %+v, %v", text, e.Kind, e.Subject, again, err)
		}
	})
}
