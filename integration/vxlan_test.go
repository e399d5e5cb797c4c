package integration

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// vxlanSeed is the VXLAN part of a VyOS router in our words.
const vxlanSeed = `
interfaces:
  eth5: {mtu: 9000, addresses: [192.168.0.1/24, "fd00:5::1/64"]}
  vxlan1000:
    vxlan: {vni: 1000, group: 239.0.3.232, link: eth5}
    mtu: 1500
    addresses: [10.0.0.1/23, "2a00:f10:114:1000::1/64"]
    advertise:
      hop_limit: 64
      link_mtu: 1500
      managed: false
      max_interval: 600s
      dns: ["2a00:f10:ff04:153::53", "2a00:f10:ff04:253::53"]
      other_config: false
      prefixes: {"2a00:f10:114:1000::/64": {autonomous: true, on_link: true, valid_lifetime: 2592000s}}
  vxlan2000:
    vxlan: {vni: 2000, group: 239.0.7.208, link: eth5}
    mtu: 1500
    addresses: [109.72.91.1/26, "2a00:f10:114:2000::1/64"]
    advertise: {link_mtu: 1500, max_interval: 600s}
  vxlan3000:
    vxlan: {vni: 3000, group: "ff05::3000", link: eth5, ttl: 5}
    addresses: ["2a00:f10:114:3000::1/64"]
`

func TestVxlanSeed(t *testing.T) {
	t.Parallel()
	router, ubuntu := host(t, "vyos"), host(t, "ubuntu")
	cable(t, end(router, "eth5"), end(ubuntu, "vlan300"))
	must(t, ubuntu.IP(
		"link set vlan300 mtu 9000",
		"addr add 192.168.0.11/24 dev vlan300",
		"addr add fd00:5::11/64 dev vlan300 nodad",
		// As its write-up has them.
		"link add vxlan1000 type vxlan id 1000 dstport 4789 group 239.0.3.232 dev vlan300 ttl 5",
		"link set up dev vxlan1000",
		"addr add 10.0.0.11/23 dev vxlan1000",
		"addr add 2a00:f10:114:1000::101/64 dev vxlan1000",
		// The same over an IPv6 group.
		"link add vxlan3000 type vxlan id 3000 dstport 4789 group ff05::3000 dev vlan300 ttl 5",
		"link set up dev vxlan3000",
	))
	d := run(t, router, vxlanSeed)

	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for _, dst := range []string{"10.0.0.1", "2a00:f10:114:1000::1"} {
		if _, err := ubuntu.Ping(ctx, netip.MustParseAddr(dst)); err != nil {
			t.Error(err)
		}
	}
	if _, err := router.Ping(ctx, netip.MustParseAddr("10.0.0.11")); err != nil {
		t.Error(err)
	}
	eventually(t, "SLAAC on the segment", ubuntu.Expect("ip -6 addr show dev vxlan1000 scope global dynamic", "2a00:f10:114:1000:"))
	eventually(t, "SLAAC after no advertisement on a segment", ubuntu.Expect("ip -6 route show default", "dev vxlan1000"))
	must(t, ubuntu.IP("addr add 2a00:f10:114:3000::2/64 dev vxlan3000 nodad"))
	if _, err := ubuntu.Ping(ctx, netip.MustParseAddr("2a00:f10:114:3000::1")); err != nil {
		t.Error(err)
	}

	out, err := router.Run("ip", "-d", "link", "show", "vxlan1000")
	must(t, err)
	for _, want := range []string{"mtu 1500", "id 1000", "group 239.0.3.232", "dev eth5", "ttl 64", "dstport 4789"} {
		if !strings.Contains(out, want) {
			t.Errorf("vxlan1000 has no %q:\n%s", want, out)
		}
	}
	// Without an MTU of its own a segment has what the underlying link leaves: 70 bytes less over IPv6.
	must(t, router.Expect("ip link show vxlan3000", "mtu 8930")())
	show := d.cli("show", "vxlan")
	for _, want := range []string{"vxlan1000", "1000", "239.0.3.232", "vxlan2000", "239.0.7.208", "vxlan3000", "ff05::3000"} {
		if !strings.Contains(show, want) {
			t.Errorf("show vxlan has no %q:\n%s", want, show)
		}
	}

	t.Run("kill -9 and restart keep the device", func(t *testing.T) {
		index := func() string {
			out, err := router.Run("ip", "-o", "link", "show", "vxlan1000")
			must(t, err)
			n, _, _ := strings.Cut(out, ":")
			return n
		}
		before := index()
		d.kill()
		d.start()
		if after := index(); after != before {
			t.Errorf("vxlan1000 was made anew: index %s, then %s", before, after)
		}
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := ubuntu.Ping(short, netip.MustParseAddr("10.0.0.1")); err != nil {
			t.Error(err)
		}
	})

	t.Run("a segment that is no longer configured goes", func(t *testing.T) {
		config, _, _ := strings.Cut(vxlanSeed, "  vxlan3000:")
		d.reload(config)
		eventually(t, "vxlan3000 gone", func() error {
			if out, err := router.Run("ip", "link", "show", "vxlan3000"); err == nil {
				return &stillThere{out}
			}
			return nil
		})
		if _, err := router.Run("ip", "link", "show", "vxlan2000"); err != nil {
			t.Error(err)
		}
	})
}

type stillThere struct{ what string }

func (e *stillThere) Error() string { return "still there: " + e.what }
