package lease

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameLease compares leases: netip types by value, times by instant.
var sameLease = cmp.Options{cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{}), cmpopts.EquateEmpty()}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// delegated returns a lease of the i-th /60 of 2001:db8::/32 for the i-th client, valid for i minutes from epoch.
func delegated(i int) Lease {
	p := PrefixPool{Prefix: netip.MustParsePrefix("2001:db8::/32"), Length: 60}.At(uint64(i))
	return Lease{
		Key:       Key{DUID: fmt.Sprintf("\x00\x03\x00\x01client-%d", i), Kind: Prefix, IAID: uint32(i), Link: "eth1"},
		Prefix:    p,
		Preferred: epoch.Add(time.Duration(i) * 30 * time.Second),
		Valid:     epoch.Add(time.Duration(i) * time.Minute),
		MAC:       net.HardwareAddr{0x52, 0x54, 0, 0xd6, byte(i >> 8), byte(i)},
		Client:    netip.MustParseAddr("fe80::5054:ff:fed6:c2a9"),
		Pool:      "customers",
		Updated:   epoch,
	}
}

func ref(l Lease) DeleteRef { return DeleteRef{Key: l.Key, Prefix: l.Prefix} }

func mustOpen(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// run runs the store until the result is called, which returns what Run did.
func run(t testing.TB, s *Store) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx) }()
	var err error
	stopped := false
	stop = func() error {
		if !stopped {
			cancel()
			err = <-result
			stopped = true
		}
		return err
	}
	t.Cleanup(func() { stop() })
	return stop
}

func put(t testing.TB, s *Store, leases ...Lease) {
	t.Helper()
	if err := s.CommitWait(t.Context(), Change{Put: leases}); err != nil {
		t.Fatal(err)
	}
}

func TestStoreRemembers(t *testing.T) {
	dir := t.TempDir() + "/a/leases"
	s := mustOpen(t, dir)
	stop := run(t, s)
	var want []Lease
	for i := range 10 {
		want = append(want, delegated(i))
	}
	want[3].State, want[4].Reserved, want[5].Valid, want[6].MAC, want[7].Client = Declined, true, time.Time{}, nil, netip.Addr{}
	put(t, s, want...)
	gone := delegated(20)
	put(t, s, gone)
	if err := s.CommitWait(t.Context(), Change{Delete: []DeleteRef{ref(gone), {Key: want[0].Key, Prefix: want[1].Prefix}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetMeta("duid", []byte{0, 1, 2}); err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, s *Store) {
		t.Helper()
		if diff := cmp.Diff(want, s.All(), sameLease); diff != "" {
			t.Errorf("All (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]byte{0, 1, 2}, s.Meta("duid")); diff != "" {
			t.Errorf("Meta (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want[2:3], s.Get(want[2].Key), sameLease); diff != "" {
			t.Errorf("Get (-want +got):\n%s", diff)
		}
		if got, ok := s.ByPrefix(want[8].Prefix); !ok || !cmp.Equal(got, want[8], sameLease) {
			t.Errorf("ByPrefix(%s) = %+v, %v", want[8].Prefix, got, ok)
		}
		if got, ok := s.ByPrefix(gone.Prefix); ok {
			t.Errorf("deleted lease is still there: %+v", got)
		}
	}
	check(t, s)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check(t, mustOpen(t, dir))
}
