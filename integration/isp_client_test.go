package integration

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// ownDUID is that of a customer, who got it from his ISP.
const ownDUID = "00:01:00:01:1e:47:7e:66:52:54:00:d6:c2:a9"

// insisting is a Kea that has prefixes for one DUID with one user class only, and keeps a part of them for the link.
func insisting() ispSoftware {
	s := kea
	s.text = func(o ispOffer) string {
		return strings.NewReplacer(
			`"delegated-len": 48}`, `"delegated-len": 48, "client-class": "known", "excluded-prefix": "2001:980:0:ff::", "excluded-prefix-len": 64}`,
			`"subnet6":`, `"client-classes": [{"name": "known", "test": "option[1].hex == 0x`+strings.ReplaceAll(ownDUID, ":", "")+
				` and option[15].exists and option[16].hex == 0x000063a20007736978666f6c64"}],
  "subnet6":`,
			`"option-data": [`, `"option-data": [{"name": "sip-server-dns", "data": "sip.isp.example"}, `,
		).Replace(kea.text(o))
	}
	return s
}

// TestISPInsists is about an ISP that knows its customer by a DUID and classes and keeps a part of the prefix for the link, and about a
// second one that gives DNS servers only, which is sixfold itself.
func TestISPInsists(t *testing.T) {
	t.Parallel()
	isp, second, router, attacker := host(t, "isp"), host(t, "second"), host(t, "router"), host(t, "attacker")
	sw, err := netns.Switch("switch", end(isp, "cust0"), end(router, "wan0"), end(attacker, "eth0"))
	must(t, err)
	t.Cleanup(func() { sw.Close() })
	cable(t, end(second, "cust0"), end(router, "wan1"))
	cable(t, end(router, "lan0"), end(host(t, "desktop"), "eth0"))
	must(t, router.IP("link add lan1 type bridge", "link set lan1 up"))
	must(t, isp.IP("addr add 2001:888:1::1/64 dev cust0 nodad"))
	s := serve(t, isp, insisting(), ispOffer{pool: netip.MustParsePrefix("2001:980::/48"), t1: 300, t2: 600, preferred: 900, valid: 1200})
	run(t, second, `
interfaces:
  cust0:
    addresses: ["2001:777::1/64"]
    dhcpv6: {dns: ["2001:777::53"], domains: [second.example]}
`)
	const config = `
interfaces:
  wan0:
    delegations: {isp: {length: 48, excluded_address: "::1"}}
    client:
      duid: llt 2016-02-05T15:38:14Z 52:54:00:d6:c2:a9
      user_classes: [home]
      vendor_classes: [{enterprise: 25506, data: [sixfold]}]
      request_options: [21]
  wan1: {client: {stateless: true}}
  lan0:
    addresses: ["isp ::1/64"]
    advertise: {dns_from: isp}
  lan1:
    addresses: ["isp 0:0:0:ff::1/64"]
    advertise: {dns_from: wan1}
metrics: {listen: "[::1]:9466"}
`
	r := run(t, router, strings.Replace(config, "user_classes: [home]", "", 1))
	eventually(t, "refusal without the class", router.Expect(sixfold+" show prefixes isp", "NoPrefixAvail", "llt 2016-02-05T15:38:14Z 52:54:00:d6:c2:a9"))
	r.reload(config)
	if p := waitPrefix(t, r, "isp"); p != netip.MustParsePrefix("2001:980::/48") {
		t.Fatalf("got %s", p)
	}
	eventually(t, "address in what is excluded", router.Expect("ip -6 addr show dev wan0", "2001:980:0:ff::1/64"))
	eventually(t, "nothing of it on the LAN", router.Expect(sixfold+" show pending", "isp 0:0:0:ff::1/64", "the ISP keeps 2001:980:0:ff::/64 of isp"))
	eventually(t, "what else came", router.Expect(sixfold+" show prefixes isp", "Option 21:", "Excluded:", "2001:980:0:ff::/64"))
	eventually(t, "DNS of the first", router.Expect(sixfold+" show ra lan0", "2001:888:0:6::66", "isp.example"))
	eventually(t, "DNS of the second", router.Expect(sixfold+" show ra lan1", "2001:777::53", "second.example"))
	for _, p := range states(t, r) {
		if p.Kind == "information" && (p.Link != "wan1" || p.State != "bound" || len(p.Dns) != 1) {
			t.Errorf("stateless: %v", p)
		}
	}

	t.Run("forged Reconfigure", func(t *testing.T) {
		_, local := router.Link(t, "wan0")
		script := fmt.Sprintf(`
import socket, binascii
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
i = socket.if_nametoindex("eth0")
duid = binascii.unhexlify("%s")
opt = lambda code, body: code.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body
server = opt(2, bytes([0, 3, 0, 1, 2, 0, 0, 0, 0, 1]))
plain = bytes([10, 0, 0, 0]) + opt(1, duid) + server + opt(19, bytes([5]))
for n in range(50):
    s.sendto(plain, ("%s", 546, 0, i))
    s.sendto(plain + opt(11, bytes([3, 1, 0]) + n.to_bytes(8, "big") + bytes([2]) + bytes(16)), ("%s", 546, 0, i))
`, strings.ReplaceAll(ownDUID, ":", ""), local, local)
		must(t, os.WriteFile(filepath.Join(attacker.Root(), "run/forge.py"), []byte(script), 0o644))
		eventually(t, "they are dropped and counted", func() error {
			if _, err := attacker.Run("python3", "/run/forge.py"); err != nil {
				return err
			}
			out, err := router.Run("python3", "-c", `import urllib.request; print(urllib.request.urlopen("http://[::1]:9466/metrics").read().decode())`)
			if err == nil && len(lines(out, "sixfold_dhcpv6_client_dropped_total", "Reconfigure")) == 0 {
				return fmt.Errorf("none counted:\n%s", strings.Join(lines(out, "sixfold_dhcpv6_client"), "\n"))
			}
			return err
		})
		if err := s.heard("Renew")(); err == nil {
			t.Error("the router followed them")
		}
	})
	t.Run("forgotten by nobody", func(t *testing.T) {
		before := state(t, r, "isp")
		s.kill(false)
		r.kill()
		r.start()
		var after *sixfoldv1.PrefixState
		eventually(t, "the prefix without a server", func() error {
			after = state(t, r, "isp")
			if after.Prefix != before.Prefix || after.Excluded != before.Excluded || len(after.Options) != len(before.Options) {
				return fmt.Errorf("%v", after)
			}
			return nil
		})
		if drift := after.ValidUntil.AsTime().Sub(before.ValidUntil.AsTime()); drift.Abs().Seconds() > 3 {
			t.Errorf("valid until %s, was %s", after.ValidUntil.AsTime(), before.ValidUntil.AsTime())
		}
		eventually(t, "address in what is excluded", router.Expect("ip -6 addr show dev wan0", "2001:980:0:ff::1/64"))
	})
}

// TestSeveralDelegations has two delegations on one uplink and one on another. The second ISP is lost and comes back with nothing
// remembered; the others do not notice.
func TestSeveralDelegations(t *testing.T) {
	t.Parallel()
	first, second, router := host(t, "first"), host(t, "second"), host(t, "router")
	cable(t, end(first, "cust0"), end(router, "wan0"))
	cable(t, end(second, "cust0"), end(router, "wan1"))
	const isp = `
interfaces:
  cust0:
    addresses: ["%s::1/64"]
    dhcpv6: {renew_time: 2s, rebind_time: 4s, preferred_lifetime: 60s, valid_lifetime: 90s, delegate: {all: {pool: "%s::/40", length: 48}}}
`
	run(t, first, fmt.Sprintf(isp, "2001:888:1", "2001:980"))
	other := run(t, second, fmt.Sprintf(isp, "2001:888:2", "2a00:f10"))
	r := run(t, router, `
interfaces:
  wan0: {delegations: {isp: {length: 48}, lab: {length: 48, iaid: 7}}}
  wan1: {delegations: {backup: {length: 48, rapid_commit: true}}}
`)
	held := map[netip.Prefix]string{}
	for _, name := range []string{"isp", "lab", "backup"} {
		p := waitPrefix(t, r, name)
		if was := held[p]; was != "" || p.Bits() != 48 {
			t.Errorf("%s is %s, as is %q", name, p, was)
		}
		held[p] = name
		eventually(t, "unreachable route of "+name, router.Expect("ip -6 route show type unreachable", p.String()))
	}
	if p := state(t, r, "lab"); p.Iaid != 7 {
		t.Errorf("IAID %d", p.Iaid)
	}
	lost := waitPrefix(t, r, "backup")
	other.kill()
	must(t, os.RemoveAll(filepath.Join(second.Root(), "run/sixfold/state/leases")))
	eventually(t, "the loss is noticed", func() error {
		if p := state(t, r, "backup"); p.State != "rebinding" || p.Prefix != lost.String() {
			return fmt.Errorf("%v", p)
		}
		return nil
	})
	until := state(t, r, "isp").ValidUntil.AsTime()
	eventually(t, "the others are renewed", func() error {
		if p := state(t, r, "isp"); !p.ValidUntil.AsTime().After(until) || p.State == "rebinding" {
			return fmt.Errorf("%v", p)
		}
		return nil
	})
	other.start()
	eventually(t, "it is held again", func() error {
		p := state(t, r, "backup")
		if p.State != "bound" || p.Problem != "" {
			return fmt.Errorf("%v", p)
		}
		return nil
	})
}

// TestAddressOfAnother has a host on the uplink that took the address which the ISP's server gives next: we decline it and get another,
// and the prefix does not wait for that.
func TestAddressOfAnother(t *testing.T) {
	t.Parallel()
	isp, router, other := host(t, "isp"), host(t, "router"), host(t, "other")
	must(t, router.Sysctl("net.ipv6.conf.all.accept_dad=1", "net.ipv6.conf.default.accept_dad=1"))
	sw, err := netns.Switch("switch", end(isp, "cust0"), end(router, "wan0"), end(other, "eth0"))
	must(t, err)
	t.Cleanup(func() { sw.Close() })
	taken := linkPool.Addr()
	must(t, other.IP("addr add "+taken.String()+"/64 dev eth0 nodad"))
	must(t, isp.IP("addr add 2001:888:1::1/64 dev cust0 nodad"))
	s := serve(t, isp, kea, ispOffer{pool: netip.MustParsePrefix("2001:980::/44"), t1: 300, t2: 600, preferred: 900, valid: 1200})
	r := run(t, router, "interfaces: {wan0: {request_address: true, delegations: {isp: {length: 48}}}}")
	prefix := waitPrefix(t, r, "isp")
	eventually(t, "Decline", s.heard("Decline"))
	eventually(t, "another address", func() error {
		p := state(t, r, "")
		if p.Prefix == "" || p.Prefix == taken.String()+"/128" {
			return fmt.Errorf("%v", p)
		}
		return router.Expect("ip -6 addr show dev wan0 -tentative", strings.TrimSuffix(p.Prefix, "/128"))()
	})
	if now := waitPrefix(t, r, "isp"); now != prefix {
		t.Errorf("the prefix became %s, and was %s", now, prefix)
	}
}
