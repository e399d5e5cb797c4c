package integration

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// plugs are the links that random configurations are about.
var plugs = []string{"lan0", "lan1", "lan2"}

// randomConfig makes a valid configuration over the plugs. All of them have an MTU: without one a link keeps what it has, so
// that the way there would matter. One seed always makes the same.
func randomConfig(seed uint64) *sixfoldv1.Config {
	g := &generator{rand.New(rand.NewPCG(seed, 166)), &sixfoldv1.Config{Interfaces: map[string]*sixfoldv1.Interface{}, Routes: map[string]*sixfoldv1.Route{}}}
	g.system()
	for i, name := range plugs {
		g.plug(name, i+1)
	}
	for i := range g.IntN(12) {
		g.segment(i + 1)
	}
	for i := range g.IntN(10) {
		g.route(i)
	}
	if g.one(2) {
		g.bgp()
	}
	return g.Config
}

type generator struct {
	*rand.Rand
	*sixfoldv1.Config
}

// one is true once in n.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func (g *generator) duration(from, to time.Duration) *durationpb.Duration {
	return durationpb.New(from + time.Duration(g.Int64N(int64((to-from)/time.Second)))*time.Second)
}

func (g *generator) system() {
	g.System = &sixfoldv1.System{RouterId: fmt.Sprintf("192.0.2.%d", 1+g.IntN(254))}
	if g.one(2) {
		g.System.Hostname = []string{"r1", "true", "0x10", "1e3"}[g.IntN(4)]
	}
}

// net64 is one of the few prefixes of a link, so that two configurations often share one.
func (g *generator) net64(link int) string { return fmt.Sprintf("2001:db8:%x:%x::", link, g.IntN(3)) }

func (g *generator) plug(name string, number int) {
	i := &sixfoldv1.Interface{Mtu: proto.Uint32(uint32(1500 + 100*g.IntN(75)))}
	g.Interfaces[name] = i
	if g.one(3) {
		i.Description = []string{"~", "a: b", "to the rack\nbehind", "日本"}[g.IntN(4)]
	}
	if g.one(4) {
		i.Dad = proto.Bool(g.one(2))
	}
	net := g.net64(number)
	i.Addresses = append(i.Addresses, net+"1/64") // the routes need it
	if g.one(2) {
		i.Addresses = append(i.Addresses, fmt.Sprintf("2001:db8:ff:%x::%x/%d", number, 1+g.IntN(3), []int{64, 112, 128}[g.IntN(3)]))
	}
	if g.one(2) {
		i.Addresses = append(i.Addresses, fmt.Sprintf("10.%d.%d.1/%d", number, g.IntN(2), []int{24, 25, 30}[g.IntN(3)]))
	}
	g.Shuffle(len(i.Addresses), func(a, b int) { i.Addresses[a], i.Addresses[b] = i.Addresses[b], i.Addresses[a] })
	if g.one(2) {
		g.advertise(i)
	}
	if g.one(3) {
		g.dhcpv6(i, net, number)
	}
}

func (g *generator) advertise(i *sixfoldv1.Interface) {
	a := &sixfoldv1.Advertise{}
	i.Advertise = a
	if g.one(2) {
		a.MaxInterval = g.duration(30*time.Second, 10*time.Minute)
	}
	if g.one(3) {
		a.HopLimit, a.Preference = proto.Uint32(uint32(g.IntN(256))), []string{"", "low", "medium", "high"}[g.IntN(4)]
	}
	if g.one(3) {
		a.Dns, a.Domains = []string{"2001:db8::53", "2001:db8::5353"}[:1+g.IntN(2)], []string{"example.org"}
	}
	if g.one(3) {
		a.PreferredLifetime, a.ValidLifetime = g.duration(time.Hour, 2*time.Hour), g.duration(3*time.Hour, 9*time.Hour)
	}
}

func (g *generator) dhcpv6(i *sixfoldv1.Interface, net string, number int) {
	d := &sixfoldv1.Dhcpv6{RapidCommit: g.one(2)}
	i.Dhcpv6 = d
	if g.one(2) {
		first := 0x100 * (1 + g.IntN(8))
		d.Pools = map[string]*sixfoldv1.AddressPool{"guests": {Range: fmt.Sprintf("%s%x-%s%x", net, first, net, first+g.IntN(0x1000))}}
	}
	if g.one(2) {
		d.Delegate = map[string]*sixfoldv1.PrefixPool{"sites": {Pool: fmt.Sprintf("2001:db8:f%d00::/40", number), Length: uint32(48 + 8*g.IntN(3))}}
	}
	if g.one(2) {
		d.Reservations = map[string]*sixfoldv1.Reservation{"printer": {Mac: "52:54:00:d6:c2:a9", Addresses: []string{net + "20"}}}
	}
}

// segment makes a VXLAN of which the number says little else: in two configurations it may differ in all or in nothing.
func (g *generator) segment(number int) {
	if g.one(3) {
		return
	}
	v := &sixfoldv1.Vxlan{Vni: uint32(100 + number), Group: fmt.Sprintf("239.1.%d.%d", g.IntN(2), number), Link: plugs[g.IntN(len(plugs))]}
	if g.one(2) {
		v.Group = fmt.Sprintf("ff05::%x", 0x1000*(1+g.IntN(2))+number)
	}
	if g.one(4) {
		v.Vni += 1000
	}
	if g.one(3) {
		v.Ttl = proto.Uint32(uint32(1 + g.IntN(255)))
	}
	if g.one(3) {
		v.Port = proto.Uint32([]uint32{4789, 8472}[g.IntN(2)])
	}
	i := &sixfoldv1.Interface{Vxlan: v}
	if g.one(2) {
		i.Mtu = proto.Uint32(uint32(1280 + g.IntN(100)))
	}
	if !g.one(4) {
		i.Addresses = append(i.Addresses, fmt.Sprintf("2001:db8:8%02x:%x::1/64", number, g.IntN(2)))
		if g.one(3) {
			g.advertise(i)
		}
	}
	if g.one(3) {
		i.Addresses = append(i.Addresses, fmt.Sprintf("172.16.%d.%d/24", number, 1+g.IntN(2)))
	}
	g.Interfaces[fmt.Sprintf("vx%d", number)] = i
}

func (g *generator) route(number int) {
	r := &sixfoldv1.Route{}
	link := plugs[g.IntN(len(plugs))]
	switch g.IntN(6) {
	case 0:
		r.Unreachable = true
	case 1:
		r.Blackhole = true
	case 2:
		r.Prohibit = true
	case 3:
		r.Interface = link
	case 4:
		r.Interface, r.Via = link, "fe80::9"
	default:
		// A neighbor on the first prefix of the link.
		for _, a := range g.Interfaces[link].Addresses {
			if p := netip.MustParsePrefix(a); p.Addr().Is6() && p.Bits() == 64 {
				r.Via = p.Masked().Addr().Next().Next().String()
			}
		}
	}
	if g.one(3) {
		r.Metric = proto.Uint32(uint32(1 + g.IntN(2000)))
	}
	prefix := fmt.Sprintf("2001:db8:e%02x::/48", number)
	if r.Via == "" && g.one(3) {
		prefix = fmt.Sprintf("203.0.113.%d/30", 4*number)
	}
	g.Routes[prefix] = r
}

func (g *generator) bgp() {
	g.Bgp = &sixfoldv1.Bgp{
		Asn:        uint32(64512 + g.IntN(1000)),
		PrefixSets: map[string]*sixfoldv1.PrefixSet{"some": {Prefixes: []string{"2001:db8::/32+", "fc00::/7{48,64}"}}},
		Filters: map[string]*sixfoldv1.Filter{"out": {Rules: []*sixfoldv1.FilterRule{
			{Prefix: "some", Prepend: &sixfoldv1.FilterPrepend{Count: uint32(1 + g.IntN(9))}}, {Accept: &sixfoldv1.FilterAccept{}},
		}}},
	}
	for _, what := range []string{"connected", "static", "delegated", "aggregate"} {
		if g.one(2) {
			g.Bgp.Announce = append(g.Bgp.Announce, what)
		}
	}
	if g.one(2) {
		g.Bgp.Aggregates = map[string]*sixfoldv1.Aggregate{"2001:db8:d00::/40": {}}
	}
	if g.one(2) {
		g.Bgp.Neighbors = map[string]*sixfoldv1.Neighbor{"peer": {
			Address: "fe80::9%" + plugs[g.IntN(len(plugs))], RemoteAs: 65000, Export: "out", Passive: g.one(2), HoldTime: g.duration(10*time.Second, time.Hour),
		}}
	}
}

// The canonical text of a configuration is that configuration, and its own canonical text.
func TestFormatReadBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		m := randomConfig(seed)
		text, err := config.Format(m)
		must(t, err)
		direct, err := config.FromProto(m)
		if err != nil {
			t.Fatalf("seed %d is not valid: %v\n%s", seed, err, text)
		}
		read, message, err := config.Load("random", text)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if diff := cmp.Diff(m, message, protocmp.Transform()); diff != "" {
			t.Fatalf("seed %d (-written +read)\n%s\n%s", seed, diff, text)
		}
		// Warnings name places, which a message has not.
		comparer := cmp.Options{cmpopts.IgnoreFields(config.Config{}, "Warnings"), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
		if diff := cmp.Diff(direct, read, comparer); diff != "" {
			t.Fatalf("seed %d (-written +read)\n%s\n%s", seed, diff, text)
		}
		again, err := config.Format(message)
		must(t, err)
		if string(again) != string(text) {
			t.Fatalf("seed %d: (-first +second text)\n%s", seed, cmp.Diff(string(text), string(again)))
		}
	}
}

// Whatever was in force in between, a configuration makes the same of the kernel.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	router, peer := host(t, "router"), host(t, "peer")
	for _, link := range plugs {
		cable(t, end(router, link), end(peer, link))
	}
	d := run(t, router, "{}\n")
	text := func(seed uint64) string {
		text, err := config.Format(randomConfig(seed))
		must(t, err)
		return string(text)
	}
	for seed := range uint64(12) {
		a, b := text(1000+seed), text(2000+seed)
		d.apply(a)
		first := d.settled()
		d.apply(b)
		if d.settled() == first {
			t.Errorf("seed %d: both configurations do the same: this shows nothing", seed)
		}
		d.apply(a)
		if now := d.settled(); now != first {
			t.Errorf("seed %d, a then b then a: (-first +now)\n%s\na:\n%s\nb:\n%s", seed, cmp.Diff(first, now), a, b)
		}
		if out := lines(d.cli("show", "version"), "failed"); len(out) != 0 {
			t.Errorf("seed %d: %s", seed, out)
		}
	}
	d.apply("{}\n")
	for _, left := range lines(d.state(), "2001:db8:") {
		t.Errorf("left after all: %s", left)
	}
}
