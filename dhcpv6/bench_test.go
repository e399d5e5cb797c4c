package dhcpv6

import (
	"encoding/binary"
	"log/slog"
	"net/netip"
	"slices"
	"testing"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// BenchmarkRequest is a new client's Request for an address and a prefix, from the datagram to the bytes of the Reply and
// what the pools note of it, with the leases in the memory of a real store. Every client is new until the pools are half full.
func BenchmarkRequest(b *testing.B) {
	store, err := lease.Open(b.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	c := seedConfig()
	in := c.Interfaces["eth1"]
	in.Pools[0].Last = netip.MustParseAddr("2001:db8::ffff:ffff")
	in.Delegate[0].Prefix = netip.MustParsePrefix("2001:db8::/32")
	cat, err := newCatalog(c)
	if err != nil {
		b.Fatal(err)
	}
	space := newSpace(nil)
	space.serve(cat, store.All)
	e := &env{t: b}
	m := e.build([]string{"request", "x", "server", "na=1", "pd=1", "oro=23,24", "noclient"})
	duid := slices.Concat(duidOf("x"), zeros(8))
	m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionClientID, OptionData: duid})
	var n uint64
	b.ReportAllocs()
	for b.Loop() {
		n++
		binary.BigEndian.PutUint64(duid[len(duid)-8:], n%100000)
		b.StopTimer()
		datagram := m.ToBytes()
		b.StartTimer()
		d, reason := guard(datagram)
		if reason != "" {
			b.Fatal(reason)
		}
		req, err := parse(d)
		if err != nil {
			b.Fatal(err)
		}
		req.mac, req.nextHop = clients["ann"], netip.MustParseAddr("fe80::c")
		v := handle(start, cat, cat.links["eth1"], req, store, space, testKeys)
		if len(v.change.Put) != 2 {
			b.Fatal(render(v))
		}
		v.reply.ToBytes()
		space.follow(deltaOf(store, v.change))
		if n < 100000 {
			// Stored in batches outside of the measurement would need a disk; the index is enough.
			b.StopTimer()
			store.Commit(v.change, nil)
			if n%1000 == 0 {
				if err := store.CommitWait(b.Context(), lease.Change{}); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
		}
	}
}

// BenchmarkFullPool is a Solicit for an address and a prefix when all are leased.
func BenchmarkFullPool(b *testing.B) {
	store, err := lease.Open(b.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	e := newEnv(b, seedConfig())
	in := e.cat.links["eth1"]
	for _, p := range slices.Concat(in.addresses, in.prefixes) {
		var c lease.Change
		for n := range uint64(p.pieces.Size()) {
			c.Put = append(c.Put, lease.Lease{Key: lease.Key{DUID: "other", IAID: uint32(n), Link: "eth1"}, Prefix: p.pieces.At(n)})
			if len(c.Put) == 1000 || n+1 == uint64(p.pieces.Size()) {
				d := deltaOf(store, c)
				if err := store.CommitWait(b.Context(), c); err != nil {
					b.Fatal(err)
				}
				e.space.follow(d)
				c = lease.Change{}
			}
		}
	}
	datagram := e.build([]string{"solicit", "x", "na=1", "pd=1"}).ToBytes()
	b.ReportAllocs()
	for b.Loop() {
		d, _ := guard(datagram)
		req, err := parse(d)
		if err != nil {
			b.Fatal(err)
		}
		if v := handle(start, e.cat, in, req, store, e.space, testKeys); v.reply == nil || len(v.reply.ToBytes()) > 300 {
			b.Fatal(render(v))
		}
	}
}

// BenchmarkGuardHostile is what the largest datagram of many small options costs before it is refused.
func BenchmarkGuardHostile(b *testing.B) {
	na := opt(dhcp6.OptionIANA, zeros(12), repeat(16, func(int) []byte { return opt(dhcp6.OptionIAAddr, zeros(24)) }))
	in := msg(dhcp6.MessageTypeSolicit, repeat(maxDatagram/4-1, func(int) []byte { return opt(99) }))
	nested := msg(dhcp6.MessageTypeSolicit, repeat(8, func(i int) []byte { na := slices.Clone(na); na[7] = byte(i); return na }))
	b.ReportAllocs()
	for b.Loop() {
		guard(in)
		guard(nested)
	}
}
