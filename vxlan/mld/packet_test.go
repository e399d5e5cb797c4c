package mld

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var addrs128 = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	hexGroup  = "ff1e0000000000000000000000000001"
	hexSource = "20010db8000000000000000000000001"
)

func TestParse(t *testing.T) {
	group, source := addr("ff1e::1"), addr("2001:db8::1")
	for _, tt := range []struct {
		name, hex string
		want      message
		reason    string
	}{
		{"general query", "82000000 27100000" + strings.Repeat("00", 16) + "027d0000",
			message{Type: typeQuery, Query: query{Version: 2, Response: 10 * time.Second, Group: netip.IPv6Unspecified(), Robustness: 2, Interval: 125 * time.Second}}, ""},
		{"query of version 1", "82000000 03e80000" + hexGroup,
			message{Type: typeQuery, Query: query{Version: 1, Response: time.Second, Group: group}}, ""},
		{"query for a source", "82000000 80000000" + hexGroup + "0a8f0001" + hexSource,
			message{Type: typeQuery, Query: query{Version: 2, Response: 32768 * time.Millisecond, Group: group, Suppress: true, Robustness: 2, Interval: 248 * time.Second, Sources: []netip.Addr{source}}}, ""},
		{"report of version 1", "83000000 00000000" + hexGroup, message{Type: typeReport1, Group: group}, ""},
		{"done", "84000000 00000000" + hexGroup, message{Type: typeDone, Group: group}, ""},
		{"report of version 2", "8f000000 00000002" + "04000000" + hexGroup + "01010002" + hexGroup + hexSource + hexSource + "deadbeef",
			message{Type: typeReport2, Records: []record{{Kind: toExclude, Group: group}, {Kind: isInclude, Group: group, Sources: []netip.Addr{source}}}}, ""},
		{"records that make no sense", "8f000000 00000004" + "07000000" + hexGroup + "04000000" + hexSource + "05000001" + hexGroup + strings.Repeat("00", 16) + "02000000" + hexGroup,
			message{Type: typeReport2, Dropped: []string{DropKind, DropGroup, DropSourceList}, Records: []record{{Kind: isExclude, Group: group}}}, ""},
		{"all nodes", "83000000 00000000 ff020000000000000000000000000001", message{}, DropGroup},
		{"within the machine", "83000000 00000000 ff010000000000000000000000000005", message{}, DropGroup},
		{"nothing", "", message{}, DropShort},
		{"query of a strange length", "82000000 27100000" + strings.Repeat("00", 16) + "02", message{}, DropShort},
		{"query with fewer sources than it says", "82000000 27100000" + hexGroup + "027d0002" + hexSource, message{}, DropShort},
		{"report with fewer records than it says", "8f000000 00000002" + "04000000" + hexGroup, message{}, DropShort},
		{"record with fewer sources than it says", "8f000000 00000001" + "04000002" + hexGroup + hexSource, message{}, DropShort},
		{"record with auxiliary data beyond the end", "8f000000 00000001" + "04ff0000" + hexGroup, message{}, DropShort},
		{"too many records", "8f000000 0000ffff", message{}, DropRecords},
		{"unknown", "85000000 00000000", message{}, DropKind},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, reason := parse(unhex(t, tt.hex))
			if reason != tt.reason {
				t.Fatalf("dropped for %q, want %q", reason, tt.reason)
			}
			if reason != "" {
				return
			}
			if diff := cmp.Diff(tt.want, got, addrs128); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	for _, tt := range []struct {
		name string
		q    query
		want string
	}{
		{"general", query{Version: 2, Response: 10 * time.Second, Robustness: 2, Interval: 60 * time.Second}, "82000000 27100000" + strings.Repeat("00", 16) + "023c0000"},
		{"version 1", query{Version: 1, Response: 10 * time.Second, Robustness: 2}, "82000000 27100000" + strings.Repeat("00", 16)},
		{"sources", query{Version: 2, Group: addr("ff1e::1"), Response: time.Second, Suppress: true, Robustness: 9, Interval: MaxInterval, Sources: addrs("2001:db8::1")},
			"82000000 03e80000" + hexGroup + "08ff0001" + hexSource},
		{"longest", query{Version: 2, Response: MaxResponse, Interval: time.Hour * 1000}, "82000000 ffff0000" + strings.Repeat("00", 16) + "00ff0000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(hex.EncodeToString(unhex(t, tt.want)), hex.EncodeToString(tt.q.encode())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCodes has every code that RFC 3810 5.1.3 and 5.1.9 have: what is decoded encodes to the same.
func TestCodes(t *testing.T) {
	for c := range 1 << 16 {
		if got := responseCode(responseDelay(uint16(c))); got != uint16(c) {
			t.Fatalf("response code %#x is %v and becomes %#x", c, responseDelay(uint16(c)), got)
		}
	}
	for c := range 1 << 8 {
		if got := intervalCode(queryInterval(uint8(c))); got != uint8(c) {
			t.Fatalf("interval code %#x is %v and becomes %#x", c, queryInterval(uint8(c)), got)
		}
	}
	if responseDelay(0xffff) != MaxResponse || queryInterval(0xff) != MaxInterval {
		t.Errorf("the longest are %v and %v", responseDelay(0xffff), queryInterval(0xff))
	}
}

func TestRouterAlert(t *testing.T) {
	for _, tt := range []struct {
		hex  string
		want bool
	}{
		{"3a00 05020000 0100", true},
		{"3a00 0100 05020000", true},
		{"3a00 00 00 05020000", true},
		{"3a00 05020001 0100", false}, // RSVP
		{"3a00 0104 00000000", false},
		{"3a00 0502", false},
		{"3a00 05", false},
		{"3a", false},
		{"", false},
	} {
		if got := alerted(unhex(t, tt.hex)); got != tt.want {
			t.Errorf("%s: %v", tt.hex, got)
		}
	}
	if !alerted(routerAlert[:]) {
		t.Error("our own option is not understood")
	}
}

// FuzzMessage has a link take whatever comes: it must neither panic, nor grow beyond its limits, nor lose track of its groups.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		"82000000 27100000" + strings.Repeat("00", 16) + "027d0000",
		"82000000 80000000" + hexGroup + "0a8f0001" + hexSource,
		"83000000 00000000" + hexGroup,
		"84000000 00000000" + hexGroup,
		"8f000000 00000002" + "04000000" + hexGroup + "01010002" + hexGroup + hexSource + hexSource + "deadbeef",
		"8f000000 00000002" + "06000001" + hexGroup + hexSource + "03000000" + hexGroup,
	} {
		b := unhex(f, seed)
		f.Add(append([]byte{byte(len(b)), 1, 7}, b...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newLink("lan0", addr("fe80::5"), plain, began)
		now := began
		// Each message begins with its length, its sender and the seconds since the one before.
		for len(b) > 3 {
			n := min(int(b[0]), len(b)-3)
			from := netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: b[1]})
			now = now.Add(time.Duration(b[2]) * time.Second)
			l.tick(now)
			if m, reason := parse(b[3 : 3+n]); reason == "" {
				l.receive(from, m, now)
			}
			b = b[3+n:]
			if len(l.groups) > plain.MaxGroups || len(l.due) != len(l.groups) {
				t.Fatalf("%d groups, %d in the heap", len(l.groups), len(l.due))
			}
			for i, g := range l.due {
				if g.position != i || l.groups[g.addr] != g || len(g.sources) > plain.MaxSources || !g.exclude && len(g.sources) == 0 {
					t.Fatalf("group %+v at %d", g, i)
				}
				if g.at != g.deadline() || g.at.IsZero() {
					t.Fatalf("%s is due at %v, and in its place for %v", g.addr, g.deadline(), g.at)
				}
			}
			for _, q := range l.take().queries {
				if m, reason := parse(q.encode()); reason != "" || len(q.encode()) > 1280-48 {
					t.Fatalf("our own query %+v is dropped for %q: %+v", q, reason, m)
				}
			}
		}
		// Silence ends everything.
		for range 20 {
			l.tick(now)
			l.take()
			now = now.Add(40 * time.Hour)
		}
		if len(l.groups) != 0 || !l.asking() {
			t.Fatalf("%d groups are left, asking %v", len(l.groups), l.asking())
		}
	})
}

// FuzzKernel reads whatever the kernel may write.
func FuzzKernel(f *testing.F) {
	f.Add([]byte("Interface      BytesIn  PktsIn  BytesOut PktsOut Flags\n 0 wan0             5304      102         0       0 00000\n"))
	f.Add([]byte("Group Origin Iif Pkts  Bytes     Wrong  Oifs\nff1e:0000:0000:0000:0000:0000:0000:0005 2001:0db8:000f:0000:0000:0000:0000:0002 0        102     5304        0  1:1  \n"))
	f.Add(upcallOf(upcallNoEntry, 3, "2001:db8::1", "ff1e::1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for n := range parseMIFs(string(b)) {
			if n < 0 || n >= MaxLinks {
				t.Fatal(n)
			}
		}
		for _, e := range parseEntries(string(b)) {
			for _, n := range append(e.out, e.in) {
				if n < 0 || n >= MaxLinks {
					t.Fatal(n)
				}
			}
		}
		parseUpcall(b)
		alerted(b)
		for _, g := range parseBridge(b) {
			if !g.group.IsMulticast() {
				t.Fatalf("%+v", g)
			}
		}
	})
}

func upcallOf(kind byte, mif uint16, source, group string) []byte {
	b := make([]byte, upcallBytes)
	b[1] = kind
	binary.NativeEndian.PutUint16(b[2:], mif)
	s, g := addr(source).As16(), addr(group).As16()
	copy(b[8:], s[:])
	copy(b[24:], g[:])
	return b
}

func TestUpcall(t *testing.T) {
	q, ok := parseUpcall(upcallOf(upcallNoEntry, 3, "2001:db8::1", "ff1e::1"))
	if want := (question{flow: flow{addr("2001:db8::1"), addr("ff1e::1")}, mif: 3}); !ok || q != want {
		t.Errorf("got %+v, %v", q, ok)
	}
	for _, b := range [][]byte{nil, make([]byte, 39), upcallOf(9, 0, "::", "::"), {0: 143, 39: 0}} {
		if _, ok := parseUpcall(b); ok {
			t.Errorf("%x is taken", b)
		}
	}
}
