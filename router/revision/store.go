package revision

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sixfold-router/sixfold/router/disk"
)

// Keep is how many revisions are kept.
const Keep = 100

// ErrUnknown says that a revision is not, or no longer, kept.
var ErrUnknown = errors.New("no such revision")

// Store keeps revisions in a directory: N.yaml is the text of revision N, N.json tells of it, and the file "current" has the
// one to start with. Each file is replaced as a whole, in an order that leaves sense after a crash between any two.
// Its methods may be called from any goroutine.
type Store struct {
	dir string

	mu        sync.Mutex // guards all below
	revisions []Revision // by ID
	current   current
	file      string // what is in the file "current"
}

// current is which revision to run. Changing it means a new file name.
type current struct {
	// Confirmed is the revision to start with; 0: there is none yet.
	Confirmed uint64 `json:"confirmed"`
	// Waiting is a revision that may be in force, and is dropped at the next start or at Deadline; 0: there is none.
	Waiting  uint64    `json:"waiting,omitempty"`
	Deadline time.Time `json:"deadline,omitzero"`
	// File is the hash of the configuration file when it was last read.
	File string `json:"file,omitempty"`
	// Last is the highest number that was ever given.
	Last uint64 `json:"last"`
}

// Open reads the revisions in dir, which is made if it is missing. A revision whose file is damaged is forgotten, and listed in
// damaged.
func Open(dir string) (s *Store, damaged []string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	if err := disk.Sweep(dir); err != nil {
		return nil, nil, err
	}
	s = &Store{dir: dir}
	raw, err := os.ReadFile(s.path("current"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, nil, err
	default:
		if err := json.Unmarshal(raw, &s.current); err != nil {
			return nil, nil, fmt.Errorf("%s is damaged: %w; remove it to start with the configuration file", s.path("current"), err)
		}
		s.file = string(raw)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		number, isInfo := strings.CutSuffix(e.Name(), ".json")
		id, err := strconv.ParseUint(number, 10, 64)
		if !isInfo || err != nil {
			continue
		}
		rev, err := s.read(id)
		if err != nil {
			damaged = append(damaged, fmt.Sprintf("%s: %v", s.path(e.Name()), err))
			continue
		}
		s.revisions = append(s.revisions, rev)
		s.current.Last = max(s.current.Last, id)
	}
	slices.SortFunc(s.revisions, func(a, b Revision) int { return cmp.Compare(a.ID, b.ID) })
	return s, damaged, nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Store) text(id uint64) string { return s.path(strconv.FormatUint(id, 10) + ".yaml") }
func (s *Store) info(id uint64) string { return s.path(strconv.FormatUint(id, 10) + ".json") }

func (s *Store) read(id uint64) (Revision, error) {
	raw, err := os.ReadFile(s.info(id))
	if err != nil {
		return Revision{}, err
	}
	var rev Revision
	if err := json.Unmarshal(raw, &rev); err != nil {
		return Revision{}, err
	}
	if rev.ID != id {
		return Revision{}, fmt.Errorf("it tells of revision %d", rev.ID)
	}
	text, err := os.ReadFile(s.text(id))
	if err != nil {
		return Revision{}, err
	}
	if Hash(string(text)) != rev.Hash {
		return Revision{}, errors.New("its text is not the one that was submitted")
	}
	return rev, nil
}

// Hash is the SHA-256 of a text, in hexadecimal.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Add keeps a new revision, which gets the next number, and forgets the oldest beyond Keep.
func (s *Store) Add(rev Revision, text string) (Revision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rev.ID, rev.Hash = s.current.Last+1, Hash(text)
	if err := disk.WriteFile(s.text(rev.ID), []byte(text)); err != nil {
		return Revision{}, err
	}
	if err := s.write(rev); err != nil {
		return Revision{}, err
	}
	s.current.Last = rev.ID
	s.revisions = append(s.revisions, rev)
	return rev, s.prune()
}

func (s *Store) write(rev Revision) error {
	raw, err := json.MarshalIndent(rev, "", "  ")
	if err != nil {
		return err
	}
	return disk.WriteFile(s.info(rev.ID), append(raw, '\n'))
}

// prune removes the oldest revisions, but none that may run again without being asked for. s.mu is held.
func (s *Store) prune() error {
	var errs []error
	for i := 0; len(s.revisions) > Keep && i < len(s.revisions); {
		id := s.revisions[i].ID
		if id == s.current.Confirmed || id == s.current.Waiting || i == len(s.revisions)-1 {
			i++
			continue
		}
		// Without what tells of it the text is not looked at.
		err := os.Remove(s.info(id))
		if err == nil {
			err = os.Remove(s.text(id))
		}
		errs = append(errs, err)
		s.revisions = slices.Delete(s.revisions, i, i+1)
	}
	return errors.Join(errs...)
}

// setCurrent puts c on disk. s.mu is held.
func (s *Store) setCurrent(c current) error {
	c.Last = s.current.Last
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	raw = append(raw, '\n')
	if string(raw) != s.file {
		if err := disk.WriteFile(s.path("current"), raw); err != nil {
			return err
		}
	}
	s.current, s.file = c, string(raw)
	return nil
}

// Wait notes, before it is applied, that a revision is dropped at the next start, or at deadline, unless Keep is called.
func (s *Store) Wait(id uint64, deadline time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.current
	c.Waiting, c.Deadline = id, deadline
	return s.setCurrent(c)
}

// Confirm makes a revision the one to start with, and ends the wait for it.
func (s *Store) Confirm(id uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.current
	c.Confirmed, c.Waiting, c.Deadline = id, 0, time.Time{}
	return s.setCurrent(c)
}

// ConfirmFile is Confirm of a revision that was read from the configuration file, and SetFileHash with the hash of that.
func (s *Store) ConfirmFile(id uint64, hash string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.current
	c.Confirmed, c.Waiting, c.Deadline, c.File = id, 0, time.Time{}, hash
	return s.setCurrent(c)
}

// Drop ends the wait for a revision: the confirmed one is the one to run.
func (s *Store) Drop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.current
	c.Waiting, c.Deadline = 0, time.Time{}
	return s.setCurrent(c)
}

// Finish notes what became of a revision.
func (s *Store) Finish(id uint64, result Result, reason string) (Revision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(id)
	if i < 0 {
		return Revision{}, fmt.Errorf("revision %d: %w", id, ErrUnknown)
	}
	rev := s.revisions[i]
	rev.Result, rev.Reason = result, reason
	if err := s.write(rev); err != nil {
		return rev, err
	}
	s.revisions[i] = rev
	return rev, nil
}

// find returns the index of a revision, or -1. s.mu is held.
func (s *Store) find(id uint64) int {
	return slices.IndexFunc(s.revisions, func(r Revision) bool { return r.ID == id })
}

// List returns all revisions, oldest first.
func (s *Store) List() []Revision {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.revisions)
}

// Get returns a revision and its text.
func (s *Store) Get(id uint64) (Revision, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(id)
	if i < 0 {
		return Revision{}, "", fmt.Errorf("revision %d: %w", id, ErrUnknown)
	}
	text, err := os.ReadFile(s.text(id))
	return s.revisions[i], string(text), err
}

// Confirmed returns the revision to start with; 0: none yet.
func (s *Store) Confirmed() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.Confirmed
}

// Waiting returns the revision that waits to be confirmed, and until when; 0: none does.
func (s *Store) Waiting() (id uint64, deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.Waiting, s.current.Deadline
}

// FileHash is the hash of the configuration file when it was last read; empty: it never was.
func (s *Store) FileHash() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.File
}

// SetFileHash remembers the configuration file as it was read.
func (s *Store) SetFileHash(hash string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.current
	c.File = hash
	return s.setCurrent(c)
}

// Recover is for the start. A revision that waited to be confirmed is dropped: whatever it did to the machine, nobody confirmed it.
// One that was being applied was cut short. It returns those, with what became of them.
func (s *Store) Recover() ([]Revision, error) {
	waiting, _ := s.Waiting()
	confirmed := s.Confirmed()
	if waiting == 0 && confirmed == 0 && len(s.List()) == 0 {
		return nil, nil // the first start
	}
	var out []Revision
	for _, rev := range s.List() {
		var result Result
		var reason string
		switch {
		case rev.ID == waiting:
			result, reason = Reverted, "the router started again before it was confirmed"
		case rev.Result != Applying && rev.Result != Unconfirmed:
			continue
		case rev.ID == confirmed:
			result = Applied // the crash was after it was decided
		case rev.Result == Applying:
			result, reason = Failed, "the router stopped while it was applied"
		default:
			result, reason = Reverted, "the router started again after it was dropped"
		}
		rev, err := s.Finish(rev.ID, result, reason)
		if err != nil {
			return out, err
		}
		if result != Applied {
			out = append(out, rev)
		}
	}
	return out, s.Drop()
}
