package router

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/vxlan"
)

func TestMetRemote(t *testing.T) {
	ring := event.New(8)
	r := &Router{events: ring, journal: newJournal(ring)}
	r.metRemote("vx5", netip.MustParseAddr("192.0.2.9"), vxlan.MAC{2, 0, 0, 0, 0, 9})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	all, err := ring.Reader(8).Next(ctx)
	if err != nil || len(all) != 1 || all[0].Text != "192.0.2.9 is a remote of vx5: 02:00:00:00:00:09 is behind it" || all[0].Link != "vx5" {
		t.Errorf("%+v: %v", all, err)
	}
}

func TestVXLANAccepts(t *testing.T) {
	s := VXLANStatus{Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	if !s.Accepts(netip.MustParseAddr("192.0.2.9")) || s.Accepts(netip.MustParseAddr("198.51.100.1")) {
		t.Error("the sources are read wrongly")
	}
}
