package kernel

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/rib"
)

// localRoutes returns our routes that take packets in, as ip route shows them, and those of the main table.
func localRoutes(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, args := range []string{"-6 route show table local proto 170", "-4 route show table local proto 170", "-6 route show proto 166", "-6 route show proto 170"} {
		for line := range strings.Lines(ip(t, args)) {
			out.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
		}
	}
	return out.String()
}

func TestLocalRoutes(t *testing.T) {
	ip(t, "link set lo up")
	veth(t, "lan0", "lan1")
	ip(t, "route add local 2001:db8:7::/64 dev lo proto 170 metric 512") // of an earlier run, and wanted no more
	ip(t, "route add local 2001:db8:8::/64 dev lo")                      // somebody's
	table := &rib.Table{}
	var log sharedLog
	f := startWith(t, table, func(f *FIB) { f.OnDrift = log.add })
	prefix := netip.MustParsePrefix("2001:db8:100::/64")
	wanted := []rib.Route{
		{Prefix: prefix, Kind: rib.Deliver},
		{Prefix: netip.MustParsePrefix("192.168.0.0/24"), Kind: rib.Deliver, Metric: 7},
	}
	table.Replace(rib.Local, wanted)
	check := func(what, want string) {
		t.Helper()
		f.sync()
		if diff := cmp.Diff(want, localRoutes(t)); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%+v", what, diff, f.Status())
		}
	}
	const both = "local 2001:db8:100::/64 dev lo metric 512 pref medium\nlocal 192.168.0.0/24 dev lo scope host metric 7\n"
	check("written", both)
	if got := ip(t, "-6 route show table local"); !strings.Contains(got, "2001:db8:8::/64") || strings.Contains(got, "2001:db8:7::/64") {
		t.Errorf("somebody's route is gone, or that of the earlier run is not:\n%s", got)
	}
	f.want() // there is nothing in the main table
	if !f.Installed(rib.Route{Prefix: prefix}.Key()) {
		t.Error("the route does not count as installed")
	}
	before := f.Writes()
	table.Replace(rib.Local, wanted)
	check("again", both)
	if n := f.Writes() - before; n != 0 {
		t.Errorf("writing the same again wrote %d times", n)
	}

	sh(t, "ip -6 route del local 2001:db8:100::/64 dev lo metric 512")
	eventually(t, "the route is back", func() bool { f.sync(); return localRoutes(t) == both })
	if diff := cmp.Diff([]string{"2001:db8:100::/64: the route was missing"}, log.take()); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	ip(t, "link set lo down")
	ip(t, "link set lo up")
	eventually(t, "the routes are back after the loopback was", func() bool { f.sync(); return localRoutes(t) == both })
	if got := log.take(); len(got) > 0 {
		t.Errorf("a loopback that was down is drift: %s", got)
	}

	// A prefix that becomes another kind of route leaves nothing in the table it was in.
	table.Replace(rib.Static, []rib.Route{{Prefix: prefix, Kind: rib.Unreachable}})
	check("the local route is preferred", both)
	table.Replace(rib.Local, wanted[1:])
	check("it becomes a static one", "local 192.168.0.0/24 dev lo scope host metric 7\nunreachable 2001:db8:100::/64 dev lo metric 512 pref medium\n")
	table.Replace(rib.Local, wanted)
	check("and local again", both)
	table.Replace(rib.Static, nil)
	table.Replace(rib.Local, nil)
	check("removed", "")

	ip(t, "link set lo down")
	table.Replace(rib.Local, wanted[:1])
	f.sync()
	if got := f.Reason(rib.Route{Prefix: prefix}.Key()); got != errLoopback.Error() {
		t.Errorf("with the loopback down the reason is %q", got)
	}
	ip(t, "link set lo up")
	eventually(t, "the route comes with the loopback", func() bool { f.sync(); return strings.HasPrefix(localRoutes(t), "local 2001:db8:100::/64") })
}
