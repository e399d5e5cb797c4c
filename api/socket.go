package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// DefaultSocket is where the API listens unless told otherwise.
const DefaultSocket = "/run/sixfold/sixfold.sock"

// listenUnix opens a unix socket that everybody may connect to: each call is authorised by what the kernel says of its process, and
// who has no role is told how to get one. A socket that is left of a daemon that is gone is
// replaced; one that somebody listens on is not, and neither is a file that is not a socket.
func listenUnix(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	// Until here the mode is what the umask left of 0777; the usual 022 lets nobody but the owner connect.
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func removeStale(path string) error {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s exists and is not a socket", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return errors.Join(fmt.Errorf("another sixfold listens on %s", path), conn.Close())
	}
	// A daemon with a full backlog answers EAGAIN and one of another user EACCES: both are alive.
	if !isRefused(err) {
		return fmt.Errorf("somebody seems to listen on %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
