package ra

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// loaded adds every option to what a host gets: those that it does not know must not keep it from those that it knows.
func loaded(i Interface) Interface {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	i.Preference, i.ReachableTime, i.RetransTimer = 3, 42*time.Second, 2*time.Second
	i.Prefixes[0].PDPreferred, i.Prefixes[0].RouterAddress = true, addr("2001:db8:1::1")
	i.Prefixes = append(i.Prefixes, Prefix{Prefix: prefix("2001:db8:2::/64"), OnLink: true, Valid: time.Hour, Preferred: time.Hour})
	i.Routes = []Route{
		{Prefix: prefix("2001:db8:4::/46"), Preference: 1, Lifetime: time.Hour},
		{Prefix: prefix("2001:db8:8000::/33"), Lifetime: time.Hour},
		{Prefix: prefix("2001:db8::4242/128"), Preference: 3, Lifetime: time.Hour},
	}
	i.PREF64 = []PREF64{{Prefix: prefix("64:ff9b::/96"), Lifetime: time.Hour}}
	i.CaptivePortal = "https://portal.example.net/api"
	i.DNR = []Resolver{
		{
			Priority: 1, Lifetime: time.Hour, Name: "dns.example.net", Addresses: []netip.Addr{addr("2001:db8::53")},
			Parameters: []SvcParam{{Key: 1, Value: []byte("\x03dot")}, {Key: 3, Value: []byte{3, 85}}},
		},
		{Priority: 2, Lifetime: time.Hour, Name: "other.example.net"},
	}
	i.Interval, i.SNAC, i.HomeAgent = true, true, &HomeAgent{Preference: 1, Lifetime: time.Hour}
	i.Raw = []RawOption{{Type: 253, Data: []byte{1, 2, 3}}}
	for n := range 20 { // more than the kernel's host or any resolver keeps, and than one option holds
		i.RDNSS = append(i.RDNSS, netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 8: 0x53, 15: byte(n)}))
	}
	return i
}

// TestKernelHostOfEverything: the kernel takes routes, preferences and timers, and the final advertisement takes them back.
func TestKernelHostOfEverything(t *testing.T) {
	h, i := lan(t, "all")
	if err := h.Sysctl("net.ipv6.conf.h0.accept_ra_rt_info_max_plen=128"); err != nil {
		t.Fatal(err)
	}
	i = loaded(i)
	_, stop := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	via := "via " + i.LinkLocal.String()
	eventually(t, "address", h.Expect("ip -6 addr show dev h0", "inet6 2001:db8:1:", "dynamic"))
	eventually(t, "default route", h.Expect("ip -6 route show default", via, "pref low", "mtu 1400", "hoplimit 64"))
	eventually(t, "routes", h.Expect("ip -6 route show proto ra",
		"2001:db8:4::/46 "+via, "pref high", "2001:db8:8000::/33 "+via, "pref medium", "2001:db8::4242 "+via))
	eventually(t, "prefix without addresses", h.Expect("ip -6 route show 2001:db8:2::/64", "dev h0"))
	eventually(t, "timers", h.Expect("cat /proc/sys/net/ipv6/neigh/h0/base_reachable_time_ms /proc/sys/net/ipv6/neigh/h0/retrans_time_ms", "42000", "2000"))
	if out := h.Sh(t, "ip -6 addr show dev h0"); strings.Contains(out, "2001:db8:2:") {
		t.Errorf("an address of a prefix without A:\n%s", out)
	}
	stop()
	eventually(t, "no default route", noDefault(h))
	eventually(t, "no routes", func() error {
		if out := h.Sh(t, "ip -6 route show proto ra"); strings.Contains(out, via) {
			return &leftOver{out}
		}
		return nil
	})
}

type leftOver struct{ text string }

func (e *leftOver) Error() string { return "still there: " + e.text }

// TestKernelNetworkd: systemd-networkd, which reads advertisements itself, and in version 252 fewer options than we send.
func TestKernelNetworkd(t *testing.T) {
	h, i := lan(t, "networkd")
	i = loaded(i)
	run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	link, _ := h.Link(t, "h0")
	// Without a read-only /sys it takes the machine for one with udev, and waits for that.
	h.Sh(t, "mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp && "+
		"chown -R systemd-network: /run/systemd/netif && mount -o remount,ro,bind /sys")
	writeIn(t, h, "run/systemd/network/h0.network", "[Match]\nName=h0\n[Network]\nIPv6AcceptRA=yes\nLinkLocalAddressing=ipv6\nDHCP=no\n"+
		"[IPv6AcceptRA]\nUseDomains=yes\nDHCPv6Client=no\n")
	p, err := h.Start("env", "SYSTEMD_LOG_LEVEL=debug", "/usr/lib/systemd/systemd-networkd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("networkd said:\n%s", p.Stderr())
		}
		p.Kill()
	})
	via := "via " + i.LinkLocal.String()
	eventually(t, "routes", h.Expect("ip -6 route show proto ra", "default "+via, "2001:db8:4::/46 "+via, "2001:db8:8000::/33 "+via, "2001:db8::4242 "+via,
		"2001:db8:2::/64 dev h0"))
	eventually(t, "address", h.Expect("ip -6 addr show dev h0", "inet6 2001:db8:1:"))
	eventually(t, "name servers", h.Expect(fmt.Sprintf("cat /run/systemd/netif/links/%d", link.Index), "2001:db8::53", "DOMAINS=lan.example", "ADMIN_STATE=configured"))
	if log := p.Stderr(); strings.Contains(log, "Invalid") || !strings.Contains(log, "preference low lifetime 1800 sec") {
		t.Errorf("networkd does not like what it got:\n%s", log)
	}
}

// TestKernelDhcpcd: dhcpcd, which also reads them itself, tells its script what it took from them.
func TestKernelDhcpcd(t *testing.T) {
	h, i := lan(t, "dhcpcd")
	i = loaded(i)
	run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	h.Sh(t, "mount -t tmpfs dhcpcd /var/lib/dhcpcd")
	writeIn(t, h, "run/dhcpcd.conf", "ipv6only\nipv6rs\nnodhcp6\nnoipv4\nnohook resolv.conf\nslaac hwaddr\nscript /run/tell.sh\noption rdnss_servers\noption dnssl_search\n")
	writeIn(t, h, "run/tell.sh", "#!/bin/sh\nenv >>/run/told\n")
	h.Sh(t, "chmod 755 /run/tell.sh; touch /run/told")
	p, err := h.Start("dhcpcd", "-6", "-B", "-d", "-f", "/run/dhcpcd.conf", "h0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("dhcpcd said:\n%s\n%s", p.Stdout(), p.Stderr())
		}
		p.Kill()
	})
	eventually(t, "what dhcpcd took", h.Expect("cat /run/told", "reason=ROUTERADVERT", "2001:db8:1::", "2001:db8::53", "lan.example", i.LinkLocal.String()))
	eventually(t, "default route", h.Expect("ip -6 route show default", "via "+i.LinkLocal.String()))
}

// TestKernelRdisc6 reads what rdisc6 shows of it all.
func TestKernelRdisc6(t *testing.T) {
	h, i := lan(t, "rdisc6")
	i = loaded(i)
	run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "what rdisc6 shows", h.Expect("rdisc6 -1 -w 3000 h0",
		"Router lifetime           :         1800 (0x00000708) seconds", "Router preference         :          low",
		"Reachable time            :        42000", "Retransmit time           :         2000", "Mobile home agent         :          Yes",
		"Prefix                   : 2001:db8:1::1/64", "Route                    : 2001:db8:4::/46", "Route preference        :         high",
		"Recursive DNS server     : 2001:db8::53", "Recursive DNS server     : 2001:db8::5300:0:0:13", "DNS search list          : lan.example",
		"MTU                      :         1400"))
}

func writeIn(t *testing.T, h *netns.Node, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.Root(), name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
