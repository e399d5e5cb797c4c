package integration

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// filtered has a segment by a group, and one with a configured remote.
const filtered = `
interfaces:
  eth5: {addresses: [192.168.0.1/24, "2001:db8:5::1/64"], dad: false}
  vxlan1000: {vxlan: {vni: 1000, group: 239.0.3.232, link: eth5}, addresses: [10.0.0.1/24]}
  vxlan7: {vxlan: {vni: 7, remotes: ["2001:db8:5::2"], port: 8472}, addresses: [10.0.7.1/24], dad: false}
`

// VXLAN has no authentication: what comes from elsewhere than the underlay, or another host than the remote, is dropped and counted.
func TestVxlanFromStrangers(t *testing.T) {
	t.Parallel()
	router, peer := host(t, "router"), host(t, "peer")
	cable(t, end(router, "eth5"), end(peer, "eth5"))
	must(t, peer.IP(
		"addr add 192.168.0.2/24 dev eth5", "addr add 203.0.113.9/32 dev eth5", "addr add 2001:db8:5::2/64 dev eth5 nodad", "addr add 2001:db8:5::3/64 dev eth5 nodad",
		"link add vx1000 type vxlan id 1000 group 239.0.3.232 dev eth5 local 192.168.0.2 dstport 4789", "link set vx1000 up", "addr add 10.0.0.2/24 dev vx1000",
		"link add vx7 type vxlan id 7 remote 2001:db8:5::1 local 2001:db8:5::2 dstport 8472", "link set vx7 up", "addr add 10.0.7.2/24 dev vx7"))
	d := run(t, router, filtered)
	for _, to := range []string{"10.0.0.1", "10.0.7.1"} {
		eventually(t, "ping of "+to, func() error {
			_, err := peer.Ping(t.Context(), netip.MustParseAddr(to))
			return err
		})
	}

	forge := func(from, to string, vni uint32) {
		t.Helper()
		must(t, peer.Do(func() error {
			dialer := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0)), Timeout: time.Second}
			c, err := dialer.Dial("udp", to)
			if err != nil {
				return err
			}
			defer c.Close()
			frame := make([]byte, 60) // to all, from a made-up address
			copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x66\x66\x66\x66\x66\x08\x00")
			_, err = c.Write(append(binary.BigEndian.AppendUint32([]byte{8, 0, 0, 0}, vni<<8), frame...))
			return err
		}))
	}
	forge("203.0.113.9", "192.168.0.1:4789", 1000)
	forge("2001:db8:5::3", "[2001:db8:5::1]:8472", 7)
	dropped := func() (uint64, error) {
		var shown struct {
			Firewall json.RawMessage `json:"firewall"`
		}
		if err := json.Unmarshal([]byte(d.cli("show", "firewall", "--json")), &shown); err != nil {
			return 0, err
		}
		var state sixfoldv1.GetFirewallResponse
		if err := protojson.Unmarshal(shown.Firewall, &state); err != nil {
			return 0, err
		}
		for _, one := range state.GetDrops() {
			if one.GetReason() == "vxlan" {
				return one.GetPackets(), nil
			}
		}
		return 0, fmt.Errorf("nothing counts what is dropped: %v", state.GetDrops())
	}
	eventually(t, "two packets of strangers are dropped", func() error {
		n, err := dropped()
		if err == nil && n != 2 {
			err = fmt.Errorf("%d are", n)
		}
		return err
	})
	if out, err := router.Run("bridge", "fdb", "show"); err != nil || len(lines(out, "02:66:66:66:66:66")) > 0 {
		t.Errorf("a stranger's address was learnt: %v\n%s", err, out)
	}

	// The end points are known for as long as the segment is there.
	d.reload(`interfaces: {eth5: {addresses: [192.168.0.1/24], dad: false}}`)
	eventually(t, "no segment, no table", func() error {
		out, err := router.Run("nft", "list", "tables")
		if err == nil && len(lines(out, "sixfold")) > 0 {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
}
