package pd

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

func TestRestart(t *testing.T) {
	lease := Delegation{Name: "isp", Link: "wan0", Prefix: netip.MustParsePrefix("2001:db8:100::/56"), ServerDUID: serverDUID,
		PreferredUntil: epoch.Add(time.Hour), ValidUntil: epoch.Add(2 * time.Hour), T1: epoch.Add(30 * time.Minute), T2: epoch.Add(48 * time.Minute)}
	tests := []struct {
		name  string
		setup func(*server, *Uplink)
		log   string // of the first eleven seconds
		held  string
		later string // held at 1:59
	}{
		{"confirmed", func(*server, *Uplink) {}, "Rebind", "isp 2001:db8:100::/56", "isp 2001:db8:100::/56"},
		{"renumbered", func(s *server, _ *Uplink) {
			fresh := netip.MustParsePrefix("2001:db8:900::/56")
			s.edit = func(_, rep *dhcp6.Message) {
				firstPD(rep).Options.Options = dhcp6.Options{prefixOption(lease.Prefix, 0, 0), prefixOption(fresh, time.Hour, 2*time.Hour)}
			}
		}, "Rebind", "isp 2001:db8:900::/56", "isp 2001:db8:900::/56"},
		{"unknown to the server", func(s *server, _ *Uplink) { s.forgets = true }, "Rebind Request", "isp 2001:db8:100::/56", "isp 2001:db8:100::/56"},
		{"nobody there", func(s *server, _ *Uplink) { s.silent = true }, "Rebind Rebind Rebind Rebind Rebind", "isp 2001:db8:100::/56", "isp 2001:db8:100::/56"},
		{"other IAID", func(s *server, u *Uplink) {
			u.Prefixes[0].IAID = 2
			s.prefixes[2] = netip.MustParsePrefix("2001:db8:200::/56")
		}, "Solicit Request", "isp 2001:db8:200::/56", "isp 2001:db8:200::/56"},
		{"no longer wanted", func(_ *server, u *Uplink) { u.Prefixes = nil }, "", "", ""},
		{"address wanted too", func(s *server, u *Uplink) {
			u.Address = &IA{IAID: 9}
			s.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
		}, "Rebind", "isp 2001:db8:100::/56, 2001:db8::9/128", "isp 2001:db8:100::/56, 2001:db8::9/128"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, "2001:db8:100::/56")
			u := uplink()
			tt.setup(srv, &u)
			s := newSim(t, 8, srv)
			s.m.restore(s.now, clientDUID, 1, lease, nil)
			s.wantHeld("isp 2001:db8:100::/56")
			s.run(time.Second)
			s.wantLog("")
			s.apply(u)
			s.run(11 * time.Second)
			s.wantLog(tt.log)
			s.wantHeld(tt.held)
			s.run(119*time.Minute - 12*time.Second)
			s.wantHeld(tt.later)
		})
	}
}

func TestRestartNobodyThere(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	srv.silent = true
	s := newSim(t, 8, srv)
	s.m.restore(s.now, clientDUID, 1, Delegation{Name: "isp", Link: "wan0", Prefix: netip.MustParsePrefix("2001:db8:100::/56"),
		ServerDUID: serverDUID, ValidUntil: epoch.Add(time.Hour), T1: epoch.Add(10 * time.Minute), T2: epoch.Add(20 * time.Minute)}, nil)
	s.apply(uplink())
	s.run(59 * time.Minute)
	s.wantHeld("isp 2001:db8:100::/56")
	if kinds := s.log(); strings.Contains(kinds, "Renew") || strings.Contains(kinds, "Solicit") {
		t.Errorf("an unconfirmed lease is rebound until somebody answers; sent %s", kinds)
	}
	s.run(2 * time.Minute)
	s.wantHeld("")
	if got := s.state("isp"); !strings.HasPrefix(got, "soliciting") {
		t.Errorf("state after the end: %s", got)
	}
}

func TestLinkChanges(t *testing.T) {
	tests := []struct {
		name string
		step func(s *sim, u Uplink)
	}{
		{"link replaced", func(s *sim, u Uplink) { u.Index++; s.apply(u) }},
		{"address replaced", func(s *sim, u Uplink) { u.LinkLocal = netip.MustParseAddr("fe80::3"); s.apply(u) }},
		{"link gone and back", func(s *sim, u Uplink) {
			s.m.configure(s.now, clientDUID, nil)
			s.wantState("isp", "waiting: the link is not ready")
			s.run(time.Minute)
			s.wantHeld("isp 2001:db8:100::/56")
			s.apply(u)
		}},
		{"carrier lost and back", func(s *sim, u Uplink) {
			u.NoCarrier = true
			s.apply(u)
			s.wantState("isp", "waiting: the link is not ready")
			s.run(time.Minute)
			s.wantHeld("isp 2001:db8:100::/56")
			u.NoCarrier = false
			s.apply(u)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSim(t, 9, newServer(t, "2001:db8:100::/56"))
			s.apply(uplink())
			s.run(10 * time.Second)
			s.forget()
			tt.step(s, uplink())
			s.run(2 * time.Second)
			s.wantLog("Rebind")
			s.wantHeld("isp 2001:db8:100::/56")
			s.wantState("isp", "bound")
		})
	}
	t.Run("expires while the link is gone", func(t *testing.T) {
		s := newSim(t, 9, newServer(t, "2001:db8:100::/56"))
		s.apply(uplink())
		s.run(10 * time.Second)
		s.m.configure(s.now, clientDUID, nil)
		s.run(3 * time.Hour)
		s.wantHeld("")
		s.forget()
		s.apply(uplink())
		s.run(3 * time.Second)
		s.wantLog("Solicit Request")
	})
}

func TestConfigurationChanges(t *testing.T) {
	bound := func(t *testing.T) (*sim, *server, Uplink) {
		srv := newServer(t, "2001:db8:100::/56")
		s := newSim(t, 10, srv)
		u := uplink()
		s.apply(u)
		s.run(10 * time.Second)
		s.forget()
		return s, srv, u
	}
	t.Run("the same", func(t *testing.T) {
		s, _, u := bound(t)
		s.apply(u)
		s.run(time.Minute)
		s.wantLog("")
	})
	t.Run("one more", func(t *testing.T) {
		s, srv, u := bound(t)
		srv.prefixes[2] = netip.MustParsePrefix("2001:db8:200::/64")
		u.Prefixes = append(u.Prefixes[:1:1], IA{Name: "lab", IAID: 2})
		s.apply(u)
		s.run(5 * time.Second)
		s.wantLog("Renew")
		s.wantHeld("isp 2001:db8:100::/56, lab 2001:db8:200::/64")
	})
	t.Run("one less, and back", func(t *testing.T) {
		s, _, u := bound(t)
		none := u
		none.Prefixes = nil
		s.apply(none)
		s.run(time.Minute)
		s.wantHeld("")
		s.wantState("isp", "gone")
		s.wantLog("")
		s.apply(u)
		s.wantHeld("isp 2001:db8:100::/56")
		s.run(2 * time.Second)
		s.wantLog("Rebind")
	})
	t.Run("another length", func(t *testing.T) {
		s, srv, u := bound(t)
		srv.prefixes[1] = netip.MustParsePrefix("2001:db8:300::/48")
		u.Prefixes = []IA{{Name: "isp", IAID: 1, Hint: netip.MustParsePrefix("::/48")}}
		s.apply(u)
		s.wantHeld("isp 2001:db8:100::/56")
		s.run(5 * time.Second)
		s.wantLog("Solicit Request")
		if got := s.sent[0].ias[0].prefixes[0].String(); got != "::/48" {
			t.Errorf("hint %s, want ::/48", got)
		}
		s.wantHeld("isp 2001:db8:300::/48")
	})
	t.Run("another client identifier", func(t *testing.T) {
		s, _, u := bound(t)
		s.m.configure(s.now, otherDUID, &u)
		s.wantHeld("isp 2001:db8:100::/56")
		s.run(5 * time.Second)
		s.wantLog("Solicit Request")
		s.wantHeld("isp 2001:db8:100::/56")
	})
	t.Run("while soliciting", func(t *testing.T) {
		srv := newServer(t, "2001:db8:100::/56")
		srv.silent = true
		s := newSim(t, 10, srv)
		s.apply(uplink())
		s.run(time.Hour)
		srv.silent = false
		srv.prefixes[2] = netip.MustParsePrefix("2001:db8:200::/64")
		u := uplink()
		u.Prefixes = append(u.Prefixes, IA{Name: "lab", IAID: 2})
		s.apply(u)
		s.run(3 * time.Second)
		s.wantHeld("isp 2001:db8:100::/56, lab 2001:db8:200::/64")
	})
}

func TestReleaseAndRenew(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	srv.prefixes[2] = netip.MustParsePrefix("2001:db8:200::/64")
	s := newSim(t, 11, srv)
	u := uplink()
	u.Prefixes = append(u.Prefixes, IA{Name: "lab", IAID: 2})
	s.apply(u)
	s.run(10 * time.Second)
	s.forget()
	if s.m.release(s.now, "nobody") {
		t.Errorf("released what is not there")
	}
	if !s.m.release(s.now, "isp") {
		t.Fatalf("isp not released")
	}
	s.wantHeld("lab 2001:db8:200::/64")
	s.wantState("isp", "releasing")
	s.run(time.Second)
	s.wantState("isp", "released")
	s.wantLog("Release")
	if r := s.sent[0]; len(r.ias) != 1 || r.ias[0].prefixes[0].String() != "2001:db8:100::/56" || r.server == nil {
		t.Errorf("Release %+v", r)
	}
	s.apply(u)
	s.run(3 * time.Hour)
	s.wantHeld("lab 2001:db8:200::/64")
	s.forget()
	if ok, err := s.m.renew(s.now, "isp"); !ok || err != nil {
		t.Fatalf("renew: %v, %v", ok, err)
	}
	s.run(time.Second)
	s.wantHeld("isp 2001:db8:100::/56, lab 2001:db8:200::/64")
	s.forget()
	if ok, err := s.m.renew(s.now, "isp"); !ok || err != nil {
		t.Fatalf("renew: %v, %v", ok, err)
	}
	s.run(time.Second)
	s.wantLog("Renew")

	srv.silent = true
	s.m.release(s.now, "isp")
	s.forget()
	s.run(time.Minute)
	s.wantLog("Release Release Release Release")
	s.wantState("isp", "released")
	s.m.configure(s.now, clientDUID, nil)
	if _, err := s.m.renew(s.now, "isp"); !errors.Is(err, errNotReady) {
		t.Errorf("renew without a link: %v", err)
	}
}

func TestSendError(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	s := newSim(t, 12, srv)
	s.fail = errors.New("network is down")
	s.apply(uplink())
	s.run(24 * time.Hour)
	s.wantState("isp", "soliciting: network is down")
	s.fail = nil
	s.run(15 * time.Second)
	s.wantHeld("isp 2001:db8:100::/56")
	s.wantState("isp", "bound")
}

// Some servers extend addresses but not prefixes, and some drop a Rebind of what they do not know: neither may cost the
// prefix for as long as the address lives.
func TestStarvingPrefix(t *testing.T) {
	const first, second = "2001:db8:100::/56", "2001:db8:200::/56"
	address := "2001:db8::9/128"
	dropIA := func(kinds ...dhcp6.MessageType) func(req, rep *dhcp6.Message) {
		return func(req, rep *dhcp6.Message) {
			if ia := firstPD(rep); ia != nil && slices.Contains(kinds, req.MessageType) {
				ia.Options.Options = nil
			}
		}
	}
	tests := []struct {
		name   string
		server func(*server) // after the first Reply
		within time.Duration
		held   string
	}{
		{
			name: "left out of Renew", server: func(s *server) { s.edit = dropIA(dhcp6.MessageTypeRenew) },
			within: 2 * time.Hour, held: "isp " + first + ", " + address,
		},
		{
			name: "left out of Rebind by a server that was away",
			server: func(s *server) {
				s.edit = dropIA(dhcp6.MessageTypeRenew, dhcp6.MessageTypeRebind)
			},
			within: 2 * time.Hour, held: "isp " + first + ", " + address,
		},
		{
			name: "withdrawn without another, while another is there for those who ask",
			server: func(s *server) {
				s.prefixes[1] = netip.MustParsePrefix(second)
				s.edit = func(req, rep *dhcp6.Message) {
					if ia := firstPD(rep); ia != nil && req.MessageType == dhcp6.MessageTypeRenew {
						ia.Options.Options = nil
						ia.Options.Add(prefixOption(netip.MustParsePrefix(first), 0, 0))
					}
				}
			},
			within: 45 * time.Minute, held: "isp " + second + ", " + address,
		},
		{
			name: "no prefix any more: the address is renewed all the same",
			server: func(s *server) {
				s.prefixes = nil
			},
			within: 48 * time.Hour, held: address,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, first)
			srv.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
			s := newSim(t, 1, srv)
			u := uplink()
			u.Address = &IA{IAID: 9}
			s.apply(u)
			s.run(3 * time.Second)
			s.wantHeld("isp " + first + ", " + address)
			s.forget()
			tt.server(srv)
			for end := s.now.Add(tt.within); s.now.Before(end); {
				s.run(time.Minute)
				if held := s.held(); !strings.Contains(held, address) {
					t.Fatalf("at %s: holds %q: the address is lost", s.now.Sub(epoch), held)
				}
			}
			s.wantHeld(tt.held)
			if n, most := len(s.sent), 60+int(tt.within/time.Hour)*30; n > most {
				t.Errorf("%d messages in %s: %s", n, tt.within, s.log())
			}
			for _, r := range s.only(dhcp6.MessageTypeSolicit) {
				if len(r.ias) != 1 || r.ias[0].key.address {
					t.Errorf("a Solicit at %s is about more than the prefix: %+v", r.at, r.ias)
				}
			}
		})
	}
}

// A prefix that ends while a Rebind of the address is ignored is asked for at once.
func TestExpiryBesideAddress(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	srv.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
	srv.edit = func(req, rep *dhcp6.Message) {
		for _, o := range rep.Options.Get(dhcp6.OptionIANA) {
			ia := o.(*dhcp6.OptIANA)
			if a := ia.Options.OneAddress(); a != nil {
				a.PreferredLifetime, a.ValidLifetime = 24*time.Hour, 24*time.Hour
			}
		}
	}
	s := newSim(t, 1, srv)
	u := uplink()
	u.Address = &IA{IAID: 9}
	s.apply(u)
	s.run(3 * time.Second)
	s.wantHeld("isp 2001:db8:100::/56, 2001:db8::9/128")
	srv.prefixes[1] = netip.MustParsePrefix("2001:db8:200::/56")
	serve := srv.edit
	srv.edit = func(req, rep *dhcp6.Message) {
		if serve(req, rep); req.MessageType == dhcp6.MessageTypeRenew || req.MessageType == dhcp6.MessageTypeRebind {
			rep.MessageType = 0 // what it has forgotten it does not answer
		}
	}
	s.run(2*time.Hour + time.Second)
	s.wantHeld("isp 2001:db8:200::/56, 2001:db8::9/128")
}
