package ra

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// capture asks for an advertisement on a link of a host, and returns the ICMPv6 message of the first that comes from router, and its
// hop limit.
func capture(t *testing.T, h *netns.Node, link string, router netip.Addr) []byte {
	t.Helper()
	l, _ := h.Link(t, link)
	var c *socket
	if err := h.Do(func() (err error) { c, err = openSocket(typeAdvertisement); return err }); err != nil {
		t.Fatal(err)
	}
	defer c.close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			c.write(solicitation[:], l.Index, netip.Addr{}, allRouters, true) // again, if it was too early
			select {
			case <-ctx.Done():
				c.interrupt()
				return
			case <-tick.C:
			}
		}
	}()
	b := make([]byte, 1<<16)
	for {
		n, info, err := c.read(b)
		if err != nil {
			t.Fatalf("no advertisement from %s: %v", router, err)
		}
		if info.index != l.Index || info.source != router {
			continue
		}
		if info.hopLimit != 255 {
			t.Errorf("an advertisement with hop limit %d", info.hopLimit)
		}
		// A unicast answer of three seconds later may have other lifetimes; it is the first that counts.
		return slices.Clone(b[:n])
	}
}

// radvdSays runs radvd with a configuration for v0 and returns what it sends.
func radvdSays(t *testing.T, n int, config string) []byte {
	t.Helper()
	router, host := netns.Host(t, fmt.Sprintf("radvd%d", n)), netns.Host(t, fmt.Sprintf("radvdh%d", n))
	netns.Cable(t, netns.End{Node: router, Name: "v0"}, netns.End{Node: host, Name: "h0"})
	if err := router.Sysctl("net.ipv6.conf.all.forwarding=1"); err != nil {
		t.Fatal(err)
	}
	router.Sh(t, "ip addr add 2001:db8:0:1::4/64 dev v0 nodad")
	if err := os.WriteFile(filepath.Join(router.Root(), "run/radvd.conf"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := router.Start("radvd", "-n", "-C", "/run/radvd.conf", "-p", "/run/radvd.pid", "-m", "stderr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("radvd said:\n%s", p.Stderr())
		}
		p.Kill()
	})
	_, local := router.Link(t, "v0")
	return capture(t, host, "h0", local)
}

// TestKernelAsRadvd: the same configuration makes radvd and us say the same, flag by flag and option by option. The first two
// configurations are examples of radvd.conf(5).
func TestKernelAsRadvd(t *testing.T) {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	day := 24 * time.Hour
	usual := func(change func(*Interface)) Interface {
		i := Interface{
			MinInterval: 200 * time.Second, MaxInterval: 600 * time.Second, HopLimit: 64, RouterLifetime: 1800 * time.Second,
			Prefixes: []Prefix{{Prefix: prefix("2001:db8:0:1::/64"), OnLink: true, Autonomous: true, Valid: day, Preferred: 4 * time.Hour}},
		}
		change(&i)
		return i
	}
	for n, tt := range []struct {
		name, config string
		i            Interface
	}{
		{"manual page, a prefix", `interface v0 { AdvSendAdvert on; prefix 2001:db8:0:1::/64 { AdvOnLink on; AdvAutonomous on; }; };`,
			usual(func(*Interface) {})},
		{"manual page, movement detection", `interface v0 { AdvSendAdvert on; prefix 2001:db8:0:1::4/64 { AdvOnLink on; AdvAutonomous on; AdvRouterAddr on; }; };`,
			usual(func(i *Interface) { i.Prefixes[0].RouterAddress = addr("2001:db8:0:1::4") })},
		{"prefixes of the interface", `interface v0 { AdvSendAdvert on; prefix ::/64 { AdvValidLifetime infinity; AdvPreferredLifetime 3600; }; };`,
			// The page says that this has the R flag always. It has not.
			usual(func(i *Interface) { i.Prefixes[0].Valid, i.Prefixes[0].Preferred = Forever, time.Hour })},
		{"mobile IPv6", `interface v0 {
				AdvSendAdvert on; AdvHomeAgentFlag on; AdvHomeAgentInfo on; HomeAgentLifetime 1000; HomeAgentPreference 5; AdvMobRtrSupportFlag on;
				AdvIntervalOpt on; MinRtrAdvInterval 0.05; MaxRtrAdvInterval 0.1; MinDelayBetweenRAs 0.03; AdvDefaultLifetime 10; AdvSourceLLAddress off;
			};`,
			usual(func(i *Interface) {
				i.Prefixes, i.MinInterval, i.MaxInterval, i.MinDelay = nil, 50*time.Millisecond, 100*time.Millisecond, 30*time.Millisecond
				i.RouterLifetime, i.Interval = 10*time.Second, true
				i.HomeAgent = &HomeAgent{Preference: 5, Lifetime: 1000 * time.Second, MobileRouter: true}
			})},
		{"everything", `interface v0 {
				AdvSendAdvert on; AdvManagedFlag on; AdvOtherConfigFlag on; AdvLinkMTU 1400; AdvReachableTime 30000; AdvRetransTimer 1000; AdvCurHopLimit 255;
				AdvDefaultLifetime 9000; AdvDefaultPreference low; MaxRtrAdvInterval 300; AdvIntervalOpt on;
				prefix 2001:db8:1::/64 { AdvOnLink off; AdvAutonomous off; AdvValidLifetime 100; AdvPreferredLifetime 50; };
				prefix 2001:db8:2:8000::/49 { AdvAutonomous off; AdvPreferredLifetime 0; };
				route ::/0 { AdvRouteLifetime infinity; };
				route 2001:db8:4::/46 { AdvRoutePreference high; };
				route 2001:db8:3:8::/61 { AdvRoutePreference low; AdvRouteLifetime 0; };
				route 2001:db8::4242/128 { AdvRouteLifetime 77; };
				RDNSS 2001:db8::53 2001:db8::54 2001:db8::55 { AdvRDNSSLifetime 600; };
				DNSSL example.net a.very-long-name.of-a-branch.example.org { AdvDNSSLLifetime 600; };
			};`,
			usual(func(i *Interface) {
				i.Managed, i.OtherConfig, i.LinkMTU, i.ReachableTime, i.RetransTimer, i.HopLimit = true, true, 1400, 30*time.Second, time.Second, 255
				i.RouterLifetime, i.Preference, i.MaxInterval, i.Interval = 9000*time.Second, 3, 300*time.Second, true
				i.Prefixes = []Prefix{
					{Prefix: prefix("2001:db8:1::/64"), Valid: 100 * time.Second, Preferred: 50 * time.Second},
					{Prefix: prefix("2001:db8:2:8000::/49"), OnLink: true, Valid: day},
				}
				i.Routes = []Route{
					{Prefix: prefix("::/0"), Lifetime: Forever},
					{Prefix: prefix("2001:db8:4::/46"), Lifetime: 900 * time.Second, Preference: 1},
					{Prefix: prefix("2001:db8:3:8::/61"), Preference: 3},
					{Prefix: prefix("2001:db8::4242/128"), Lifetime: 77 * time.Second},
				}
				i.RDNSS = []netip.Addr{addr("2001:db8::53"), addr("2001:db8::54"), addr("2001:db8::55")}
				i.DNSSL = []string{"example.net", "a.very-long-name.of-a-branch.example.org"}
				i.DNSLifetime, i.DNSSLLifetime = 600*time.Second, 600*time.Second
			})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			theirs := radvdSays(t, n, tt.config)
			h, link := lan(t, fmt.Sprintf("ours%d", n))
			i := tt.i
			i.Link, i.Index, i.LinkLocal = link.Link, link.Index, link.LinkLocal
			noMAC := strings.Contains(tt.config, "AdvSourceLLAddress off")
			if !noMAC {
				i.MAC = link.MAC
			}
			run(t, Config{Interfaces: map[string]Interface{"r0": i}})
			ours := capture(t, h, "h0", i.LinkLocal)
			if diff := gocmp.Diff(lineByLine(t, theirs, noMAC), lineByLine(t, ours, noMAC)); diff != "" {
				t.Errorf("advertisements differ (-radvd +sixfold):\n%s\nradvd:   %x\nsixfold: %x", diff, theirs, ours)
			}
		})
	}
}

// lineByLine is a message as lines: the header without checksum, and the options in order of their bytes. Hardware addresses are those
// of two links, and a route option may have more zeros than it needs (RFC 4191 2.3).
func lineByLine(t *testing.T, message []byte, noMAC bool) []string {
	t.Helper()
	b := slices.Clone(message)
	b[2], b[3] = 0, 0
	lines := []string{"header " + hex.EncodeToString(b[:raHeader])}
	mac := false
	if !walkOptions(b[raHeader:], func(o []byte) {
		switch o[0] {
		case optSourceLLA:
			mac = len(o) == 8 && !slices.Equal(o[2:], net.HardwareAddr{0, 0, 0, 0, 0, 0})
			return
		case optRoute:
			o = encodeRoute(Route{
				Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte(append(slices.Clone(o[8:]), make([]byte, 16)...))), int(o[2])).Masked(), Preference: o[3] >> 3,
				Lifetime: time.Duration(uint32(o[4])<<24|uint32(o[5])<<16|uint32(o[6])<<8|uint32(o[7])) * time.Second,
			}, epoch)
		}
		lines = append(lines, fmt.Sprintf("option %3d %x", o[0], o))
	}) {
		t.Errorf("options run over the end: %x", message)
	}
	if mac == noMAC {
		t.Errorf("a source link-layer address %v, want it %v", mac, !noMAC)
	}
	slices.SortFunc(lines[1:], func(a, b string) int { return cmp.Compare(a, b) })
	return lines
}
