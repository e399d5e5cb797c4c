package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"time"
)

// archive is a tar file, compressed, without secrets. After an error it takes no more, and close tells.
type archive struct {
	zip     *gzip.Writer
	tar     *tar.Writer
	dir     string // all files are in it
	now     time.Time
	secrets secrets
	entries []archiveEntry
	failed  error
}

// archiveEntry is a line of the manifest.
type archiveEntry struct {
	name    string
	size    int
	problem string // why it is missing or incomplete
}

func newArchive(w io.Writer, dir string, now time.Time) *archive {
	zip := gzip.NewWriter(w)
	return &archive{zip: zip, tar: tar.NewWriter(zip), dir: dir, now: now}
}

// add writes a file; with an error what there is of it.
func (r *archive) add(name string, text []byte, err error) {
	if strings.HasSuffix(name, ".json") {
		// Fields were seen to before; a pattern could make it something else than JSON.
		text = r.secrets.hideValues(text)
	} else {
		text = r.secrets.hide(text)
	}
	e := archiveEntry{name: name, size: len(text)}
	if err != nil {
		e.problem = string(r.secrets.hide([]byte(printable(err.Error()))))
	}
	r.entries = append(r.entries, e)
	if len(text) > 0 || err == nil {
		r.write(name, text)
	}
}

func (r *archive) write(name string, text []byte) {
	if r.failed != nil {
		return
	}
	r.failed = r.tar.WriteHeader(&tar.Header{Name: r.dir + "/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: r.now})
	if r.failed == nil {
		_, r.failed = r.tar.Write(text)
	}
}

// missing are the names of what has a problem.
func (r *archive) missing() []string {
	names := []string{}
	for _, e := range r.entries {
		if e.problem != "" {
			names = append(names, e.name)
		}
	}
	return names
}

// close writes the manifest and ends the archive.
func (r *archive) close() error {
	t := newTable("FILE", ">BYTES", "PROBLEM")
	for _, e := range r.entries {
		t.add(e.name, number(uint64(e.size)), e.problem)
	}
	var b bytes.Buffer
	b.WriteString("Collected " + r.now.Format(time.RFC3339) + " by sixfold " + versionText() + "; passwords are left out.\n\n")
	if err := t.write(&b); err != nil {
		return err
	}
	r.write("manifest.txt", b.Bytes())
	return errors.Join(r.failed, r.tar.Close(), r.zip.Close())
}
