package dhcpv6

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/rib"
)

// opener hands out wires, and notes what becomes of them.
type opener struct {
	t       *testing.T
	devices []int
	open    []*wire
	err     error
}

type noted struct {
	*wire
	by *opener
}

func (n noted) close() {
	n.by.open = slices.DeleteFunc(n.by.open, func(w *wire) bool { return w == n.wire })
}

func (o *opener) get(device int) (transport, error) {
	if o.err != nil {
		return nil, o.err
	}
	o.devices = append(o.devices, device)
	w := newWire()
	o.open = append(o.open, w)
	return noted{w, o}, nil
}

// Sockets are there while something is served and Run runs, and not otherwise: another server may want the port.
func TestSocketsOnlyWhenNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{t: t}
		table := &rib.Table{}
		s := newServer(slog.New(slog.DiscardHandler), &memory{}, table.In(1001), o.get)
		apply := func(c Config) {
			t.Helper()
			if err := s.Apply(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		count := func(what string, want int) {
			t.Helper()
			if len(o.open) != want {
				t.Errorf("%s: %d transports are open, want %d", what, len(o.open), want)
			}
		}
		none := Config{DUID: serverDUID}
		apply(none)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- s.Run(ctx) }()
		synctest.Wait()
		count("nothing is served", 0)
		if !table.In(1001).Ready(rib.Delegated) {
			t.Error("the routes of leases are not reported without sockets")
		}
		served := seedConfig()
		served.Device = 11
		apply(served)
		count("served", 1)
		apply(served)
		apply(none)
		count("nothing is served again", 0)
		apply(served)
		first := o.open[0]
		served.Device = 12
		apply(served)
		count("the device was made anew", 1)
		if o.open[0] == first {
			t.Error("the socket of a device that is gone is kept")
		}
		if diff := cmp.Diff([]int{11, 11, 12}, o.devices); diff != "" {
			t.Errorf("opened for devices (-want +got):\n%s", diff)
		}
		// It serves.
		e := newEnv(t, served)
		o.open[0].clients <- inbound{
			payload: e.build(strings.Fields("solicit ann na=1")).ToBytes(), source: netip.MustParseAddrPort("[fe80::c]:546"), index: 2,
		}
		synctest.Wait()
		if len(o.open[0].sent) != 1 {
			t.Error("no answer")
		}
		// What comes in on links of other instances is seen too, and is none of its business.
		o.open[0].clients <- inbound{payload: []byte{1, 2, 3, 4}, source: netip.MustParseAddrPort("[fe80::d]:546"), index: 3}
		synctest.Wait()
		if got := s.Status().Dropped; len(got) != 0 {
			t.Errorf("dropped: %v", got)
		}
		// A port that is taken is an error of Apply, and does no harm to what Run is.
		apply(none)
		o.err = errors.New("address already in use")
		if err := s.Apply(t.Context(), served); !errors.Is(err, o.err) {
			t.Errorf("Apply: %v", err)
		}
		o.err = nil
		apply(served)
		count("the port is free", 1)
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
		count("after the end", 0)
		apply(none)
		apply(served)
		count("without Run", 0)
		o.err = errors.New("address already in use")
		if err := s.Run(t.Context()); !errors.Is(err, o.err) {
			t.Errorf("Run without a port: %v", err)
		}
	})
}

// The routes of delegated prefixes are in the table of the instance, from the start.
func TestRoutesInTheirInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &rib.Table{}
		store := &memory{}
		l := lease.Lease{
			Key: lease.Key{DUID: "x", Kind: lease.Prefix, Link: "eth1"}, Prefix: netip.MustParsePrefix("2001:db8:fff:10::/60"),
			Client: netip.MustParseAddr("fe80::c"), Valid: time.Now().Add(time.Hour),
		}
		store.Commit(lease.Change{Put: []lease.Lease{l}}, func(error) {})
		table.In(0).Update(rib.Delegated, []rib.Route{{Prefix: l.Prefix, Link: "eth9"}}, nil)
		s := newServer(slog.New(slog.DiscardHandler), store, table.In(1001), (&opener{t: t}).get)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- s.Run(ctx) }()
		synctest.Wait()
		var got []string
		for _, e := range table.Entries(nil) {
			got = append(got, e.Route.String())
		}
		want := []string{"2001:db8:fff:10::/60 dev eth9", "2001:db8:fff:10::/60 via fe80::c dev eth1 table 1001"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("routes (-want +got):\n%s", diff)
		}
		if table.In(0).Ready(rib.Delegated) {
			t.Error("the main table is ready, of which nobody reported")
		}
		cancel()
		<-ran
	})
}
