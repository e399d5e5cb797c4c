package router

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/advertised"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
)

// Two hours in the life of a LAN, minute by minute, with a router that is killed and started again every ten: who comes at any of them is
// told of the new prefix, and for 90 minutes that the old one is withdrawn, with lifetimes of zero and its flags.
func TestLatecomers(t *testing.T) {
	conf, _, err := config.Load("test", []byte(`
interfaces:
  wan0: {delegations: {isp: {length: 48}}}
  lan0: {addresses: ["isp ::1/64"], advertise: {autonomous: false, dns: ["isp ::1"]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "advertised")
	log, _, err := advertised.Open(path, now)
	if err != nil {
		t.Fatal(err)
	}
	in := plan.Inputs{Config: conf, Links: kernel.Links{}}
	if err := plantest.State("link wan0 2 fe80::2/64\nlink lan0 3 fe80::3/64\n", &in); err != nil {
		t.Fatal(err)
	}
	old, fresh := netip.MustParsePrefix("2001:980:1::/48"), netip.MustParsePrefix("2001:980:2::/48")
	at := func(d time.Duration) time.Time { return now.Add(d) }
	const changes = 10 * time.Minute
	for minute := range 120 {
		in.Now = at(time.Duration(minute) * time.Minute)
		d := pd.Delegation{Name: "isp", Link: "wan0", Prefix: old, PreferredUntil: in.Now.Add(time.Hour), ValidUntil: in.Now.Add(2 * time.Hour)}
		since := in.Now.Sub(now) - changes
		if since >= 0 {
			d.Prefix = fresh
		}
		in.Delegations = []pd.Delegation{d}
		if minute%10 == 5 { // the log is not closed: the process just ended
			if log, _, err = advertised.Open(path, in.Now); err != nil {
				t.Fatal(err)
			}
		}
		in.Advertised = log.Set()
		want := plan.Make(in)
		if err := log.Keep(in.Advertised.Next(in.Now, want.Advertised)); err != nil {
			t.Fatal(err)
		}
		prefixes, servers := heardBy(t, want.RA.Interfaces["lan0"], in.Now)
		lan := netip.PrefixFrom(d.Prefix.Addr(), 64)
		if p := prefixes[lan]; p.Valid != 90*time.Minute || p.Preferred != 45*time.Minute {
			t.Errorf("minute %d: %s is valid for %v, preferred for %v", minute, lan, p.Valid, p.Preferred)
		}
		gone := netip.PrefixFrom(old.Addr(), 64)
		p, told := prefixes[gone]
		if want := since >= 0 && since < advertised.Hold; since >= 0 && told != want {
			t.Errorf("minute %d: told of the old prefix: %t, want %t", minute, told, want)
		}
		if since >= 0 && told && (p.Valid != 0 || p.Preferred != 0 || !p.OnLink || p.Autonomous) {
			t.Errorf("minute %d: the old prefix is %+v", minute, p)
		}
		// Name servers are heard of for half an hour, so they are withdrawn as long.
		lifetime, told := servers[gone.Addr().Next()]
		if want := since >= 0 && since < 30*time.Minute; since >= 0 && (told != want || lifetime != 0) {
			t.Errorf("minute %d: told of the old name server: %t, for %v, want %t", minute, told, lifetime, want)
		}
	}
	if all := log.Set().All(); len(all) != 3 {
		t.Errorf("two hours later there is more than prefix, name server and aggregate: %v", all)
	}
}

// heardBy decodes what a host hears of an interface.
func heardBy(t *testing.T, i ra.Interface, at time.Time) (map[netip.Prefix]ra.Prefix, map[netip.Addr]time.Duration) {
	t.Helper()
	packets, err := ra.Encode(i, at)
	if err != nil {
		t.Fatal(err)
	}
	prefixes, servers := map[netip.Prefix]ra.Prefix{}, map[netip.Addr]time.Duration{}
	for _, b := range packets {
		r, err := ra.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Prefixes {
			prefixes[p.Prefix] = ra.Prefix{OnLink: p.OnLink, Autonomous: p.Autonomous, Valid: seconds(p.Valid), Preferred: seconds(p.Preferred)}
		}
		for _, s := range r.RDNSS {
			for _, a := range s.Servers {
				servers[a] = seconds(s.Lifetime)
			}
		}
	}
	return prefixes, servers
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }
