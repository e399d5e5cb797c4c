package pd

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

const (
	oldPrefix = "2001:db8:100::/56"
	newPrefix = "2001:db8:200::/56"
	more      = "2001:db8:300::/56"
)

// beside returns what is kept beside the prefix in use, with the valid lifetimes that remain.
func (s *sim) beside() string {
	l := s.m.find("isp").lease
	if l == nil {
		return ""
	}
	var all []string
	for _, f := range l.Former {
		all = append(all, fmt.Sprintf("former %s %s/%s", f.Prefix, max(0, f.PreferredUntil.Sub(s.now)), f.ValidUntil.Sub(s.now)))
	}
	for _, f := range l.Spare {
		all = append(all, fmt.Sprintf("spare %s %s/%s", f.Prefix, max(0, f.PreferredUntil.Sub(s.now)), f.ValidUntil.Sub(s.now)))
	}
	return strings.Join(all, ", ")
}

// bothAfter makes the server give newPrefix for oldPrefix in its extensions, and answer the old one with these lifetimes; negative: it
// does not name it.
func renumber(srv *server, preferred, valid time.Duration) {
	srv.prefixes[1] = netip.MustParsePrefix(newPrefix)
	srv.edit = func(req, rep *dhcp6.Message) {
		if valid >= 0 && rep.MessageType == dhcp6.MessageTypeReply {
			ia := firstPD(rep)
			ia.Options.Options = append(dhcp6.Options{prefixOption(netip.MustParsePrefix(oldPrefix), preferred, valid)}, ia.Options.Options...)
		}
	}
}

func TestFormer(t *testing.T) {
	half := 30 * time.Minute
	tests := []struct {
		name   string
		server func(srv *server)
		held   string
		beside string
	}{
		{"let run out", func(srv *server) { renumber(srv, 0, half) }, newPrefix, "former " + oldPrefix + " 0s/29m0s"},
		{"still preferred: it stays in use", func(srv *server) { renumber(srv, 10*time.Minute, half) }, oldPrefix, "spare " + newPrefix + " 59m0s/1h59m0s"},
		{"withdrawn", func(srv *server) { renumber(srv, 0, 0) }, newPrefix, ""},
		{"not named", func(srv *server) { renumber(srv, 0, -1) }, newPrefix, "former " + oldPrefix + " 29m0s/1h29m0s"},
		{"forgotten", func(srv *server) { renumber(srv, 0, -1); srv.forgets = true }, newPrefix, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, oldPrefix)
			s := newSim(t, 1, srv)
			s.apply(uplink())
			s.run(10 * time.Second)
			s.wantHeld("isp " + oldPrefix)
			tt.server(srv)
			at := s.m.find("isp").lease.T1
			s.run(at.Sub(s.now) + flight + time.Minute)
			s.wantHeld("isp " + tt.held)
			if got := s.beside(); got != tt.beside && got != strings.ReplaceAll(tt.beside, "29m0s/1h29m0s", "28m59.995s/1h28m59.995s") {
				t.Errorf("beside %q, want %q", got, tt.beside)
			}
		})
	}
}

// TestFormerLife follows a graceful change: the old prefix is deprecated when its preferred lifetime ends, extended by name while
// the server does so, and gone at its end.
func TestFormerLife(t *testing.T) {
	srv := newServer(t, oldPrefix)
	s := newSim(t, 1, srv)
	s.apply(uplink())
	s.run(10 * time.Second)
	renumber(srv, 10*time.Minute, 40*time.Minute)
	s.run(31 * time.Minute)
	s.wantHeld("isp " + oldPrefix)
	s.forget()
	renumber(srv, 0, 20*time.Minute)
	s.run(6 * time.Minute) // T1 is half of the shortest preferred lifetime
	s.wantHeld("isp " + newPrefix)
	if got := len(s.sent[0].ias[0].prefixes); got != 2 || s.sent[0].kind != dhcp6.MessageTypeRenew {
		t.Errorf("%s for %v, want a Renew for both", titles[s.sent[0].kind], s.sent[0].ias[0].prefixes)
	}
	if got := s.beside(); !strings.HasPrefix(got, "former "+oldPrefix+" 0s/") {
		t.Errorf("beside %q", got)
	}
	srv.edit = nil
	s.run(20 * time.Minute)
	s.wantHeld("isp " + newPrefix)
	if got := s.beside(); got != "" {
		t.Errorf("beside %q after its end", got)
	}
}

// TestFormerByItself checks that the end of the preferred lifetime alone moves on to the spare prefix.
func TestFormerByItself(t *testing.T) {
	srv := newServer(t, oldPrefix)
	s := newSim(t, 1, srv)
	s.apply(uplink())
	s.run(10 * time.Second)
	renumber(srv, 10*time.Minute, 100*time.Minute)
	s.run(31 * time.Minute)
	s.wantHeld("isp " + oldPrefix)
	srv.silent = true
	s.run(10 * time.Minute)
	s.wantHeld("isp " + newPrefix)
	if got := s.beside(); !strings.HasPrefix(got, "former "+oldPrefix+" 0s/1h") {
		t.Errorf("beside %q", got)
	}
	s.run(90 * time.Minute)
	s.wantHeld("isp " + newPrefix)
	if got := s.beside(); got != "" {
		t.Errorf("beside %q", got)
	}
}

// TestSpare gives two prefixes in one IA_PD: both are requested and renewed, and one takes over for the other.
func TestSpare(t *testing.T) {
	srv := newServer(t, oldPrefix)
	valid := srv.valid
	srv.edit = func(req, rep *dhcp6.Message) {
		if ia := firstPD(rep); ia != nil {
			ia.Options.Add(prefixOption(netip.MustParsePrefix(more), srv.preferred, srv.valid))
			ia.Options.Add(prefixOption(netip.MustParsePrefix(newPrefix), srv.preferred/2, valid/2))
		}
	}
	s := newSim(t, 1, srv)
	s.apply(uplink())
	s.run(10 * time.Second)
	s.wantHeld("isp " + oldPrefix)
	for _, kind := range []dhcp6.MessageType{dhcp6.MessageTypeRequest, dhcp6.MessageTypeRenew} {
		s.run(16 * time.Minute)
		if got := s.only(kind); len(got) == 0 || len(got[0].ias[0].prefixes) != 3 {
			t.Fatalf("%s: %v", titles[kind], got)
		}
	}
	srv.edit = func(req, rep *dhcp6.Message) {
		ia := firstPD(rep)
		ia.Options.Options = dhcp6.Options{prefixOption(netip.MustParsePrefix(oldPrefix), 0, 0)}
	}
	s.run(16 * time.Minute)
	s.wantHeld("isp " + more)
	if got := s.beside(); !strings.HasPrefix(got, "spare "+newPrefix) {
		t.Errorf("beside %q", got)
	}
	if got := s.state("isp"); got == "bound" {
		t.Errorf("state %q", got)
	}
	if err := s.m.release(s.now, "isp"); !err {
		t.Fatal("nothing to release")
	}
	s.run(time.Second)
	if got := s.only(dhcp6.MessageTypeRelease); len(got) == 0 || len(got[0].ias[0].prefixes) != 2 {
		t.Errorf("released %v", got)
	}
}

// TestBesideBounded lets a server give more prefixes than anybody keeps.
func TestBesideBounded(t *testing.T) {
	srv := newServer(t, oldPrefix)
	n := 0
	srv.edit = func(req, rep *dhcp6.Message) {
		if ia := firstPD(rep); ia != nil {
			for range 40 {
				n++
				ia.Options.Add(prefixOption(netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, byte(n >> 8), byte(n)}), 56), time.Minute, time.Hour))
			}
		}
	}
	s := newSim(t, 1, srv)
	s.apply(uplink())
	s.run(12 * time.Hour)
	l := s.m.find("isp").lease
	if len(l.Spare) == 0 || len(l.Spare) > maxBeside || len(l.Former) > maxBeside {
		t.Errorf("%d spare and %d former prefixes", len(l.Spare), len(l.Former))
	}
	for _, m := range s.sent {
		if got := len(m.ias[0].prefixes); got > 2*maxBeside+1 {
			t.Fatalf("%s names %d prefixes", titles[m.kind], got)
		}
	}
}

// TestExcludeOnlyForItsPrefix checks that what is excluded goes with the prefix that it was excluded from.
func TestExcludeOnlyForItsPrefix(t *testing.T) {
	srv := newServer(t, oldPrefix)
	srv.edit = func(req, rep *dhcp6.Message) {
		if ia := firstPD(rep); ia != nil && len(ia.Options.Prefixes()) > 0 {
			ia.Options.Prefixes()[0].Options.Add(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionPDExclude, OptionData: []byte{64, 0xff}})
		}
	}
	s := newSim(t, 1, srv)
	s.apply(uplink())
	s.run(10 * time.Second)
	if got := s.m.find("isp").lease.Exclude.String(); got != "2001:db8:100:ff::/64" {
		t.Errorf("excluded %s", got)
	}
	srv.prefixes[1] = netip.MustParsePrefix(newPrefix)
	srv.edit = nil
	s.run(time.Hour)
	s.wantHeld("isp " + newPrefix)
	if got := s.m.find("isp").lease.Exclude; got.IsValid() {
		t.Errorf("excluded %s", got)
	}
}
