package integration

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/ra"
)

// importedCase is a section of radvd.conf, and the addresses that its interface has.
type importedCase struct {
	name      string
	section   string
	addresses []string
}

// importedClient is the link-local address of the client, which the clients section of a case names.
const importedClient = "fe80::ff:fe00:c"

var importedCases = []importedCase{
	{"the first example of the manual", `AdvSendAdvert on;
	  prefix 2001:db8:0:1::/64 { AdvOnLink on; AdvAutonomous on; };`, nil},
	{"the address of the interface, for mobile IPv6", `AdvSendAdvert on;
	  prefix 2001:db8:0:2::4/64 { AdvOnLink on; AdvAutonomous on; AdvRouterAddr on; };`, []string{"2001:db8:0:2::4/64"}},
	{"the example of the package", `AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 10; AdvDefaultPreference low; AdvHomeAgentFlag off;
	  prefix 2001:db8:1:0::/64 { AdvOnLink on; AdvAutonomous on; AdvRouterAddr off; };
	  route 2001:db0:fff::/48 { AdvRoutePreference high; AdvRouteLifetime 3600; };
	  RDNSS 2001:db8::1 2001:db8::2 { AdvRDNSSLifetime 30; };
	  DNSSL branch.example.com example.com { AdvDNSSLLifetime 30; };`, nil},
	{"all of the header", `AdvSendAdvert on; AdvManagedFlag on; AdvOtherConfigFlag on; AdvLinkMTU 1400; AdvReachableTime 30000;
	  AdvRetransTimer 1500; AdvCurHopLimit 32; AdvDefaultLifetime 9000; AdvDefaultPreference high; AdvSourceLLAddress off;`, nil},
	{"prefixes of all kinds", `AdvSendAdvert on; AdvDefaultLifetime 0; AdvCurHopLimit 0;
	  prefix 2001:db8:5::/64 { AdvOnLink off; AdvAutonomous off; AdvValidLifetime infinity; AdvPreferredLifetime infinity; };
	  prefix 2001:db8:6::/48 { AdvAutonomous off; AdvValidLifetime 7200; AdvPreferredLifetime 3600; };
	  prefix 2001:db8:7::/64 { AdvAutonomous off; AdvValidLifetime 100; AdvPreferredLifetime 0; };
	  prefix 2001:db8:8:9::5/64 { };`, nil},
	{"routes, and names with lifetimes of their own", `AdvSendAdvert on; MaxRtrAdvInterval 60;
	  route 2001:db8:f00::/44 { }; route ::/0 { AdvRoutePreference low; AdvRouteLifetime infinity; }; route 2001:db8:f:1::/64 { RemoveRoute off; };
	  RDNSS 2001:db8::1 { }; RDNSS 2001:db8::2 2001:db8::3 { AdvRDNSSLifetime infinity; FlushRDNSS off; };
	  DNSSL example.net { AdvDNSSLLifetime 600; }; DNSSL example.org { };`, nil},
	{"an interval behind what depends on it", `AdvSendAdvert on; route 2001:db8:f00::/44 { }; RDNSS 2001:db8::1 { }; MaxRtrAdvInterval 900; RDNSS 2001:db8::2 { };`, nil},
	{"what the interface has", `AdvSendAdvert on; prefix ::/64 { AdvValidLifetime 1800; AdvPreferredLifetime 900; };`,
		[]string{"2001:db8:a:1::1/64", "2001:db8:a:2::1/64"}},
	{"mobile IPv6 and 6LoWPAN", `AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 9.5; AdvIntervalOpt on;
	  AdvHomeAgentFlag on; AdvHomeAgentInfo on; HomeAgentLifetime 1000; HomeAgentPreference 10; AdvMobRtrSupportFlag on;
	  prefix 2001:db8:100:f101::/64 { };
	  abro fe80::a200:0:0:1 { AdvVersionLow 10; AdvVersionHigh 2; AdvValidLifeTime 2; };`, nil},
	{"clients", `AdvSendAdvert on; prefix 2001:db8:b::/64 { }; clients { ` + importedClient + `; fe80::21f:16ff:fe06:3aab; };`, nil},
	{"silence by itself", `AdvSendAdvert on; UnicastOnly on; prefix 2001:db8:c::/64 { };`, nil},
}

// What sixfold import makes of a radvd.conf is advertised as radvd does it, option by option: the same file runs on two equal hosts,
// and a client looks at both.
func TestImportedAdvertisements(t *testing.T) {
	t.Parallel()
	theirs, ours, client := host(t, "theirs"), host(t, "ours"), host(t, "client")
	must(t, theirs.Sysctl("net.ipv6.conf.all.forwarding=1"))
	var file, addresses strings.Builder
	addresses.WriteString("interfaces:\n")
	for n, c := range importedCases {
		link, atTheirs, atOurs := fmt.Sprintf("eth%d", n), fmt.Sprintf("their%d", n), fmt.Sprintf("our%d", n)
		cable(t, end(theirs, link), end(client, atTheirs))
		cable(t, end(ours, link), end(client, atOurs))
		fmt.Fprintf(&file, "interface %s {\n\t%s\n};\n", link, c.section)
		fmt.Fprintf(&addresses, "  %s: {addresses: [%s]}\n", link, quotedList(c.addresses))
		// The same hardware address makes the same link-local address on both.
		mac := fmt.Sprintf("02:00:00:00:01:%02x", n)
		must(t, theirs.IP("link set "+link+" down", "link set "+link+" address "+mac, "link set "+link+" up"))
		must(t, ours.IP("link set "+link+" down", "link set "+link+" address "+mac, "link set "+link+" up"))
		for _, l := range []string{atTheirs, atOurs} {
			must(t, client.IP("link set "+l+" down", "link set "+l+" address 02:00:00:00:00:0c", "link set "+l+" up"))
		}
		for _, a := range c.addresses {
			must(t, theirs.IP("addr add "+a+" dev "+link+" nodad"))
		}
	}

	for _, f := range []struct {
		root, name, text string
	}{
		{theirs.Root(), "run/radvd.conf", file.String()},
		{ours.Root(), "run/radvd.conf", file.String()},
		{ours.Root(), "run/addresses.yaml", addresses.String()},
	} {
		must(t, os.WriteFile(filepath.Join(f.root, f.name), []byte(f.text), 0o644))
	}
	p, err := theirs.Start("radvd", "-n", "-C", "/run/radvd.conf", "-p", "/run/radvd.pid", "-m", "stderr")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("radvd said:\n%s", tail(p.Stderr(), 30))
		}
	})
	config, err := ours.Run(sixfold, "import", "radvd", "/run/radvd.conf", "--merge", "/run/addresses.yaml")
	must(t, err)
	run(t, ours, config)

	for n, c := range importedCases {
		t.Run(c.name, func(t *testing.T) {
			var want, got ra.Received
			eventually(t, "radvd advertises", func() (err error) {
				want, err = advertised(client.Run, fmt.Sprintf("their%d", n))
				return err
			})
			eventually(t, "sixfold advertises the same", func() (err error) {
				if got, err = advertised(client.Run, fmt.Sprintf("our%d", n)); err != nil {
					return err
				}
				if diff := gocmp.Diff(want, got, gocmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
					gocmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
					return fmt.Errorf("radvd and sixfold differ (-radvd +sixfold):\n%s\nconfiguration:\n%s", diff, config)
				}
				return nil
			})
			if strings.Contains(c.name, "example") {
				for _, link := range []string{"their", "our"} {
					out, err := client.Run("rdisc6", "-1", "-q", fmt.Sprintf("%s%d", link, n))
					if err != nil || !strings.Contains(out, "2001:db8:") {
						t.Errorf("rdisc6 on %s%d: %v\n%s", link, n, err, out)
					}
				}
			}
		})
	}
}

// advertised asks on a link and returns what comes, in an order of its own: options of one kind and lifetime are as good as one.
func advertised(run func(string, ...string) (string, error), link string) (ra.Received, error) {
	out, err := run(sixfold, "ra", "watch", link, "--json", "--count", "1", "--wait", "5s")
	if err != nil {
		return ra.Received{}, err
	}
	var r ra.Received
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		return r, fmt.Errorf("%w: %s", err, out)
	}
	r.Time, r.Index = time.Time{}, 0
	servers := map[uint32][]netip.Addr{}
	for _, o := range r.RDNSS {
		servers[o.Lifetime] = append(servers[o.Lifetime], o.Servers...)
	}
	r.RDNSS = nil
	for l, s := range servers {
		slices.SortFunc(s, netip.Addr.Compare)
		r.RDNSS = append(r.RDNSS, ra.ReceivedServers{Lifetime: l, Servers: s})
	}
	domains := map[uint32][]string{}
	for _, o := range r.DNSSL {
		domains[o.Lifetime] = append(domains[o.Lifetime], o.Domains...)
	}
	r.DNSSL = nil
	for l, s := range domains {
		r.DNSSL = append(r.DNSSL, ra.ReceivedDomains{Lifetime: l, Domains: s})
	}
	slices.SortFunc(r.RDNSS, func(a, b ra.ReceivedServers) int { return cmp.Compare(a.Lifetime, b.Lifetime) })
	slices.SortFunc(r.DNSSL, func(a, b ra.ReceivedDomains) int { return cmp.Compare(a.Lifetime, b.Lifetime) })
	slices.SortFunc(r.Prefixes, func(a, b ra.ReceivedPrefix) int { return strings.Compare(a.Prefix.String(), b.Prefix.String()) })
	slices.SortFunc(r.Routes, func(a, b ra.ReceivedRoute) int { return strings.Compare(a.Prefix.String(), b.Prefix.String()) })
	return r, nil
}

func quotedList(words []string) string {
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, fmt.Sprintf("%q", w))
	}
	return strings.Join(quoted, ", ")
}
