package ra

import (
	"context"
	"log/slog"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// everything is an interface with every option, of which some count down.
func everything() Interface {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	i := many()
	i.Prefixes = append(i.Prefixes,
		Prefix{Prefix: prefix("2001:db8:f1::/64"), Valid: time.Hour, Preferred: 30 * time.Minute, ValidUntil: epoch.Add(10 * time.Minute), Deprecate: true},
		Prefix{Prefix: prefix("2001:db8:f2::/64"), Valid: 5 * time.Minute, Preferred: time.Minute, Decrement: true, Since: epoch, RouterAddress: addr("2001:db8:f2::1")},
		Prefix{Prefix: prefix("2001:db8:f3::/64"), Valid: Forever, Preferred: 3 * time.Hour, Deprecate: true},
	)
	i.Routes = []Route{
		{Prefix: prefix("2001:db8:4::/48"), Lifetime: time.Minute, Until: epoch.Add(3*time.Minute + 500*time.Millisecond), Preference: 1},
		{Prefix: prefix("2001:db8:5::/48"), Lifetime: time.Minute, Keep: true},
	}
	i.PREF64 = []PREF64{{Prefix: prefix("64:ff9b::/96"), Lifetime: time.Minute, Until: epoch.Add(4 * time.Minute)}}
	i.DNR = []Resolver{{Priority: 1, Lifetime: time.Minute, Name: "dns.example"}}
	i.CaptivePortal, i.SNAC, i.Interval, i.MaxInterval = "https://portal.example/api", true, true, 600*time.Second
	i.HomeAgent = &HomeAgent{Preference: 7, Lifetime: time.Minute}
	i.Raw = []RawOption{{Type: 253, Data: []byte{1}}}
	return i
}

// TestLasting: the bytes are the same up to the moment that Lasting tells, and others right after it.
func TestLasting(t *testing.T) {
	i := everything()
	now, changes := epoch, 0
	for {
		until := Lasting(i, now)
		if until.IsZero() {
			break
		}
		if until.Before(now) {
			t.Fatalf("at %s it lasts until %s", now.Sub(epoch), until.Sub(epoch))
		}
		same, _ := Encode(i, now)
		if last, _ := Encode(i, until); !reflect.DeepEqual(same, last) {
			t.Fatalf("at %s it should last until %s, but the bytes are others then", now.Sub(epoch), until.Sub(epoch))
		}
		now = until.Add(1)
		if changes++; changes > 10000 {
			t.Fatal("it never ends")
		}
	}
	if now.Sub(epoch) < 10*time.Minute-time.Second || changes < 600 {
		t.Errorf("after %d changes nothing counts down any more at %s; the last lifetime ends after 10m", changes, now.Sub(epoch))
	}
	last, _ := Encode(i, now)
	if later, _ := Encode(i, now.Add(1000*time.Hour)); !reflect.DeepEqual(last, later) {
		t.Error("the bytes change although they last for ever")
	}
	if until := Lasting(many(), epoch); !until.IsZero() {
		t.Errorf("what does not count down lasts until %s", until)
	}
}

// TestFinalWithdraws: everything that leads to us ends, and nothing that does not.
func TestFinalWithdraws(t *testing.T) {
	read := func(i Interface) (all Received) {
		messages, err := Encode(i, epoch)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			r, err := Decode(m)
			if err != nil {
				t.Fatal(err)
			}
			all.RouterLifetime += r.RouterLifetime
			all.HomeAgent = all.HomeAgent || r.HomeAgent
			all.Prefixes, all.Routes, all.PREF64 = append(all.Prefixes, r.Prefixes...), append(all.Routes, r.Routes...), append(all.PREF64, r.PREF64...)
			all.DNR, all.RDNSS, all.DNSSL = append(all.DNR, r.DNR...), append(all.RDNSS, r.RDNSS...), append(all.DNSSL, r.DNSSL...)
		}
		return all
	}
	i := everything()
	before := read(i)
	got := read(final(i))
	if got.RouterLifetime != 0 || got.HomeAgent || got.PREF64[0].Lifetime != 0 || got.DNR[0].Lifetime != 0 || got.RDNSS[0].Lifetime != 0 || got.DNSSL[0].Lifetime != 0 {
		t.Errorf("something stays: %+v", got)
	}
	if got.Routes[0].Lifetime != 0 || got.Routes[1].Lifetime != 60 {
		t.Errorf("routes %+v: the first is withdrawn, the second stays", got.Routes)
	}
	for n, p := range got.Prefixes {
		switch was := before.Prefixes[n]; {
		case p.Prefix == netip.MustParsePrefix("2001:db8:f1::/64"):
			if p.Preferred != 0 || p.Valid != 600 {
				t.Errorf("%+v is to be deprecated, with the 600 s that it has", p)
			}
		case p.Prefix == netip.MustParsePrefix("2001:db8:f3::/64"):
			if p.Preferred != 0 || p.Valid != 7200 {
				t.Errorf("%+v is to be deprecated, for two hours", p)
			}
		case !reflect.DeepEqual(p, was):
			t.Errorf("prefix %+v was %+v: addresses must survive the router", p, was)
		}
	}
	i.KeepDNS = true
	if got := read(final(i)); got.RDNSS[0].Lifetime == 0 || got.DNSSL[0].Lifetime == 0 || got.DNR[0].Lifetime == 0 {
		t.Errorf("name servers are withdrawn: %+v", got)
	}
	if again := read(i); !reflect.DeepEqual(again, before) {
		t.Error("final changed what it got")
	}
}

// TestDecrementGoesOn: a prefix that counts down does so through configurations that do not touch it, and starts over with new lifetimes.
func TestDecrementGoesOn(t *testing.T) {
	s := New(slog.New(slog.DiscardHandler))
	apply := func(valid time.Duration, hops uint8) Prefix {
		t.Helper()
		i := Interface{
			Index: 1, LinkLocal: netip.MustParseAddr("fe80::1"), MinInterval: time.Minute, MaxInterval: time.Hour, HopLimit: hops,
			Prefixes: []Prefix{{Prefix: netip.MustParsePrefix("2001:db8::/64"), Valid: valid, Preferred: time.Minute, Decrement: true}},
		}
		want := Config{Interfaces: map[string]Interface{"lan0": i}}
		if err := s.Apply(context.Background(), want); err != nil {
			t.Fatal(err)
		}
		if ops, err := s.Preview(want); err != nil || len(ops) > 0 {
			t.Errorf("what was applied would change: %v, %v", ops, err)
		}
		return s.Status()[0].Interface.Prefixes[0]
	}
	first := apply(time.Hour, 64)
	if first.Since.IsZero() {
		t.Fatal("it does not count")
	}
	if p := apply(time.Hour, 63); p.Since != first.Since {
		t.Errorf("another hop limit starts the countdown over: %s, was %s", p.Since, first.Since)
	}
	if p := apply(2*time.Hour, 63); !p.Since.After(first.Since) {
		t.Errorf("new lifetimes count from %s on, the old ones did from %s", p.Since, first.Since)
	}
}
