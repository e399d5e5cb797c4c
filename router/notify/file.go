package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/sixfold-router/sixfold/router/disk"
	"github.com/sixfold-router/sixfold/router/notify/render"
)

// What became of a file.
const (
	written   = "written"
	unchanged = "unchanged"
	removed   = "removed"
)

// WriteFile makes a file have a content, permissions and an owner (USER or USER:GROUP; empty: as it comes), all at once: who reads it
// sees the old file or the new one. It returns "written", or "unchanged" if there was nothing to do. Where path is a symbolic link, the
// file behind it is replaced.
func WriteFile(path string, content []byte, mode fs.FileMode, owner string) (string, error) {
	uid, gid, err := ids(owner)
	if err != nil {
		return "", err
	}
	if behind, err := filepath.EvalSymlinks(path); err == nil {
		path = behind
	}
	if err := regular(path); err != nil {
		return "", err
	}
	if same(path, content, mode, uid, gid) {
		return unchanged, nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".sixfold-*")
	if err != nil {
		return "", writing(path, err)
	}
	defer os.Remove(f.Name()) // of no effect once it was renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil && (uid >= 0 || gid >= 0) {
		err = f.Chown(uid, gid)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return "", writing(path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", writing(path, err)
	}
	return written, disk.SyncDir(filepath.Dir(path))
}

// regular refuses what is there and no file: a device would be replaced, and a pipe would have us wait for whoever reads it.
func regular(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil, info.Mode().IsRegular(), info.Mode()&fs.ModeSymlink != 0:
		return nil
	case info.IsDir():
		return fmt.Errorf("%s is a directory: give the path of a file in it", path)
	}
	return fmt.Errorf("%s is no file but a device, pipe or socket: give the path of a file", path)
}

// writing is an error of writing a file, in words of that file rather than of the one that takes its place.
func writing(path string, err error) error {
	dir := filepath.Dir(path)
	if _, gone := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && errors.Is(gone, fs.ErrNotExist) {
		return fmt.Errorf("write %s: there is no directory %s: make it", path, dir)
	}
	return disk.Meant(path, err)
}

// RemoveFile removes a file. It returns "removed", or "unchanged" if there is none.
func RemoveFile(path string) (string, error) {
	if err := regular(path); err != nil {
		return "", err
	}
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return unchanged, nil
	}
	return removed, err
}

// same reports whether the file is as it is wanted.
func same(path string, content []byte, mode fs.FileMode, uid, gid int) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != mode.Perm() || info.Size() != int64(len(content)) {
		return false
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && (uid >= 0 && int(st.Uid) != uid || gid >= 0 && int(st.Gid) != gid) {
		return false
	}
	have, err := io.ReadAll(io.LimitReader(f, render.MaxOutput+1))
	return err == nil && bytes.Equal(have, content)
}

// ids looks up USER or USER:GROUP, or numbers; -1 leaves it as it is.
func ids(owner string) (uid, gid int, err error) {
	uid, gid = -1, -1
	if owner == "" {
		return uid, gid, nil
	}
	name, group, both := strings.Cut(owner, ":")
	if name != "" {
		if uid, err = strconv.Atoi(name); err != nil {
			u, err := user.Lookup(name)
			if err != nil {
				return -1, -1, err
			}
			uid, _ = strconv.Atoi(u.Uid)
		}
	}
	if both && group != "" {
		if gid, err = strconv.Atoi(group); err != nil {
			g, err := user.LookupGroup(group)
			if err != nil {
				return -1, -1, err
			}
			gid, _ = strconv.Atoi(g.Gid)
		}
	}
	return uid, gid, nil
}

// write brings the file of a consumer up to date.
func (m *Manager) write(ctx context.Context, c Consumer, change render.Change) (string, error) {
	t, err := render.Parse(c.File.Template)
	if err != nil {
		return "", fmt.Errorf("template: %w", err)
	}
	remove := c.File.Remove && !change.Prefix.IsValid()
	var content []byte
	if !remove {
		if content, err = t.Execute(change); err != nil {
			return "", fmt.Errorf("template: %w", err)
		}
	}
	if !m.outside {
		if remove {
			return RemoveFile(c.File.Path)
		}
		return WriteFile(c.File.Path, content, c.File.Mode, c.File.Owner)
	}
	argv := []string{m.program, "write-file", "--mode", fmt.Sprintf("%04o", c.File.Mode.Perm()), "--owner", c.File.Owner}
	if remove {
		argv = append(argv, "--remove")
	}
	out, err := m.run(ctx, command{name: c.ID(), argv: append(argv, "--", c.File.Path), stdin: content, limit: c.Timeout})
	if err != nil && out != "" {
		return "", fmt.Errorf("%s (%w)", out, err)
	}
	return out, err
}
