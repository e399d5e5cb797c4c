package integration

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// api is a client of the daemon in this process: what a command line takes to start would blur moments.
func (d *daemon) api() sixfoldv1.ConfigServiceClient {
	d.t.Helper()
	conn, err := grpc.NewClient("unix://"+filepath.Join(d.node.Root(), "run/sixfold/sixfold.sock"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(d.t, err)
	d.t.Cleanup(func() { conn.Close() })
	return sixfoldv1.NewConfigServiceClient(conn)
}

const killA = `
interfaces:
  lan0:
    mtu: 9000
    addresses: ["2001:db8:a::1/64", "2001:db8:ab::1/64", 192.0.2.1/24]
    advertise: {}
    dhcpv6: {pools: {guests: {range: "2001:db8:a::100-2001:db8:a::1ff"}}}
  lan1: {mtu: 1500, accept_ra: true, addresses: ["2001:db8:aa::1/64"]}
%s
routes:
  "2001:db8:f001::/48": {via: "2001:db8:a::9"}
  "2001:db8:f002::/48": {via: "2001:db8:ab::9"}
  "2001:db8:f003::/48": {unreachable: true}
  "203.0.113.0/24": {via: 192.0.2.9}
`

// killB shares links, routes and some segments with killA, but hardly an attribute of them.
const killB = `
interfaces:
  lan0:
    mtu: 8000
    addresses: ["2001:db8:b::1/64", "2001:db8:ab::1/64", 198.51.100.1/24]
  lan1:
    mtu: 1400
    addresses: ["2001:db8:bb::1/64", "2001:db8:a::1/64"]
    advertise: {max_interval: 10s}
%s
routes:
  "2001:db8:f001::/48": {via: "2001:db8:b::9"}
  "2001:db8:f002::/48": {blackhole: true}
  "2001:db8:f004::/48": {interface: lan1}
  "203.0.113.0/24": {via: 198.51.100.9}
bgp:
  asn: 65001
  router_id: 192.0.2.1
  announce: [connected, static]
`

// Killed at any moment of a commit, the router starts with the configuration before or the new one, in the kernel and in the
// history, and never with a mix; with one that waited to be confirmed it starts with the one before.
func TestKilledInCommit(t *testing.T) {
	t.Parallel()
	router, peer := host(t, "router"), host(t, "peer")
	cable(t, end(router, "lan0"), end(peer, "lan0"))
	cable(t, end(router, "lan1"), end(peer, "lan1"))
	texts := map[string]string{
		"A": fmt.Sprintf(killA, segments(20, "lan0", nil)),
		"B": fmt.Sprintf(killB, segments(60, "lan0", func(i int) string { return fmt.Sprintf(", ttl: %d", 5+i%2) })),
	}
	names := map[string]string{}
	for name, text := range texts {
		sum := sha256.Sum256([]byte(text))
		names[hex.EncodeToString(sum[:])] = name
	}
	d := run(t, router, texts["A"])
	client := d.api()
	commit := func(name string, within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		req := &sixfoldv1.ApplyRequest{Name: name, Text: texts[name]}
		if within > 0 {
			req.ConfirmWithin = durationpb.New(within)
		}
		_, err := client.Apply(ctx, req, grpc.WaitForReady(true))
		return err
	}
	must(t, commit("A", 0))
	states := map[string]string{"A": d.settled("vx20", "2001:db8:f002::/48", "203.0.113.0/24")}
	must(t, commit("B", 0))
	states["B"] = d.settled("vx60", "2001:db8:f004::/48", "203.0.113.0/24")
	must(t, commit("A", 0))
	d.comes("A again", states["A"])
	began := time.Now()
	must(t, commit("B", 0))
	took := time.Since(began)

	const points = 20
	ended := map[string]int{}
	killAt := func(what string, after, within time.Duration) {
		must(t, commit("A", 0))
		d.comes("A before the commit", states["A"])
		done := make(chan error, 1)
		began := time.Now()
		go func() { done <- commit("B", within) }()
		<-time.After(time.Until(began.Add(after)))
		acknowledged := false
		select {
		case err := <-done:
			must(t, err)
			acknowledged = true
			d.kill()
		default:
			must(t, d.process.Signal(syscall.SIGKILL))
			d.kill()
			acknowledged = <-done == nil
		}
		d.start()
		in := names[d.running().GetHash()]
		ended[in]++
		d.comes(fmt.Sprintf("%s: what history says is in force, %s, in the kernel", what, in), states[in])
		switch {
		case in == "A" && acknowledged && within == 0:
			t.Errorf("%s: the commit was acknowledged, and is lost", what)
		case in != "A" && within != 0:
			t.Errorf("%s: what nobody confirmed is in force", what)
		}
		for _, r := range d.history() {
			if result := r.GetResult(); result == "applying" || result == "unconfirmed" || r.GetConfirmBy() != nil {
				t.Errorf("%s: revision %d is still %s", what, r.GetId(), result)
			}
		}
	}
	for k := range points {
		killAt(fmt.Sprintf("at %d/%d of %s", k, points, took), took*time.Duration(k)/points, 0)
	}
	killAt("after the commit", 3*took, 0)
	if ended["B"] == 0 || ended["A"] == 0 {
		t.Errorf("the moments were badly chosen: %v", ended)
	}
	t.Logf("a commit takes %s; killed in it, the router started with %v", took, ended)
	for _, k := range []int{5, 15, 19, 60} {
		killAt(fmt.Sprintf("at %d/%d of %s, to be confirmed", k, points, took), took*time.Duration(k)/points, time.Hour)
	}
}
