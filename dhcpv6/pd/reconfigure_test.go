package pd

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

var testKey = key{Server: serverDUID, Secret: [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}

// rkap returns an authentication option of RKAP.
func rkap(replay uint64, kind byte, value [16]byte) []byte {
	body := []byte{rkapProtocol, rkapAlgorithm, rkapMonotonic}
	body = append(binary.BigEndian.AppendUint64(body, replay), kind)
	return opt(dhcp6.OptionAuth, append(body, value[:]...))
}

// signed returns a Reconfigure with a digest by the key; parts may change what it has.
func signed(k key, replay uint64, kind dhcp6.MessageType, parts ...[]byte) []byte {
	data := []byte{byte(dhcp6.MessageTypeReconfigure), 0, 0, 0}
	if parts == nil {
		parts = [][]byte{opt(dhcp6.OptionClientID, clientDUID), opt(dhcp6.OptionServerID, k.Server), opt(dhcp6.OptionReconfMessage, []byte{byte(kind)})}
	}
	for _, p := range parts {
		data = append(data, p...)
	}
	at := len(data) + 16
	data = append(data, rkap(replay, rkapDigest, [16]byte{})...)
	mac := hmac.New(md5.New, k.Secret[:])
	mac.Write(data)
	copy(data[at:], mac.Sum(nil))
	return data
}

// grants makes a server give the key in each Reply.
func grants(srv *server, k key) {
	srv.edit = func(req, rep *dhcp6.Message) {
		if rep.MessageType == dhcp6.MessageTypeReply && req.GetOneOption(dhcp6.OptionReconfAccept) != nil {
			rep.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionAuth, OptionData: rkap(k.Replay, rkapKey, k.Secret)[4:]})
		}
	}
}

func accepting() Uplink {
	u := uplink()
	u.Reconfigure = true
	return u
}

func TestReconfigure(t *testing.T) {
	wrong := testKey
	wrong.Secret[0]++
	other := testKey
	other.Server = otherDUID
	cut := signed(testKey, 9, dhcp6.MessageTypeRenew)
	changed := signed(testKey, 9, dhcp6.MessageTypeRenew)
	changed[6]++ // the length of an option
	flipped := signed(testKey, 9, dhcp6.MessageTypeRenew)
	flipped[len(flipped)-1] ^= 1
	cid, sid := opt(dhcp6.OptionClientID, clientDUID), opt(dhcp6.OptionServerID, serverDUID)
	renew := opt(dhcp6.OptionReconfMessage, []byte{byte(dhcp6.MessageTypeRenew)})
	tests := []struct {
		name string
		data []byte
		err  error
		sent string // after it
	}{
		{"Renew", signed(testKey, 6, dhcp6.MessageTypeRenew), nil, "Renew"},
		{"Rebind", signed(testKey, 6, dhcp6.MessageTypeRebind), nil, "Rebind"},
		{"Information-request", signed(testKey, 6, dhcp6.MessageTypeInformationRequest), nil, "Information-request"},
		{"transaction id", append([]byte{10, 7, 7, 7}, signed(testKey, 6, dhcp6.MessageTypeRenew)[4:]...), errReconfigureAuth, ""},
		{"forged key", signed(wrong, 6, dhcp6.MessageTypeRenew), errReconfigureAuth, ""},
		{"key of another server", signed(other, 6, dhcp6.MessageTypeRenew), errReconfigureAuth, ""},
		{"flipped bit", flipped, errReconfigureAuth, ""},
		{"no authentication", append([]byte{10, 0, 0, 0}, append(append(cid, sid...), renew...)...), errReconfigureAuth, ""},
		{"key instead of a digest", append([]byte{10, 0, 0, 0}, append(append(append(cid, sid...), renew...), rkap(9, rkapKey, testKey.Secret)...)...), errReconfigureAuth, ""},
		{"replay", signed(testKey, 5, dhcp6.MessageTypeRenew), errReplay, ""},
		{"older", signed(testKey, 4, dhcp6.MessageTypeRenew), errReplay, ""},
		{"to another client", signed(testKey, 6, 0, opt(dhcp6.OptionClientID, otherDUID), sid, renew), errNotForUs, ""},
		{"to no client", signed(testKey, 6, 0, sid, renew), errNotForUs, ""},
		{"from no server", signed(testKey, 6, 0, cid, renew), errReconfigureAuth, ""},
		{"no message", signed(testKey, 6, 0, cid, sid), errReconfigure, ""},
		{"Solicit", signed(testKey, 6, dhcp6.MessageTypeSolicit), errReconfigure, ""},
		{"message twice", signed(testKey, 6, 0, cid, sid, renew, renew), errReconfigure, ""},
		{"cut", cut[:len(cut)-1], errTruncated, ""},
		{"lengths", changed, errTruncated, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, "2001:db8:100::/56")
			k := testKey
			k.Replay = 5
			grants(srv, k)
			s := newSim(t, 1, srv)
			s.apply(accepting())
			s.run(10 * time.Second)
			s.wantHeld("isp 2001:db8:100::/56")
			s.forget()
			if err := s.m.datagram(s.now, tt.data, serverAddr); !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			if tt.err == nil {
				if err := s.m.datagram(s.now, tt.data, serverAddr); !errors.Is(err, errReplay) {
					t.Errorf("the same again: %v", err)
				}
			}
			s.run(time.Second)
			s.wantLog(tt.sent)
			s.wantHeld("isp 2001:db8:100::/56")
			s.wantState("isp", "bound")
		})
	}
}

// TestReconfigureBusy checks that what is followed is followed once, and that a Renew without an answer is begun anew.
func TestReconfigureBusy(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	grants(srv, testKey)
	s := newSim(t, 1, srv)
	s.apply(accepting())
	s.run(10 * time.Second)
	srv.silent = true
	s.run(40 * time.Minute) // in a Renew since T1, with long pauses
	s.forget()
	for n, want := range []error{nil, errBusy, errBusy} {
		if err := s.m.datagram(s.now, signed(testKey, uint64(n)+1, dhcp6.MessageTypeRenew), serverAddr); !errors.Is(err, want) {
			t.Errorf("Reconfigure %d: %v, want %v", n, err, want)
		}
	}
	srv.silent = false
	s.run(time.Second)
	s.wantLog("Renew")
	s.wantState("isp", "bound")
}

func TestReconfigureNotAccepted(t *testing.T) {
	srv := newServer(t, "2001:db8:100::/56")
	accepted := false
	srv.edit = func(req, rep *dhcp6.Message) { // a key that was not asked for
		if !accepted && req.GetOneOption(dhcp6.OptionReconfAccept) != nil {
			t.Errorf("%s accepts Reconfigure", req.MessageType)
		}
		rep.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionAuth, OptionData: rkap(0, rkapKey, testKey.Secret)[4:]})
	}
	s := newSim(t, 1, srv)
	s.apply(uplink())
	s.run(10 * time.Second)
	if err := s.m.datagram(s.now, signed(testKey, 6, dhcp6.MessageTypeRenew), serverAddr); !errors.Is(err, errReconfigureAuth) {
		t.Errorf("followed: %v", err)
	}
	accepted = true
	s.apply(accepting())
	s.run(time.Hour)
	if err := s.m.datagram(s.now, signed(testKey, 6, dhcp6.MessageTypeRenew), serverAddr); err != nil {
		t.Errorf("after a Renew that accepts it: %v", err)
	}
	s.apply(uplink())
	if err := s.m.datagram(s.now, signed(testKey, 7, dhcp6.MessageTypeRenew), serverAddr); !errors.Is(err, errReconfigureAuth) {
		t.Errorf("followed when it was configured away: %v", err)
	}
}

// TestReconfigureRestart checks that the key and the number of the last message survive.
func TestReconfigureRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := newRig(t, dir)
		grants(r.srv, testKey)
		r.apply(t, accepting())
		r.start(t)
		pass(3 * time.Second)
		r.sockets()[0].in <- signed(testKey, 8, dhcp6.MessageTypeRenew)
		pass(time.Second)
		if got := r.Counters()["wan0"]; got.Received["Reconfigure"] != 1 || got.Sent["Renew"] != 1 {
			t.Errorf("counters %+v", got)
		}
		if !r.Status()[0].Reconfigurable {
			t.Errorf("status %+v", r.Status())
		}
		r.stop()

		r = newRig(t, dir)
		r.apply(t, accepting())
		r.start(t)
		pass(20 * time.Second) // the Rebind is over
		s := r.sockets()[0]
		before := r.Counters()["wan0"].Sent["Renew"]
		s.in <- signed(testKey, 8, dhcp6.MessageTypeRenew)
		for range 100 {
			s.in <- signed(key{Server: serverDUID}, 9, dhcp6.MessageTypeRenew)
		}
		pass(time.Second)
		got := r.Counters()["wan0"]
		if got.Dropped[errReplay.Error()] != 1 || got.Dropped[errReconfigureAuth.Error()] != 100 || got.Sent["Renew"] != before {
			t.Errorf("counters %+v", got)
		}
		r.srv.prefixes[1] = netip.MustParsePrefix("2001:db8:200::/56")
		s.in <- signed(testKey, 9, dhcp6.MessageTypeRenew)
		pass(time.Second)
		r.want(t, "isp 2001:db8:200::/56")
		r.stop()
	})
}

// FuzzReconfigure looks for a message that passes without the key.
func FuzzReconfigure(f *testing.F) {
	f.Add(signed(testKey, 9, dhcp6.MessageTypeRenew))
	f.Add(signed(testKey, 9, dhcp6.MessageTypeRebind)[:20])
	f.Add([]byte{10, 0, 0, 0})
	secret := key{Server: serverDUID, Secret: [16]byte{0xaa, 0xbb}}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 4 || len(data) > maxDatagram {
			return
		}
		if r, err := parseReconfigure(data, []key{secret}); err == nil {
			t.Fatalf("followed: %+v", r)
		}
	})
}
