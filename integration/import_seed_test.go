package integration

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// imported runs sixfold import on a file of the importer's test data and returns the configuration. code is what it exits with.
func imported(t *testing.T, code int, format, name string, more ...string) string {
	t.Helper()
	cmd := exec.Command(sixfold, append([]string{"import", format, filepath.Join("../router/importer/testdata", format, name)}, more...)...)
	out, err := cmd.Output()
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if got != code || len(out) == 0 {
		t.Fatalf("sixfold import %s %s: %v, exit code %d, want %d\n%s", format, name, err, got, code, out)
	}
	return string(out)
}

// The files of people who wrote about theirs, imported and run: a Cisco router that delegates, a dibbler client whose provider insists
// on its DUID, and rtadvd on three VLANs.
func TestImportedFiles(t *testing.T) {
	t.Parallel()
	isp, box, xc1 := host(t, "isp"), host(t, "box"), host(t, "db-xc1")
	desktop, vms := host(t, "desktop"), host(t, "vms")
	cable(t, end(isp, "cust0"), end(box, "wan0"))
	cable(t, end(isp, "cust1"), end(xc1, "eth0"))
	cable(t, end(box, "lan0"), end(desktop, "eth0"))
	for _, l := range []string{"vlan704", "vlan705", "vlan706"} {
		cable(t, end(xc1, l), end(vms, l))
	}
	run(t, isp, `
interfaces:
  cust0: {addresses: ["2001:888:1::1/64"], advertise: {}, dhcpv6: {rapid_commit: true, delegate: {all: {pool: "2001:980:1::/48", length: 48}}}}
  cust1:
    addresses: ["2001:888:2::1/64"]
    advertise: {}
    dhcpv6: {reservations: {db-xc1: {duid: "00:03:00:01:52:54:00:d6:c2:a9", prefixes: ["fc01:100:200:400::/56"]}}}
`)

	// The two files of one machine become one configuration.
	client := filepath.Join(t.TempDir(), "client.yaml")
	duid := filepath.Join("../router/importer/testdata/dibbler/blog.duid")
	must(t, os.WriteFile(client, []byte(imported(t, 0, "dibbler", "blog.conf", "--duid-file", duid)), 0o644))
	xc1d := run(t, xc1, imported(t, 6, "rtadvd", "blog.conf", "--merge", client))
	boxd := run(t, box, imported(t, 6, "cisco", "blog.conf", "--map", "Vlan1=lan0", "--interface", "wan0"))

	t.Run("the DUID of dibbler's file is what the provider knows", func(t *testing.T) {
		eventually(t, "the delegation", func() error {
			if out := xc1d.cli("show", "prefixes"); !strings.Contains(out, "fc01:100:200:400::/56") {
				return fmt.Errorf("%s", out)
			}
			return nil
		})
	})
	t.Run("each VLAN has the prefix and the resolver of rtadvd", func(t *testing.T) {
		for n, link := range []string{"vlan704", "vlan705", "vlan706"} {
			eventually(t, "an advertisement on "+link, func() error {
				r, err := advertised(vms.Run, link)
				if err != nil {
					return err
				}
				prefix := netip.MustParsePrefix(fmt.Sprintf("2001:db8:10%d::/64", n))
				if len(r.Prefixes) != 1 || r.Prefixes[0].Prefix != prefix || !r.Prefixes[0].Autonomous || r.Prefixes[0].Valid != 2592000 ||
					r.Prefixes[0].Preferred != 604800 || r.RouterLifetime != 1800 || len(r.RDNSS) != 1 || r.RDNSS[0].Lifetime != 900 ||
					!slices.Equal(r.RDNSS[0].Servers, []netip.Addr{netip.MustParseAddr("2001:db8:53::1")}) {
					return fmt.Errorf("%+v", r)
				}
				return nil
			})
		}
	})
	t.Run("the LAN of the Cisco has an address, advertisements and prefixes", func(t *testing.T) {
		eventually(t, "the address in the delegated prefix", box.Expect("ip -6 addr show dev lan0", "2001:980:1::1/64"))
		eventually(t, "the advertisement", func() error {
			r, err := advertised(desktop.Run, "eth0")
			if err != nil {
				return err
			}
			want := []netip.Addr{netip.MustParseAddr("2001:888:0:6::66"), netip.MustParseAddr("2001:888:0:9::99")}
			if !r.OtherConfig || r.Managed || len(r.Prefixes) != 1 || r.Prefixes[0].Prefix != netip.MustParsePrefix("2001:980:1::/64") ||
				len(r.RDNSS) != 1 || !slices.Equal(r.RDNSS[0].Servers, want) {
				return fmt.Errorf("%+v", r)
			}
			return nil
		})
		if _, err := dhclient(desktop, "-P", "-sf", "/bin/true"); err != nil {
			t.Fatal(err)
		}
		lease, err := os.ReadFile(filepath.Join(desktop.Root(), "run/dhclient.leases"))
		must(t, err)
		for _, want := range []string{"iaprefix 2001:980:1:100::/60", "preferred-life 1800", "max-life 3600", "2001:888:0:6::66,2001:888:0:9::99", "pcextreme.nl"} {
			if !strings.Contains(string(lease), want) {
				t.Errorf("the lease has no %q:\n%s", want, lease)
			}
		}
		if out := boxd.cli("show", "leases"); !strings.Contains(out, "2001:980:1:100::/60") {
			t.Errorf("sixfold show leases:\n%s", out)
		}
	})
}
