package pd

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// stateless is an uplink that asks for information alone.
func stateless() Uplink {
	u := uplink()
	u.Prefixes, u.Stateless = nil, true
	return u
}

// seconds makes a server add an option of four octets.
func seconds(rep *dhcp6.Message, code dhcp6.OptionCode, d time.Duration) {
	rep.AddOption(&dhcp6.OptionGeneric{OptionCode: code, OptionData: binary.BigEndian.AppendUint32(nil, uint32(d/time.Second))})
}

func TestInformation(t *testing.T) {
	tests := []struct {
		name    string
		refresh time.Duration // 0: not said
		sent    int           // in three days
	}{
		{"default of a day", 0, 3},
		{"an hour", time.Hour, 72},
		{"less than the minimum", time.Second, 432},
		{"never", 0xffffffff * time.Second, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, "2001:db8:100::/56")
			srv.edit = func(req, rep *dhcp6.Message) {
				if req.GetOneOption(dhcp6.OptionIAPD) != nil || req.GetOneOption(dhcp6.OptionElapsedTime) == nil {
					t.Errorf("sent %s", req)
				}
				if tt.refresh > 0 {
					seconds(rep, dhcp6.OptionInformationRefreshTime, tt.refresh)
				}
			}
			s := newSim(t, 1, srv)
			s.apply(stateless())
			s.run(3*24*time.Hour - time.Minute)
			if len(s.sent) != tt.sent || len(s.only(dhcp6.MessageTypeInformationRequest)) != tt.sent {
				t.Errorf("%d messages, want %d", len(s.sent), tt.sent)
			}
			r := s.m.resolver
			if r == nil || len(r.DNS) != 1 || r.DNS[0].String() != "2001:db8::53" || strings.Join(r.Domains, " ") != "isp.example" {
				t.Errorf("learnt %+v", r)
			}
		})
	}
}

// TestInformationRetransmission checks INF_TIMEOUT, and INF_MAX_RT as the server says (RFC 9915 18.2.6, 21.25).
func TestInformationRetransmission(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	srv.edit = func(req, rep *dhcp6.Message) {
		seconds(rep, dhcp6.OptionInfMaxRT, 2*time.Minute)
		seconds(rep, dhcp6.OptionInformationRefreshTime, time.Hour)
	}
	s := newSim(t, 1, srv)
	s.apply(stateless())
	s.run(time.Minute)
	srv.silent = true
	s.forget()
	s.run(5 * time.Hour)
	for n := 1; n < len(s.sent); n++ {
		gap := s.sent[n].at - s.sent[n-1].at
		want := min(time.Second<<(n-1), 2*time.Minute)
		if low, high := want*7/10, want*13/10; n < 4 && (gap < low || gap > high) || gap > 132*time.Second {
			t.Errorf("interval %d is %s, want about %s", n, gap, want)
		}
	}
	if len(s.sent) < 100 || s.m.resolver == nil {
		t.Errorf("%d messages, known %v: what was learnt holds while nobody answers", len(s.sent), s.m.resolver)
	}
	srv.silent = false
	s.run(3 * time.Minute)
	s.forget()
	s.run(50 * time.Minute)
	s.wantLog("")
}

func TestInformationClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "")
		r.apply(t, stateless())
		r.start(t)
		pass(3 * time.Second)
		got := r.Resolvers()
		if len(got) != 1 || got[0].Link != "wan0" || len(got[0].DNS) != 1 || r.changes.Load() != 1 {
			t.Errorf("%+v, %d changes", got, r.changes.Load())
		}
		if s := r.Status(); len(s) != 1 || s[0].Kind != "information" || s[0].State != stateBound || s[0].Resolver == nil {
			t.Errorf("status %+v", s)
		}
		r.mu.Lock()
		r.srv.edit = func(_, rep *dhcp6.Message) { rep.UpdateOption(dhcp6.OptDNS(net.ParseIP("2001:db8::54"))) }
		r.mu.Unlock()
		pass(25 * time.Hour)
		if got := r.Resolvers(); len(got) != 1 || got[0].DNS[0].String() != "2001:db8::54" || r.changes.Load() != 2 {
			t.Errorf("%+v, %d changes", got, r.changes.Load())
		}
		r.apply(t, uplink()) // prefixes bring their own
		pass(3 * time.Second)
		if got := r.Resolvers(); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		r.want(t, "isp 2001:db8:100::/56")
		r.apply(t)
		pass(3 * time.Hour)
		if len(r.machines) != 0 {
			t.Errorf("left: %v", r.machines)
		}
		r.stop()
	})
}

// TestOptions checks what is sent and asked for on request.
func TestOptions(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	srv.edit = func(req, rep *dhcp6.Message) {
		if got := req.GetOneOption(dhcp6.OptionUserClass); got == nil || string(got.ToBytes()) != "\x00\x05hello" {
			t.Errorf("%s with user class %v", req.MessageType, got)
		}
		if !req.IsOptionRequested(64) || !req.IsOptionRequested(dhcp6.OptionPDExclude) {
			t.Errorf("%s asks for %v", req.MessageType, req.Options.RequestedOptions())
		}
		rep.AddOption(&dhcp6.OptionGeneric{OptionCode: 64, OptionData: []byte("\x04aftr\x00")})
		rep.AddOption(&dhcp6.OptionGeneric{OptionCode: 99, OptionData: []byte("not asked for")})
	}
	s := newSim(t, 1, srv)
	u := uplink()
	u.Request, u.Send = []uint16{64, 23}, []Option{{Code: 15, Data: []byte("\x00\x05hello")}}
	s.apply(u)
	s.run(time.Hour)
	s.wantHeld("isp 2001:db8:100::/56")
	if got := s.m.find("isp").lease.Options; len(got) != 1 || got[0].Code != 64 || string(got[0].Data) != "\x04aftr\x00" {
		t.Errorf("received %v", got)
	}
}

// TestIdentifierOfLink has a link with a client identifier of its own.
func TestIdentifierOfLink(t *testing.T) {
	s := newSim(t, 1, newServer(t, "2001:db8:100::/56"))
	u := uplink()
	u.DUID = otherDUID
	s.apply(u)
	s.run(time.Minute)
	s.wantHeld("isp 2001:db8:100::/56")
	for _, m := range s.sent {
		if string(m.client) != string(otherDUID) {
			t.Errorf("%s from %x", titles[m.kind], m.client)
		}
	}
	if got := lines(s.m.preview(clientDUID, &u)); got != "" {
		t.Errorf("the same again: %s", got)
	}
}

// TestOptionsChange checks that options that a server wants are tried at once, whatever the pauses have grown to.
func TestOptionsChange(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	srv.edit = func(req, rep *dhcp6.Message) {
		if req.GetOneOption(dhcp6.OptionUserClass) == nil {
			rep.MessageType = 0
		}
	}
	s := newSim(t, 1, srv)
	s.apply(uplink())
	s.run(time.Hour)
	s.wantHeld("")
	u := uplink()
	u.Send = []Option{{Code: 15, Data: []byte("\x00\x05hello")}}
	s.apply(u)
	s.run(3 * time.Second)
	s.wantHeld("isp 2001:db8:100::/56")
}
