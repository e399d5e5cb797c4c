package pd

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
)

func TestAcquire(t *testing.T) {
	address := &IA{IAID: 9}
	tests := []struct {
		name   string
		uplink func(*Uplink)
		server func(*server)
		second func(*server) // another server, if not nil
		log    string
		held   string
		state  string // of isp
	}{
		{name: "four messages", log: "Solicit Request", held: "isp 2001:db8:100::/56", state: "bound"},
		{
			name: "rapid commit", uplink: func(u *Uplink) { u.RapidCommit = true }, server: func(s *server) { s.rapid = true },
			log: "Solicit", held: "isp 2001:db8:100::/56", state: "bound",
		},
		{
			name: "rapid commit refused", uplink: func(u *Uplink) { u.RapidCommit = true },
			log: "Solicit Request", held: "isp 2001:db8:100::/56", state: "bound",
		},
		{
			name: "rapid commit unasked", server: func(s *server) {
				s.edit = func(req, rep *dhcp6.Message) {
					if req.MessageType == dhcp6.MessageTypeSolicit {
						rep.MessageType = dhcp6.MessageTypeReply
						rep.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionRapidCommit})
					}
				}
			},
			log: "Solicit Solicit", state: "soliciting",
		},
		{
			name: "address and prefix", uplink: func(u *Uplink) { u.Address = address },
			server: func(s *server) {
				s.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
			},
			log: "Solicit Request", held: "isp 2001:db8:100::/56, 2001:db8::9/128", state: "bound",
		},
		{
			name: "no address does not block the prefix", uplink: func(u *Uplink) { u.Address = address },
			log: "Solicit Request Renew Request", held: "isp 2001:db8:100::/56", state: "bound",
			server: func(s *server) { s.forgets = true },
		},
		{
			name: "no prefix does not block the address", uplink: func(u *Uplink) { u.Address = address },
			server: func(s *server) {
				s.prefixes, s.addresses = nil, map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
			},
			log: "Solicit Request Renew", held: "2001:db8::9/128", state: "waiting: NoPrefixAvail: pool is empty",
		},
		{
			name:   "several prefixes",
			uplink: func(u *Uplink) { u.Prefixes = append(u.Prefixes, IA{Name: "lab", IAID: 2}) },
			server: func(s *server) { s.prefixes[2] = netip.MustParsePrefix("2001:db8:200::/64") },
			log:    "Solicit Request", held: "isp 2001:db8:100::/56, lab 2001:db8:200::/64", state: "bound",
		},
		{
			name: "nothing to have", server: func(s *server) { s.prefixes = nil },
			log: "Solicit Solicit", state: "soliciting: NoPrefixAvail: pool is empty",
		},
		{
			name:   "an offer with the prefix beats preference",
			uplink: func(u *Uplink) { u.Address = address },
			server: func(s *server) {
				s.prefixes, s.preference = nil, 255
				s.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
			},
			second: func(s *server) { s.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::a")} },
			log:    "Solicit Request", held: "isp 2001:db8:200::/56, 2001:db8::a/128", state: "bound",
		},
		{
			name: "higher preference", server: func(s *server) { s.preference = 1 }, second: func(s *server) { s.preference = 2 },
			log: "Solicit Request", held: "isp 2001:db8:200::/56", state: "bound",
		},
		{
			name: "preferred above valid", server: func(s *server) { s.preferred = s.valid + time.Second },
			log: "Solicit Solicit", state: "soliciting: not offered by the server",
		},
		{
			name: "T1 above T2", server: func(s *server) { s.t1, s.t2 = 100*time.Second, 50*time.Second },
			log:   "Solicit Solicit",
			state: "soliciting: the server's T1 of 1m40s is above its T2 of 50s: such an offer does not count (RFC 9915 21.21)",
		},
		{
			name: "host bits are masked", server: func(s *server) { s.prefixes[1] = netip.MustParsePrefix("2001:db8:100::1/56") },
			log: "Solicit Request", held: "isp 2001:db8:100::/56", state: "bound",
		},
		{
			name: "far too much", server: func(s *server) { s.prefixes[1] = netip.MustParsePrefix("2000::/3") },
			log: "Solicit Solicit", state: "soliciting: not offered by the server",
		},
		{
			name: "link-local prefix", server: func(s *server) { s.prefixes[1] = netip.MustParsePrefix("fe80::/56") },
			log: "Solicit Solicit", state: "soliciting: not offered by the server",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			servers := []*server{newServer(t, "2001:db8:100::/56")}
			if tt.server != nil {
				tt.server(servers[0])
			}
			if tt.second != nil {
				o := newServer(t, "2001:db8:200::/56")
				o.duid = otherDUID
				tt.second(o)
				servers = append(servers, o)
			}
			s := newSim(t, 1, servers...)
			u := uplink()
			if tt.uplink != nil {
				tt.uplink(&u)
			}
			s.apply(u)
			s.run(3200 * time.Millisecond)
			s.wantLog(tt.log)
			s.wantHeld(tt.held)
			s.wantState("isp", tt.state)
		})
	}
}

func TestDelegation(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	srv.t1, srv.t2 = 20*time.Minute, 40*time.Minute
	s := newSim(t, 1, srv)
	s.apply(uplink())
	s.run(3 * time.Second)
	at := epoch.Add(s.sent[1].at + flight)
	want := []held{{IAID: 1, DUID: clientDUID, wanted: true, Delegation: Delegation{
		Name: "isp", Link: "wan0", Prefix: netip.MustParsePrefix("2001:db8:100::/56"),
		PreferredUntil: at.Add(time.Hour), ValidUntil: at.Add(2 * time.Hour), T1: at.Add(20 * time.Minute), T2: at.Add(40 * time.Minute),
		Server: serverAddr, ServerDUID: serverDUID, DNS: []netip.Addr{netip.MustParseAddr("2001:db8::53")}, Domains: []string{"isp.example"},
	}}}
	if diff := cmp.Diff(want, s.m.leases(), cmp.AllowUnexported(held{}), cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})); diff != "" {
		t.Errorf("lease (-want +got):\n%s", diff)
	}
	if got := s.sent[0].ias[0].prefixes[0].String(); got != "::/56" {
		t.Errorf("Solicit hints %s, want ::/56", got)
	}
	if got := s.sent[1].ias[0].prefixes[0].String(); got != "2001:db8:100::/56" {
		t.Errorf("Request asks for %s, want what was offered", got)
	}
}

func TestTimes(t *testing.T) {
	const h = time.Hour
	tests := []struct {
		name             string
		t1, t2           time.Duration
		preferred, valid time.Duration
		others           []leaseAnswer
		want1, want2     time.Duration
	}{
		{"as said", 1 * h, 2 * h, 4 * h, 8 * h, nil, 1 * h, 2 * h},
		{"ours", 0, 0, 10 * h, 20 * h, nil, 5 * h, 8 * h},
		{"ours, of the shortest", 0, 0, 10 * h, 20 * h, []leaseAnswer{{preferred: 2 * h, valid: 3 * h}, {valid: h}}, h, 96 * time.Minute},
		{"only T2", 0, 3 * h, 10 * h, 20 * h, nil, 3 * h, 3 * h},
		{"only T1", 9 * h, 0, 10 * h, 20 * h, nil, 9 * h, 9 * h},
		{"beyond the end", 30 * h, 40 * h, 10 * h, 20 * h, nil, 5 * h, 10 * h},
		{"no longer preferred", 0, 0, 0, 10 * h, nil, 5 * h, 8 * h},
		{"tiny", 0, 0, time.Second, time.Second, nil, time.Second, time.Second},
		{"for ever", 0, 0, 0xffffffff * time.Second, 0xffffffff * time.Second, nil, 0xffffffff * time.Second / 2, 0xffffffff * time.Second / 10 * 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			best := leaseAnswer{preferred: tt.preferred, valid: tt.valid}
			ia := iaAnswer{t1: tt.t1, t2: tt.t2, leases: append([]leaseAnswer{best}, tt.others...)}
			if t1, t2 := ia.times(&best); t1 != tt.want1 || t2 != tt.want2 {
				t.Errorf("T1, T2 = %s, %s; want %s, %s", t1, t2, tt.want1, tt.want2)
			}
		})
	}
}

func TestRenewsForever(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	s := newSim(t, 2, srv)
	s.apply(uplink())
	s.run(10 * 24 * time.Hour)
	s.wantHeld("isp 2001:db8:100::/56")
	if n := len(s.only(dhcp6.MessageTypeRenew)); n != 479 && n != 480 {
		t.Errorf("%d Renews in ten days with T1 at 30 min, want 480", n)
	}
	if n := len(s.sent); n != len(s.only(dhcp6.MessageTypeRenew))+2 {
		t.Errorf("%d messages, want Solicit, Request and Renews", n)
	}
	if r := s.sent[2]; r.server == nil || r.ias[0].prefixes[0].String() != "2001:db8:100::/56" {
		t.Errorf("Renew to %x for %s", r.server, r.ias[0].prefixes)
	}
}

func TestSilentServer(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	s := newSim(t, 3, srv)
	s.apply(uplink())
	s.run(10 * time.Second)
	srv.silent = true
	s.forget()
	s.run(29 * time.Minute) // T1 is at 30, T2 at 48, the end at 120
	s.wantLog("")
	s.wantState("isp", "bound")
	s.run(5 * time.Minute)
	if s.state("isp") != "renewing: no answer to 5 Renew messages" && s.state("isp") != "renewing: no answer to 4 Renew messages" {
		t.Errorf("state at 34 min: %s", s.state("isp"))
	}
	s.run(20 * time.Minute)
	if got := s.state("isp"); !strings.HasPrefix(got, "rebinding: no answer to ") {
		t.Errorf("state at 54 min: %s", got)
	}
	if r := s.sent[len(s.sent)-1]; r.server != nil {
		t.Errorf("Rebind names a server")
	}
	s.run(65 * time.Minute)
	s.wantHeld("isp 2001:db8:100::/56")
	s.run(2 * time.Minute)
	s.wantHeld("")
	if got := s.state("isp"); !strings.HasPrefix(got, "soliciting: expired") {
		t.Errorf("state after the end: %s", got)
	}
	s.run(4 * 24 * time.Hour)
	srv.silent = false
	s.run(2 * time.Hour)
	s.wantHeld("isp 2001:db8:100::/56")
	s.wantState("isp", "bound")
}

func TestReplies(t *testing.T) {
	old, fresh := netip.MustParsePrefix("2001:db8:100::/56"), netip.MustParsePrefix("2001:db8:900::/56")
	pd := func(opts ...dhcp6.Option) func(req, rep *dhcp6.Message) {
		return func(req, rep *dhcp6.Message) {
			if req.MessageType == dhcp6.MessageTypeRenew {
				firstPD(rep).Options.Options = opts
			}
		}
	}
	status := func(code iana.StatusCode) dhcp6.Option {
		return &dhcp6.OptStatusCode{StatusCode: code, StatusMessage: "x\x1b[2J"}
	}
	tests := []struct {
		name  string
		edit  func(req, rep *dhcp6.Message)
		setup func(*server)
		log   string // in the half minute after T1
		held  string
		state string
	}{
		{"extended", nil, nil, "Renew", "isp 2001:db8:100::/56", "bound"},
		{"renumbered", pd(prefixOption(old, 0, 0), prefixOption(fresh, time.Hour, 2*time.Hour)), nil,
			"Renew", "isp 2001:db8:900::/56", "bound"},
		{"renumbered, new first", pd(prefixOption(fresh, time.Hour, 2*time.Hour), prefixOption(old, 0, 0)), nil,
			"Renew", "isp 2001:db8:900::/56", "bound"},
		{"renumbered gently", pd(prefixOption(old, 0, time.Hour), prefixOption(fresh, time.Hour, 2*time.Hour)), nil,
			"Renew", "isp 2001:db8:900::/56", "bound"},
		{"one more is not taken", pd(prefixOption(fresh, 2*time.Hour, 3*time.Hour), prefixOption(old, time.Hour, 2*time.Hour)), nil,
			"Renew", "isp 2001:db8:100::/56", "bound"},
		{"deprecated", pd(prefixOption(old, 0, time.Hour)), nil, "Renew", "isp 2001:db8:100::/56", "bound"},
		{"withdrawn, then given anew", pd(prefixOption(old, 0, 0)), nil, "Renew Solicit Request", "isp 2001:db8:100::/56", "bound"},
		{"no binding", nil, func(s *server) { s.forgets = true }, "Renew Request", "isp 2001:db8:100::/56", "bound"},
		{"no binding, other prefix", nil, func(s *server) { s.forgets = true; s.prefixes[1] = fresh }, "Renew Request", "isp 2001:db8:900::/56", "bound"},
		{"no binding for the message", func(req, rep *dhcp6.Message) {
			if req.MessageType == dhcp6.MessageTypeRenew {
				rep.Options.Options = append(rep.Options.Options[:2:2], status(iana.StatusNoBinding))
			}
		}, nil, "Renew Request", "isp 2001:db8:100::/56", "bound"},
		{"no binding, and none to have", nil, func(s *server) { s.forgets = true; s.prefixes = nil },
			"Renew Request Renew Request Renew Request Renew Request Renew Request", "isp 2001:db8:100::/56", "bound: NoPrefixAvail: pool is empty"},
		{"failure", func(req, rep *dhcp6.Message) { rep.AddOption(status(iana.StatusUnspecFail)) }, nil,
			"Renew Renew", "isp 2001:db8:100::/56", "renewing: UnspecFail: x[2J"},
		{"off link", pd(status(iana.StatusNotOnLink)), nil, "Renew Solicit Request", "isp 2001:db8:100::/56", "bound"},
		{"empty", pd(), nil, "Renew Renew Renew Renew Renew", "isp 2001:db8:100::/56", "bound: nothing in the server's Reply"},
		{"left out", func(req, rep *dhcp6.Message) { rep.Options.Del(dhcp6.OptionIAPD) }, nil,
			"Renew Renew Renew Renew Renew", "isp 2001:db8:100::/56", "bound: left out of the server's Reply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, old.String())
			s := newSim(t, 4, srv)
			s.apply(uplink())
			s.run(10 * time.Second)
			s.wantHeld("isp 2001:db8:100::/56")
			s.forget()
			srv.edit = tt.edit
			if tt.setup != nil {
				tt.setup(srv)
			}
			s.run(30*time.Minute + 15*time.Second)
			s.wantLog(tt.log)
			s.wantHeld(tt.held)
			s.wantState("isp", tt.state)
		})
	}
}

func TestSolMaxRT(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	srv.prefixes = nil
	srv.edit = func(_, rep *dhcp6.Message) {
		rep.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionSolMaxRT, OptionData: []byte{0, 0, 0, 100}})
	}
	s := newSim(t, 5, srv)
	s.apply(uplink())
	s.run(time.Hour)
	n := len(s.sent)
	s.run(time.Hour)
	if got := len(s.sent) - n; got < 32 || got > 40 {
		t.Errorf("%d Solicits in an hour with SOL_MAX_RT 100 s", got)
	}
}

func TestIgnored(t *testing.T) {
	drop := func(code dhcp6.OptionCode) func(req, rep *dhcp6.Message) {
		return func(_, rep *dhcp6.Message) { rep.Options.Del(code) }
	}
	tests := []struct {
		name string
		edit func(req, rep *dhcp6.Message)
		want error
	}{
		{"other transaction", func(_, rep *dhcp6.Message) { rep.TransactionID[0]++ }, errUnasked},
		{"other client", func(_, rep *dhcp6.Message) {
			rep.Options.Update(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionClientID, OptionData: otherDUID})
		}, errNotForUs},
		{"no client", drop(dhcp6.OptionClientID), errNotForUs},
		{"no server", drop(dhcp6.OptionServerID), errNoServerID},
		{"two servers", func(_, rep *dhcp6.Message) {
			rep.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionServerID, OptionData: otherDUID})
		}, errServerID},
		{"a Solicit", func(_, rep *dhcp6.Message) { rep.MessageType = dhcp6.MessageTypeSolicit }, errType},
		{"a Reconfigure", func(_, rep *dhcp6.Message) { rep.MessageType = dhcp6.MessageTypeReconfigure }, errType},
		{"a Reply to Solicit", func(req, rep *dhcp6.Message) {
			if req.MessageType == dhcp6.MessageTypeSolicit {
				rep.MessageType = dhcp6.MessageTypeReply
			}
		}, errWrongType},
		{"an Advertise to Request", func(_, rep *dhcp6.Message) { rep.MessageType = dhcp6.MessageTypeAdvertise }, errWrongType},
		{"another server's Reply", func(req, rep *dhcp6.Message) {
			if req.MessageType == dhcp6.MessageTypeRequest {
				rep.Options.Update(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionServerID, OptionData: otherDUID})
			}
		}, errNotAsked},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, "2001:db8:100::/56")
			srv.edit = tt.edit
			s := newSim(t, 6, srv)
			s.apply(uplink())
			s.run(5 * time.Second)
			s.wantHeld("")
			if len(s.drops) == 0 || s.drops[0] != tt.want.Error() {
				t.Errorf("dropped %q, want %q", s.drops, tt.want)
			}
		})
	}
}

func TestLateAndDuplicateReplies(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	s := newSim(t, 7, srv)
	s.apply(uplink())
	s.run(3 * time.Second)
	replay := srv.handle(s.sent[1].marshal())
	s.deliver(replay)
	s.run(time.Hour)
	s.deliver(replay)
	if diff := cmp.Diff([]string{errUnasked.Error(), errUnasked.Error()}, s.drops); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	s.wantHeld("isp 2001:db8:100::/56")
}
