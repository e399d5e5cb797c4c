package ra

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// The bytes of a frame are those that the kernel makes of the same message.
func TestFrame(t *testing.T) {
	for _, message := range [][]byte{
		{typeAdvertisement, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0},
		{typeAdvertisement, 0, 0xff, 0xff, 1, 2, 3, 4, 5}, // an odd number of bytes, and something where the checksum goes
		append([]byte{typeAdvertisement, 0, 0, 0}, make([]byte, 1200)...),
	} {
		source := netip.MustParseAddr("fe80::a00:27ff:fe4e:66a1")
		o := outgoing{message: message, source: source, destination: allNodes}
		b := make([]byte, headerLength+checksummed)
		frame(b, &o)
		header, err := ipv6.ParseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		if header.Version != 6 || header.PayloadLen != len(message) || header.NextHeader != unix.IPPROTO_ICMPV6 || header.HopLimit != 255 ||
			header.Src.String() != source.String() || header.Dst.String() != allNodes.String() || header.TrafficClass != 0 || header.FlowLabel != 0 {
			t.Errorf("header %v", header)
		}
		m := icmp.Message{Type: ipv6.ICMPTypeRouterAdvertisement, Body: &icmp.RawBody{Data: message[checksummed:]}}
		want, err := m.Marshal(icmp.IPv6PseudoHeader(header.Src, header.Dst))
		if err != nil {
			t.Fatal(err)
		}
		if got := b[headerLength:]; string(got) != string(want[:checksummed]) {
			t.Errorf("message of %d bytes begins with %x, want %x", len(message), got, want[:checksummed])
		}
	}
}

// A host takes an advertisement that went past the routing table; where that cannot be, it goes the usual way.
func TestKernelFrames(t *testing.T) {
	h, i := lan(t, "frames")
	sh(t, "ip tuntap add frames0 mode tun && ip link set frames0 up && ip addr add fe80::77/64 dev frames0 nodad")
	t.Cleanup(func() { sh(t, "ip link del frames0") })
	tun, _ := netns.Own().Link(t, "frames0")
	c, err := openBatch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close() })
	if c.frames == nil {
		t.Fatal("no packet socket")
	}
	message, err := Encode(i, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	frame := outgoing{message: message[0], index: i.Index, source: i.LinkLocal, destination: allNodes, direct: true}
	other, routed, gone := frame, frame, frame
	other.index, other.source = tun.Index, netip.MustParseAddr("fe80::77")
	routed.direct = false
	gone.index = 1 << 20
	out := []outgoing{frame, frame, other, routed, routed, gone, frame}
	before := advertisementsSent(t)
	c.write(out, false)
	for n, o := range out {
		if (o.err != nil) != (n == 5) {
			t.Errorf("packet %d: %v", n, o.err)
		}
	}
	if !errors.Is(out[5].err, unix.ENODEV) {
		t.Errorf("on a link that does not exist: %v", out[5].err)
	}
	if n := advertisementsSent(t) - before; n != 3 {
		t.Errorf("%d went the usual way, want 3", n)
	}
	if c.frames.ether[tun.Index] || !c.frames.ether[i.Index] {
		t.Errorf("with Ethernet addresses: %v", c.frames.ether)
	}
	before = advertisementsSent(t)
	h.Sh(t, "ip -6 addr flush dev h0 scope global; ip -6 route flush dev h0 proto ra")
	c.write([]outgoing{frame}, false)
	eventually(t, "an address of the prefix", h.Expect("ip -6 addr show dev h0 scope global", "2001:db8:1:"))
	if n := advertisementsSent(t) - before; n != 0 {
		t.Errorf("the kernel looked up a route for %d frames", n)
	}
	if got := h.Sh(t, "ip -6 route show default dev h0"); !strings.Contains(got, i.LinkLocal.String()) {
		t.Errorf("default route %q, want one by %s", got, i.LinkLocal)
	}
}
