package pd

import (
	"math/rand/v2"
	"testing"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// seeds is how many random sequences the bounds of RFC 8415 15 are checked over.
const seeds = 300

// checkIntervals checks that each interval follows from the one before as RFC 8415 15 says: doubled, by 0.1 more or less,
// and at most mrt, by 0.1 more or less.
func checkIntervals(t *testing.T, seed uint64, sent []sending, irt, mrt time.Duration) {
	t.Helper()
	prev := time.Duration(0)
	for n := 1; n < len(sent); n++ {
		got := sent[n].at - sent[n-1].at
		low, high := irt*9/10, irt*11/10
		if prev > 0 {
			low, high = prev*19/10, prev*21/10
			if mrt > 0 && high > mrt {
				low, high = min(low, mrt*9/10), mrt*11/10
			}
		}
		if got < low || got > high {
			t.Fatalf("seed %d: %s %d follows after %s, want %s to %s", seed, titles[sent[n].kind], n, got, low, high)
		}
		if sent[n].xid != sent[0].xid {
			t.Fatalf("seed %d: %s %d has another transaction id", seed, titles[sent[n].kind], n)
		}
		if want := sent[n].at - sent[0].at; sent[n].elapsed != want {
			t.Fatalf("seed %d: elapsed time %s, want %s", seed, sent[n].elapsed, want)
		}
		prev = got
	}
}

func TestSolicitIntervals(t *testing.T) {
	for seed := range uint64(seeds) {
		s := newSim(t, seed)
		s.apply(uplink())
		s.run(5 * 24 * time.Hour)
		if first := s.sent[0].at; first < 0 || first > solMaxDelay {
			t.Fatalf("seed %d: first Solicit after %s", seed, first)
		}
		if got := s.sent[1].at - s.sent[0].at; got <= solTimeout || got > solTimeout*11/10 {
			t.Fatalf("seed %d: second Solicit %s after the first, want more than 1 s", seed, got)
		}
		checkIntervals(t, seed, s.sent, solTimeout, solMaxRT)
		if n := len(s.sent); n < 120 || n > 150 {
			t.Fatalf("seed %d: %d Solicits in five days", seed, n)
		}
	}
}

func TestRequestIntervals(t *testing.T) {
	for seed := range uint64(seeds) {
		srv := newServer(t, "2001:db8:100::/56")
		srv.mute = dhcp6.MessageTypeRequest
		s := newSim(t, seed, srv)
		s.apply(uplink())
		s.run(150 * time.Second)
		requests := s.only(dhcp6.MessageTypeRequest)
		checkIntervals(t, seed, requests[:min(len(requests), reqMaxRC)], reqTimeout, reqMaxRT)
		s.run(150 * time.Second)
		n := 0
		for _, r := range s.only(dhcp6.MessageTypeRequest) {
			if r.xid == requests[0].xid {
				n++
			}
		}
		if n != reqMaxRC {
			t.Fatalf("seed %d: %d Requests, want %d", seed, n, reqMaxRC)
		}
		if s.only(dhcp6.MessageTypeSolicit)[1].xid == s.sent[0].xid {
			t.Fatalf("seed %d: no new Solicit after the Requests", seed)
		}
	}
}

func TestRenewAndRebindIntervals(t *testing.T) {
	for seed := range uint64(seeds) {
		srv := newServer(t, "2001:db8:100::/56")
		s := newSim(t, seed, srv)
		s.apply(uplink())
		s.run(10 * time.Second)
		lease := s.m.leases()[0].Delegation
		srv.silent = true
		s.forget()
		s.run(3 * time.Hour)
		renews, rebinds := s.only(dhcp6.MessageTypeRenew), s.only(dhcp6.MessageTypeRebind)
		checkIntervals(t, seed, renews, renTimeout, renMaxRT)
		checkIntervals(t, seed, rebinds, rebTimeout, rebMaxRT)
		at := func(s sending) time.Time { return epoch.Add(s.at) }
		if got := at(renews[0]); !got.Equal(lease.T1) {
			t.Fatalf("seed %d: first Renew at %s, T1 is %s", seed, got, lease.T1)
		}
		if last := at(renews[len(renews)-1]); !last.Before(lease.T2) {
			t.Fatalf("seed %d: Renew at %s, after T2 %s", seed, last, lease.T2)
		}
		if got := at(rebinds[0]); !got.Equal(lease.T2) {
			t.Fatalf("seed %d: first Rebind at %s, T2 is %s", seed, got, lease.T2)
		}
		if last := at(rebinds[len(rebinds)-1]); !last.Before(lease.ValidUntil) {
			t.Fatalf("seed %d: Rebind at %s, after the end %s", seed, last, lease.ValidUntil)
		}
		if first := at(s.only(dhcp6.MessageTypeSolicit)[0]); first.Before(lease.ValidUntil) {
			t.Fatalf("seed %d: Solicit at %s, before the end %s", seed, first, lease.ValidUntil)
		}
	}
}

func TestReleaseAndConfirmIntervals(t *testing.T) {
	for seed := range uint64(seeds) {
		srv := newServer(t, "2001:db8:100::/56")
		s := newSim(t, seed, srv)
		s.apply(uplink())
		s.run(10 * time.Second)
		srv.silent = true
		s.forget()
		u := uplink()
		u.Index++
		s.apply(u)
		came := s.now.Sub(epoch)
		s.run(11 * time.Second)
		var quick []sending
		for _, r := range s.sent {
			if r.xid == s.sent[0].xid {
				quick = append(quick, r)
			}
		}
		checkIntervals(t, seed, quick, cnfTimeout, cnfMaxRT)
		if d := quick[0].at - came; d > cnfMaxDelay {
			t.Fatalf("seed %d: first Rebind after %s", seed, d)
		}
		if d := quick[len(quick)-1].at - quick[0].at; d > cnfMaxRD {
			t.Fatalf("seed %d: Rebind for %s with the timing of Confirm", seed, d)
		}
		s.forget()
		s.m.release(s.now, "isp")
		s.run(time.Hour)
		checkIntervals(t, seed, s.sent, relTimeout, 0)
		s.wantLog("Release Release Release Release")
	}
}

// TestHostileServer has a server that answers at random, with tiny lifetimes and every status, for days: the client must
// neither spin nor stop.
func TestHostileServer(t *testing.T) {
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 2))
		srv := newServer(t, "2001:db8:100::/56")
		srv.rapid = true
		srv.edit = func(_, rep *dhcp6.Message) { scramble(r, rep) }
		s := newSim(t, seed, srv)
		u := uplink()
		u.RapidCommit, u.Address = true, &IA{IAID: 9}
		s.apply(u)
		const hours = 3
		for range hours {
			before := len(s.sent)
			s.run(time.Hour)
			if n := len(s.sent) - before; n > 2*3600 {
				t.Fatalf("seed %d: %d messages in an hour", seed, n)
			}
			if s.m.wake().IsZero() {
				t.Fatalf("seed %d: the machine waits for nothing", seed)
			}
		}
		srv.edit = nil
		s.run(2 * 24 * time.Hour)
		if s.held() != "isp 2001:db8:100::/56" {
			t.Fatalf("seed %d: holds %q two days after the server recovered; state %s", seed, s.held(), s.state("isp"))
		}
	}
}

// scramble makes an answer a bad one, usually.
func scramble(r *rand.Rand, rep *dhcp6.Message) {
	pick := func(d ...time.Duration) time.Duration { return d[r.IntN(len(d))] }
	status := func() *dhcp6.OptStatusCode {
		var o dhcp6.OptStatusCode
		_ = o.FromBytes([]byte{0, byte(r.IntN(9))})
		return &o
	}
	if r.IntN(8) == 0 {
		rep.AddOption(status())
	}
	if r.IntN(8) == 0 {
		rep.MessageType = 0
	}
	ia := firstPD(rep)
	if ia == nil {
		return
	}
	ia.T1, ia.T2 = pick(0, 1, time.Second, time.Hour), pick(0, 1, time.Second, time.Hour)
	switch r.IntN(6) {
	case 0:
		ia.Options.Add(status())
	case 1:
		ia.Options.Options = nil
	case 2:
		rep.Options.Del(dhcp6.OptionIAPD)
	default:
		for _, p := range ia.Options.Prefixes() {
			p.PreferredLifetime = pick(0, time.Second, 10*time.Second)
			p.ValidLifetime = pick(0, time.Second, 10*time.Second, time.Hour)
		}
	}
}
