package firewall

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// TestEvaluateIsWhatTheKernelDoes sends random packets through random rules, and compares the counters that each moves with those that
// Evaluate says. SIXFOLD_SEED repeats a run.
func TestEvaluateIsWhatTheKernelDoes(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("SIXFOLD_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SIXFOLD_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	l := newTown(t)
	m := newManager(t)
	hosts := []*netns.Node{l.wan, l.lan, l.guest}
	links := []string{"wan0", "lan0", "guest0"}
	// Nobody answers for the destinations, which would move counters.
	for i, link := range links {
		for n := range 4 {
			sh(t, "ip neigh replace 2001:db8:%d::10%d lladdr 02:00:00:00:00:99 dev %s; ip neigh replace 192.0.%d.10%d lladdr 02:00:00:00:00:99 dev %s", i+1, n, link, i+1, n, link)
		}
		hosts[i].Sh(t, "ip link set eth0 promisc off")
	}
	if _, err := os.Stat("/proc/sys/net/netfilter/nf_conntrack_checksum"); err == nil {
		sh(t, "sysctl -qw net.netfilter.nf_conntrack_checksum=0")
	}
	for round := range 12 {
		conf := randomConfig(r)
		apply(t, m, conf)
		rules := Compile(conf)
		for range 40 {
			from, p := randomPacket(r, conf, links)
			before := m.counts(t)
			if err := hosts[from].Do(func() error { return send(p) }); err != nil {
				t.Fatalf("send %+v: %v", p, err)
			}
			got := m.moved(t, before)
			outcome := rules.Evaluate(p)
			want := outcome.Counters
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("round %d: %+v: Evaluate says %s by %s (%s); counters -Evaluate +kernel\n%s\n%s", round, p, outcome.Action, outcome.Where, outcome.Rule, diff, rules.Text())
			}
		}
	}
}

// counts reads the counters, but for that of packets which are answers.
func (m *Manager) counts(t *testing.T) map[string]Counted {
	t.Helper()
	c, err := m.counters()
	if err != nil {
		t.Fatal(err)
	}
	delete(c, establishedCounter)
	return c
}

// moved returns the counters that moved, once for each packet. A veth hands a packet on within the call that sends it.
func (m *Manager) moved(t *testing.T, before map[string]Counted) []string {
	t.Helper()
	var out []string
	after := m.counts(t)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		for range after[name].Packets - before[name].Packets {
			out = append(out, name)
		}
	}
	return out
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func randomConfig(r *rand.Rand) Config {
	conf := Config{Zones: zones(), PortSets: []PortSet{{Name: "web", Ranges: []PortRange{packet.Port(80), {First: 440, Last: 450}}}}}
	for i := range conf.Zones {
		conf.Zones[i].Stateless = r.IntN(4) == 0
		conf.Zones[i].SourceCheck = pick(r, CheckOff, CheckLoose, CheckStrict)
	}
	if r.IntN(3) == 0 {
		conf.Zones = slices.Delete(conf.Zones, 0, 1)
	}
	conf.AddressSets = []AddressSet{{Name: "some", Prefixes: randomPrefixes(r)}}
	names := []string{"wan", "lan", Any}
	if len(conf.Zones) == 3 {
		names = append(names, "guests")
	}
	for i := range 1 + r.IntN(6) {
		p := Policy{Where: fmt.Sprintf("policy %d", i), From: pick(r, names...), To: pick(r, append(names, Router)...)}
		for j := range r.IntN(5) {
			p.Rules = append(p.Rules, randomRule(r, fmt.Sprintf("policy %d rule %d", i, j)))
		}
		p.End = pick(r, Continue, Accept, Drop, Reject, SimpleSecurity)
		conf.Policies = append(conf.Policies, p)
	}
	return conf
}

func randomPrefixes(r *rand.Rand) []netip.Prefix {
	all := prefixes("2001:db8:1::/64", "2001:db8:2::/48", "2001:db8::/32", "2001:db8:2::100/128", "2001:db8:3::100/127", "192.0.1.0/24", "192.0.2.100/32", "192.0.0.0/16", "3fff::/20")
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+r.IntN(4)]
}

func randomAddresses(r *rand.Rand) Addresses {
	switch r.IntN(4) {
	case 0:
		return Addresses{Text: []string{"some"}, Sets: []string{"some"}}
	case 1:
		list := randomPrefixes(r)
		return Addresses{Text: texts(list), Prefixes: list}
	}
	return Addresses{}
}

func randomRule(r *rand.Rand, where string) PolicyRule {
	rule := PolicyRule{Where: where, Sources: randomAddresses(r), Destinations: randomAddresses(r), Action: pick(r, Continue, Accept, Drop, Reject)}
	switch r.IntN(4) {
	case 0:
		rule.Protocols = []Protocol{pick(r, packet.TCP, packet.UDP)}
		rule.Ports = Ports{Ranges: []PortRange{{First: uint16(20 + r.IntN(60)), Last: uint16(80 + r.IntN(400))}}}
	case 1:
		rule.Protocols = []Protocol{packet.TCP, packet.UDP}
		rule.Ports = Ports{Sets: []string{"web"}}
	case 2:
		rule.Protocols = []Protocol{pick(r, packet.ESP, packet.AH, packet.ICMPv6, packet.ICMP), pick(r, packet.UDP, packet.HIP)}
	case 3:
		rule.ICMPTypes = []ICMPType{{Type: 128}, {Type: 129}, {V4: true, Type: 8}}[:1+r.IntN(3)]
	}
	return rule
}

// randomPacket returns a packet as its rules see it, and which host sends it.
func randomPacket(r *rand.Rand, conf Config, links []string) (from int, p Packet) {
	from = r.IntN(3)
	to := (from + 1 + r.IntN(2)) % 3
	v4 := r.IntN(3) == 0
	address := func(net int, host string) netip.Addr {
		if v4 {
			return netip.MustParseAddr(fmt.Sprintf("192.0.%d.%s", net+1, host))
		}
		return netip.MustParseAddr(fmt.Sprintf("2001:db8:%d::%s", net+1, host))
	}
	p = Packet{
		Hook: ForwardHook, In: links[from], Out: links[to], Src: address(from, fmt.Sprint(2+r.IntN(50))), Dst: address(to, fmt.Sprintf("10%d", r.IntN(4))),
		HopLimit: 64, State: StateNew, Routing: -1, SrcRoute: links[from],
		Protocol: pick(r, packet.TCP, packet.UDP, packet.UDP, packet.ESP, packet.HIP, packet.ICMPv6, packet.AH),
	}
	switch r.IntN(8) {
	case 0: // somebody else's address
		other := 3 - from - to
		p.Src, p.SrcRoute = address(other, "77"), links[other]
	case 1:
		p.SrcRoute = ""
		if p.Src = netip.MustParseAddr("3fff::5"); v4 {
			p.Src = netip.MustParseAddr("203.0.113.5")
		}
	}
	if r.IntN(4) == 0 {
		p.Hook, p.Out, p.Dst, p.DstLocal = Input, "", address(from, "1"), true
	}
	switch p.Protocol {
	case packet.TCP, packet.UDP:
		p.SrcPort, p.DstPort = uint16(1024+r.IntN(60000)), pick(r, uint16(22), 80, 443, 500, 8000)
	case packet.ICMPv6:
		if p.ICMPType = 128; v4 {
			p.Protocol, p.ICMPType = packet.ICMP, 8
		}
	}
	for _, z := range conf.Zones {
		if slices.Contains(z.Interfaces, p.In) && z.Stateless && !p.DstLocal {
			p.State = StateUntracked
		}
	}
	return from, p
}

// send puts a packet on the wire.
func send(p Packet) error {
	body := make([]byte, 32)
	switch p.Protocol {
	case packet.TCP:
		binary.BigEndian.PutUint16(body, p.SrcPort)
		binary.BigEndian.PutUint16(body[2:], p.DstPort)
		body[12], body[13] = 8<<4, 2 // a SYN
	case packet.UDP:
		binary.BigEndian.PutUint16(body, p.SrcPort)
		binary.BigEndian.PutUint16(body[2:], p.DstPort)
		binary.BigEndian.PutUint16(body[4:], uint16(len(body)))
	case packet.ICMP, packet.ICMPv6:
		body[0] = p.ICMPType
		binary.BigEndian.PutUint32(body[4:], rand.Uint32())
	}
	if p.Protocol == packet.AH {
		copy(body, []byte{byte(packet.ESP), 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}) // RFC 4302 2, without a check value
	}
	next := byte(p.Protocol)
	if p.Src.Is4() {
		h := make([]byte, 20)
		h[0], h[8], h[9] = 0x45, p.HopLimit, next
		binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(body)))
		copy(h[12:], p.Src.AsSlice())
		copy(h[16:], p.Dst.AsSlice())
		return sendRaw(unix.AF_INET, &unix.SockaddrInet4{Addr: p.Dst.As4()}, append(h, body...))
	}
	h := make([]byte, 40)
	h[0], h[6], h[7] = 0x60, next, p.HopLimit
	binary.BigEndian.PutUint16(h[4:], uint16(len(body)))
	copy(h[8:], p.Src.AsSlice())
	copy(h[24:], p.Dst.AsSlice())
	return sendRaw(unix.AF_INET6, &unix.SockaddrInet6{Addr: p.Dst.As16()}, append(h, body...))
}

func sendRaw(family int, to unix.Sockaddr, b []byte) error {
	fd, err := unix.Socket(family, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, b, 0, to)
}
