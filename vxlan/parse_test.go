package vxlan

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// attr is one netlink attribute.
func attr(kind uint16, value ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// learntEntry is a notification of an address that the kernel learnt 12 seconds ago.
func learntEntry() []byte {
	header := make([]byte, sizeofNdmsg)
	header[0] = unix.AF_BRIDGE
	binary.NativeEndian.PutUint32(header[4:], 9)
	binary.NativeEndian.PutUint16(header[8:], 2)
	header[10] = 2
	ages := make([]byte, 16)
	binary.NativeEndian.PutUint32(ages[4:], 300)
	binary.NativeEndian.PutUint32(ages[8:], 1200)
	return join(header, attr(attrLLAddr, 2, 0, 0, 0, 0, 1), attr(attrDst, 192, 0, 2, 1), attr(attrCacheinfo, ages...))
}

func TestParseForwarding(t *testing.T) {
	got, ok := parseForwarding(learntEntry())
	want := row{Index: 9, entry: entry{MAC: MAC{2, 0, 0, 0, 0, 1}, Remote: netip.MustParseAddr("192.0.2.1")}, State: 2, Used: 3 * time.Second, Updated: 12 * time.Second}
	if !ok || got != want {
		t.Errorf("%t: %+v, want %+v", ok, got, want)
	}
	bridge := learntEntry()
	bridge[10] = 4 // of its master
	if _, ok := parseForwarding(bridge); ok {
		t.Error("an entry of a bridge is taken for one of ours")
	}
}

// FuzzParse reads whatever netlink might bring.
func FuzzParse(f *testing.F) {
	link := make([]byte, unix.SizeofIfInfomsg)
	f.Add(join(link, attr(unix.IFLA_IFNAME, []byte("vx\x00")...), attr(unix.IFLA_LINKINFO, join(attr(1, []byte("vxlan\x00")...), attr(2, attr(1, 5, 0, 0, 0)...))...)))
	f.Add(learntEntry())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseLink(b); err == nil && len(b) < unix.SizeofIfInfomsg {
			t.Errorf("a link of %d bytes: %+v", len(b), s)
		}
		if r, ok := parseForwarding(b); ok && (!r.Remote.IsValid() || r.Remote.IsUnspecified()) {
			t.Errorf("an entry without a remote: %+v", r)
		}
		m := manager()
		m.OnRemote = func(string, netip.Addr, MAC) {}
		m.names = map[int]string{9: "vx"}
		m.hear(b)
		message := binary.NativeEndian.AppendUint32(nil, uint32(len(b)+unix.SizeofNlMsghdr))
		m.hear(join(binary.NativeEndian.AppendUint16(message, unix.RTM_NEWNEIGH), make([]byte, 10), b))
		if len(m.known) > maxMeetings {
			t.Errorf("%d remotes are remembered", len(m.known))
		}
	})
}

func TestMet(t *testing.T) {
	m := manager()
	var told []netip.Addr
	m.OnRemote = func(device string, remote netip.Addr, _ MAC) {
		if device != "vx" {
			t.Errorf("told of %s", device)
		}
		told = append(told, remote)
	}
	m.names = map[int]string{9: "vx"}
	meet := func(index int, n int) {
		m.met(row{Index: index, entry: entry{Remote: netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})}})
	}
	for n := range 2 * maxMeetings {
		meet(9, n)
		meet(9, n)
		meet(8, n) // none of ours
	}
	if len(told) != maxMeetings {
		t.Errorf("told of %d remotes, want %d", len(told), maxMeetings)
	}
	m.names = nil
	m.forget()
	if len(m.known) != 0 {
		t.Errorf("%d remotes of a device that is gone are remembered", len(m.known))
	}
}
