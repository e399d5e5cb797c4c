package dhcpv6

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// moving is the configuration of the tests before and after the delegation behind the pools changes.
func moving(after bool) Config {
	c := seedConfig()
	in := c.Interfaces["eth1"]
	in.Reconfigure, in.Reservations = true, nil
	in.Follow = Follow{Delegate: []string{"hosts"}}
	if after {
		in.Subnets = []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")}
		in.Pools = []AddressPool{{Name: "guests", First: netip.MustParseAddr("2001:db8:1::100"), Last: netip.MustParseAddr("2001:db8:1::ffff")}}
		in.Delegate = []PrefixPool{{Name: "hosts", Prefix: netip.MustParsePrefix("2001:db8:eee::/48"), Length: 60}}
	}
	c.Interfaces["eth1"] = in
	return c
}

// told waits for a Reconfigure and describes it: what it is for, to whom it went. It checks the digest with the key.
func (b *bench) told(t *testing.T, key [16]byte) string {
	t.Helper()
	s, ok := b.answer()
	if !ok {
		return ""
	}
	m, err := dhcp6.FromBytes(s.payload)
	if err != nil {
		t.Fatal(err)
	}
	way := ""
	for m.IsRelay() {
		r := m.(*dhcp6.RelayMessage)
		way += fmt.Sprintf(" in a Relay-reply for %s on %s", r.PeerAddr, r.LinkAddr)
		m = r.Options.RelayMessage()
	}
	message := m.(*dhcp6.Message)
	if message.MessageType != dhcp6.MessageTypeReconfigure {
		return messageName(message.MessageType)
	}
	auth := message.GetOneOption(dhcp6.OptionAuth).ToBytes()
	replay := uint64(0)
	for _, x := range auth[3:11] {
		replay = replay<<8 | uint64(x)
	}
	want := reconfigure(serverDUID, message.GetOneOption(dhcp6.OptionClientID).ToBytes(), dhcp6.MessageType(message.GetOneOption(dhcp6.OptionReconfMessage).ToBytes()[0]), key, replay)
	if !bytes.Equal(want.ToBytes(), message.ToBytes()) {
		t.Errorf("the Reconfigure is\n%x\nwant\n%x", message.ToBytes(), want.ToBytes())
	}
	if replay <= b.replay {
		t.Errorf("replay detection %d comes after %d", replay, b.replay)
	}
	b.replay = replay
	return fmt.Sprintf("%s to %s%s", messageName(dhcp6.MessageType(message.GetOneOption(dhcp6.OptionReconfMessage).ToBytes()[0])), s.to, way)
}

// keyOf returns the key in the next Reply.
func (b *bench) keyOf(t *testing.T) (key [16]byte) {
	t.Helper()
	s, ok := b.answer()
	if !ok {
		t.Fatal("no answer")
	}
	m, err := dhcp6.FromBytes(s.payload)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := m.GetInnerMessage()
	if err != nil {
		t.Fatal(err)
	}
	o := inner.GetOneOption(dhcp6.OptionAuth)
	if o == nil || len(o.ToBytes()) != authSize || o.ToBytes()[authHead] != infoKey {
		t.Fatalf("no key in %s", m.Summary())
	}
	return [16]byte(o.ToBytes()[authHead+1:])
}

func TestReconfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &memory{}, moving(false))
		defer b.stop()
		b.ask("request ann server na=1,2001:db8::111 pd=1,2001:db8:fff:30::/60 accept")
		key := b.keyOf(t)
		b.ask("request bob server na=3") // does not accept it
		b.answer()
		<-time.After(time.Minute)
		if s := b.told(t, key); s != "" {
			t.Fatalf("told without a change: %s", s)
		}
		if err := b.server.Apply(t.Context(), moving(true)); err != nil {
			t.Fatal(err)
		}
		if r := b.routes(); strings.Contains(r, "2001:db8:fff:30::/60") {
			t.Errorf("the delegation has moved, and the route of its piece is there: %s", r)
		}
		began := time.Now()
		var times []int
		for time.Since(began) < 20*time.Minute {
			if s := b.told(t, key); s != "" {
				if want := "Renew to [fe80::c]:546"; s != want {
					t.Fatalf("got %s, want %s", s, want)
				}
				times = append(times, int(time.Since(began).Seconds()))
			}
			<-time.After(100 * time.Millisecond)
		}
		if len(times) != recMaxRC {
			t.Errorf("told %d times, at %v s, want %d", len(times), times, recMaxRC)
		}
		for i, low := 1, 1.8; i < len(times); i++ {
			if gap := float64(times[i] - times[i-1]); gap < low-1 || gap > 2.6*low {
				t.Errorf("told at %v s: %v s before the %dth time, RFC 8415 15 has about %v", times, gap, i+1, low)
			} else {
				low = gap * 1.7
			}
		}
		st := b.server.Status()
		if len(st.Reconfigures) != 0 || st.ReconfigureFailed != 1 || st.Reconfigured != 0 || st.Interfaces[0].Sent["Reconfigure"] != recMaxRC {
			t.Errorf("status is %+v", st)
		}
		if got, want := b.events[len(b.events)-2:], []EventKind{Told, Silent}; !cmp.Equal(got, want) {
			t.Errorf("events are %v, want %v at the end", b.events, want)
		}
	})
}

// A client that comes is not told again; the next restart finds nothing to tell it.
func TestReconfigureIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		b := newBench(t, store, moving(false))
		b.ask("request ann server na=1,2001:db8::111 pd=1,2001:db8:fff:30::/60 accept")
		key := b.keyOf(t)
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		// It changed while we were down: the key and the way are those on disk.
		last := b.replay
		b = newBench(t, store, moving(true))
		b.replay = last
		<-time.After(time.Second)
		if s, want := b.told(t, key), "Renew to [fe80::c]:546"; s != want {
			t.Fatalf("after the restart %q, want %q", s, want)
		}
		if st := b.server.Status(); len(st.Reconfigures) != 1 || st.Reconfigures[0].Sent != 1 || !strings.Contains(st.Reconfigures[0].Reason, "2001:db8::111, now 2001:db8:1::111") {
			t.Errorf("status is %+v", st.Reconfigures)
		}
		b.ask("renew ann server na=1,2001:db8::111 pd=1,2001:db8:fff:30::/60")
		if s := b.told(t, key); s != "Reply" {
			t.Fatalf("the Renew is answered by %q", s)
		}
		if r := b.routes(); !strings.Contains(r, "2001:db8:eee:30::/60 via fe80::c") {
			t.Errorf("the new piece has no route: %s", r)
		}
		<-time.After(time.Hour / 2)
		if s := b.told(t, key); s != "" {
			t.Errorf("told though it came: %s", s)
		}
		if st := b.server.Status(); st.Reconfigured != 1 || len(st.Reconfigures) != 0 {
			t.Errorf("status is %+v", st)
		}
		b.stop()
		b = newBench(t, store, moving(true))
		<-time.After(time.Minute)
		if s := b.told(t, key); s != "" {
			t.Errorf("told after a restart that changed nothing: %s", s)
		}
		b.stop()
	})
}

func TestReconfigureOverRelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &memory{}, moving(false))
		defer b.stop()
		inner := b.build(strings.Fields("request ann server na=1,2001:db8::111 accept"))
		forward, err := dhcp6.EncapsulateRelay(inner, dhcp6.MessageTypeRelayForward, netip.MustParseAddr("2001:db8::fe").AsSlice(), netip.MustParseAddr("fe80::c").AsSlice())
		if err != nil {
			t.Fatal(err)
		}
		forward.AddOption(dhcp6.OptInterfaceID([]byte("port 7")))
		b.wire.relays <- inbound{
			payload: forward.ToBytes(), source: netip.MustParseAddrPort("[2001:db8:9::9]:547"), to: netip.MustParseAddr("2001:db8::1"), index: 7,
		}
		key := b.keyOf(t)
		if err := b.server.Apply(t.Context(), moving(true)); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		want := "Renew to [2001:db8:9::9]:547 in a Relay-reply for fe80::c on 2001:db8::fe"
		if s := b.told(t, key); s != want {
			t.Errorf("got %q, want %q", s, want)
		}
	})
}

// Other DNS servers are told by an Information-request, another identifier of the server by a Rebind; what is put back is not told.
func TestReconfigureKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &memory{}, moving(false))
		defer b.stop()
		b.ask("request ann server na=1,2001:db8::111 accept")
		key := b.keyOf(t)
		<-time.After(time.Second)
		apply := func(change func(*Config, *Interface)) {
			c := moving(false)
			in := c.Interfaces["eth1"]
			change(&c, &in)
			c.Interfaces["eth1"] = in
			if err := b.server.Apply(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		apply(func(_ *Config, in *Interface) { in.DNS = []netip.Addr{netip.MustParseAddr("2001:db8::99")} })
		<-time.After(time.Second)
		if s, want := b.told(t, key), "Information-request to [fe80::c]:546"; s != want {
			t.Errorf("other DNS servers: %q, want %q", s, want)
		}
		b.ask("information ann oro=23")
		if s := b.told(t, key); s != "Reply" {
			t.Errorf("the Information-request is answered by %q", s)
		}
		b.server.Apply(t.Context(), moving(true))
		apply(func(_ *Config, in *Interface) { in.DNS = []netip.Addr{netip.MustParseAddr("2001:db8::99")} })
		<-time.After(time.Minute)
		if s := b.told(t, key); s != "" {
			t.Errorf("what was put back at once is told: %q", s)
		}
	})
}

// Ten thousand clients come one after another, not all at once.
func TestReconfigurePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients = 10_000
		store := &memory{}
		now := time.Now()
		for i := range clients {
			store.leases = append(store.leases, lease.Lease{
				Key:    lease.Key{DUID: fmt.Sprintf("client %d", i), Kind: lease.Prefix, Link: "eth1"},
				Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 2: 0xd, 3: 0xb8, 4: 9, 5: 9, 6: byte(i >> 8), 7: byte(i)}), 64),
				Valid:  now.Add(time.Hour), Preferred: now.Add(time.Hour), Pool: "old", Updated: now,
				Client: netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 14: byte(i >> 8), 15: byte(i)}), Contact: &lease.Contact{Key: [16]byte{1}},
			})
		}
		tell := &teller{}
		for _, l := range store.leases {
			tell.tell(&telling{client: client{"eth1", l.Key.DUID}, what: dhcp6.MessageTypeRenew, contact: l.Contact, lease: l}, now)
		}
		most, at := 0, now
		sent := map[string]int{}
		for range 3000 {
			some, _ := tell.due(at, tellBurst)
			for _, n := range some {
				sent[n.duid]++
			}
			most = max(most, len(some))
			at = at.Add(tellTick)
		}
		if len(sent) != clients {
			t.Errorf("%d clients of %d were told in %s", len(sent), clients, at.Sub(now))
		}
		if most > tellBurst {
			t.Errorf("%d were told in %s", most, tellTick)
		}
		st := Status{}
		if tell.status(&st); len(st.Reconfigures) != maxShown {
			t.Errorf("%d clients are listed, want %d", len(st.Reconfigures), maxShown)
		}
	})
}
