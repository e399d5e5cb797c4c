package firewall

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// TestSwap changes between two firewalls while packets are sent that both let through, and packets that neither does. Each packet begins a
// connection of its own.
func TestSwap(t *testing.T) {
	l := newTown(t)
	m := newManager(t)
	one, other := office(), office()
	one.Policies[2].Rules = []PolicyRule{to(Accept, packet.UDP, 80)}
	other.Policies[2].Rules = []PolicyRule{to(Drop, packet.UDP, 22), to(Accept, packet.UDP, 80), to(Reject, packet.GRE, 0)}
	other.Policies[2].Rules[2].Ports = Ports{}
	other.Zones = slices.Concat([]Zone{{Name: "extra", Interfaces: []string{"nothing0"}}}, other.Zones)
	apply(t, m, one)

	target := l.addresses[l.lan][0]
	var good, bad atomic.Int64 // packets that arrived
	listen := func(port uint16, count *atomic.Int64) {
		var c net.PacketConn
		if err := l.lan.Do(func() (err error) { c, err = net.ListenPacket("udp", fmt.Sprintf(":%d", port+1000)); return err }); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			for b := make([]byte, 64); ; count.Add(1) {
				if _, _, err := c.ReadFrom(b); err != nil {
					return
				}
			}
		}()
	}
	listen(80, &good)
	listen(443, &bad)
	for _, conf := range []*Config{&one, &other} {
		for i := range conf.Policies[2].Rules {
			if p := conf.Policies[2].Rules[i].Ports.Ranges; len(p) > 0 {
				p[0] = packet.Port(p[0].First + 1000)
			}
		}
	}
	apply(t, m, one)

	ctx, stop := context.WithCancel(t.Context())
	var probes sync.WaitGroup
	probes.Go(func() {
		for ctx.Err() == nil {
			for _, port := range []uint16{1080, 1443} {
				var c net.Conn
				if err := l.wan.Do(func() (err error) { c, err = net.Dial("udp", netip.AddrPortFrom(target, port).String()); return err }); err != nil {
					t.Error(err)
					return
				}
				c.Write([]byte("probe"))
				c.Close()
			}
		}
	})
	for i := range 60 {
		if i%2 == 0 {
			apply(t, m, other)
		} else {
			apply(t, m, one)
		}
		if i%20 == 19 { // the way of a changed frame: the table is made anew
			sh(t, "nft add chain inet sixfold forward '{ policy drop; }'")
			apply(t, m, one)
		}
	}
	stop()
	probes.Wait()
	if good.Load() == 0 {
		t.Error("no packet arrived at all")
	}
	if bad.Load() > 0 {
		t.Errorf("%d packets arrived that no firewall lets through", bad.Load())
	}
}

// TestNothingIsLostInASwap sends packets that both firewalls let through, each the first of its connection.
func TestNothingIsLostInASwap(t *testing.T) {
	l := newTown(t)
	m := newManager(t)
	one, other := office(), office()
	other.Policies[0].Rules = []PolicyRule{to(Drop, packet.UDP, 1), to(Accept, packet.UDP, 443)}
	apply(t, m, one)
	ctx, stop := context.WithCancel(t.Context())
	var sent, lost int
	var probes sync.WaitGroup
	probes.Go(func() {
		for ctx.Err() == nil {
			sent++
			if err := l.udp(l.lan, netip.Addr{}, l.addresses[l.wan][0], 443); err != nil {
				lost++
			}
		}
	})
	for range 50 {
		apply(t, m, other)
		apply(t, m, one)
	}
	stop()
	probes.Wait()
	if lost > 0 || sent < 20 {
		t.Errorf("%d of %d packets were lost", lost, sent)
	}
}

// TestCountersLiveOn changes the rules around a rule, its place, and the table under it.
func TestCountersLiveOn(t *testing.T) {
	l := newTown(t)
	m := newManager(t)
	conf := office()
	apply(t, m, conf)
	if err := l.tcp(l.wan, l.addresses[l.lan][0], 80); err != nil {
		t.Fatal(err)
	}
	count := func() uint64 {
		st, err := m.Status()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range st.Rules {
			if r.Name == "web" {
				return r.Packets
			}
		}
		return 0
	}
	expect := func(when string) {
		t.Helper()
		if n := count(); n != 1 {
			t.Errorf("%s: the counter is %d, want 1", when, n)
		}
	}
	expect("at first")
	conf.Policies[2].Rules = append([]PolicyRule{to(Drop, packet.UDP, 99)}, conf.Policies[2].Rules...)
	apply(t, m, conf)
	expect("with a rule before it")
	conf.AddressSets[0].Prefixes = append(conf.AddressSets[0].Prefixes, netip.MustParsePrefix("2001:db8:2::7/128"))
	apply(t, m, conf)
	expect("with another address in its set")
	sh(t, "nft add chain inet sixfold forward '{ policy drop; }'")
	apply(t, m, conf)
	expect("in a table that was made anew")
}

// TestElementsChangeInPlace renumbers a set: no rule is written.
func TestElementsChangeInPlace(t *testing.T) {
	m := newManager(t)
	conf := sample()
	apply(t, m, conf)
	handles := func() string {
		return sh(t, "nft -a list table inet sixfold | grep -E 'chain|accept|drop|reject|comment' | grep -v elements")
	}
	before := handles()
	conf = sample()
	conf.Policies[1].Rules[1].Sources.Prefixes = prefixes("2001:db8:77::/64")
	conf.AddressSets[0].Prefixes = prefixes("2001:db8:2::/64", "2001:db8:2:1::/64", "192.0.2.0/29")
	conf.Zones[1].Interfaces = []string{"lan0", "lan2"}
	ops, err := m.Preview(conf)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, op := range ops {
		words = append(words, op.Object+": "+op.Action)
	}
	for _, want := range []string{"set address/servers/6: remove 2001:db8:1::/64; add 2001:db8:2::/63", `set zone/lan: remove "lan1"; add "lan2"`} {
		if !slices.Contains(words, want) {
			t.Errorf("the preview lacks %q:\n%s", want, strings.Join(words, "\n"))
		}
	}
	apply(t, m, conf)
	settled(t, m, conf)
	if after := handles(); after != before {
		t.Errorf("rules were written:\n%s\nbefore:\n%s", after, before)
	}
}

// TestDrift has somebody else change the table in many ways. Each is noticed, told once, and mended.
func TestDrift(t *testing.T) {
	var told []string
	m := newManager(t)
	m.OnDrift = func(object, what string, problem error) {
		if problem != nil {
			t.Errorf("not mended: %v", problem)
		}
		told = append(told, object+": "+what)
	}
	apply(t, m, sample())
	if len(told) > 0 {
		t.Fatalf("drift at the start: %v", told)
	}
	for _, c := range []struct{ command, want string }{
		{"nft delete table inet sixfold", "table inet sixfold: it was missing"},
		{"nft flush table inet sixfold", "policy lan to wan: its rules were changed"},
		{"nft flush chain inet sixfold lan/wan", "policy lan to wan: its rules were changed"},
		{"nft insert rule inet sixfold forward accept", "chain forward: its rules were changed"},
		{"nft add rule inet sixfold forward ip6 saddr ::5 numgen inc mod 2 0 drop", "chain forward: its rules were changed"},
		{"nft add chain inet sixfold forward '{ policy drop; }'", "table inet sixfold: chain forward had another policy"},
		{"nft add table inet sixfold '{ flags dormant; }'", "table inet sixfold: it was switched off"},
		{"nft add element inet sixfold zone/lan '{ wan0 }'", "set zone/lan: 0 elements missing, 1 were added"},
		{"nft delete element inet sixfold address/servers/6 '{ 2001:db8:1::/64 }'", "set address/servers/6: 1 element missing, 0 were added"},
		{"nft add set inet sixfold theirs '{ type ipv6_addr; }'", "set theirs: it was added"},
		{"nft add chain inet sixfold theirs", "chain theirs: it was added"},
		{"nft add counter inet sixfold theirs", "table inet sixfold: 1 counter added"},
	} {
		told = nil
		sh(t, "%s", c.command)
		apply(t, m, sample())
		if !slices.Contains(told, c.want) {
			t.Errorf("%s: told %q, want %q", c.command, told, c.want)
		}
		settled(t, m, sample())
		told = nil
		if apply(t, m, sample()); len(told) > 0 {
			t.Errorf("%s: told again: %v", c.command, told)
		}
	}
}

// TestRunMends has Run notice what somebody else does.
func TestRunMends(t *testing.T) {
	m := newManager(t)
	var told atomic.Int64
	m.OnDrift = func(string, string, error) { told.Add(1) }
	apply(t, m, sample())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	netns.Within(t, 5*time.Second, "the table is mended", func() error {
		if told.Load() == 0 {
			sh(t, "nft flush table inet sixfold") // again and again: Run may not listen yet
			return errors.New("nothing was told yet")
		}
		return nil
	})
	netns.Within(t, 5*time.Second, "the table is whole", func() error {
		have, err := m.kernel.read()
		want := Compile(sample())
		if err == nil && !diff(have, &want).empty() {
			err = errors.New("it is not")
		}
		return err
	})
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestRefusedBatch has the kernel refuse a batch at many of its rules in turn: the old table stays as it was.
func TestRefusedBatch(t *testing.T) {
	m := newManager(t)
	apply(t, m, office())
	before := sh(t, "nft -a list table inet sixfold")
	want := Compile(sample())
	n := 0
	for i := range want.Chains {
		for j := range want.Chains[i].Rules {
			if (i+j)%3 != 0 {
				continue // each third is enough to meet every chain
			}
			spoilt := Compile(sample())
			spoilt.Chains[i].Rules[j].Parts = []Part{jump("nowhere")}
			if err := m.mend(&spoilt, false); err == nil {
				t.Fatalf("the kernel took a jump to nowhere in %s", want.Chains[i].Name)
			}
			n++
		}
	}
	if after := sh(t, "nft -a list table inet sixfold"); after != before {
		t.Errorf("a refused batch changed the table:\n%s\nbefore:\n%s", after, before)
	}
	if n < 20 {
		t.Errorf("only %d batches", n)
	}
	apply(t, m, sample())
	settled(t, m, sample())
}

// TestLargeSets writes sets of 20,000 prefixes, and changes some of them.
func TestLargeSets(t *testing.T) {
	m := newManager(t)
	conf := office()
	var list []netip.Prefix
	for i := range 20000 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, byte(i >> 8), byte(i), 0, 0, 0, 0, 0, 0, 0, 0, byte(i)}), 64+2*(i%33)).Masked())
	}
	conf.AddressSets[0].Prefixes = list
	began := time.Now()
	apply(t, m, conf)
	took := time.Since(began)
	if took > 2*time.Second {
		t.Errorf("20,000 elements took %v, want 2s at most", took)
	}
	settled(t, m, conf)
	conf = office()
	conf.AddressSets[0].Prefixes = append(slices.Clone(list[:15000]), netip.MustParsePrefix("2001:db8:ffff::/48"))
	began = time.Now()
	apply(t, m, conf)
	settled(t, m, conf)
	t.Logf("20,000 elements in %v, a change of 5,000 in %v", took, time.Since(began))
}
