package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// guarded speaks BGP with one neighbor on a link where others are too.
const guarded = `
interfaces:
  eth0: {addresses: ["2001:db8::2/64"], dad: false}
firewall:
  zones: {ix: [eth0]}
  policies:
    - {from: ix, to: router, rules: [{icmp_types: [echo-request], accept: {}}, {protocols: [tcp], ports: ["22"], accept: {}}], drop: {}}
  protection: {icmp_rate: 100}
bgp:
  asn: 65010
  router_id: 192.0.2.2
  filters: {all: [{accept: {}}]}
  neighbors: {upstream: {address: "2001:db8::1", remote_as: 65001, import: all, export: all, hold_time: 3s}}
`

const guardedNeighbor = `
log "/run/bird.log" all;
router id 192.0.2.1;
protocol device { }
protocol static { ipv6; route 2001:db8:f00::/40 unreachable; }
protocol bgp machine {
  local 2001:db8::1 as 65001;
  neighbor 2001:db8::2 as 65010;
  hold time 3;
  keepalive time 1;
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  ipv6 { import all; export all; };
}
`

// A flood by somebody on the link neither ends the BGP session nor goes uncounted, and nobody but the neighbor reaches BGP.
func TestFloodsLeaveBGPAlone(t *testing.T) {
	t.Parallel()
	router, neighbor, stranger := host(t, "router"), host(t, "neighbor"), host(t, "stranger")
	must(t, router.IP("link add eth0 type bridge mcast_snooping 0", "link set eth0 up")) // the exchange's switch is in the router, for want of cables
	cable(t, end(router, "port1"), end(neighbor, "eth0"))
	cable(t, end(router, "port2"), end(stranger, "eth0"))
	must(t, router.IP("link set port1 master eth0", "link set port2 master eth0"))
	must(t, neighbor.IP("addr add 2001:db8::1/64 dev eth0 nodad"))
	must(t, stranger.IP("addr add 2001:db8::666/64 dev eth0 nodad"))
	bird(t, neighbor, guardedNeighbor)
	r := run(t, router, guarded)
	session := func() (*sixfoldv1.BgpNeighborState, error) {
		var list sixfoldv1.GetBgpResponse
		if err := r.show(&list, "bgp"); err != nil {
			return nil, err
		}
		if n := list.GetNeighbors(); len(n) == 1 && n[0].GetState() == "established" {
			return n[0], nil
		}
		return nil, fmt.Errorf("neighbors: %v", list.GetNeighbors())
	}
	eventually(t, "the session is up", func() error { _, err := session(); return err })

	pings := make(chan string, 1)
	go func() {
		out, _ := stranger.Run("ping", "-q", "-i", "0.002", "-c", "2000", "-W", "1", "2001:db8::2")
		pings <- out
	}()
	refused := 0
	for i := range 200 {
		err := stranger.Do(func() error {
			c, err := net.DialTimeout("tcp6", fmt.Sprintf("[2001:db8::2]:%d", []int{22, 179}[i%2]), 20*time.Millisecond)
			if err == nil {
				c.Close()
			}
			return err
		})
		if err != nil {
			refused++
		}
	}
	if refused != 200 {
		t.Errorf("%d of 200 connections of a stranger were made", 200-refused)
	}
	if out := <-pings; !strings.Contains(out, "2000 packets transmitted") {
		t.Errorf("the flood: %s", out)
	}
	n, err := session()
	if err != nil || n.GetFlaps() != 0 {
		t.Errorf("after the flood: %v, %d flaps", err, n.GetFlaps())
	}
	var shown struct {
		Firewall json.RawMessage `json:"firewall"`
	}
	must(t, json.Unmarshal([]byte(r.cli("show", "firewall", "--json")), &shown))
	var state sixfoldv1.GetFirewallResponse
	must(t, protojson.Unmarshal(shown.Firewall, &state))
	drops := map[string]uint64{}
	for _, d := range state.GetDrops() {
		drops[d.GetReason()] = d.GetPackets()
	}
	if drops["icmp-rate"] < 500 || drops["bgp-source"] < 50 {
		t.Errorf("what was dropped: %v", drops)
	}
}
