package dhcpv6

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// frameOf is the IPv6 packet of a client with a good checksum.
func frameOf(source netip.Addr, payload []byte) []byte {
	b := make([]byte, 40, 48+len(payload))
	b[0], b[6], b[7] = 0x60, nextUDP, 1
	src, dst := source.As16(), allAgentsAndServers.As16()
	copy(b[8:], src[:])
	copy(b[24:], dst[:])
	udp := binary.BigEndian.AppendUint16(nil, clientPort)
	udp = binary.BigEndian.AppendUint16(udp, serverPort)
	udp = binary.BigEndian.AppendUint16(udp, uint16(8+len(payload)))
	udp = append(append(udp, 0, 0), payload...)
	binary.BigEndian.PutUint16(b[4:], uint16(len(udp)))
	binary.BigEndian.PutUint16(udp[6:], max(1, ^sumOf(b[8:40], udp))) // no message here has a checksum of zero
	return append(b, udp...)
}

func TestParseFrame(t *testing.T) {
	client := netip.MustParseAddr("fe80::c")
	solicit := msg(dhcp6.MessageTypeSolicit, opt(dhcp6.OptionClientID, []byte{0, 2, 9}))
	change := func(at int, to byte) []byte {
		b := frameOf(client, solicit)
		b[at] = to
		return b
	}
	for _, tt := range []struct {
		name, want string
		in         []byte
		checked    bool
	}{
		{"solicit", "", frameOf(client, solicit), false},
		{"padded", "", append(frameOf(client, solicit), 0, 0, 0), false},
		{"wrong checksum", "checksum", change(50, 0xff), false},
		{"checksum not made yet", "", change(50, 0xff), true},
		{"no checksum", "checksum", func() []byte { b := change(46, 0); b[47] = 0; return b }(), false},
		{"global source", "source-address", frameOf(netip.MustParseAddr("2001:db8::c"), solicit), false},
		{"unspecified source", "source-address", frameOf(netip.IPv6Unspecified(), solicit), false},
		{"IPv4", "not-udp", change(0, 0x45), false},
		{"TCP", "not-udp", change(6, 6), false},
		{"another port", "not-for-a-server", change(43, 80), false},
		{"another group", "not-for-a-server", change(39, 1), false},
		{"UDP length beyond the packet", "udp-length", change(44, 0xff), false},
		{"UDP length below the header", "udp-length", change(45, 7), false},
		{"payload length beyond the packet", "truncated", change(4, 0xff), false},
		{"cut", "truncated", frameOf(client, solicit)[:47], false},
		{"empty", "truncated", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source, payload, reason := parseFrame(tt.in, tt.checked)
			if reason != tt.want {
				t.Fatalf("parseFrame says %q, want %q", reason, tt.want)
			}
			if reason == "" && !tt.checked && (source != client || !bytes.Equal(payload, solicit)) {
				t.Errorf("got %x from %s", payload, source)
			}
		})
	}
}

// TestBuildFrame: what is sent to a client has the checksum that its kernel wants, also where that would be zero.
func TestBuildFrame(t *testing.T) {
	us, client := netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fe80::c")
	full := 0
	for n := range 0x20000 {
		payload := binary.BigEndian.AppendUint32([]byte{7, 1, 2, 3}, uint32(n))[:8-n%2]
		b := buildFrame(us, client, payload)
		if !checksumOK(b[8:40], b[40:]) {
			t.Fatalf("checksum of %x", b)
		}
		if b[46] == 0xff && b[47] == 0xff {
			full++
		}
	}
	if full == 0 {
		t.Error("no checksum was zero")
	}
	want := "60000000000c1140" + "fe800000000000000000000000000001" + "fe80000000000000000000000000000c" + "02230222000cf57e" + "07010203"
	if got := hex.EncodeToString(buildFrame(us, client, []byte{7, 1, 2, 3})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
