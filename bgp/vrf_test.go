package bgp

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/sixfold-router/sixfold/router/rib"
)

// What another instance has is never announced, whatever its prefix.
func TestAnnouncerSeesItsInstanceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &rib.Table{}
		fake := &fakePaths{paths: map[netip.Prefix]string{}}
		a := newAnnouncer(slog.New(slog.DiscardHandler), table.In(1001), fake)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { a.run(ctx); close(done) }()
		defer func() { cancel(); <-done }()
		r := func(p string, table uint32) rib.Route { return rib.Route{Prefix: pfx(p), Table: table} }
		a.set([]rib.Source{rib.Connected, rib.Delegated})
		table.Replace(rib.Connected, []rib.Route{r("2001:db8:1::/64", 1001), r("2001:db8:1::/64", 1002), r("2001:db8:2::/64", 0), r("2001:db8:3::/64", 1002)})
		table.In(1002).Update(rib.Delegated, []rib.Route{r("2001:db8:f::/48", 0)}, nil)
		table.In(1001).Update(rib.Delegated, []rib.Route{r("2001:db8:e::/48", 0)}, nil)
		synctest.Wait()
		if got, want := fake.String(), "2001:db8:1::/64 connected, 2001:db8:e::/48 delegated"; got != want {
			t.Errorf("announced %q, want %q", got, want)
		}
		table.Replace(rib.Connected, []rib.Route{r("2001:db8:1::/64", 1002)})
		a.set([]rib.Source{rib.Connected})
		synctest.Wait()
		if got := fake.String(); got != "" {
			t.Errorf("announced %q", got)
		}
	})
}

// A next hop that is our own address in another instance is a neighbor here.
func TestOwnAddressesAreThoseOfTheInstance(t *testing.T) {
	s := New(slog.New(slog.DiscardHandler), (&rib.Table{}).In(1001))
	ours := netip.MustParseAddr("2001:db8:1::1")
	s.Own = func(a netip.Addr) bool { return a == ours }
	if !s.has(ours) || s.has(netip.MustParseAddr("::1")) {
		t.Error("addresses of all links count")
	}
}

func TestSessionsAreBoundToTheDevice(t *testing.T) {
	n := Neighbor{Name: "a", Address: netip.MustParseAddr("fe80::2%blue0"), RemoteAS: 65001}
	if got := n.apiPeer(65000, "blue").GetTransport().GetBindInterface(); got != "blue" {
		t.Errorf("bound to %q", got)
	}
	c := Config{ASN: 65000, RouterID: netip.MustParseAddr("192.0.2.1"), Device: "blue", Index: 7}
	i := &instance{asn: c.ASN, id: c.RouterID, port: 179, device: "blue", index: 7}
	if !i.serves(c) {
		t.Error("the same configuration is served by another instance")
	}
	c.Index = 8
	if i.serves(c) {
		t.Error("a device that was made anew is taken for the old one")
	}
}
