package integration

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A hub with two spokes by head-end replication. The source filter has the spokes in and a stranger not, though that one knows the VNI.
func TestVxlanRemotes(t *testing.T) {
	t.Parallel()
	hub, one, two, stranger := host(t, "hub"), host(t, "one"), host(t, "two"), host(t, "stranger")
	cable(t, end(hub, "u1"), end(one, "eth0"))
	cable(t, end(hub, "u2"), end(two, "eth0"))
	cable(t, end(hub, "u3"), end(stranger, "eth0"))
	const config = `
interfaces:
  u1: {addresses: ["2001:db8:a::1/64"]}
  u2: {addresses: ["2001:db8:b::1/64"]}
  u3: {addresses: ["2001:db8:c::1/64"]}
  vx5:
    vxlan:
      vni: 5
      local: "2001:db8:a::1"
      remotes: ["2001:db8:a::2", "2001:db8:b::2"]
      sources: ["2001:db8:a::2", "2001:db8:b::2"]
    addresses: [10.5.0.1/24, "2001:db8:5::1/64"]
`
	must(t, one.IP("addr add 2001:db8:a::2/64 dev eth0 nodad", "link add vx5 type vxlan id 5 dstport 4789 remote 2001:db8:a::1 dev eth0",
		"link set vx5 up", "addr add 10.5.0.2/24 dev vx5", "addr add 2001:db8:5::2/64 dev vx5 nodad"))
	must(t, two.IP("addr add 2001:db8:b::2/64 dev eth0 nodad", "route add default via 2001:db8:b::1", "link add vx5 type vxlan id 5 dstport 4789 remote 2001:db8:a::1",
		"link set vx5 up", "addr add 10.5.0.3/24 dev vx5", "addr add 2001:db8:5::3/64 dev vx5 nodad"))
	must(t, stranger.IP("addr add 2001:db8:c::2/64 dev eth0 nodad", "route add default via 2001:db8:c::1", "link add vx5 type vxlan id 5 dstport 4789 remote 2001:db8:a::1",
		"link set vx5 address 02:00:00:00:00:66 up", "addr add 10.5.0.66/24 dev vx5"))
	d := run(t, hub, config)
	pings(t, one, "10.5.0.1", "2001:db8:5::1")
	pings(t, two, "10.5.0.1", "2001:db8:5::1")
	must(t, hub.Expect("bridge fdb show dev vx5", "00:00:00:00:00:00 dst 2001:db8:a::2 self permanent", "00:00:00:00:00:00 dst 2001:db8:b::2 self permanent")())
	must(t, hub.Expect("ip link show vx5", "mtu 1430")())

	pings(t, stranger, "2001:db8:c::1") // the way is there
	if out, err := stranger.Run("ping", "-c2", "-W1", "10.5.0.1"); err == nil {
		t.Errorf("a stranger is heard:\n%s", out)
	}
	must(t, hub.Expect("bridge fdb show dev vx5")())
	if out, err := hub.Run("bridge", "fdb", "show", "dev", "vx5"); err != nil || strings.Contains(out, "02:00:00:00:00:66") {
		t.Errorf("the address of a stranger was learnt: %v\n%s", err, out)
	}
	if out := d.cli("show", "vxlan", "vx5"); !strings.Contains(out, "2001:db8:b::2  yes") {
		t.Errorf("show vxlan vx5:\n%s", out)
	}
	if out := d.cli("explain", "2001:db8:b::2"); !strings.Contains(out, "2001:db8:b::2 is a VTEP of vx5 (VNI 5, 2 remotes), a configured remote, with 1 hardware address behind it") {
		t.Errorf("explain:\n%s", out)
	}
	var all struct {
		Forwarding []struct{ Mac, Remote, Age string }
	}
	if err := json.Unmarshal([]byte(d.cli("show", "fdb", "vx5", "--json")), &all); err != nil || len(all.Forwarding) < 4 {
		t.Errorf("show fdb --json: %+v: %v", all, err)
	}

	t.Run("a remote goes, the others stay", func(t *testing.T) {
		index := func() string {
			out, err := hub.Run("cat", "/sys/class/net/vx5/ifindex")
			must(t, err)
			return out
		}
		before := index()
		d.reload(strings.ReplaceAll(config, `["2001:db8:a::2", "2001:db8:b::2"]`, `["2001:db8:a::2"]`))
		eventually(t, "the remote is gone", func() error {
			if out, err := hub.Run("bridge", "fdb", "show", "dev", "vx5"); err != nil || strings.Contains(out, "00:00:00:00:00:00 dst 2001:db8:b::2") {
				return &stillThere{out}
			}
			return nil
		})
		if after := index(); after != before {
			t.Errorf("vx5 was made anew: index %s, then %s", before, after)
		}
		pings(t, one, "10.5.0.1")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := two.Ping(ctx, netip.MustParseAddr("10.5.0.1")); err == nil {
			t.Error("one that is no source any more is heard")
		}
	})
}

// A commit that VXLAN devices cannot follow is refused before anything is touched: a name of somebody else, his VNI, an MTU that does not fit.
func TestVxlanRefused(t *testing.T) {
	t.Parallel()
	router, peer := host(t, "router"), host(t, "peer")
	cable(t, end(router, "lan0"), end(peer, "eth0"))
	must(t, router.IP("link add theirs type vxlan id 77 dstport 4789 group 239.7.7.7 dev lan0", "link set theirs up"))
	d := run(t, router, "interfaces: {lan0: {addresses: [192.0.2.1/24]}}\n")
	d.settled("address lan0 192.0.2.1/24")
	before := d.state()
	for name, tt := range map[string]struct{ config, want string }{
		"name": {"theirs: {vxlan: {vni: 5, group: 239.0.0.1, link: lan0}}", "there is a link theirs already, of kind vxlan, which is not ours"},
		"vni":  {"mine: {vxlan: {vni: 77, group: 239.0.0.1, link: lan0}}", "theirs, which is not ours, has VNI 77 on port 4789 already"},
		"mtu":  {"mine: {mtu: 1451, vxlan: {vni: 5, group: 239.0.0.1, link: lan0}}", "MTU 1451 is above 1450: that of lan0, 1500, less 50 bytes of encapsulation"},
	} {
		t.Run(name, func(t *testing.T) {
			file := d.put("refused.yaml", "interfaces:\n  lan0: {addresses: [192.0.2.1/24, 198.51.100.1/24]}\n  good: {vxlan: {vni: 6, group: 239.0.0.1, link: lan0}}\n  "+tt.config+"\n")
			for _, verb := range []string{"plan", "apply"} {
				if _, err := router.Run(sixfold, "config", verb, file); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("config %s: %v, want %q", verb, err, tt.want)
				}
			}
			if after := d.state(); after != before {
				t.Errorf("it was\n%s\nand is\n%s", before, after)
			}
		})
	}
}
