package pd

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"testing"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"golang.org/x/sys/unix"
)

func TestPrecheck(t *testing.T) {
	const xid = expecting | 0x010203
	tests := []struct {
		name   string
		data   []byte
		expect uint32
		want   error
	}{
		{"the answer", []byte{7, 1, 2, 3}, xid, nil},
		{"an offer", []byte{2, 1, 2, 3, 0, 0}, xid, nil},
		{"another transaction", []byte{7, 1, 2, 4}, xid, errUnasked},
		{"nothing was asked", []byte{7, 1, 2, 3}, 0, errUnasked},
		{"nothing was asked, transaction 0", []byte{7, 0, 0, 0}, 0, errUnasked},
		{"transaction 0", []byte{7, 0, 0, 0}, expecting, nil},
		{"a question", []byte{1, 1, 2, 3}, xid, errType},
		{"short", []byte{7, 1, 2}, xid, errTooShort},
		{"empty", nil, xid, errTooShort},
		{"long", append([]byte{7, 1, 2, 3}, make([]byte, maxDatagram)...), xid, errTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := precheck(tt.data, tt.expect, nil); !errors.Is(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if n := testing.AllocsPerRun(10, func() { _ = precheck(tt.data, tt.expect, nil) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// TestFlood has someone on the link send forged Replies as fast as possible while a server delegates. Nobody else's transaction
// reaches the loop, memory stays what it was, and the delegation comes.
func TestFlood(t *testing.T) {
	router, isp, index, local := wire(t)
	c, stop := realClient(t, router, "")
	u := uplink()
	u.Index, u.LinkLocal = index[0], local[0]
	apply := func(u Uplink) {
		if err := c.Apply(t.Context(), Config{DUID: clientDUID, Uplinks: map[string]Uplink{"wan0": u}}); err != nil {
			t.Fatal(err)
		}
	}
	pc := listenServer(t, isp, index[1])
	defer pc.Close()
	apply(u)
	buf := make([]byte, 2048)
	n, client, err := pc.ReadFromUDP(buf) // its socket is open
	if err != nil {
		t.Fatal(err)
	}
	srv := newServer(t, "2001:db8:100::/56")
	forged := srv.handle(buf[:n])
	forged[0] = byte(dhcp6.MessageTypeReply)

	const packets = 20000
	random := rand.New(rand.NewPCG(1, 1))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range packets {
		v := random.Uint32()
		forged[1], forged[2], forged[3] = byte(v>>16), byte(v>>8), byte(v)
		if forged[1] == buf[1] {
			forged[1]++
		}
		if _, err := pc.WriteToUDP(forged, client); err != nil && !errors.Is(err, unix.ENOBUFS) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	eventually(t, "count of what was dropped", func() bool { return c.Dropped()[errUnasked.Error()] > packets/20 })
	if got := c.Delegations(); len(got) > 0 {
		t.Errorf("a forged Reply gave %+v", got)
	}

	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			n, from, err := pc.ReadFromUDP(buf)
			if err != nil {
				return
			}
			if rep := srv.handle(buf[:n]); rep != nil {
				_, _ = pc.WriteToUDP(rep, from) // if it is lost the client repeats its question
			}
			for range 50 {
				_, _ = pc.WriteToUDP(forged, from)
			}
		}
	}()
	eventually(t, "delegation", func() bool { return prefixOf(c, "isp") == "2001:db8:100::/56" })
	stop()
	pc.Close()
	<-done
}

// TestFlaps has a link come, go, lose its carrier and become another one 200 times: no socket and no goroutine stays.
func TestFlaps(t *testing.T) {
	router, _, index, local := wire(t)
	c, stop := realClient(t, router, t.TempDir())
	up := uplink()
	up.Index, up.LinkLocal = index[0], local[0]
	quiet, bare, other := up, up, up
	quiet.NoCarrier = true
	bare.LinkLocal = netip.Addr{}
	other.Index = 99 // there is no such link: its socket cannot be opened
	apply := func(links ...Uplink) {
		cfg := Config{DUID: clientDUID, Uplinks: make(map[string]Uplink)}
		for _, u := range links {
			cfg.Uplinks[u.Link] = u
		}
		if err := c.Apply(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	open := func() bool { return c.Renew(t.Context(), "isp") == nil && stateOf(c, "isp") == stateSoliciting }
	apply(up)
	eventually(t, "Solicit", open)
	apply()
	eventually(t, "no machine", func() bool { return len(c.Status()) == 0 })
	files, goroutines := descriptors(t), runtime.NumGoroutine()
	for n := range 200 {
		apply(up)
		if n%20 == 0 {
			eventually(t, "Solicit", open)
		}
		if err := c.Renew(t.Context(), "isp"); err != nil { // now, not after the random delay: a socket is opened
			t.Fatal(err)
		}
		switch n % 4 {
		case 0:
			apply()
		case 1:
			apply(quiet)
		case 2:
			apply(bare)
		case 3:
			apply(other)
		}
	}
	apply()
	eventually(t, "no machine", func() bool { return len(c.Status()) == 0 })
	eventually(t, "descriptors and goroutines as before", func() bool {
		return descriptors(t) <= files && runtime.NumGoroutine() <= goroutines
	})
	stop()
}

// descriptors returns how many files this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
