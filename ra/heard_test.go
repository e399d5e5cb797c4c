package ra

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// says is an advertisement of one router at a time after epoch.
func says(at time.Duration, change func(*Received)) Received {
	r := Received{
		Time: epoch.Add(at), Router: netip.MustParseAddr("fe80::2"), HopLimit: 64, Preference: "medium", RouterLifetime: 1800, MTU: 1500,
		Prefixes: []ReceivedPrefix{{Prefix: netip.MustParsePrefix("2001:db8::/64"), OnLink: true, Autonomous: true, Valid: 3600, Preferred: 1800}},
		RDNSS:    []ReceivedServers{{Lifetime: 600, Servers: []netip.Addr{netip.MustParseAddr("2001:db8::53")}}},
	}
	if change != nil {
		change(&r)
	}
	return r
}

func TestHeard(t *testing.T) {
	count := func(valid, preferred uint32) func(*Received) {
		return func(r *Received) { r.Prefixes[0].Valid, r.Prefixes[0].Preferred = valid, preferred }
	}
	other := func(r *Received) {
		r.MTU, r.RDNSS, r.Prefixes = 0, nil, []ReceivedPrefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), Valid: 60, Preferred: 60}}
	}
	for _, tt := range []struct {
		name string
		said []Received
		want []string // changes of each
	}{
		{"the same", []Received{says(0, nil), says(time.Minute, nil)}, []string{"[]", "[]"}},
		{
			"header and options",
			[]Received{says(0, nil), says(time.Minute, func(r *Received) {
				r.RouterLifetime, r.Managed, r.MTU = 0, true, 1400
				r.RDNSS[0].Lifetime = 0
			})},
			[]string{"[]", "[{router lifetime 30m 0s} {flags none M} {mtu 1500 1400} {dns 2001:db8::53 for 10m for 0s}]"},
		},
		{
			"new and gone",
			[]Received{says(0, nil), says(time.Minute, func(r *Received) {
				r.RDNSS = nil
				r.CaptivePortal = "https://portal/"
			})},
			[]string{"[]", "[{captive portal  https://portal/} {dns 2001:db8::53 for 10m }]"},
		},
		{"counts down", []Received{says(0, nil), says(time.Minute, count(3540, 1740)), says(2*time.Minute, count(3481, 1680))}, []string{"[]", "[]", "[]"}},
		{
			"lifetimes jump",
			[]Received{says(0, nil), says(time.Minute, count(3000, 0))},
			[]string{"[]", "[{prefix 2001:db8::/64 on-link autonomous, valid 1h, preferred 30m on-link autonomous, valid 50m, preferred 0s}]"},
		},
		{
			"counted down to 0",
			[]Received{says(0, count(100, 50)), says(time.Minute, count(40, 0)), says(2*time.Minute, count(0, 0))}, []string{"[]", "[]", "[]"},
		},
		{
			"spread over two",
			[]Received{
				says(0, nil), says(time.Millisecond, other), says(time.Minute, nil), says(time.Minute+time.Millisecond, other),
				says(2*time.Minute, nil), says(3*time.Minute, nil),
			},
			[]string{"[]", "[]", "[]", "[]", "[]", "[{prefix 2001:db8:1::/64 valid 1m, preferred 1m }]"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h Heard
			var got []string
			for _, r := range tt.said {
				got = append(got, fmt.Sprint(h.Take(r)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHeardState: what is put together from several advertisements is all that they say.
func TestHeardState(t *testing.T) {
	i := many()
	messages, err := Encode(i, epoch)
	if err != nil || len(messages) < 2 {
		t.Fatalf("%d messages, %v: want several", len(messages), err)
	}
	var h Heard
	var whole Received
	for n, m := range messages {
		r, err := Decode(m)
		if err != nil {
			t.Fatal(err)
		}
		r.Time = epoch
		if changes := h.Take(r); len(changes) > 0 {
			t.Errorf("message %d: changes %v", n, changes)
		}
		if n == 0 {
			whole = bare(r)
		}
		for _, thing := range thingsOf(r) {
			thing.add(&whole)
		}
	}
	if diff := cmp.Diff(whole, h.State(), comparable); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if len(whole.Prefixes) != len(i.Prefixes) {
		t.Errorf("%d prefixes, want %d", len(whole.Prefixes), len(i.Prefixes))
	}
}

// TestHeardBounded: a router that invents options is remembered within bounds.
func TestHeardBounded(t *testing.T) {
	var h Heard
	for n := range 10 * maxThings {
		h.Take(says(time.Duration(n)*time.Millisecond, func(r *Received) {
			r.Prefixes[0].Prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, byte(n >> 8), byte(n)}), 64)
		}))
	}
	if len(h.things) > maxThings {
		t.Errorf("%d things are remembered", len(h.things))
	}
}
