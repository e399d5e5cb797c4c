package bgp

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestResolve(t *testing.T) {
	mine := map[netip.Addr]bool{ip("2001:db8::1"): true, ip("192.0.2.1"): true}
	for _, tt := range []struct {
		name, prefix, next, peer string
		want, link, err          string
	}{
		{name: "global", prefix: "2001:db8:a::/48", next: "2001:db8::2", peer: "2001:db8::2", want: "2001:db8::2"},
		{name: "of a third", prefix: "2001:db8:a::/48", next: "2001:db8::3", peer: "2001:db8::2", want: "2001:db8::3"},
		{name: "global over link-local", prefix: "2001:db8:a::/48", next: "2001:db8::3", peer: "fe80::2%eth0", want: "2001:db8::3"},
		{name: "zeroes over link-local", prefix: "2001:db8:a::/48", next: "::", peer: "fe80::2%eth0", want: "fe80::2", link: "eth0"},
		{name: "link-local", prefix: "2001:db8:a::/48", next: "fe80::9", peer: "fe80::2%eth0", want: "fe80::2", link: "eth0"},
		{name: "IPv4 over IPv6", prefix: "192.0.2.0/24", next: "2001:db8::2", peer: "2001:db8::2", want: "2001:db8::2"},
		{name: "IPv4 over link-local", prefix: "192.0.2.0/24", next: "::", peer: "fe80::2%eth0", want: "fe80::2", link: "eth0"},
		{name: "IPv4 over IPv4", prefix: "192.0.2.0/24", next: "192.0.2.2", peer: "192.0.2.2", want: "192.0.2.2"},
		{name: "IPv4 mapped", prefix: "192.0.2.0/24", next: "::ffff:192.0.2.2", peer: "192.0.2.2", want: "192.0.2.2"},
		{name: "IPv6 mapped", prefix: "2001:db8:a::/48", next: "::ffff:192.0.2.2", peer: "192.0.2.2", err: "next hop ::ffff:192.0.2.2 is not an IPv6 router"},
		{name: "IPv6 over IPv4", prefix: "2001:db8:a::/48", next: "192.0.2.2", peer: "192.0.2.2", err: "next hop 192.0.2.2 is not an IPv6 router"},
		{name: "none", prefix: "2001:db8:a::/48", peer: "2001:db8::2", err: "no next hop"},
		{name: "zeroes", prefix: "2001:db8:a::/48", next: "::", peer: "2001:db8::2", err: "next hop :: says no interface, and the session is not link-local"},
		{name: "link-local over global", prefix: "2001:db8:a::/48", next: "fe80::9", peer: "2001:db8::2", err: "next hop fe80::9 says no interface, and the session is not link-local"},
		{name: "link-local without zone", prefix: "2001:db8:a::/48", next: "fe80::9", peer: "fe80::2", err: "next hop fe80::9 says no interface, and the session is not link-local"},
		{name: "zeroes IPv4", prefix: "192.0.2.0/24", next: "0.0.0.0", peer: "192.0.2.2", err: "next hop is unspecified"},
		{name: "multicast", prefix: "2001:db8:a::/48", next: "ff02::1", peer: "fe80::2%eth0", err: "next hop ff02::1 is not unicast"},
		{name: "multicast IPv4", prefix: "192.0.2.0/24", next: "224.0.0.1", peer: "192.0.2.2", err: "next hop 224.0.0.1 is not unicast"},
		{name: "broadcast", prefix: "192.0.2.0/24", next: "255.255.255.255", peer: "192.0.2.2", err: "next hop 255.255.255.255 is not unicast"},
		{name: "loopback", prefix: "2001:db8:a::/48", next: "::1", peer: "fe80::2%eth0", err: "next hop ::1 is a loopback address"},
		{name: "loopback IPv4", prefix: "192.0.2.0/24", next: "127.0.0.9", peer: "192.0.2.2", err: "next hop 127.0.0.9 is a loopback address"},
		{name: "our own", prefix: "2001:db8:a::/48", next: "2001:db8::1", peer: "2001:db8::2", err: "next hop 2001:db8::1 is our own address"},
		{name: "our own mapped", prefix: "192.0.2.0/24", next: "::ffff:192.0.2.1", peer: "192.0.2.2", err: "next hop 192.0.2.1 is our own address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := resolve(pfx(tt.prefix), parseAddr(tt.next), ip(tt.peer), func(a netip.Addr) bool { return mine[a] })
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("resolve(%s, %s, %s) = %v, error %v, want error %s", tt.prefix, tt.next, tt.peer, got, err, tt.err)
				}
				return
			}
			want := hop{via: ip(tt.want), link: tt.link}
			if err != nil || got != want {
				t.Errorf("resolve(%s, %s, %s) = %v, error %v, want %v", tt.prefix, tt.next, tt.peer, got, err, want)
			}
		})
	}
}

// FuzzResolve holds what the kernel and the rest of the router rely on.
func FuzzResolve(f *testing.F) {
	for _, s := range []string{"::", "fe80::1", "2001:db8::1", "::ffff:1.2.3.4", "ff02::1", "::1"} {
		b := ip(s).As16()
		f.Add(true, b[:], "fe80::2%eth0")
		f.Add(false, b[:], "2001:db8::2")
	}
	v4 := ip("192.0.2.1").As4()
	f.Add(false, v4[:], "192.0.2.2")
	f.Fuzz(func(t *testing.T, six bool, next []byte, peer string) {
		prefix := pfx("192.0.2.0/24")
		if six {
			prefix = pfx("2001:db8::/32")
		}
		a, _ := netip.AddrFromSlice(next)
		h, err := resolve(prefix, a, parseAddr(peer), func(netip.Addr) bool { return false })
		if err != nil {
			return
		}
		switch {
		case !h.via.IsValid() || h.via.IsUnspecified() || h.via.IsMulticast() || h.via.IsLoopback() || h.via.Zone() != "" || h.via.Is4In6():
			t.Errorf("next hop %v from %v", h, a)
		case h.via.Is6() && h.via.IsLinkLocalUnicast() && h.link == "":
			t.Errorf("next hop %v from %v needs a link", h, a)
		case six && h.via.Is4():
			t.Errorf("IPv6 route via %v", h)
		}
	})
}

func TestOwnAddresses(t *testing.T) {
	o := &ownAddresses{}
	got := map[string]bool{}
	for _, a := range []string{"127.0.0.1", "2001:db8::dead"} {
		got[a] = o.has(ip(a))
	}
	if diff := cmp.Diff(map[string]bool{"127.0.0.1": true, "2001:db8::dead": false}, got); diff != "" {
		t.Errorf("own addresses (-want +got):\n%s", diff)
	}
}
