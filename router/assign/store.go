package assign

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"github.com/sixfold-router/sixfold/router/disk"
)

// Limits of the file: far above what a router has.
const (
	maxFile = 8 << 20
	version = 1
)

// Store keeps a table in a file. It is not for concurrent use.
type Store struct {
	path  string
	table Table
}

// Open reads the file at path; one that is missing is an empty table. With an error the store can be used all the same: it has what
// could be read, and the next Keep replaces the file.
func Open(path string) (*Store, error) {
	s := &Store{path: path}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err == nil && (!info.Mode().IsRegular() || info.Size() > maxFile):
		err = errors.New("not a file of ours")
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	data, err := os.ReadFile(path)
	if err == nil {
		s.table, err = Decode(data)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return s, err
}

// Table returns what is kept.
func (s *Store) Table() Table { return s.table }

// Keep puts a table on disk. When it returns nil, the table survives a crash, also one of the machine; with an error the one before
// is kept.
func (s *Store) Keep(t Table) error {
	if s.table.Equal(t) {
		return nil
	}
	data, err := Encode(t)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(s.path, data); err != nil {
		return err
	}
	s.table = t
	return nil
}

// record is the content of the file. Changing it means another version.
type record struct {
	Version int    `json:"version"`
	Parts   []line `json:"parts"`
	Kept    []line `json:"kept"`
}

type line struct {
	Delegation string       `json:"delegation"`
	Name       string       `json:"name"`
	Subnet     netip.Prefix `json:"subnet"`
	Why        string       `json:"why,omitempty"`
}

// Encode returns the content of a file.
func Encode(t Table) ([]byte, error) {
	lines := func(parts []Part) []line {
		out := make([]line, 0, len(parts))
		for _, p := range parts {
			out = append(out, line{p.Delegation, p.Name, p.Subnet, p.Why})
		}
		return out
	}
	data, err := json.MarshalIndent(record{version, lines(t.Parts), lines(t.Kept)}, "", "\t")
	return append(data, '\n'), err
}

// Decode reads the content of a file. Lines that cannot be, or contradict those before, are left out, and are in the error: the rest
// can be used.
func Decode(data []byte) (Table, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return Table{}, err
	}
	if r.Version != version {
		return Table{}, fmt.Errorf("version %d is not known", r.Version)
	}
	var t Table
	var errs []error
	held := map[Key]bool{}
	used := map[string]*tree{}
	for i, l := range append(r.Parts, r.Kept...) {
		p := Part{Key: Key{l.Delegation, l.Name, l.Subnet.Bits()}, Subnet: l.Subnet, Why: l.Why}
		switch {
		case l.Delegation == "" || !l.Subnet.IsValid() || !l.Subnet.Addr().Is6() || l.Subnet.Addr().Is4In6() || l.Subnet.Addr().Zone() != "" || l.Subnet != l.Subnet.Masked():
			errs = append(errs, fmt.Errorf("%s %s: not a part of a delegation", l.Delegation, l.Subnet))
			continue
		case len(l.Delegation) > 64 || len(l.Name) > 64 || len(l.Why) > 1024:
			errs = append(errs, errors.New("a name or reason is too long"))
			continue
		}
		if used[l.Delegation] == nil {
			used[l.Delegation] = &tree{}
		}
		if held[p.Key] || !used[l.Delegation].add(p.Subnet) {
			errs = append(errs, fmt.Errorf("%s %s of %q: it is there twice", l.Delegation, l.Subnet, l.Name))
			continue
		}
		held[p.Key] = true
		if i < len(r.Parts) {
			t.Parts = append(t.Parts, p)
		} else {
			t.Kept = append(t.Kept, p)
		}
	}
	sortParts(t.Parts)
	if extra := len(t.Kept) - maxKept; extra > 0 {
		t.Kept = t.Kept[extra:]
	}
	return t, errors.Join(errs...)
}

// tree has prefixes that do not overlap.
type tree struct {
	child [2]*tree
	taken bool
}

// add adds a prefix, and tells whether it overlaps with none that is there.
func (t *tree) add(p netip.Prefix) bool {
	b := p.Addr().As16()
	for i := range p.Bits() {
		if t.taken {
			return false
		}
		bit := b[i/8] >> (7 - i%8) & 1
		if t.child[bit] == nil {
			t.child[bit] = &tree{}
		}
		t = t.child[bit]
	}
	if t.taken || t.child[0] != nil || t.child[1] != nil {
		return false
	}
	t.taken = true
	return true
}
