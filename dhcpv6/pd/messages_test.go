package pd

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// opt returns the bytes of an option.
func opt(code dhcp6.OptionCode, parts ...[]byte) []byte {
	return appendOption(nil, code, bytes.Join(parts, nil))
}

// be returns numbers as 32 bits each, in network order.
func be(n ...uint32) []byte {
	var b []byte
	for _, v := range n {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// reply returns the bytes of a Reply to our client with these options.
func reply(options ...[]byte) []byte {
	head := []byte{7, 1, 2, 3}
	ids := append(opt(dhcp6.OptionClientID, clientDUID), opt(dhcp6.OptionServerID, serverDUID)...)
	return append(append(head, ids...), bytes.Join(options, nil)...)
}

// iaprefix returns an IAPREFIX option.
func iaprefix(preferred, valid uint32, prefix string, length byte, rest ...byte) []byte {
	a := netip.MustParseAddr(prefix).As16()
	return opt(dhcp6.OptionIAPrefix, be(preferred, valid), []byte{length}, a[:], rest)
}

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		data []byte
		want []iaAnswer
		err  error
	}{
		{"prefix", reply(opt(dhcp6.OptionIAPD, be(1, 10, 20), iaprefix(30, 40, "2001:db8::", 56))),
			[]iaAnswer{{key: iaKey{false, 1}, t1: 10 * time.Second, t2: 20 * time.Second, leases: []leaseAnswer{
				{prefix: netip.MustParsePrefix("2001:db8::/56"), preferred: 30 * time.Second, valid: 40 * time.Second}}}}, nil},
		{"length 0", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), iaprefix(30, 40, "2001:db8::", 0))), []iaAnswer{{key: iaKey{false, 1}}}, nil},
		{"length 129", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), iaprefix(30, 40, "2001:db8::", 129))), []iaAnswer{{key: iaKey{false, 1}}}, nil},
		{"host bits", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), iaprefix(30, 40, "2001:db8::1", 128), iaprefix(30, 40, "2001:db8::ff", 121))),
			[]iaAnswer{{key: iaKey{false, 1}, leases: []leaseAnswer{
				{prefix: netip.MustParsePrefix("2001:db8::1/128"), preferred: 30 * time.Second, valid: 40 * time.Second},
				{prefix: netip.MustParsePrefix("2001:db8::80/121"), preferred: 30 * time.Second, valid: 40 * time.Second}}}}, nil},
		{"preferred above valid", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), iaprefix(41, 40, "2001:db8::", 56))), []iaAnswer{{key: iaKey{false, 1}}}, nil},
		{"prefix with a bad status", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), iaprefix(30, 40, "2001:db8::", 56, opt(13, []byte{0, 6})...))),
			[]iaAnswer{{key: iaKey{false, 1}}}, nil},
		{"multicast", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), iaprefix(30, 40, "ff02::", 16))), []iaAnswer{{key: iaKey{false, 1}}}, nil},
		{"the same prefix twice", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), iaprefix(30, 40, "2001:db8::", 56), iaprefix(0, 0, "2001:db8::", 56))),
			[]iaAnswer{{key: iaKey{false, 1}, leases: []leaseAnswer{
				{prefix: netip.MustParsePrefix("2001:db8::/56"), preferred: 30 * time.Second, valid: 40 * time.Second}}}}, nil},
		{"exclude", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), iaprefix(30, 40, "2001:db8::", 56, opt(dhcp6.OptionPDExclude, []byte{64, 0x0f})...))),
			[]iaAnswer{{key: iaKey{false, 1}, leases: []leaseAnswer{{prefix: netip.MustParsePrefix("2001:db8::/56"), preferred: 30 * time.Second,
				valid: 40 * time.Second, exclude: netip.MustParsePrefix("2001:db8:0:f::/64")}}}}, nil},
		{"short prefix", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), opt(26, make([]byte, 24)))), []iaAnswer{{key: iaKey{false, 1}}}, nil},
		{"short IA", reply(opt(dhcp6.OptionIAPD, be(1, 0))), nil, nil},
		{"address in a prefix IA", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), opt(dhcp6.OptionIAAddr, make([]byte, 24)))), []iaAnswer{{key: iaKey{false, 1}}}, nil},
		{"bad options of no use", reply(opt(dhcp6.OptionRelayMsg, []byte{1}), opt(dhcp6.OptionFQDN, []byte{0, 63}), opt(dhcp6.OptionIATA, []byte{1})), nil, nil},
		{"bad options of little use", reply(opt(dhcp6.OptionDNSRecursiveNameServer, []byte{1}), opt(dhcp6.OptionSolMaxRT, []byte{1}),
			opt(dhcp6.OptionPreference), opt(dhcp6.OptionDomainSearchList, []byte{0xc0, 0}), opt(dhcp6.OptionStatusCode, []byte{0})), nil, nil},
		{"empty", nil, nil, errTooShort},
		{"huge", make([]byte, maxDatagram+1), nil, errTooLong},
		{"relay", []byte{13, 0, 0, 0}, nil, errType},
		{"truncated option", append(reply(), 0, 1, 0), nil, errTruncated},
		{"truncated body", append(reply(), 0, 1, 0, 9, 1), nil, errTruncated},
		{"truncated in an IA", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), []byte{0, 26, 0})), nil, errTruncated},
		{"truncated in a prefix", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), iaprefix(30, 40, "2001:db8::", 56, 0))), nil, errTruncated},
		{"many options", reply(bytes.Repeat(opt(99), maxOptions)), nil, errTooMany},
		{"many IAs", reply(bytes.Repeat(opt(dhcp6.OptionIAPD, be(1, 0, 0)), maxIAs+1)), nil, errTooMany},
		{"many prefixes", reply(opt(dhcp6.OptionIAPD, be(1, 0, 0), bytes.Repeat(opt(99), maxOptions+1))), nil, errTooMany},
		{"endless identifier", append([]byte{7, 1, 2, 3}, opt(dhcp6.OptionClientID, make([]byte, maxDUID+1))...), nil, errClientID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := parse(tt.data, serverAddr)
			if err != tt.err {
				t.Fatalf("parse %x: %v, want %v", tt.data, err, tt.err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(tt.want, a.ias, cmp.AllowUnexported(iaAnswer{}, iaKey{}, leaseAnswer{}, status{}), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
				t.Errorf("%x (-want +got):\n%s", tt.data, diff)
			}
		})
	}
}

func TestParseNames(t *testing.T) {
	dns := func(a string) []byte { b := netip.MustParseAddr(a).As16(); return b[:] }
	a, err := parse(reply(
		opt(dhcp6.OptionDNSRecursiveNameServer, dns("2001:db8::1"), dns("ff02::1"), dns("::"), dns("fe80::1")),
		opt(dhcp6.OptionDomainSearchList, []byte("\x03lan\x07example\x00\x02a\n\x00\x01b\x00")),
		opt(dhcp6.OptionPreference, []byte{7}),
		opt(dhcp6.OptionStatusCode, []byte{0, 1}, []byte("no\r\n\x1b[31m\xffway"), bytes.Repeat([]byte("é"), 100)),
	), serverAddr)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]netip.Addr{netip.MustParseAddr("2001:db8::1"), serverAddr}, a.dns, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("name servers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"lan.example", "b"}, a.domains); diff != "" {
		t.Errorf("domains (-want +got):\n%s", diff)
	}
	if a.preference != 7 {
		t.Errorf("preference %d, want 7", a.preference)
	}
	if got := a.status.String(); !strings.HasPrefix(got, "UnspecFail: no[31mwayé") || len(a.status.text) > 128 {
		t.Errorf("status %q", got)
	}
}

func TestMarshal(t *testing.T) {
	r := request{kind: dhcp6.MessageTypeSolicit, xid: dhcp6.TransactionID{1, 2, 3}, client: clientDUID, elapsed: time.Hour, rapid: true,
		ias: []iaRequest{{iaKey{false, 0x01020304}, []netip.Prefix{netip.MustParsePrefix("::/56")}}, {key: iaKey{true, 9}}}}
	want := "01010203" +
		"0001000a" + hex.EncodeToString(clientDUID) +
		"00080002ffff" + // an hour is more than the option holds
		"000e0000" +
		"00060008001700180043" + "0052" +
		"00190029" + "010203040000000000000000" + "001a0019" + "0000000000000000" + "38" + strings.Repeat("00", 16) +
		"0003000c" + "000000090000000000000000"
	if got := hex.EncodeToString(r.marshal()); got != want {
		t.Errorf("Solicit\n got %s\nwant %s", got, want)
	}
	r = request{kind: dhcp6.MessageTypeRelease, xid: dhcp6.TransactionID{1, 2, 3}, client: clientDUID, server: serverDUID,
		ias: []iaRequest{{iaKey{true, 9}, []netip.Prefix{netip.MustParsePrefix("2001:db8::9/128")}}}}
	want = "08010203" +
		"0001000a" + hex.EncodeToString(clientDUID) +
		"00020007" + hex.EncodeToString(serverDUID) +
		"000800020000" +
		"00030028" + "000000090000000000000000" + "00050018" + "20010db8000000000000000000000009" + "0000000000000000"
	if got := hex.EncodeToString(r.marshal()); got != want {
		t.Errorf("Release\n got %s\nwant %s", got, want)
	}
}

func TestIdentity(t *testing.T) {
	if got, want := hex.EncodeToString(DUIDFromMAC(net.HardwareAddr{0x52, 0x54, 0, 0xd6, 0xc2, 0xa9})), "00030001525400d6c2a9"; got != want {
		t.Errorf("DUID %s, want %s", got, want)
	}
	// Servers find leases by it: it must be the same in every release.
	if got := DeriveIAID("wan0", "isp"); got != 0xf7c48d4b {
		t.Errorf("IAID of isp on wan0 is %#x", got)
	}
	if DeriveIAID("a", "bc") == DeriveIAID("ab", "c") {
		t.Errorf("the same IAID for different delegations")
	}
}

// FuzzReceive gives arbitrary datagrams to a machine in each of its states. The header's transaction id and the
// identifiers are made to fit, or nothing would get past them.
func FuzzReceive(f *testing.F) {
	f.Add(byte(0), []byte{2, 1, 2, 3})
	f.Add(byte(1), reply(opt(dhcp6.OptionIAPD, be(1, 10, 20), iaprefix(30, 40, "2001:db8::", 56)))[4:])
	f.Add(byte(2), reply(opt(dhcp6.OptionIAPD, be(1, 10, 20), opt(13, []byte{0, 3}))))
	f.Add(byte(3), opt(dhcp6.OptionIAPD, be(1, 0, 0), iaprefix(0, 0, "2001:db8::", 56)))
	f.Add(byte(4), opt(dhcp6.OptionDomainSearchList, []byte("\x03lan\x00")))
	f.Fuzz(func(t *testing.T, stage byte, data []byte) {
		if _, err := parse(data, serverAddr); err == errLibrary {
			t.Fatalf("the guard let through what the library refuses: %x", data)
		}
		srv := newServer(t, "2001:db8:100::/56")
		s := newSim(t, 1, srv)
		u := uplink()
		u.RapidCommit, u.Address = stage&16 > 0, &IA{IAID: 2}
		s.apply(u)
		switch stage & 3 {
		case 0:
			srv.silent = true
			s.run(time.Second)
		case 1:
			srv.mute = dhcp6.MessageTypeRequest
			s.run(3 * time.Second)
		case 2:
			srv.addresses = map[uint32]netip.Addr{2: netip.MustParseAddr("2001:db8::2")}
			s.run(3 * time.Second)
			srv.silent = true
			s.run(30 * time.Minute)
		case 3:
			s.run(3 * time.Second)
			srv.silent = true
			s.run(time.Hour)
		}
		if s.m.ex == nil {
			return
		}
		kind := byte(dhcp6.MessageTypeReply)
		if stage&4 > 0 {
			kind = byte(dhcp6.MessageTypeAdvertise)
		}
		server := s.m.ex.server
		if server == nil {
			server = serverDUID
		}
		x := s.m.ex.xid
		msg := bytes.Join([][]byte{{kind, x[0], x[1], x[2]}, opt(dhcp6.OptionClientID, clientDUID), opt(dhcp6.OptionServerID, server), data}, nil)
		s.deliver(msg)
		for _, h := range s.m.leases() {
			d := h.Delegation
			if !d.Prefix.IsValid() || d.Prefix != d.Prefix.Masked() || d.PreferredUntil.After(d.ValidUntil) || d.T1.After(d.T2) || !d.ValidUntil.After(s.now) {
				t.Fatalf("took %+v from %x", d, msg)
			}
		}
		s.run(time.Minute)
		srv.silent, srv.mute = false, 0
		s.run(time.Minute)
	})
}

// FuzzHostile lets the fuzzer choose how the server misbehaves.
func FuzzHostile(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, seed, behaviour uint64) {
		r := rand.New(rand.NewPCG(seed, behaviour))
		srv := newServer(t, "2001:db8:100::/56")
		srv.rapid = behaviour&1 > 0
		srv.edit = func(_, rep *dhcp6.Message) { scramble(r, rep) }
		s := newSim(t, seed, srv)
		u := uplink()
		u.RapidCommit = behaviour&2 > 0
		s.apply(u)
		s.run(time.Hour)
	})
}

func TestExcluded(t *testing.T) {
	tests := []struct {
		name, prefix string
		data         []byte
		want         string
	}{
		{"RFC 6603 4.2", "2001:db8:0:ab00::/56", []byte{64, 0x78}, "2001:db8:0:ab78::/64"},
		{"over several octets", "2001:db8::/29", []byte{64, 0xff, 0xff, 0xff, 0xff, 0xe0}, "2001:dbf:ffff:ffff::/64"},
		{"not on octets", "2001:db8:0:ab00::/58", []byte{64, 0b01010100}, "2001:db8:0:ab15::/64"},
		{"one bit", "2001:db8::/63", []byte{64, 0x80}, "2001:db8:0:1::/64"},
		{"bits beyond its length", "2001:db8::/63", []byte{64, 0xff}, "2001:db8:0:1::/64"},
		{"as long as the prefix", "2001:db8::/56", []byte{56, 0}, "invalid Prefix"},
		{"too long", "2001:db8::/56", []byte{129, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "invalid Prefix"},
		{"octets missing", "2001:db8::/48", []byte{64, 0}, "invalid Prefix"},
		{"octets too many", "2001:db8::/56", []byte{64, 0, 0}, "invalid Prefix"},
		{"empty", "2001:db8::/56", []byte{64}, "invalid Prefix"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := excluded(netip.MustParsePrefix(tt.prefix), tt.data).String(); got != tt.want {
				t.Errorf("excluded(%s, %x) = %s, want %s", tt.prefix, tt.data, got, tt.want)
			}
		})
	}
}
