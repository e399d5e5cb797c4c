// Package disk keeps small files whole: after a crash, also one of the machine, a file has either its old or its new content.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// temporary is how the names of unfinished files begin.
const temporary = ".new-"

// WriteFile replaces the file at path, which gets mode 0600. When it returns nil the content is on disk.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), temporary+"*")
	if err != nil {
		return Meant(path, err)
	}
	defer os.Remove(f.Name()) // of no effect once it was renamed
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return Meant(path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return Meant(path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// Meant makes an error one of the file that is replaced: the name of the one that takes its place is another each time.
func Meant(path string, err error) error {
	var inFile *fs.PathError
	var renamed *os.LinkError
	switch {
	case errors.As(err, &inFile):
		err = inFile.Err
	case errors.As(err, &renamed):
		err = renamed.Err
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}

// SyncDir puts what was created, renamed and removed in dir on disk.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Sweep removes what a crash in WriteFile left in dir.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporary) {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
