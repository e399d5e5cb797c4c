package lease

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func openMem(t testing.TB, d *memDisk) *Store {
	t.Helper()
	s, err := open(d, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// withJournal returns a disk whose journal holds these bytes.
func withJournal(b []byte) *memDisk {
	d := newMemDisk()
	data := &memData{now: append([]byte(nil), b...), durable: append([]byte(nil), b...)}
	d.names[journalName], d.durable[journalName] = data, data
	return d
}

// sample returns a journal of a snapshot and three batches, where its frames begin, and what it holds after each of them.
func sample(t testing.TB) (b []byte, frames []int64, states [][]Lease) {
	t.Helper()
	d := newMemDisk()
	s := openMem(t, d)
	step := func() {
		states = append(states, s.All())
		frames = append(frames, s.journal.size)
	}
	frames = append(frames, int64(headerSize))
	step()
	put(t, s, delegated(1), delegated(2))
	step()
	put(t, s, delegated(3))
	step()
	if err := s.CommitWait(t.Context(), Change{Delete: []DeleteRef{ref(delegated(1))}, Put: []Lease{delegated(4)}}); err != nil {
		t.Fatal(err)
	}
	step()
	return d.names[journalName].now, frames[:len(frames)-1], states
}

func TestTornTail(t *testing.T) {
	whole, frames, states := sample(t)
	last := frames[len(frames)-1]
	before := states[len(states)-2]
	tails := map[string]func(cut int) []byte{
		"short": func(cut int) []byte { return whole[:cut] },
		"zeros": func(cut int) []byte {
			return append(append([]byte(nil), whole[:cut]...), make([]byte, len(whole)-cut)...)
		},
		"longer": func(cut int) []byte { return append(append([]byte(nil), whole[:cut]...), make([]byte, 10_000)...) },
		"noise": func(cut int) []byte {
			return append(append([]byte(nil), whole[:cut]...), strings.Repeat("\x5a", len(whole)-cut)...)
		},
	}
	for name, tail := range tails {
		t.Run(name, func(t *testing.T) {
			for cut := int(last); cut < len(whole); cut++ {
				d := withJournal(tail(cut))
				s := openMem(t, d)
				if diff := cmp.Diff(before, s.All(), sameLease); diff != "" {
					t.Fatalf("cut at %d: (-want +got):\n%s", cut, diff)
				}
				if size := len(d.names[journalName].durable); size != int(last) {
					t.Fatalf("cut at %d: journal has %d bytes on disk after open, want %d", cut, size, last)
				}
				put(t, s, delegated(9))
				s.Close()
				if got := openMem(t, d).Len(); got != len(before)+1 {
					t.Fatalf("cut at %d: %d leases after another one, want %d", cut, got, len(before)+1)
				}
			}
		})
	}
}

// A damaged byte is either found, with the frame that it is in, or it is in the last batch, which then counts as torn.
func TestDamage(t *testing.T) {
	whole, frames, states := sample(t)
	last := frames[len(frames)-1]
	for at := range whole {
		b := append([]byte(nil), whole...)
		b[at] ^= 0x10
		s, err := open(withJournal(b), slog.New(slog.DiscardHandler))
		if int64(at) >= last {
			if err != nil {
				t.Fatalf("byte %d, in the last batch: %v", at, err)
			}
			if diff := cmp.Diff(states[len(states)-2], s.All(), sameLease); diff != "" {
				t.Fatalf("byte %d, in the last batch (-want +got):\n%s", at, diff)
			}
			continue
		}
		var want int64
		for _, f := range frames {
			if f <= int64(at) {
				want = f
			}
		}
		if int64(at) >= 16 && at < 24 { // the id: the header's own checksum finds it
			want = 0
		}
		bad := (*CorruptError)(nil)
		if !errors.As(err, &bad) {
			t.Fatalf("byte %d: error %v, want a CorruptError", at, err)
		}
		if bad.Offset != want || bad.File != "mem/leases" {
			t.Fatalf("byte %d: damage at offset %d of %s, want offset %d", at, bad.Offset, bad.File, want)
		}
	}
}

func TestDamageMessage(t *testing.T) {
	whole, frames, _ := sample(t)
	whole[frames[1]+40] ^= 1
	_, err := open(withJournal(whole), slog.New(slog.DiscardHandler))
	want := fmt.Sprintf("lease journal mem/leases is damaged at offset %d: wrong checksum of a frame, and an intact batch follows at offset %d; "+
		"restore it from a copy, or move it away to start without leases", frames[1], frames[2])
	if err == nil || err.Error() != want {
		t.Errorf("error %q\nwant  %q", err, want)
	}
}

func TestOtherDamage(t *testing.T) {
	whole, frames, _ := sample(t)
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	tests := []struct {
		name    string
		journal []byte
		offset  int64
		reason  string
	}{
		{"empty file", nil, 0, "does not begin"},
		{"half a header", whole[:20], 0, "checksum of the header"},
		{"only a header", whole[:headerSize], int64(headerSize), "no end"},
		{"half a snapshot", whole[:frames[1]-1], int64(headerSize), "in the snapshot"},
		{"missing batch", join(whole[:frames[1]], whole[frames[2]:]), frames[1], "batch 2 where 1 was due"},
		{"batch twice", join(whole[:frames[2]], whole[frames[1]:]), frames[2], "batch 1 where 2 was due"},
		{"another format", []byte("sixfold lease 2\n0123456789"), 0, "version 1"},
		{"gap that a torn write would not leave", join(whole[:frames[2]], make([]byte, 1<<19), whole[frames[2]:]), frames[2], "an intact batch follows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := open(withJournal(tt.journal), slog.New(slog.DiscardHandler))
			bad := (*CorruptError)(nil)
			if !errors.As(err, &bad) || bad.Offset != tt.offset || !strings.Contains(bad.Reason, tt.reason) {
				t.Errorf("error %v, want one at offset %d with %q", err, tt.offset, tt.reason)
			}
		})
	}
}

// A batch with a good checksum that cannot be understood was acknowledged: it is never skipped.
func TestUnknownOperation(t *testing.T) {
	whole, frames, _ := sample(t)
	d := withJournal(whole)
	s := openMem(t, d)
	at := s.journal.size
	if err := s.journal.appendFrame(append(make([]byte, frameHead), 99), s.journal.seq+1); err != nil {
		t.Fatal(err)
	}
	_, err := open(d, slog.New(slog.DiscardHandler))
	bad := (*CorruptError)(nil)
	if !errors.As(err, &bad) || bad.Offset != at || at <= frames[3] {
		t.Errorf("error %v, want one at offset %d", err, at)
	}
}

// The search for an intact frame finds it wherever it begins, also where one read of the file ends and the next begins.
func TestFindFrame(t *testing.T) {
	whole, frames, _ := sample(t)
	s := openMem(t, withJournal(whole))
	frame := whole[frames[1]:frames[2]]
	for at := 1<<18 - 30; at < 1<<18+30; at++ {
		b := append(make([]byte, at), frame...)
		f, err := withJournal(b).open(journalName)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := findFrame(f, s.journal.id, 1, int64(len(b))); got != int64(at) || err != nil {
			t.Errorf("found at %d, %v, want %d", got, err, at)
		}
		if got, err := findFrame(f, s.journal.id, int64(at)+1, int64(len(b))); got != -1 || err != nil {
			t.Errorf("found at %d, %v, beyond the only one", got, err)
		}
	}
}

func FuzzReplay(f *testing.F) {
	whole, frames, _ := sample(f)
	f.Add(whole, uint16(0), byte(0))
	f.Add(whole[:frames[2]+5], uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, flip byte) {
		if len(b) > 1<<16 {
			return
		}
		for _, b := range [][]byte{b, append(append([]byte(nil), whole...), b...)} {
			b = append([]byte(nil), b...)
			if int(at) < len(b) {
				b[at] ^= flip
			}
			s, err := open(withJournal(b), slog.New(slog.NewTextHandler(io.Discard, nil)))
			if err == nil {
				s.All()
				s.Close()
			}
		}
	})
}
