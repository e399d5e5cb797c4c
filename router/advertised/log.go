package advertised

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/router/disk"
)

// Limits of a file that somebody else may have written.
const (
	maxLine   = 8192
	maxFile   = 64 << 20
	maxOption = 255*8 - 2
	maxName   = 255
)

// slack is how many lines a file may have beside two for each entry before it is written anew.
const slack = 256

// line is one line of the file: an entry, which takes the place of an earlier one with the same key, or the end of one.
type line struct {
	Link       string       `json:"link,omitempty"`
	Kind       Kind         `json:"kind"`
	Prefix     netip.Prefix `json:"prefix"`
	Option     []byte       `json:"option,omitempty"`
	Name       string       `json:"name,omitempty"`
	OnLink     bool         `json:"on_link,omitempty"`
	Autonomous bool         `json:"autonomous,omitempty"`
	Preference uint8        `json:"preference,omitempty"`
	Lifetime   int64        `json:"lifetime_seconds,omitempty"`
	Delegation string       `json:"delegation,omitempty"`
	Table      uint32       `json:"table,omitempty"`
	Since      *time.Time   `json:"since,omitempty"`
	Until      *time.Time   `json:"until,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	Gone       bool         `json:"gone,omitempty"`
}

// Log is a file that has a set. It is not for several goroutines at a time.
type Log struct {
	path  string
	file  *os.File // open for appending; nil: the next write makes the file anew
	lines int
	set   Set // what the file has
}

// Open reads the file at path, which need not exist; an empty path keeps nothing. Lines that cannot be read, as the last one after a
// power failure, are left out and told of in damaged. What was being advertised is taken to have been so until now.
func Open(path string, now time.Time) (l *Log, damaged, err error) {
	l = &Log{path: path}
	if path == "" {
		return l, nil, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil, nil
	}
	if err != nil {
		return l, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return l, nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return l, fmt.Errorf("%s is not a file of ours: it is not used, and replaced", path), nil
	}
	var whole bool
	if l.set, l.lines, whole, err = read(f, now); err != nil {
		return l, nil, fmt.Errorf("read %s: %w", path, err)
	}
	if !whole {
		return l, fmt.Errorf("%s has lines that cannot be read: what they had is not withdrawn should it change", path), nil
	}
	l.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return l, nil, err
}

// read reads lines. whole tells whether each was as it should be; a torn one spoils those that would be appended to it.
func read(r io.Reader, now time.Time) (s Set, lines int, whole bool, err error) {
	entries := map[Key]Entry{}
	whole = true
	b := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := b.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			whole = false
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = b.ReadSlice('\n')
			}
			if err == nil {
				continue
			}
		case err != nil && len(text) > 0:
			whole = false
		}
		if errors.Is(err, io.EOF) {
			return gather(entries), lines, whole, nil
		}
		if err != nil {
			return Set{}, 0, false, err
		}
		lines++
		e, gone, err := parse(text, now)
		switch {
		case err != nil:
			whole = false
		case gone || e.over(now):
			delete(entries, e.Key)
		case len(entries) < 2*maxEntries:
			entries[e.Key] = e
		}
	}
}

// gather makes a set of entries.
func gather(entries map[Key]Entry) Set {
	s := Set{links: map[string][]Entry{}}
	for _, e := range entries {
		s.links[e.Link] = append(s.links[e.Link], e)
	}
	for _, list := range s.links {
		slices.SortFunc(list, func(a, b Entry) int { return a.Compare(b.Key) })
	}
	return s
}

// parse reads a line. No time of it lies farther ahead than it can, whatever the clock did meanwhile.
func parse(text []byte, now time.Time) (e Entry, gone bool, err error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return e, false, err
	}
	known := slices.Contains([]Kind{Prefix, Route, Server, PREF64, Resolver, Aggregate}, l.Kind) && len(l.Name) <= maxName &&
		(l.Kind == Resolver && withdraws(l.Option) || len(l.Option) == 0 && l.Kind != Resolver)
	if !known || !l.Prefix.IsValid() || !l.Prefix.Addr().Is6() || l.Prefix != l.Prefix.Masked() || len(l.Link) > 15 || (l.Link == "") != (l.Kind == Aggregate) {
		return e, false, errors.New("not an entry")
	}
	e = Entry{
		Key: Key{Link: l.Link, Kind: l.Kind, Prefix: l.Prefix, Option: string(l.Option), Table: l.Table}, Name: l.Name, OnLink: l.OnLink, Autonomous: l.Autonomous, Preference: l.Preference,
		Lifetime: time.Duration(min(max(0, l.Lifetime), 0xffffffff)) * time.Second, Delegation: l.Delegation, Reason: l.Reason,
	}
	switch {
	case l.Gone:
	case l.Since != nil && l.Until != nil:
		at := func(t time.Time) time.Time { return now.Add(t.Sub(now)) } // so that it does not move when the clock is set
		e.Since, e.Until = earlier(at(*l.Since), now), earlier(at(*l.Until), now.Add(Hold))
	default:
		e.Until = now.Add(e.Lifetime)
	}
	return e, l.Gone, nil
}

// withdraws reports whether a resolver's option, without type and length, can be one that withdraws it (RFC 9463 6.1).
func withdraws(option []byte) bool {
	return len(option) >= 14 && len(option) <= maxOption && bytes.Equal(option[2:6], make([]byte, 4))
}

// Set returns what the file has.
func (l *Log) Set() Set { return l.set }

// Keep makes the file have next. When it returns nil, what is newly advertised in next is on disk. After an error the log has next all
// the same, and the file is written anew by the next call.
func (l *Log) Keep(next Set) error {
	put, gone, urgent := l.set.changes(next)
	l.set = next
	if l.path == "" || len(put)+len(gone) == 0 && l.file != nil {
		return nil
	}
	if l.file == nil || l.lines+len(put)+len(gone) > 2*next.len()+slack {
		return l.rewrite()
	}
	var b bytes.Buffer
	for _, k := range gone {
		encode(&b, line{Link: k.Link, Kind: k.Kind, Prefix: k.Prefix, Option: []byte(k.Option), Table: k.Table, Gone: true})
	}
	for _, e := range put {
		encode(&b, lineOf(e))
	}
	_, err := l.file.Write(b.Bytes())
	if err == nil && urgent {
		err = l.file.Sync()
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	l.lines += len(put) + len(gone)
	return nil
}

// rewrite makes the file anew.
func (l *Log) rewrite() error {
	err := l.Close()
	all := l.set.All()
	if len(all) == 0 && err == nil {
		if _, e := os.Lstat(l.path); errors.Is(e, fs.ErrNotExist) {
			return nil
		}
	}
	var b bytes.Buffer
	for _, e := range all {
		encode(&b, lineOf(e))
	}
	if err := errors.Join(err, disk.WriteFile(l.path, b.Bytes())); err != nil {
		return err
	}
	l.lines = len(all)
	l.file, err = os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND, 0)
	return err
}

func lineOf(e Entry) line {
	out := line{
		Link: e.Link, Kind: e.Kind, Prefix: e.Prefix, Option: []byte(e.Option), Name: e.Name, OnLink: e.OnLink, Autonomous: e.Autonomous, Preference: e.Preference,
		Lifetime: int64(e.Lifetime / time.Second), Delegation: e.Delegation, Table: e.Table, Reason: e.Reason,
	}
	if !e.Since.IsZero() {
		since, until := e.Since.UTC(), e.Until.UTC()
		out.Since, out.Until = &since, &until
	}
	return out
}

func encode(b *bytes.Buffer, l line) {
	text, err := json.Marshal(l)
	if err != nil {
		return // no value of a line has none
	}
	b.Write(append(text, '\n'))
}

// Close closes the file. The log may be used on: it opens it again.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	return f.Close()
}
