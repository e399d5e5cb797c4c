package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// movedConfig is clientsConfig after the prefix behind it changed.
var movedConfig = strings.NewReplacer("2001:db8::", "2001:db8:7::", "2001:db8:1000:", "2001:db8:2000:").Replace(clientsConfig)

// renumberWhileDown kills the router, moves its prefixes, and starts it again.
func renumberWhileDown(t *testing.T, d *daemon) {
	t.Helper()
	d.kill()
	d.write(movedConfig)
	d.start()
}

// reconfigured waits until a client that was told has come.
func reconfigured(d *daemon) func() error {
	return func() error {
		var got sixfoldv1.GetDhcpv6Response
		if err := d.show(&got, "dhcpv6"); err != nil {
			return err
		}
		if got.Reconfigured == 0 || len(got.Reconfigures) > 0 {
			return fmt.Errorf("%v", &got)
		}
		return nil
	}
}

// dhcpcd accepts Reconfigure messages with a key. The router was killed, so that the key is the one on disk; T1 is half an hour away.
func TestReconfigureDhcpcd(t *testing.T) {
	t.Parallel()
	d, client := oneClient(t, clientsConfig)
	must(t, client.IP("link add lan0 type bridge", "link set lan0 up"))
	address := dhcpcd(t, client, "option dhcp6_reconfigure_accept")
	eventually(t, "the second /64 of the prefix on the LAN", client.Expect("ip -6 addr show dev lan0", "2001:db8:1000:101::1/64"))
	if l := leasesOf(t, d)[firstPiece]; l == nil || !l.Reconfigurable {
		t.Fatalf("dhcpcd accepts no Reconfigure: %v", l)
	}
	renumberWhileDown(t, d)
	// The same host part, the same piece.
	moved := strings.Replace(address.String(), "2001:db8::", "2001:db8:7::", 1)
	eventually(t, "the same place in the new pool", client.Expect("ip -6 addr show dev eth0 -deprecated", moved))
	eventually(t, "the same piece of the new prefix", client.Expect("ip -6 addr show dev lan0", "2001:db8:2000:101::1/64"))
	eventually(t, "the old address is gone", without(client, "ip -6 addr show dev eth0 -deprecated", address.String()+"/"))
	eventually(t, "it was told, and came", reconfigured(d))
	must(t, d.node.Expect("ip -6 route show 2001:db8:2000:100::/60", "dev eth1 proto 167")())
	eventually(t, "no route of the old piece", without(d.node, "ip -6 route show", firstPiece))
	all := leasesOf(t, d)
	if len(all) != 2 || all[moved+"/128"] == nil || all["2001:db8:2000:100::/60"] == nil {
		t.Errorf("leases %v", all)
	}
}

// without fails as long as a command tells of something.
func without(n *netns.Node, command, text string) func() error {
	return func() error {
		args := strings.Fields(command)
		out, err := n.Run(args[0], args[1:]...)
		if err != nil {
			return err
		}
		if strings.Contains(out, text) {
			return fmt.Errorf("%s is there:\n%s", text, out)
		}
		return nil
	}
}

// dibbler-client takes them too, if it is told to.
func TestReconfigureDibbler(t *testing.T) {
	t.Parallel()
	d, client := oneClient(t, clientsConfig)
	for _, dir := range []string{"/var/lib/dibbler", "/etc/dibbler", "/var/log/dibbler"} {
		if _, err := os.Stat(dir); err == nil {
			_, err := client.Run("mount", "-t", "tmpfs", "dibbler", dir)
			must(t, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(client.Root(), "etc/dibbler/client.conf"), []byte(`log-level 8
reconfigure-accept 1
iface eth0 {
  ia
  option dns-server
}
`), 0o644))
	p, err := client.Start("dibbler-client", "run")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("dibbler-client:\n%s\n%s", p.Stdout(), p.Stderr())
		}
	})
	eventually(t, "an address", func() error {
		if all := leasesOf(t, d); len(all) != 1 {
			return fmt.Errorf("leases %v", all)
		}
		return nil
	})
	for _, l := range leasesOf(t, d) {
		if !l.Reconfigurable {
			t.Fatalf("dibbler-client accepts no Reconfigure: %v", l)
		}
	}
	renumberWhileDown(t, d)
	eventually(t, "it was told, and came", reconfigured(d))
	eventually(t, "an address of the new pool", client.Expect("ip -6 addr show dev eth0", "2001:db8:7::"))
}

// One change at the provider goes down the chain: our client is told and gets another prefix, the pools of its router move, and the
// host behind it is told in turn. Nobody's lease is anywhere near its T1.
func TestReconfigureChain(t *testing.T) {
	t.Parallel()
	isp, router, client := host(t, "isp"), host(t, "router"), host(t, "client")
	cable(t, end(isp, "cust0"), end(router, "wan0"))
	cable(t, end(router, "lan0"), end(client, "eth0"))
	const provider = `
interfaces:
  cust0:
    addresses: ["2001:888:1::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {delegate: {customers: {pool: "2001:980::/40", length: 48}}}
`
	p := run(t, isp, provider)
	r := run(t, router, `
interfaces:
  wan0: {accept_ra: true, delegations: {isp: {length: 48}}}
  lan0:
    addresses: ["isp ::1/64"]
    advertise: {max_interval: 10s, autonomous: false}
    dhcpv6:
      pools: {guests: {range: "isp ::1000-::1fff"}}
`)
	first := waitPrefix(t, r, "isp")
	file(t, client, "dhcpcd.conf", "duid\nnoipv4\nnodev\nscript /bin/true\noption dhcp6_reconfigure_accept\ninterface eth0\nia_na 1\n")
	_, err := client.Run("mount", "-t", "tmpfs", "dhcpcd", "/var/lib/dhcpcd")
	must(t, err)
	_, err = client.Start("dhcpcd", "-6", "-B", "-f", "/run/dhcpcd.conf", "eth0")
	must(t, err)
	address := globalAddress(t, client, "eth0")

	p.kill()
	p.write(strings.ReplaceAll(provider, "2001:980::/40", "2001:990::/40"))
	p.start()
	moved := strings.Replace(address.String(), "2001:980:", "2001:990:", 1)
	eventually(t, "the address at its place in the new prefix", client.Expect("ip -6 addr show dev eth0 -deprecated", moved))
	eventually(t, "the old address is no longer used", without(client, "ip -6 addr show dev eth0 -deprecated", address.String()+"/"))
	if second := waitPrefix(t, r, "isp"); second == first {
		t.Errorf("the router still has %s", second)
	}
}

// dhclient takes no Reconfigure: it learns of the move when it renews, by one Reply that has the old prefix at zero and the new one at
// the same place. Nothing is said to it in between.
func TestMovedDhclient(t *testing.T) {
	t.Parallel()
	short := strings.Replace(clientsConfig, "rapid_commit: true", "rapid_commit: true\n      renew_time: 6s", 1)
	d, client := oneClient(t, short)
	file(t, client, "script", `#!/bin/sh
echo "$reason old=$old_ip6_prefix new=$new_ip6_prefix $new_ip6_address life=$cur_max_life/$new_max_life" >>/run/script.calls
exit 0
`)
	p, err := client.Start("dhclient", "-6", "-d", "-v", "-N", "-P", "-lf", "/run/dhclient.leases", "-pf", "/run/dhclient.pid", "-sf", "/run/script", "eth0")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("dhclient:\n%s\n%s", tail(p.Stderr(), 80), strings.Join(calls(client, "script"), "\n"))
		}
	})
	eventually(t, "its leases", func() error {
		if all := leasesOf(t, d); len(all) != 2 {
			return fmt.Errorf("%v", all)
		}
		return nil
	})
	var address string
	for prefix := range leasesOf(t, d) {
		if strings.HasSuffix(prefix, "/128") {
			address = prefix
		}
	}
	d.reload(strings.Replace(movedConfig, "rapid_commit: true", "rapid_commit: true\n      renew_time: 6s", 1))
	eventually(t, "the same places of the new prefixes", func() error {
		all := leasesOf(t, d)
		moved := strings.Replace(address, "2001:db8::", "2001:db8:7::", 1)
		if len(all) != 2 || all[moved] == nil || all["2001:db8:2000:100::/60"] == nil {
			return fmt.Errorf("%v", all)
		}
		return nil
	})
	eventually(t, "dhclient knows", func() error {
		b, err := os.ReadFile(filepath.Join(client.Root(), "run/dhclient.leases"))
		if err != nil {
			return err
		}
		if !strings.Contains(string(b), "iaprefix 2001:db8:2000:100::/60") {
			return fmt.Errorf("%s", b)
		}
		return nil
	})
	_, sent := messages(t, d)
	if sent["Reconfigure"] > 0 {
		t.Errorf("a client that did not ask for it is told: %v", sent)
	}
}
