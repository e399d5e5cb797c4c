package pd

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
)

// addressed is an uplink that asks for an address, and for nothing else.
func addressed() Uplink {
	u := uplink()
	u.Prefixes, u.Address = nil, &IA{IAID: 9}
	return u
}

// TestDecline has another host on the link own the address that the server gave.
func TestDecline(t *testing.T) {
	for _, silent := range []bool{false, true} {
		srv := newServer(t, "2001:db8:100::/56")
		srv.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
		s := newSim(t, 1, srv)
		u := uplink()
		u.Address = &IA{IAID: 9}
		s.apply(u)
		s.run(10 * time.Second)
		s.wantHeld("isp 2001:db8:100::/56, 2001:db8::9/128")
		s.forget()
		if silent {
			srv.mute = dhcp6.MessageTypeDecline
		}
		srv.addresses[9] = netip.MustParseAddr("2001:db8::10")
		u.Duplicates = []netip.Addr{netip.MustParseAddr("2001:db8::9")}
		if got := lines(s.m.preview(clientDUID, &u)); !strings.Contains(got, "decline 2001:db8::9") {
			t.Errorf("preview %q", got)
		}
		s.apply(u)
		if got := lines(s.m.preview(clientDUID, &u)); got != "" {
			t.Errorf("preview of the same %q", got)
		}
		s.wantHeld("isp 2001:db8:100::/56")
		s.wantState("", "declining: another host on the link has 2001:db8::9")
		s.run(30 * time.Second)
		s.wantHeld("isp 2001:db8:100::/56, 2001:db8::10/128")
		first := s.sent[0]
		if first.kind != dhcp6.MessageTypeDecline || string(first.server) != string(serverDUID) || first.ias[0].prefixes[0].String() != "2001:db8::9/128" {
			t.Errorf("first %s", s.log())
		}
		if n := len(s.only(dhcp6.MessageTypeDecline)); silent && n != decMaxRC || !silent && n != 1 {
			t.Errorf("%d Declines", n)
		}
	}
}

// TestDeclineForever checks that a server that knows no other address is asked slowly.
func TestDeclineForever(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	srv.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
	s := newSim(t, 1, srv)
	taken := addressed()
	taken.Duplicates = []netip.Addr{netip.MustParseAddr("2001:db8::9")}
	for range 60 {
		s.apply(addressed())
		s.run(5 * time.Second)
		s.apply(taken)
		s.run(5 * time.Second)
	}
	if n := len(s.only(dhcp6.MessageTypeDecline)); n < 10 || n > 60 {
		t.Errorf("%d Declines in ten minutes", n)
	}
}

// TestConfirm checks what becomes of an address after a change of the link. A prefix is never confirmed so.
func TestConfirm(t *testing.T) {
	tests := []struct {
		name   string
		answer iana.StatusCode
		silent bool
		sent   string
		held   string
	}{
		{"on link", iana.StatusSuccess, false, "Confirm", "2001:db8::9/128"},
		{"not on link", iana.StatusNotOnLink, false, "Confirm Solicit Request", "2001:db8::a/128"},
		{"nobody there", 0, true, "Confirm Confirm Confirm Confirm", "2001:db8::9/128"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, "2001:db8:100::/56")
			srv.addresses = map[uint32]netip.Addr{9: netip.MustParseAddr("2001:db8::9")}
			s := newSim(t, 1, srv)
			s.apply(addressed())
			s.run(10 * time.Second)
			s.wantHeld("2001:db8::9/128")
			srv.silent = tt.silent
			srv.addresses[9] = netip.MustParseAddr("2001:db8::a")
			srv.edit = func(req, rep *dhcp6.Message) {
				if req.MessageType == dhcp6.MessageTypeConfirm {
					rep.AddOption(&dhcp6.OptStatusCode{StatusCode: tt.answer})
				}
			}
			down := addressed()
			down.NoCarrier = true
			s.apply(down)
			s.run(time.Second)
			s.forget()
			s.apply(addressed())
			s.run(15 * time.Second)
			if got := s.log(); got != tt.sent && !(tt.silent && strings.HasPrefix(got, "Confirm Confirm Confirm")) {
				t.Errorf("sent %s, want %s", got, tt.sent)
			}
			for _, m := range s.only(dhcp6.MessageTypeConfirm) {
				if m.server != nil || len(m.ias) != 1 || !m.ias[0].key.address {
					t.Errorf("Confirm %+v", m.request)
				}
			}
			s.wantHeld(tt.held)
		})
	}
}
