package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

func apply(t *testing.T, w *LinkWriter, cfg Config) {
	t.Helper()
	if err := w.Apply(context.Background(), cfg); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

// unchanged applies again and fails if anything was written.
func unchanged(t *testing.T, w *LinkWriter, cfg Config) {
	t.Helper()
	before := w.Writes()
	apply(t, w, cfg)
	if n := w.Writes() - before; n != 0 {
		t.Errorf("applying again wrote %d times", n)
	}
}

func sysctlIs(t *testing.T, path, want string) {
	t.Helper()
	b, err := os.ReadFile("/proc/sys/" + path)
	if got := strings.TrimSpace(string(b)); err != nil || got != want {
		t.Errorf("%s is %q, %v; want %s", path, got, err, want)
	}
}

func TestApply(t *testing.T) {
	ip(t, "link add lan.0 type veth peer name lan1")
	t.Cleanup(func() { ip(t, "link del lan.0") })
	w := NewLinks(discard(), NewMonitor(discard()))
	cfg := Config{Forwarding: true, Links: map[string]Link{
		"lan.0": {Name: "lan.0", MTU: 1400, Addresses: addresses("2001:db8::1/64", "192.0.2.1/24", "2001:db8:9::1/128")},
		"lan1":  {Name: "lan1", DAD: true, AcceptRA: true},
		"later": {Name: "later", Addresses: addresses("2001:db8:2::1/64")},
	}}
	apply(t, w, cfg)
	unchanged(t, w, cfg)
	got := ip(t, "-d addr show lan.0")
	for _, want := range []string{"mtu 1400", "UP", "inet6 2001:db8::1/64 scope global nodad", "inet 192.0.2.1/24 brd 192.0.2.255",
		"2001:db8:9::1/128 scope global nodad noprefixroute"} {
		if !strings.Contains(got, want) {
			t.Errorf("lan.0 lacks %q:\n%s", want, got)
		}
	}
	for path, want := range map[string]string{
		"net/ipv6/conf/all/forwarding": "1", "net/ipv4/ip_forward": "1", "net/ipv6/conf/lan1/accept_ra": "2",
		"net/ipv6/conf/lan.0/accept_ra": "0", "net/ipv6/conf/lan.0/keep_addr_on_down": "1", "net/ipv6/conf/lan.0/forwarding": "1",
	} {
		sysctlIs(t, path, want)
	}
	// The link comes, and one of the others changes behind our back.
	veth(t, "later", "later1")
	ip(t, "addr del 2001:db8::1/64 dev lan.0")
	apply(t, w, cfg)
	if got := ip(t, "addr show"); !strings.Contains(got, "2001:db8:2::1/64") || !strings.Contains(got, "2001:db8::1/64") {
		t.Errorf("addresses are missing:\n%s", got)
	}
	unchanged(t, w, cfg)
}

func TestRestartAdopts(t *testing.T) {
	veth(t, "lan0", "lan1")
	ip(t, "addr add 2001:db8:f::1/64 dev lan0 nodad")  // foreign, stays
	ip(t, "addr add 2001:db8:aa::1/64 dev lan0 nodad") // foreign, wanted too
	first := Config{Links: map[string]Link{
		"lan0": {Addresses: addresses("2001:db8::1/64", "2001:db8:1::1/64", "192.0.2.1/24", "2001:db8:aa::1/64")},
		"lan1": {Addresses: addresses("2001:db8:3::1/64")},
	}}
	apply(t, NewLinks(discard(), NewMonitor(discard())), first)

	m := NewMonitor(discard())
	w := NewLinks(discard(), m)
	unchanged(t, w, first)
	second := Config{Links: map[string]Link{"lan0": {Addresses: addresses("2001:db8::1/56", "192.0.2.2/24")}}}
	apply(t, w, second)
	unchanged(t, w, second)
	got := map[string]bool{}
	for _, name := range []string{"lan0", "lan1"} {
		for _, a := range m.Links()[name].Addresses {
			if !a.Prefix.Addr().IsLinkLocalUnicast() {
				got[a.Prefix.String()] = a.Ours
			}
		}
	}
	want := map[string]bool{"2001:db8:f::1/64": false, "2001:db8:aa::1/64": false, "2001:db8::1/56": true, "192.0.2.2/24": true}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("addresses and whether they are ours: %v, want %v", got, want)
	}
}

// A link whose MTU is below 1280 has no IPv6, until it is raised.
func TestSmallMTU(t *testing.T) {
	veth(t, "lan0", "lan1")
	w := NewLinks(discard(), NewMonitor(discard()))
	cfg := Config{Forwarding: true, Links: map[string]Link{"lan0": {MTU: 1000, Addresses: addresses("192.0.2.1/24")}}}
	apply(t, w, cfg)
	unchanged(t, w, cfg)
	cfg.Links["lan0"] = Link{MTU: 1280, Addresses: addresses("192.0.2.1/24", "2001:db8::1/64")}
	apply(t, w, cfg)
	unchanged(t, w, cfg)
}

func TestIndependentFailures(t *testing.T) {
	veth(t, "lan0", "lan1")
	ip(t, "addr add 2001:db8:f::1/64 dev lan0 nodad")
	w := NewLinks(discard(), NewMonitor(discard()))
	err := w.Apply(context.Background(), Config{Links: map[string]Link{
		"../lan0": {},
		"lan0":    {MTU: 1, Addresses: addresses("2001:db8:f::1/56", "2001:db8::1/64")},
		"lan1":    {Addresses: addresses("2001:db8:1::1/64")},
	}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`"../lan0" is not a link name`, "set mtu of lan0 to 1: ", "add 2001:db8:f::1/56 to lan0: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if got := ip(t, "addr show"); !strings.Contains(got, "2001:db8::1/64") || !strings.Contains(got, "2001:db8:1::1/64") {
		t.Errorf("what could be done was not:\n%s", got)
	}
}

// Each write fails once; the next Apply makes everything good.
func TestEveryWriteMayFail(t *testing.T) {
	broken := errors.New("broken on purpose")
	cfg := Config{Forwarding: true, Links: map[string]Link{
		"lan0": {MTU: 1400, Addresses: addresses("2001:db8::2/56", "192.0.2.1/24")},
		"lan1": {AcceptRA: true, Addresses: addresses("2001:db8:1::1/64")},
	}}
	for fail := 1; ; fail++ {
		veth(t, "lan0", "lan1")
		m := NewMonitor(discard())
		apply(t, NewLinks(discard(), m), Config{Links: map[string]Link{
			"lan0": {Addresses: addresses("2001:db8::1/64", "2001:db8::2/64")}, "lan1": {AcceptRA: true}}})
		ip(t, "link set lan1 down")
		w := NewLinks(discard(), m)
		n, failed := 0, ""
		w.fault = func(what string) error {
			if n++; n == fail {
				failed = what
				return broken
			}
			return nil
		}
		err := w.Apply(context.Background(), cfg)
		if failed == "" {
			if err != nil || fail < 6 {
				t.Errorf("after %d writes: %v", n, err)
			}
			return
		}
		if !errors.Is(err, broken) {
			t.Errorf("%q failed, and Apply returned %v", failed, err)
		}
		apply(t, w, cfg)
		unchanged(t, w, cfg)
		for _, want := range []string{"2001:db8::2/56", "192.0.2.1/24", "2001:db8:1::1/64", "mtu 1400"} {
			if got := ip(t, "addr show"); !strings.Contains(got, want) || strings.Contains(got, "2001:db8::1/64") {
				t.Errorf("after a failure of %q:\n%s", failed, got)
			}
		}
		ip(t, "link del lan0")
	}
}

// routerSocket receives and sends ICMPv6 on a link, as a router there.
func routerSocket(t *testing.T, l LinkState) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	mreq := &unix.IPv6Mreq{Multiaddr: netip.MustParseAddr("ff02::2").As16(), Interface: uint32(l.Index)}
	if err := errors.Join(unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, mreq),
		unix.BindToDevice(fd, l.Name),
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5})); err != nil {
		t.Fatal(err)
	}
	return fd
}

// advertise sends a router advertisement with a lifetime of half an hour.
func advertise(t *testing.T, fd int, l LinkState) {
	t.Helper()
	ra := []byte{134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0}
	to := &unix.SockaddrInet6{Addr: netip.MustParseAddr("ff02::1").As16(), ZoneId: uint32(l.Index)}
	if err := unix.Sendto(fd, ra, 0, to); err != nil {
		t.Fatal(err)
	}
}

// quiet keeps the kernel's own solicitations off new links, which come late rather than never where it once accepted
// advertisements, and makes it take advertisements from another link of the same namespace.
func quiet(t *testing.T, acceptRA string) {
	t.Helper()
	for path, v := range map[string]string{"default/accept_ra": acceptRA, "default/accept_ra_from_local": "1", "all/forwarding": "0"} {
		path = "/proc/sys/net/ipv6/conf/" + path
		old, err := os.ReadFile(path)
		if err := errors.Join(err, os.WriteFile(path, []byte(v), 0)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.WriteFile(path, old, 0) })
	}
}

func linkLocals(t *testing.T, m *Monitor, names ...string) {
	t.Helper()
	for _, name := range names {
		eventually(t, "a link-local address on "+name, func() bool {
			_, ok := m.Links()[name].LinkLocal()
			return ok && m.Links()[name].Running
		})
	}
}

// The default route has to come soon when advertisements are accepted from now on, although the link has been up for long.
func TestSolicitWhenAccepting(t *testing.T) {
	quiet(t, "0")
	veth(t, "wan0", "isp0")
	m := NewMonitor(discard())
	background(t, m.Run)
	w := NewLinks(discard(), m)
	cfg := Config{Forwarding: true, Links: map[string]Link{"wan0": {}, "isp0": {}}}
	apply(t, w, cfg)
	linkLocals(t, m, "wan0", "isp0")
	fd := routerSocket(t, m.Links()["isp0"])
	cfg.Links["wan0"] = Link{AcceptRA: true}
	apply(t, w, cfg)
	ll, _ := m.Links()["wan0"].LinkLocal()
	buf := make([]byte, 1500)
	for got := 0; got < 2; { // the first at once, the second because nobody answered
		n, from, err := unix.Recvfrom(fd, buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatalf("after %d router solicitations: %v", got, err)
		}
		if buf[0] != 133 {
			continue
		}
		if sa := from.(*unix.SockaddrInet6); sa.Addr != ll.As16() || n != 16 {
			t.Errorf("solicitation of %d bytes from %v, want 16 bytes from %s", n, sa, ll)
		}
		got++
	}
	advertise(t, fd, m.Links()["isp0"])
	eventually(t, "the default route", hasDefault(m))
	unchanged(t, w, cfg)
	if again := m.solicitAgain(context.Background()); again {
		t.Error("solicitations go on after an answer")
	}
}

func hasDefault(m *Monitor) func() bool {
	return func() bool {
		routes, _ := m.Routes(context.Background(), 6)
		for _, r := range routes {
			if r.Prefix.Bits() == 0 && r.Protocol == "ra" && r.Link == "wan0" {
				return true
			}
		}
		return false
	}
}

// A host becomes a router and keeps the default route that it has from its ISP.
func TestForwardingKeepsDefaultRoute(t *testing.T) {
	quiet(t, "1")
	veth(t, "wan0", "isp0")
	m := NewMonitor(discard())
	background(t, m.Run)
	linkLocals(t, m, "wan0", "isp0")
	advertise(t, routerSocket(t, m.Links()["isp0"]), m.Links()["isp0"])
	eventually(t, "the default route", hasDefault(m))
	apply(t, NewLinks(discard(), m), Config{Forwarding: true, Links: map[string]Link{"wan0": {AcceptRA: true}}})
	sysctlIs(t, "net/ipv6/conf/wan0/forwarding", "1")
	if !hasDefault(m)() {
		t.Error("the default route went")
	}
}

// An address that an advertisement made and the configuration wants too must not end with its lifetime.
func TestTemporaryAddressBecomesOurs(t *testing.T) {
	veth(t, "lan0", "lan1")
	m := NewMonitor(discard())
	if err := m.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for _, p := range prefixes("2001:db8::1/64", "192.0.2.1/24") {
		req := addressRequest(addressOp{"add", p, false}, m.Links()["lan0"].Index, false)
		req.Data = req.Data[:len(req.Data)-1]
		req.AddData(nl.NewRtAttr(ifaProto, []byte{protoRA}))
		lifetimes := make([]byte, 16)
		native.PutUint32(lifetimes, 500)
		native.PutUint32(lifetimes[4:], 1000)
		req.AddData(nl.NewRtAttr(unix.IFA_CACHEINFO, lifetimes))
		if err := c.do(req); err != nil {
			t.Fatal(err)
		}
	}
	w := NewLinks(discard(), m)
	cfg := Config{Links: map[string]Link{"lan0": {Addresses: addresses("2001:db8::1/64", "192.0.2.1/24")}}}
	apply(t, w, cfg)
	unchanged(t, w, cfg)
	for _, a := range m.Links()["lan0"].Addresses {
		if !a.Prefix.Addr().IsLinkLocalUnicast() && (a.Valid < seconds(0xffffffff) || a.Dynamic) {
			t.Errorf("%+v", a)
		}
	}
}

// Without IFA_PROTO, what we added is ours while we live.
func TestKernelWithoutAddressProtocol(t *testing.T) {
	m := NewMonitor(discard())
	on := addressOn{3, netip.MustParsePrefix("2001:db8::1/64")}
	ours := func(index, proto int) bool {
		a := AddressState{Prefix: on.prefix}
		m.claim(index, &a, proto)
		return a.Ours
	}
	if ours(3, -1) {
		t.Error("ours before it was added")
	}
	m.remember(on, true)
	if !ours(3, -1) || ours(4, -1) {
		t.Error("not ours after it was added, or ours on another link")
	}
	m.remember(on, false)
	if ours(3, -1) {
		t.Error("ours after it was removed")
	}
	m.remember(on, true)
	if ours(1, 3); ours(3, -1) {
		t.Error("the kernel has IFA_PROTO and does not show ours, and it is ours")
	}
}
