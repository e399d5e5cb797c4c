package bgp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/osrg/gobgp/v4/api"
	"github.com/sixfold-router/sixfold/router/rib"
)

// freePort returns a port that nobody listens on, and a listener that holds it until it is closed.
func freePort(t *testing.T) (uint16, net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	return uint16(l.Addr().(*net.TCPAddr).Port), l
}

func TestLifecycle(t *testing.T) {
	before := runtime.NumGoroutine()
	port, held := freePort(t)
	table := &rib.Table{}
	s := New(slog.New(slog.DiscardHandler), table.In(rib.MainTable))
	c := Config{ASN: 65000, RouterID: ip("192.0.2.1"), Port: port}
	if err := s.Apply(t.Context(), c); err != nil {
		t.Fatalf("Apply before Run: %v", err)
	}
	if err := s.Apply(t.Context(), Config{ASN: 65000}); err == nil {
		t.Fatal("Apply takes a configuration without a router identifier")
	}
	if err := s.Reset(t.Context(), "x", false); err == nil {
		t.Error("Reset of a neighbor that is not there")
	}
	if s.Status().Running || table.Ready(rib.BGP) {
		t.Error("something runs before Run")
	}

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	eventually(t, 5*time.Second, "Apply tells that the port is taken", func() error {
		if err := s.Apply(t.Context(), c); err == nil || !strings.Contains(err.Error(), "address already in use") {
			return fmt.Errorf("error %v", err)
		}
		return nil
	})
	if s.Status().Running {
		t.Error("running without a port")
	}
	held.Close()
	eventually(t, 5*time.Second, "it starts by itself when it can", func() error {
		if !s.Status().Running || !table.Ready(rib.BGP) {
			return fmt.Errorf("%+v, ready %v", s.Status(), table.Ready(rib.BGP))
		}
		return nil
	})
	if _, err := s.Paths(t.Context(), PathFilter{Advertised: true}); err == nil {
		t.Error("no error for paths advertised to nobody")
	}
	if _, err := s.Paths(t.Context(), PathFilter{Neighbor: "x"}); err == nil {
		t.Error("no error for paths of an unknown neighbor")
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run returned %v", err)
	}
	eventually(t, 5*time.Second, "all goroutines end", func() error {
		if n := runtime.NumGoroutine(); n > before {
			buf := make([]byte, 1<<20)
			return fmt.Errorf("%d before, %d after:\n%s", before, n, buf[:runtime.Stack(buf, true)])
		}
		return nil
	})
}

func TestAPIPeer(t *testing.T) {
	n := Neighbor{
		Name: "n", Description: "d", Address: ip("fe80::2%eth0"), RemoteAS: 65001, Password: "p", Passive: true,
		Multihop: 3, HoldTime: 30 * time.Second, LocalAddress: ip("fe80::1"), Shutdown: true,
	}
	p := n.apiPeer(65000, "")
	type peer struct {
		Address, Local, Password, Description string
		Hold, Keepalive                       uint64
		Multihop                              uint32
		Passive, Down, Restart                bool
		Families                              []string
	}
	look := func(p *api.Peer) peer {
		out := peer{
			Address: p.Conf.NeighborAddress, Local: p.Transport.LocalAddress, Password: p.Conf.AuthPassword, Description: p.Conf.Description,
			Hold: p.Timers.Config.HoldTime, Keepalive: p.Timers.Config.KeepaliveInterval, Multihop: p.GetEbgpMultihop().GetMultihopTtl(),
			Passive: p.Transport.PassiveMode, Down: p.Conf.AdminDown, Restart: p.GracefulRestart.Enabled,
		}
		for _, f := range p.AfiSafis {
			out.Families = append(out.Families, f.Config.Family.Afi.String())
		}
		return out
	}
	want := peer{
		Address: "fe80::2%eth0", Local: "fe80::1%eth0", Password: "p", Hold: 30, Keepalive: 10, Multihop: 3,
		Passive: true, Down: true, Restart: true, Families: []string{"AFI_IP6", "AFI_IP"},
	}
	if diff := cmp.Diff(want, look(p)); diff != "" {
		t.Errorf("peer (-want +got):\n%s", diff)
	}
	want = peer{Address: "192.0.2.2", Hold: 90, Keepalive: 30, Restart: true, Families: []string{"AFI_IP"}}
	plain := Neighbor{Name: "v4", Address: ip("192.0.2.2"), RemoteAS: 65000, Multihop: 3}
	if diff := cmp.Diff(want, look(plain.apiPeer(65000, ""))); diff != "" {
		t.Errorf("internal IPv4 peer (-want +got):\n%s", diff)
	}
}
