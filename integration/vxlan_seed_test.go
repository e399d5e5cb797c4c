package integration

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/integration/vm"
)

// vyosInFull is all that the VyOS router of the write-up has on eth5, in our words.
const vyosInFull = `
interfaces:
  eth5: {mtu: 9000}
  eth5.300:
    vlan: {link: eth5, id: 300}
    mtu: 9000
    description: VXLAN
    addresses: [192.168.0.1/24]
  vxlan1000:
    vxlan: {vni: 1000, group: 239.0.3.232, link: eth5.300}
    mtu: 1500
    addresses: [10.0.0.1/23, "2a00:f10:114:1000::1/64"]
    arp: {accept: true, announce: 1}
    dad_transmits: 1
    advertise: &segment
      hop_limit: 64
      link_mtu: 1500
      managed: false
      other_config: false
      max_interval: 600s
      reachable_time: 0s
      retrans_timer: 0s
      autonomous: true
      on_link: true
      valid_lifetime: 2592000s
      dns: ["2a00:f10:ff04:153::53", "2a00:f10:ff04:253::53"]
  vxlan2000:
    vxlan: {vni: 2000, group: 239.0.7.208, link: eth5.300}
    mtu: 1500
    addresses: [109.72.91.1/26, "2a00:f10:114:2000::1/64"]
    dad_transmits: 1
    advertise: *segment
`

// TestVxlanSeedInFull runs it on a kernel that has VLANs, with two plain hosts set up as in the write-up, one for each segment.
func TestVxlanSeedInFull(t *testing.T) {
	if vm.Run(t, vm.QEMU) {
		return
	}
	router, net := host(t, "vyos"), host(t, "switch")
	first, second := host(t, "ubuntu1"), host(t, "ubuntu2")
	cable(t, end(router, "eth5"), end(net, "p0"))
	cable(t, end(first, "eth0"), end(net, "p1"))
	cable(t, end(second, "eth0"), end(net, "p2"))
	must(t, net.IP("link add br0 mtu 9000 type bridge mcast_snooping 0", "link set br0 up",
		"link set p0 mtu 9000 master br0", "link set p1 mtu 9000 master br0", "link set p2 mtu 9000 master br0"))
	plain(t, first, "192.168.0.11/24", "vxlan1000", "1000", "239.0.3.232", "10.0.0.11/23", "2a00:f10:114:1000::101/64")
	plain(t, second, "192.168.0.12/24", "vxlan2000", "2000", "239.0.7.208", "109.72.91.11/26", "2a00:f10:114:2000::101/64")
	d := run(t, router, vyosInFull)

	pings(t, first, "192.168.0.1", "10.0.0.1", "2a00:f10:114:1000::1")
	pings(t, second, "109.72.91.1", "2a00:f10:114:2000::1")
	pings(t, router, "10.0.0.11", "109.72.91.11")
	// Each host learns the segment of the other by its advertisements: the router forwards between them.
	for _, h := range []*netns.Node{first, second} {
		eventually(t, "default route", h.Expect("ip -6 route show default", "proto ra"))
	}
	pings(t, first, "2a00:f10:114:2000::101")

	for segment, h := range map[string]*netns.Node{"1000": first, "2000": second} {
		out, err := h.Run("rdisc6", "-1", "vxlan"+segment)
		must(t, err)
		out = strings.Join(strings.Fields(out), " ")
		for _, want := range []string{
			"Hop limit : 64 ", "Stateful address conf. : No", "Stateful other conf. : No", "Router lifetime : 1800 ",
			"Reachable time : unspecified", "Retransmit time : unspecified", "MTU : 1500 ", "Prefix : 2a00:f10:114:" + segment + "::/64",
			"On-link : Yes", "Autonomous address conf.: Yes", "Valid time : 2592000 ",
			"Recursive DNS server : 2a00:f10:ff04:153::53", "Recursive DNS server : 2a00:f10:ff04:253::53",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("segment %s: no %q in %s", segment, want, out)
			}
		}
	}

	for path, want := range map[string]string{
		"ipv4/conf/vxlan1000/arp_accept": "1", "ipv4/conf/vxlan1000/arp_announce": "1", "ipv4/conf/vxlan2000/arp_accept": "0",
		"ipv6/conf/vxlan1000/dad_transmits": "1",
	} {
		if out, err := router.Run("cat", "/proc/sys/net/"+path); err != nil || strings.TrimSpace(out) != want {
			t.Errorf("%s is %q, want %s: %v", path, strings.TrimSpace(out), want, err)
		}
	}
	for link, want := range map[string]string{
		"eth5.300": "mtu 9000", "vxlan1000": "id 1000 group 239.0.3.232 dev eth5.300", "vxlan2000": "id 2000 group 239.0.7.208 dev eth5.300",
	} {
		must(t, router.Expect("ip -d link show "+link, want)())
	}
	// 1,500 octets pass whole, because the network below takes 9,000.
	must(t, first.Expect("ping -c1 -W5 -M do -s 1472 10.0.0.1")())

	show := d.cli("show", "vxlan", "vxlan1000")
	for _, want := range []string{"192.168.0.11", "Sources:", "192.168.0.0/24"} {
		if !strings.Contains(show, want) {
			t.Errorf("show vxlan vxlan1000 has no %q:\n%s", want, show)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	// The same segment with its MTU left to us: that of the VLAN less 50, to the octet.
	must(t, first.IP("link set vxlan1000 mtu 8950"))
	d.reload(strings.Replace(vyosInFull, "link: eth5.300}\n    mtu: 1500\n    addresses: [10.0.0.1/23", "link: eth5.300, df: set}\n    addresses: [10.0.0.1/23", 1))
	eventually(t, "the derived MTU", router.Expect("ip link show vxlan1000", "mtu 8950"))
	if _, err := router.Ping(ctx, netip.MustParseAddr("10.0.0.11")); err != nil {
		t.Error(err)
	}
	must(t, router.Expect("ping -c1 -W5 -M do -s 8922 10.0.0.11")())
	if err := router.Expect("ping -c1 -W1 -M do -s 8923 10.0.0.11")(); err == nil {
		t.Error("a packet of 8951 octets passes")
	}
}

// plain makes a host of the write-up: VLAN 300, and a segment in it by ip link.
func plain(t *testing.T, h *netns.Node, underlay, name, vni, group, four, six string) {
	t.Helper()
	must(t, h.IP(
		"link set eth0 mtu 9000", "link add vlan300 link eth0 mtu 9000 type vlan id 300", "link set vlan300 up", "addr add "+underlay+" dev vlan300",
		"link add "+name+" type vxlan id "+vni+" dstport 4789 group "+group+" dev vlan300 ttl 5",
		"link set up dev "+name, "link set "+name+" mtu 1500", "addr add "+four+" dev "+name, "addr add "+six+" dev "+name+" nodad",
	))
}
