package ra

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// sink takes whatever is sent.
type sink struct{ wire }

func (*sink) answer([]outgoing) {}

// TestAnswersAllocateNothing: what a flood of solicitations costs is not garbage, too.
func TestAnswersAllocateNothing(t *testing.T) {
	i := basic
	i.SolicitRate = 1000000
	i.Prefixes = []Prefix{{Prefix: netip.MustParsePrefix("2001:db8::/64"), Valid: time.Hour, Preferred: time.Hour}}
	s := quiet(t)
	if err := s.Apply(t.Context(), one(i)); err != nil {
		t.Fatal(err)
	}
	s.conn = &sink{}
	info := packetInfo{index: 7, source: netip.MustParseAddr("fe80::1"), hopLimit: infiniteHops}
	var r round
	var now = time.Now()
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Millisecond)
		s.mu.Lock()
		s.hear(&r, solicitation[:], info, now)
		s.mu.Unlock()
		s.conn.answer(r.out)
		s.account(&r, now)
		r.reset()
	}); n > 0 {
		t.Errorf("%v allocations an answer", n)
	}
	if st := s.Status()[0]; st.Answered < 1000 {
		t.Errorf("status %+v", st)
	}
}

// flood is a wire on which solicitations arrive as fast as they are read, from ever new hosts on many links.
type flood struct {
	wire
	links, packets int
	answers        map[int]int // by interface index
	all            map[int]int // by multicast
}

func (f *flood) read(packets []packet) (int, error) {
	select {
	case <-f.stop:
		return 0, os.ErrDeadlineExceeded
	default:
	}
	for n := range packets {
		f.packets++
		var source [16]byte
		source[0], source[1] = 0xfe, 0x80
		binary.BigEndian.PutUint64(source[8:], uint64(f.packets))
		packets[n] = packet{message: solicitation[:], info: packetInfo{
			index: f.packets%f.links + 1, source: netip.AddrFrom16(source), hopLimit: infiniteHops,
		}}
	}
	return len(packets), nil
}

func (f *flood) answer(out []outgoing) {
	for _, o := range out {
		f.answers[o.index]++
	}
}

func (f *flood) write(out []outgoing, _ bool) {
	for _, o := range out {
		f.all[o.index]++
	}
}

// TestFloodOfHosts: solicitations of invented hosts on hundreds of links, as fast as they can be read, are read and answered no
// faster than the limits say, and what is remembered is bounded. Hosts that are not answered by themselves are answered together.
func TestFloodOfHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const links, seconds = 300, 4
		f := &flood{wire: wire{stop: make(chan struct{})}, links: links, answers: map[int]int{}, all: map[int]int{}}
		c := Config{Interfaces: map[string]Interface{}}
		for n := range links {
			i := basic
			i.Link, i.Index = fmt.Sprint("lan", n), n+1
			c.Interfaces[i.Link] = i
		}
		s := quiet(t)
		s.open = func() (transport, error) { return f, nil }
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if most := seconds*maxRead + maxReadBurst + 2*maxBatch; f.packets > most {
			t.Errorf("%d solicitations were read, want at most %d", f.packets, most)
		}
		answers := 0
		for index, n := range f.answers {
			answers += n
			// Two or three by schedule and final ones, and one for all who asked in 3 s.
			if all := f.all[index]; all < 2 || all > maxFinal+3 {
				t.Errorf("%d by multicast on link %d", all, index)
			}
		}
		if most := 4*links + seconds*links; answers > most || answers < 4*links {
			t.Errorf("%d answers by unicast, want %d to %d", answers, 4*links, most)
		}
		for name, l := range s.links {
			if len(l.hosts.full) > maxHosts {
				t.Errorf("%d hosts of %s are remembered", len(l.hosts.full), name)
			}
		}
		if len(s.queue) > 0 {
			t.Errorf("%d tasks wait", len(s.queue))
		}
	})
}

// TestBadOptions: what is in an option is the host's affair; only what RFC 4861 6.1.1 names makes a solicitation invalid.
func TestBadOptions(t *testing.T) {
	info := packetInfo{index: 1, source: netip.MustParseAddr("fe80::1"), hopLimit: infiniteHops}
	for _, option := range []string{
		"0102020000000001ffffffffffffffff", // a link-layer address of 14 bytes
		"0501000000000001",                 // an MTU has no business here
		"0301000000000000",                 // a prefix of 8 bytes
		"fd01ffffffffffff",                 // for experiments
		"0e01aabbccddeeff0e01aabbccddeeff", // two nonces
	} {
		if reason := checkSolicitation(bytesOf(t, "85 00 0000 00000000 "+option), info); reason != "" {
			t.Errorf("option %s: dropped for %q", option, reason)
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	i := basic
	i.SolicitRate = 1000000
	s := quiet(b)
	if err := s.Apply(b.Context(), one(i)); err != nil {
		b.Fatal(err)
	}
	info := packetInfo{index: 7, source: netip.MustParseAddr("fe80::1"), hopLimit: infiniteHops}
	var r round
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Millisecond)
		s.mu.Lock()
		s.hear(&r, solicitation[:], info, now)
		s.mu.Unlock()
		s.account(&r, now)
		r.reset()
	}
}
