package lease

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func decodeAll(b []byte) (ops []op, err error) {
	d := decoder{b: b}
	for o, ok := d.next(); ok; o, ok = d.next() {
		ops = append(ops, o)
	}
	return ops, d.err
}

func encodeAll(ops []op) (b []byte) {
	for _, o := range ops {
		switch o.code {
		case opPut:
			b = appendPut(b, &o.lease)
		case opDelete:
			b = appendDelete(b, o.ref)
		case opMeta:
			b = appendMeta(b, o.name, o.value)
		case opForget:
			b = appendForget(b, o.name)
		case opEnd:
			b = append(b, opEnd)
		}
	}
	return b
}

func sampleOps() []op {
	address := Lease{Key: Key{DUID: "\x00\x01", IAID: 1<<32 - 1}, Prefix: netip.MustParsePrefix("2001:db8::1/128"), State: Declined, Reserved: true}
	reach, far := delegated(8), delegated(9)
	reach.Contact = &Contact{Key: [16]byte{1, 2, 15: 16}}
	far.Contact = &Contact{Path: []byte{1, 0, 2}}
	empty := Lease{Prefix: netip.MustParsePrefix("::/0")}
	return []op{
		{code: opPut, lease: delegated(7)},
		{code: opPut, lease: address},
		{code: opPut, lease: empty},
		{code: opPut, lease: reach},
		{code: opPut, lease: far},
		{code: opDelete, ref: ref(delegated(300))},
		{code: opDelete, ref: ref(address)},
		{code: opMeta, name: "duid", value: []byte{1, 2, 3}},
		{code: opForget, name: "duid"},
		{code: opEnd},
	}
}

var sameOps = cmp.Options{cmp.AllowUnexported(op{}), sameLease}

func TestEncoding(t *testing.T) {
	want := sampleOps()
	b := encodeAll(want)
	got, err := decodeAll(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, sameOps); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(appendPut(nil, &want[0].lease)); n > 128 {
		t.Errorf("a delegated prefix takes %d bytes", n)
	}
	for cut := range b {
		if ops, err := decodeAll(b[:cut]); err == nil && len(encodeAll(ops)) != cut {
			t.Errorf("cut at %d: decoded to %+v", cut, ops)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name string
		b    []byte
		want string
	}{
		{"unknown operation", []byte{0x7f}, "unknown operation, perhaps of a newer version"},
		{"unknown flags of a lease", []byte{opPut, 0x80, 0, 0, 0}, "unknown flags"},
		{"unknown flags of a key", []byte{opDelete, 0x02, 0, 0, 0}, "unknown flags"},
		{"huge DUID", []byte{opDelete, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}, "field too long"},
		{"short DUID", []byte{opDelete, 0, 5, 1}, "operation is cut short"},
		{"huge IAID", []byte{opDelete, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0}, "IAID of more than 32 bits"},
		{"prefix of 129", []byte{opDelete, 0, 0, 0, 0, 129}, "prefix longer than 128"},
		{"bits beyond the prefix", []byte{opDelete, 0, 0, 0, 0, 4, 0x21}, "prefix with bits beyond its length"},
		{"endless number", []byte{opDelete, 0, 0x80}, "bad number"},
		{"short time", []byte{opPut, flagValid, 0, 0, 0, 0, 0x80}, "bad number"},
		{"far time", []byte{opPut, flagValid, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0}, "time out of range"},
		{"long nanoseconds", []byte{opPut, flagValid, 0, 0, 0, 0, 0, 0x80, 0x94, 0xeb, 0xdc, 0x03}, "time out of range"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := decodeAll(tt.b); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestCommitRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Lease)
	}{
		{"no prefix", func(l *Lease) { l.Prefix = netip.Prefix{} }},
		{"IPv4 prefix", func(l *Lease) { l.Prefix = netip.MustParsePrefix("192.0.2.0/24") }},
		{"host bits", func(l *Lease) { l.Prefix = netip.MustParsePrefix("2001:db8::1/64") }},
		{"unknown kind", func(l *Lease) { l.Key.Kind = 2 }},
		{"unknown state", func(l *Lease) { l.State = 2 }},
		{"long DUID", func(l *Lease) { l.Key.DUID = string(make([]byte, maxString+1)) }},
		{"long link", func(l *Lease) { l.Key.Link = string(make([]byte, maxString+1)) }},
		{"long pool", func(l *Lease) { l.Pool = string(make([]byte, maxString+1)) }},
		{"long MAC", func(l *Lease) { l.MAC = make([]byte, maxMAC+1) }},
		{"IPv4 client", func(l *Lease) { l.Client = netip.MustParseAddr("192.0.2.1") }},
		{"far time", func(l *Lease) { l.Valid = time.Unix(1<<41, 0) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := openMem(t, newMemDisk())
			l := delegated(1)
			tt.change(&l)
			if err := s.CommitWait(t.Context(), Change{Put: []Lease{delegated(2), l}}); err == nil {
				t.Error("no error")
			}
			if s.Len() != 0 {
				t.Errorf("a refused change was made: %+v", s.All())
			}
		})
	}
}

// What decodes is a lease that could be committed, and comes back the same.
func FuzzDecode(f *testing.F) {
	for _, o := range sampleOps() {
		f.Add(encodeAll([]op{o}))
	}
	f.Add(encodeAll(sampleOps()))
	f.Fuzz(func(t *testing.T, b []byte) {
		ops, err := decodeAll(b)
		if err != nil {
			return
		}
		for _, o := range ops {
			if o.code == opPut {
				if err := o.lease.check(); err != nil {
					t.Errorf("decoded what Commit refuses: %v", err)
				}
			}
		}
		again, err := decodeAll(encodeAll(ops))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ops, again, sameOps); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}
