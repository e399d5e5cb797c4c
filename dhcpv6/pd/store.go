package pd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/disk"
)

// maxFile is far above the size of a file of ours.
const maxFile = 64 << 10

// fileVersion is the version of the files' format.
const fileVersion = 1

// store keeps each delegation in a file of its own, so that a restart, also one without power, does not renumber the
// networks behind us. A file is replaced as a whole, never changed.
type store struct {
	dir  string          // empty: nothing is kept
	have map[string]held // what is in the files, by name
	boot func() bootTime // nil: only the wall clock is known
}

// record is the content of a file. Changing it means another fileVersion.
type record struct {
	Version        int          `json:"version"`
	Link           string       `json:"link"`
	Name           string       `json:"name"`
	IAID           uint32       `json:"iaid"`
	DUID           []byte       `json:"duid"`
	Prefix         netip.Prefix `json:"prefix"`
	Saved          time.Time    `json:"saved"`
	PreferredUntil time.Time    `json:"preferred_until"`
	ValidUntil     time.Time    `json:"valid_until"`
	T1             time.Time    `json:"t1"`
	T2             time.Time    `json:"t2"`
	Server         netip.Addr   `json:"server"`
	ServerDUID     []byte       `json:"server_duid"`
	DNS            []netip.Addr `json:"dns,omitempty"`
	Domains        []string     `json:"domains,omitempty"`

	// Absent in files of old.
	Exclude netip.Prefix `json:"exclude,omitzero"`
	Former  []part       `json:"former,omitempty"`
	Spare   []part       `json:"spare,omitempty"`
	Options []Option     `json:"options,omitempty"`
	Key     *key         `json:"reconfigure_key,omitempty"`

	// When it was saved by a clock that nobody sets; absent in files of old.
	Boot   string        `json:"boot,omitempty"`
	Uptime time.Duration `json:"uptime_nanoseconds,omitempty"`
}

// part is a prefix beside the one in use.
type part struct {
	Prefix         netip.Prefix `json:"prefix"`
	PreferredUntil time.Time    `json:"preferred_until"`
	ValidUntil     time.Time    `json:"valid_until"`
}

// load reads the directory and returns what is still valid. A file that cannot be used is left alone with a warning: it is
// overwritten by the next delegation of its name.
func (s *store) load(log *slog.Logger, now time.Time) []held {
	s.have = make(map[string]held)
	if s.dir == "" {
		return nil
	}
	err := disk.Sweep(s.dir)
	entries, e := os.ReadDir(s.dir)
	if err = errors.Join(err, e); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("remembered delegations cannot be read", "dir", s.dir, "error", err)
	}
	var all []held
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		path := filepath.Join(s.dir, e.Name())
		h, err := readRecord(path, now, s.uptime())
		switch {
		case err != nil:
			log.Warn("remembered delegation ignored", "file", path, "error", err)
		case fileName(h.Delegation.Link, h.Delegation.Name) != e.Name():
			log.Warn("remembered delegation ignored", "file", path, "error", "it is named for another link or delegation")
		case !now.Before(h.Delegation.ValidUntil):
			log.Info("remembered delegation has expired", "link", h.Delegation.Link, "name", h.Delegation.Name, "prefix", h.Delegation.Prefix)
			s.have[e.Name()] = h // so that sync removes it
		default:
			s.have[e.Name()] = h
			all = append(all, h)
		}
	}
	return all
}

// readRecord reads one file.
func readRecord(path string, now time.Time, boot bootTime) (held, error) {
	info, err := os.Stat(path)
	if err != nil {
		return held{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return held{}, errors.New("not a file of ours")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return held{}, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return held{}, err
	}
	return r.held(now, boot)
}

// held checks the record and returns its delegation.
func (r *record) held(now time.Time, boot bootTime) (held, error) {
	switch {
	case r.Version != fileVersion:
		return held{}, fmt.Errorf("version %d is not known", r.Version)
	case r.Link == "" || len(r.DUID) < minDUID || len(r.ServerDUID) < minDUID:
		return held{}, errors.New("incomplete")
	case !goodPrefix(r.Prefix) || r.Exclude.IsValid() && (!r.Prefix.Contains(r.Exclude.Addr()) || r.Exclude.Bits() <= r.Prefix.Bits()):
		return held{}, errors.New("bad prefix")
	case r.ValidUntil.IsZero() || r.PreferredUntil.After(r.ValidUntil) || r.T1.After(r.T2):
		return held{}, errors.New("bad times")
	}
	// Where the clock is behind, as after boot on a machine without a battery, nobody knows how long we were away; but no
	// lifetime may grow by that. Times are made from now, so that they do not move when the clock is set. If only the program
	// was started again, it does not matter how often the clock was set meanwhile.
	from := r.Saved
	if r.Boot != "" && r.Boot == boot.id && r.Uptime >= 0 && boot.up >= r.Uptime {
		from = r.Saved.Add(boot.up - r.Uptime)
	} else if now.After(from) {
		from = now
	}
	at := func(t time.Time) time.Time { return now.Add(t.Sub(from)) }
	former, ok := formers(r.Former, at)
	spare, ok2 := formers(r.Spare, at)
	if !ok || !ok2 {
		return held{}, errors.New("bad prefix beside the one in use")
	}
	h := held{IAID: r.IAID, DUID: r.DUID, Key: r.Key, wanted: true, Delegation: Delegation{
		Name: r.Name, Link: r.Link, Prefix: r.Prefix,
		PreferredUntil: at(r.PreferredUntil), ValidUntil: at(r.ValidUntil), T1: at(r.T1), T2: at(r.T2),
		Server: r.Server, ServerDUID: r.ServerDUID, DNS: r.DNS, Domains: r.Domains,
		Exclude: r.Exclude, Former: former, Spare: spare, Options: r.Options,
	}}
	h.Delegation.age(now)
	return h, nil
}

// goodPrefix says whether p can be what a server gave us.
func goodPrefix(p netip.Prefix) bool {
	return p.IsValid() && p.Addr().Is6() && p == p.Masked() && p.Bits() > 0
}

// formers reads the prefixes beside the one in use; false: they are damaged.
func formers(parts []part, at func(time.Time) time.Time) ([]Former, bool) {
	var all []Former
	for _, p := range parts {
		if !goodPrefix(p.Prefix) || p.PreferredUntil.After(p.ValidUntil) || len(all) == maxBeside {
			return nil, false
		}
		all = append(all, Former{Prefix: p.Prefix, PreferredUntil: at(p.PreferredUntil), ValidUntil: at(p.ValidUntil)})
	}
	return all, true
}

// parts is the reverse of formers.
func parts(all []Former, at func(time.Time) time.Time) []part {
	var out []part
	for _, f := range all {
		out = append(out, part{f.Prefix, at(f.PreferredUntil), at(f.ValidUntil)})
	}
	return out
}

// sync makes the files of link those of leases. It goes on after an error.
func (s *store) sync(now time.Time, link string, leases []held) error {
	if s.dir == "" {
		return nil
	}
	var errs []error
	keep := make(map[string]bool)
	for _, h := range leases {
		name := fileName(link, h.Delegation.Name)
		keep[name] = true
		if err := s.write(now, name, h); err != nil {
			errs = append(errs, err)
		}
	}
	for name := range s.have {
		if keep[name] || !strings.HasPrefix(name, url.QueryEscape(link)+"@") {
			continue
		}
		err := os.Remove(filepath.Join(s.dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		delete(s.have, name)
	}
	return errors.Join(errs...)
}

// write stores one delegation, if it is not stored already.
func (s *store) write(now time.Time, name string, h held) error {
	if old, ok := s.have[name]; ok && old.same(h) {
		return nil
	}
	d, boot := h.Delegation, s.uptime()
	at := func(t time.Time) time.Time { return now.Round(0).Add(t.Sub(now)).Round(time.Second).UTC() }
	data, err := json.MarshalIndent(record{
		Version: fileVersion, Link: d.Link, Name: d.Name, IAID: h.IAID, DUID: h.DUID, Prefix: d.Prefix, Saved: at(now),
		PreferredUntil: at(d.PreferredUntil), ValidUntil: at(d.ValidUntil), T1: at(d.T1), T2: at(d.T2),
		Server: d.Server, ServerDUID: d.ServerDUID, DNS: d.DNS, Domains: d.Domains, Boot: boot.id, Uptime: boot.up,
		Exclude: d.Exclude, Former: parts(d.Former, at), Spare: parts(d.Spare, at), Options: d.Options, Key: h.Key,
	}, "", "\t")
	if err != nil {
		return err
	}
	err = os.MkdirAll(s.dir, 0o700)
	if err == nil {
		err = disk.WriteFile(filepath.Join(s.dir, name), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("remember delegation %q: %w", d.Name, err)
	}
	s.have[name] = h
	return nil
}

// same says whether two leases need the same file.
func (h held) same(o held) bool {
	return h.IAID == o.IAID && bytes.Equal(h.DUID, o.DUID) && h.Key.same(o.Key) && h.Delegation.same(o.Delegation)
}

// same says whether two keys are equal; nil is one too.
func (k *key) same(o *key) bool {
	if k == nil || o == nil {
		return k == o
	}
	return bytes.Equal(k.Server, o.Server) && k.Secret == o.Secret && k.Replay == o.Replay
}

// same says whether two delegations are equal in everything.
func (d Delegation) same(o Delegation) bool {
	return d.Name == o.Name && d.Link == o.Link && d.Prefix == o.Prefix &&
		d.PreferredUntil.Equal(o.PreferredUntil) && d.ValidUntil.Equal(o.ValidUntil) && d.T1.Equal(o.T1) && d.T2.Equal(o.T2) &&
		d.Server == o.Server && bytes.Equal(d.ServerDUID, o.ServerDUID) && slices.Equal(d.DNS, o.DNS) && slices.Equal(d.Domains, o.Domains) &&
		d.Exclude == o.Exclude && slices.EqualFunc(d.Former, o.Former, Former.same) && slices.EqualFunc(d.Spare, o.Spare, Former.same) && slices.EqualFunc(d.Options, o.Options, Option.same)
}

// fileName returns the name of the file of a delegation. Escaping keeps slashes out, and "@" apart from the separator.
func fileName(link, name string) string {
	return url.QueryEscape(link) + "@" + url.QueryEscape(name) + ".json"
}

// byName sorts delegations by name, then by link.
func byName(all []Delegation) {
	slices.SortFunc(all, func(a, b Delegation) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Link, b.Link)
	})
}
