package vm

import (
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// archive writes an initial file system as the kernel reads it: a cpio archive of the format "newc" (Documentation/driver-api/
// early-userspace/buffer-format.rst of Linux). The first error stays.
type archive struct {
	w     io.Writer
	inode int
	made  map[string]bool // directories
	err   error
}

func newArchive(w io.Writer) *archive { return &archive{w: w, made: map[string]bool{".": true}} }

// add writes a file of the host under a name without a leading slash.
func (a *archive) add(name, file string) {
	if a.err != nil {
		return
	}
	f, err := os.Open(file)
	if err != nil {
		a.err = err
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		a.err = err
		return
	}
	a.dir(path.Dir(name))
	a.entry(name, 0o100755, [2]int{}, info.Size(), f)
}

// dir writes a directory, and those that it is in.
func (a *archive) dir(name string) {
	if a.made[name] {
		return
	}
	a.dir(path.Dir(name))
	a.made[name] = true
	a.entry(name, 0o040755, [2]int{}, 0, strings.NewReader(""))
}

// device writes a character device.
func (a *archive) device(name string, major, minor int) {
	a.dir(path.Dir(name))
	a.entry(name, 0o020600, [2]int{major, minor}, 0, strings.NewReader(""))
}

// close ends the archive.
func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, [2]int{}, 0, strings.NewReader(""))
	return a.err
}

func (a *archive) entry(name string, mode int, device [2]int, size int64, content io.Reader) {
	if a.err != nil {
		return
	}
	a.inode++
	if size > 1<<32-1 {
		a.err = fmt.Errorf("%s is too large for an initial file system", name)
		return
	}
	header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		a.inode, mode, 0, 0, 1, 0, size, 0, 0, device[0], device[1], len(name)+1, 0, name)
	// Name and content each end on a multiple of four bytes.
	if _, a.err = io.WriteString(a.w, header+padding(int64(len(header)))); a.err != nil {
		return
	}
	n, err := io.Copy(a.w, io.LimitReader(content, size))
	if err == nil && n != size {
		err = fmt.Errorf("%s changed while it was read", name)
	}
	if err == nil {
		_, err = io.WriteString(a.w, padding(size))
	}
	a.err = err
}

func padding(size int64) string { return "\x00\x00\x00"[:-size&3] }
