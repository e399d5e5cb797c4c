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
	file(t, client, "dhcpcd.conf", `
duid
noipv4
noipv6rs
nodev
nohook resolv.conf, hostname, ntp.conf, timesyncd.conf
script /bin/true
allowinterfaces eth0 lan0
option domain_name_servers, domain_search, rapid_commit
option dhcp6_reconfigure_accept
interface eth0
ia_na 1
ia_pd 2 lan0/1
`)
	_, err := client.Run("mount", "-t", "tmpfs", "dhcpcd", "/var/lib/dhcpcd")
	must(t, err)
	p, err := client.Start("dhcpcd", "-6", "-B", "-d", "-f", "/run/dhcpcd.conf", "eth0", "lan0")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("dhcpcd:\n%s\n%s", p.Stdout(), p.Stderr())
		}
	})
	address := globalAddress(t, client, "eth0")
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
