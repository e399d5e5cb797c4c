package integration

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// clientsConfig serves one link with all that a client can ask for.
const clientsConfig = `
interfaces:
  eth1:
    addresses: ["2001:db8::1/64"]
    advertise: {max_interval: 10s, autonomous: false}
    dhcpv6:
      rapid_commit: true
      dns: ["2001:888:0:6::66"]
      domains: [pcextreme.nl]
      pools: {guests: {range: "2001:db8::100-2001:db8::ffff"}}
      delegate: {hosts: {pool: "2001:db8:1000:100::/56", length: 60}}
`

// oneClient runs a server with one client on its link eth1.
func oneClient(t *testing.T, config string) (*daemon, *netns.Node) {
	t.Helper()
	router, client := host(t, "router"), host(t, "client")
	cable(t, end(router, "eth1"), end(client, "eth0"))
	d := run(t, router, config)
	eventually(t, "default route of the client", client.Expect("ip -6 route show default", "proto ra"))
	return d, client
}

// file writes a file into the host's own /run.
func file(t *testing.T, n *netns.Node, name, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(n.Root(), "run", name), []byte(text), 0o755))
}

// messages tells how many messages of each type eth1 received, and sent.
func messages(t *testing.T, d *daemon) (received, sent map[string]uint64) {
	t.Helper()
	var got sixfoldv1.GetDhcpv6Response
	must(t, d.show(&got, "dhcpv6"))
	for _, l := range got.Links {
		if l.Link == "eth1" {
			return l.Received, l.Sent
		}
	}
	t.Fatalf("eth1 is not served: %v", &got)
	return nil, nil
}

// sameCounts compares what was counted with what should have been.
func sameCounts(t *testing.T, what string, got, want map[string]uint64) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the server %s %v, want %v", what, got, want)
	}
}

// leasesOf returns the leases of a daemon by prefix.
func leasesOf(t *testing.T, d *daemon) map[string]*sixfoldv1.Lease {
	t.Helper()
	var list sixfoldv1.ListLeasesResponse
	must(t, d.show(&list, "leases"))
	out := map[string]*sixfoldv1.Lease{}
	for _, l := range list.Leases {
		out[l.Prefix] = l
	}
	return out
}

const firstPiece = "2001:db8:1000:100::/60"

func TestDhcpcd(t *testing.T) {
	t.Parallel()
	d, client := oneClient(t, clientsConfig)
	must(t, client.IP("link add lan0 type bridge", "link set lan0 up"))
	address := dhcpcd(t, client, "")
	if !netip.MustParsePrefix("2001:db8::/112").Contains(address) {
		t.Errorf("dhcpcd has %s, want one of the pool", address)
	}
	eventually(t, "the second /64 of the prefix on the LAN", client.Expect("ip -6 addr show dev lan0", "2001:db8:1000:101::1/64"))
	received, sent := messages(t, d)
	sameCounts(t, "received", received, map[string]uint64{"Solicit": 1})
	sameCounts(t, "sent", sent, map[string]uint64{"Reply": 1})
	if leases := leasesOf(t, d); len(leases) != 2 || leases[firstPiece] == nil || leases[address.String()+"/128"] == nil {
		t.Errorf("want the leases of %s and %s, got %v", address, firstPiece, leases)
	}
	must(t, d.node.Expect("ip -6 route show "+firstPiece, "dev eth1 proto 167")())
}

// dhcpcd runs dhcpcd on a host, with one more line in its configuration: it has an address on eth0, which is returned, and a prefix for
// lan0.
func dhcpcd(t *testing.T, client *netns.Node, more string) netip.Addr {
	t.Helper()
	file(t, client, "dhcpcd.conf", `
duid
noipv4
noipv6rs
nodev
nohook resolv.conf, hostname, ntp.conf, timesyncd.conf
script /bin/true
allowinterfaces eth0 lan0
option domain_name_servers, domain_search, rapid_commit
`+more+`
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
	return globalAddress(t, client, "eth0")
}

func TestDibbler(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, config string
		logged       string // by the client
		lease        func(map[string]*sixfoldv1.Lease) bool
	}{
		{
			"a prefix, as in the write-up", "log-level 7\ninactive-mode\niface eth0 {\n  pd\n}\n", "2001:db8:1000:100::/60",
			func(all map[string]*sixfoldv1.Lease) bool { return len(all) == 1 && all[firstPiece] != nil },
		},
		{
			"an address", "log-level 7\niface eth0 {\n  ia\n  option dns-server\n  option domain\n}\n", "2001:888:0:6::66",
			func(all map[string]*sixfoldv1.Lease) bool { return len(all) == 1 && all[firstPiece] == nil },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, client := oneClient(t, clientsConfig)
			for _, dir := range []string{"/var/lib/dibbler", "/etc/dibbler", "/var/log/dibbler"} {
				if _, err := os.Stat(dir); err == nil {
					_, err := client.Run("mount", "-t", "tmpfs", "dibbler", dir)
					must(t, err)
				}
			}
			must(t, os.WriteFile(filepath.Join(client.Root(), "etc/dibbler/client.conf"), []byte(tt.config), 0o644))
			p, err := client.Start("dibbler-client", "run")
			must(t, err)
			t.Cleanup(func() {
				if t.Failed() {
					log, _ := os.ReadFile(filepath.Join(client.Root(), "var/log/dibbler/dibbler-client.log"))
					t.Logf("dibbler-client:\n%s\n%s\n%s", p.Stdout(), p.Stderr(), log)
				}
			})
			eventually(t, "what the client was given", func() error {
				if !strings.Contains(p.Stdout(), tt.logged) {
					return fmt.Errorf("dibbler-client does not tell of %s", tt.logged)
				}
				return nil
			})
			if all := leasesOf(t, d); !tt.lease(all) {
				t.Errorf("leases %v", all)
			}
		})
	}
}

// daemonize runs dhclient in the background with its lease file, and returns a function that ends it without a Release.
func daemonize(t *testing.T, n *netns.Node, more ...string) (stop func()) {
	t.Helper()
	if _, err := dhclient(n, more...); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		_, err := n.Run("dhclient", "-6", "-x", "-lf", "/run/dhclient.leases", "-pf", "/run/dhclient.pid", "eth0")
		must(t, err)
	}
}

// A client that finds its address in use by another host declines it, gets another, and nobody gets the first one.
func TestDecline(t *testing.T) {
	t.Parallel()
	router, client, other, thief := host(t, "router"), host(t, "client"), host(t, "other"), host(t, "thief")
	sw, err := netns.Switch("switch", end(router, "eth1"), netns.End{Node: client, Name: "eth0", MAC: seedMAC}, end(other, "eth0"), end(thief, "eth0"))
	must(t, err)
	t.Cleanup(func() { sw.Close() })
	d := run(t, router, strings.Replace(clientsConfig, "guests: {range: \"2001:db8::100-2001:db8::ffff\"}}",
		"guests: {range: \"2001:db8::100-2001:db8::101\"}}\n      reservations: {web1: {mac: \""+seedMAC+"\", addresses: [\"2001:db8::a\"]}}", 1))
	must(t, thief.IP("addr add 2001:db8::a/64 dev eth0 nodad"))
	must(t, client.Sysctl("net.ipv6.conf.eth0.accept_dad=1", "net.ipv6.conf.all.accept_dad=1"))
	eventually(t, "default route of the client", client.Expect("ip -6 route show default", "proto ra"))
	// Debian's script adds the address and looks no further; that of ISC waits for the detection of duplicates, as here. The
	// kernel takes an address with lifetimes away if it is a duplicate.
	file(t, client, "script", `#!/bin/sh
case $reason in BOUND6|RENEW6|REBIND6|REBOOT6)
	ip -6 addr replace $new_ip6_address/$new_ip6_prefixlen dev $interface scope global valid_lft $new_max_life preferred_lft $new_preferred_life
	while ip -6 addr show dev $interface to $new_ip6_address tentative | grep inet6 | grep -qv dadfailed; do sleep 0.1; done
	ip -6 addr show dev $interface to $new_ip6_address -tentative | grep -q inet6 || exit 3
esac
exit 0
`)
	p, err := client.Start("dhclient", "-6", "-d", "-v", "--decline-wait-time", "0", "-lf", "/run/dhclient.leases", "-pf", "/run/dhclient.pid", "-sf", "/run/script", "eth0")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("dhclient:\n%s", p.Stderr())
		}
	})
	var got netip.Addr
	eventually(t, "another address", func() error {
		out, err := client.Run("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "global", "-tentative")
		if err != nil {
			return err
		}
		found := regexp.MustCompile(`2001:db8::10[01]\b`).FindString(out)
		if found == "" || strings.Contains(out, "2001:db8::a/") {
			return fmt.Errorf("the client has\n%s", out)
		}
		got = netip.MustParseAddr(found)
		return nil
	})
	all := leasesOf(t, d)
	if l := all["2001:db8::a/128"]; l == nil || l.State != "declined" {
		t.Errorf("2001:db8::a is %v, want it declined", l)
	}
	if l := all[got.String()+"/128"]; l == nil || l.State != "bound" || l.Mac != seedMAC {
		t.Errorf("%s is %v, want it bound", got, l)
	}
	if received, _ := messages(t, d); received["Decline"] == 0 {
		t.Errorf("the server received %v", received)
	}

	// What a client says in its wish does not help either.
	eventually(t, "default route of the other host", other.Expect("ip -6 route show default", "proto ra"))
	daemonize(t, other)
	if a := globalAddress(t, other, "eth0"); a == got || a.String() == "2001:db8::a" {
		t.Errorf("the other host has %s", a)
	}
}

// A client that comes back asks whether its address is still right, and keeps it; on another network it is told that it is not.
func TestConfirm(t *testing.T) {
	t.Parallel()
	d, client := oneClient(t, clientsConfig)
	stop := daemonize(t, client)
	address := globalAddress(t, client, "eth0")
	stop()
	must(t, client.IP("link set eth0 down", "link set eth0 up"))
	eventually(t, "default route after the link was down", client.Expect("ip -6 route show default", "proto ra"))
	stop = daemonize(t, client)
	if again := globalAddress(t, client, "eth0"); again != address {
		t.Errorf("after the link was down the client has %s, before %s", again, address)
	}
	received, _ := messages(t, d)
	if received["Confirm"] != 1 || received["Solicit"] != 1 {
		t.Errorf("the server received %v, want one Solicit at first and one Confirm then", received)
	}
	stop()

	d.reload(strings.ReplaceAll(clientsConfig, "2001:db8::", "2001:db8:5::"))
	eventually(t, "the new subnet", d.node.Expect("ip -6 addr show dev eth1", "2001:db8:5::1/64"))
	must(t, client.IP("link set eth0 down", "link set eth0 up"))
	eventually(t, "default route in the new subnet", client.Expect("ip -6 route show default", "proto ra"))
	daemonize(t, client)
	eventually(t, "address in the new subnet", client.Expect("ip -6 addr show dev eth0", "2001:db8:5::"))
	if out, _ := client.Run("ip", "-6", "addr", "show", "dev", "eth0"); strings.Contains(out, address.String()+"/") {
		t.Errorf("the client still has %s:\n%s", address, out)
	}
}

// A host with an address of its own asks for configuration only.
func TestInformationRequest(t *testing.T) {
	t.Parallel()
	d, client := oneClient(t, clientsConfig)
	file(t, client, "script", "#!/bin/sh\nenv >/run/env.$reason\n")
	_, err := client.Run("dhclient", "-6", "-S", "-1", "-v", "-lf", "/run/dhclient.leases", "-pf", "/run/dhclient.pid", "-sf", "/run/script", "eth0")
	must(t, err)
	env := ""
	eventually(t, "options", func() error {
		found, _ := filepath.Glob(filepath.Join(client.Root(), "run/env.*6"))
		for _, name := range found {
			b, _ := os.ReadFile(name)
			env += string(b)
		}
		for _, want := range []string{"new_dhcp6_name_servers=2001:888:0:6::66", "new_dhcp6_domain_search=pcextreme.nl."} {
			if !strings.Contains(env, want) {
				return fmt.Errorf("dhclient's script was not told %s:\n%s", want, env)
			}
		}
		return nil
	})
	received, sent := messages(t, d)
	sameCounts(t, "received", received, map[string]uint64{"Information-request": 1})
	sameCounts(t, "sent", sent, map[string]uint64{"Reply": 1})
	if all := leasesOf(t, d); len(all) != 0 {
		t.Errorf("leases %v", all)
	}
}

// Kea's load generator, at a rate that any machine bears, sees no message lost. It sends for all its clients from one
// link-layer address.
func TestPerfdhcp(t *testing.T) {
	t.Parallel()
	const clients = 50
	for _, tt := range []struct{ name, kind, what string }{
		{"addresses", "address", "address-only"},
		{"prefixes", "prefix", "prefix-only"},
		{"both", "", "address-and-prefix"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, client := oneClient(t, strings.Replace(clientsConfig, "2001:db8:1000:100::/56", "2001:db8:1000::/48", 1))
			out, err := client.Run("perfdhcp", "-6", "-l", "eth0", "-r", "50", "-R", strconv.Itoa(clients), "-p", "2", "-W", "1000000", "-e", tt.what, "all")
			if err != nil {
				t.Fatal(err, out)
			}
			if drops := lines(out, "drops:"); len(drops) < 2 || slices.ContainsFunc(drops, func(l string) bool { return l != "drops: 0" }) {
				t.Errorf("perfdhcp reports drops:\n%s", out)
			}
			kinds := map[string]int{}
			for _, l := range leasesOf(t, d) {
				kinds[l.Kind]++
			}
			want := map[string]int{tt.kind: clients}
			if tt.kind == "" {
				want = map[string]int{"address": clients, "prefix": clients}
			}
			if fmt.Sprint(kinds) != fmt.Sprint(want) {
				t.Errorf("leases %v, want %v", kinds, want)
			}
		})
	}
}
