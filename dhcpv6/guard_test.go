package dhcpv6

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// opt is one option on the wire.
func opt(code dhcp6.OptionCode, data ...[]byte) []byte {
	return appendOption(nil, code, bytes.Join(data, nil))
}

func msg(kind dhcp6.MessageType, opts ...[]byte) []byte {
	return append([]byte{byte(kind), 1, 2, 3}, bytes.Join(opts, nil)...)
}

func relayed(hops byte, link string, opts ...[]byte) []byte {
	a, p := netip.MustParseAddr(link).As16(), netip.MustParseAddr("fe80::c").As16()
	return slices.Concat([]byte{12, hops}, a[:], p[:], bytes.Join(opts, nil))
}

func zeros(n int) []byte { return make([]byte, n) }

func repeat(n int, b func(i int) []byte) []byte {
	var out []byte
	for i := range n {
		out = append(out, b(i)...)
	}
	return out
}

func nest(n int, inner []byte) []byte {
	for range n {
		inner = relayed(0, "::", opt(dhcp6.OptionRelayMsg, inner))
	}
	return inner
}

func TestGuard(t *testing.T) {
	const solicit = dhcp6.MessageTypeSolicit
	id := opt(dhcp6.OptionClientID, []byte{0, 2, 9})
	iaid := func(i int) []byte { return append([]byte{0, 0, 0, byte(i)}, zeros(8)...) }
	na := func(sub ...[]byte) []byte { return opt(dhcp6.OptionIANA, iaid(1), bytes.Join(sub, nil)) }
	pd := func(sub ...[]byte) []byte { return opt(dhcp6.OptionIAPD, iaid(1), bytes.Join(sub, nil)) }
	addr := opt(dhcp6.OptionIAAddr, []byte{0x20, 1}, zeros(22))
	prefix := func(length byte) []byte { return opt(dhcp6.OptionIAPrefix, zeros(8), []byte{length, 0x20}, zeros(15)) }
	for _, tt := range []struct {
		name, want string
		in         []byte
	}{
		{"solicit", "", msg(solicit, id, na(addr), pd(prefix(56)))},
		{"empty", "truncated", nil},
		{"header cut", "truncated", []byte{1, 2, 3}},
		{"no options", "", msg(solicit)},
		{"one byte too many", "too-long", zeros(maxDatagram + 1)},
		{"largest", "", append(msg(solicit), repeat(63, func(int) []byte { return opt(99, zeros(60)) })...)},
		{"reply", "not-for-a-server", msg(dhcp6.MessageTypeReply)},
		{"advertise", "not-for-a-server", msg(dhcp6.MessageTypeAdvertise)},
		{"reconfigure", "not-for-a-server", msg(dhcp6.MessageTypeReconfigure)},
		{"relay-reply", "not-for-a-server", append([]byte{13}, zeros(40)...)},
		{"type zero", "not-for-a-server", zeros(4)},
		{"option head cut", "truncated", msg(solicit, []byte{0, 1, 0})},
		{"option cut", "truncated", msg(solicit, []byte{0, 1, 0, 9, 1})},
		{"65 options", "too-many-options", msg(solicit, repeat(65, func(int) []byte { return opt(99) }))},
		{"short DUID", "duid-length", msg(solicit, opt(dhcp6.OptionClientID, []byte{0, 1}))},
		{"empty DUID", "duid-length", msg(solicit, opt(dhcp6.OptionClientID))},
		{"longest DUID", "", msg(solicit, opt(dhcp6.OptionClientID, zeros(130)))},
		{"DUID too long", "duid-length", msg(solicit, opt(dhcp6.OptionClientID, zeros(131)))},
		{"long server DUID", "duid-length", msg(solicit, opt(dhcp6.OptionServerID, zeros(131)))},
		{"two client identifiers", "duplicate-option", msg(solicit, id, id)},
		{"DUID-UUID of odd length", "", msg(solicit, opt(dhcp6.OptionClientID, []byte{0, 4, 1, 2}))},
		{"short IA_NA", "ia-length", msg(solicit, opt(dhcp6.OptionIANA, zeros(11)))},
		{"short IA_PD", "ia-length", msg(solicit, opt(dhcp6.OptionIAPD, zeros(11)))},
		{"16 associations", "", msg(solicit, repeat(16, func(i int) []byte { return opt(dhcp6.OptionIANA, iaid(i)) }))},
		{"17 associations", "too-many-ias", msg(solicit, repeat(17, func(i int) []byte { return opt(dhcp6.OptionIANA, iaid(i)) }))},
		{"one IAID twice", "duplicate-iaid", msg(solicit, na(), na())},
		{"one IAID in both kinds", "", msg(solicit, na(), pd())},
		{"17 addresses", "too-many-leases", msg(solicit, na(repeat(17, func(int) []byte { return addr })))},
		{"short address", "lease-length", msg(solicit, na(opt(dhcp6.OptionIAAddr, zeros(23))))},
		{"short prefix", "lease-length", msg(solicit, pd(opt(dhcp6.OptionIAPrefix, zeros(24))))},
		{"prefix length 0", "", msg(solicit, pd(prefix(0)))},
		{"prefix length 128", "", msg(solicit, pd(prefix(128)))},
		{"prefix length 129", "prefix-length", msg(solicit, pd(prefix(129)))},
		{"prefix length 255", "prefix-length", msg(solicit, pd(prefix(255)))},
		{"prefix in IA_NA", "", msg(solicit, na(prefix(60)))},
		{"status in address", "", msg(solicit, na(opt(dhcp6.OptionIAAddr, []byte{0x20}, zeros(23), opt(dhcp6.OptionStatusCode, zeros(2)))))},
		{"status cut", "status-length", msg(solicit, na(opt(dhcp6.OptionStatusCode, zeros(1))))},
		{"long status text", "status-length", msg(solicit, na(opt(dhcp6.OptionIAAddr, zeros(24), opt(dhcp6.OptionStatusCode, zeros(2), zeros(257)))))},
		{"address with half an option", "truncated", msg(solicit, na(opt(dhcp6.OptionIAAddr, zeros(24), []byte{0, 13})))},
		{"odd option request", "option-request-length", msg(solicit, opt(dhcp6.OptionORO, zeros(3)))},
		{"long option request", "option-request-length", msg(solicit, opt(dhcp6.OptionORO, zeros(258)))},
		{"rapid commit with data", "rapid-commit-length", msg(solicit, opt(dhcp6.OptionRapidCommit, zeros(1)))},
		{"nonsense in options not looked at", "", msg(solicit, opt(dhcp6.OptionFQDN), opt(dhcp6.OptionVendorOpts, zeros(1)), opt(dhcp6.OptionNTPServer, zeros(3)))},
		{"relayed", "", nest(1, msg(solicit, id))},
		{"8 relays", "", nest(8, msg(solicit, id))},
		{"9 relays", "too-many-relays", nest(9, msg(solicit, id))},
		{"relay head cut", "truncated", relayed(0, "::")[:33]},
		{"relay without message", "no-relay-message", relayed(0, "::", opt(dhcp6.OptionInterfaceID, zeros(4)))},
		{"relay with two messages", "duplicate-option", relayed(0, "::", opt(dhcp6.OptionRelayMsg, msg(solicit)), opt(dhcp6.OptionRelayMsg, msg(solicit)))},
		{"relay with an empty message", "truncated", relayed(0, "::", opt(dhcp6.OptionRelayMsg))},
		{"hop count", "hop-count", relayed(9, "::", opt(dhcp6.OptionRelayMsg, msg(solicit)))},
		{"long interface-id", "interface-id-length", relayed(0, "::", opt(dhcp6.OptionInterfaceID, zeros(257)), opt(dhcp6.OptionRelayMsg, msg(solicit)))},
		{"relay port", "relay-port-length", relayed(0, "::", opt(dhcp6.OptionRelayPort, zeros(3)), opt(dhcp6.OptionRelayMsg, msg(solicit)))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, reason := guard(tt.in)
			if reason != tt.want {
				t.Fatalf("guard(%x) says %q, want %q", tt.in, reason, tt.want)
			}
			if reason != "" {
				return
			}
			if _, err := parse(d); err != nil {
				t.Errorf("what the guard let through cannot be decoded: %v", err)
			}
		})
	}
}

func TestParse(t *testing.T) {
	e := newEnv(t, seedConfig())
	b := e.build(strings.Fields("request ann server rapid na=7,2001:db8::1,2001:db8::2 pd=8,::/60 pd=9,2001:db8:fff:1::/60 oro=23,24")).ToBytes()
	d, reason := guard(b)
	if reason != "" {
		t.Fatal(reason)
	}
	got, err := parse(d)
	if err != nil {
		t.Fatal(err)
	}
	want := &request{
		kind: dhcp6.MessageTypeRequest, xid: dhcp6.TransactionID{1, 2, 3}, client: duidOf("ann"), server: serverDUID, hasIA: true, rapid: true,
		oro: dhcp6.OptionCodes{23, 24},
		ias: []ia{
			{kind: lease.Address, id: 7, leases: []netip.Prefix{netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("2001:db8::2/128")}},
			{kind: lease.Prefix, id: 8, leases: []netip.Prefix{netip.MustParsePrefix("::/60")}},
			{kind: lease.Prefix, id: 9, leases: []netip.Prefix{netip.MustParsePrefix("2001:db8:fff::/60")}},
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(request{}, origin{}, ia{}), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("parse(%s) (-want +got):\n%s", hex.EncodeToString(b), diff)
	}
}

// FuzzServe puts any datagram through guard, parse and handle, after a client has leases, and checks what must hold of the
// leases after it, whatever it was.
func FuzzServe(f *testing.F) {
	e := newEnv(f, seedConfig())
	for _, line := range []string{
		"solicit ann na=1 pd=1,::/60 oro=23,24 rapid", "request ann server na=1,2001:db8::101 na=2 pd=1,2001:db8:fff:10::/60",
		"renew ann server na=1,2001:db8::101 pd=1", "rebind eve na=1,2001:db8::101", "release ann server na=1,2001:db8::101 pd=1",
		"request ann server na=1 pd=1 accept oro=67", "renew ann server na=1,2001:db8::101 pd=1,2001:db8:fff:10::/60 accept oro=67",
		"decline ann server na=1,2001:db8::101", "confirm ann na=1,2001:db8::101", "information ann oro=23,24,32",
	} {
		m := e.build(strings.Fields(line)).ToBytes()
		f.Add(m)
		f.Add(nest(2, m))
	}
	f.Add(msg(dhcp6.MessageTypeSolicit, opt(dhcp6.OptionClientID, []byte{0, 4, 1, 2, 3}))) // a DUID-UUID of odd length
	f.Fuzz(func(t *testing.T, b []byte) {
		d, reason := guard(b)
		if reason != "" {
			return
		}
		if len(d.message) > len(b) || len(d.relays) > maxRelays {
			t.Fatalf("the guard made %d bytes of %d, and %d relays", len(d.message), len(b), len(d.relays))
		}
		e := newEnv(t, seedConfig())
		e.do(strings.Fields("config rapid reconfigure leave=::/64"))
		e.do(strings.Fields("request ann server na=1,2001:db8::101 pd=1,2001:db8:fff:10::/60"))
		e.do(strings.Fields("request web1 server na=1"))
		req, err := parse(d)
		if err != nil {
			t.Fatalf("decode what the guard let through: %v", err)
		}
		req.mac, req.nextHop = clients["eve"], netip.MustParseAddr("fe80::e")
		v := handle(e.now, e.cat, e.cat.links["eth1"], req, e.store, e.space, testKeys)
		e.store.apply(v.change)
		if v.drop == "" {
			// The library decodes identifiers more strictly than a server may: to us they are opaque (RFC 8415 11).
			v.reply.Options.Del(dhcp6.OptionClientID)
			reply := wrap(d.relays, v.reply).ToBytes()
			if _, err := dhcp6.FromBytes(reply); err != nil {
				t.Errorf("the reply cannot be decoded: %v", err)
			}
		}
		all := e.store.All()
		for i, l := range all {
			if i > 0 && all[i-1].Prefix.Overlaps(l.Prefix) {
				t.Errorf("%s is leased and %s too", all[i-1].Prefix, l.Prefix)
			}
			if !l.Prefix.IsValid() || l.Prefix != l.Prefix.Masked() {
				t.Errorf("leased %s", l.Prefix)
			}
		}
		l, ok := e.store.ByPrefix(netip.MustParsePrefix("2001:db8::5054:ff:fed6:c2a9/128"))
		if !ok || string(l.Key.DUID) != string(duidOf("web1")) || !bytes.Equal(l.MAC, reserved) {
			t.Errorf("somebody else has what is reserved: %+v", l)
		}
		// The pools move, and everybody who can be told is asked what he would get.
		e.do(strings.Fields("config pool=2001:db8:7::100-2001:db8:7::ffff subnet=2001:db8:7::/64 delegate=hosts@2001:db8:eee::/48-60 former=2001:db8:fff::/48,30m"))
		e.stale()
		if after := e.store.All(); len(after) != len(all) {
			t.Errorf("asking what would be changed the leases: %d, were %d", len(after), len(all))
		}
		for _, l := range all {
			if l.Contact != nil && len(l.Contact.Path) > maxPath {
				t.Errorf("a path of %d bytes is kept", len(l.Contact.Path))
			}
		}
	})
}

// FuzzFrame puts any packet through the parser of frames.
func FuzzFrame(f *testing.F) {
	f.Add(frameOf(netip.MustParseAddr("fe80::1"), msg(dhcp6.MessageTypeSolicit)), false)
	f.Fuzz(func(t *testing.T, b []byte, checked bool) {
		if _, payload, reason := parseFrame(b, checked); reason == "" && len(payload) > len(b)-48 {
			t.Errorf("%d bytes in a frame of %d", len(payload), len(b))
		}
	})
}
