package lease

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// memDisk is a disk in memory that knows what of it would survive a power cut, and fails where a test wants it to.
type memDisk struct {
	// hook, if set, is called before each operation: write, sync, rename, dirsync, create, truncate, remove. An error is
	// what the operation fails with; of a write, half of the bytes are written then. It may block.
	hook func(op string) error

	mu      sync.Mutex
	names   map[string]*memData
	durable map[string]*memData // names that survive
}

// memData is what a file holds, and what of that survives. The mutex of the disk guards it.
type memData struct {
	now, durable []byte
}

func newMemDisk() *memDisk {
	return &memDisk{names: make(map[string]*memData), durable: make(map[string]*memData)}
}

// crash returns the disk as it may be after a power cut: what is durable, and any part of what is not.
func (d *memDisk) crash(rng *rand.Rand) *memDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := d.durable
	if rng.IntN(2) == 0 {
		names = d.names
	}
	after := newMemDisk()
	for name, data := range names {
		b := slices.Clone(data.durable)
		if more := len(data.now) - len(b); more > 0 {
			b = append(b, make([]byte, rng.IntN(more+1))...)
		}
		const page = 128
		for at := 0; at < min(len(b), len(data.now)); at += page {
			if end := min(at+page, len(b), len(data.now)); rng.IntN(2) == 0 {
				copy(b[at:end], data.now[at:end])
			}
		}
		after.names[name] = &memData{now: b, durable: slices.Clone(b)}
	}
	after.durable = maps.Clone(after.names)
	return after
}

func (d *memDisk) do(op string, f func() error) error {
	if d.hook != nil {
		if err := d.hook(op); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return f()
}

func (d *memDisk) path(name string) string { return "mem/" + name }

func (d *memDisk) open(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if data := d.names[name]; data != nil {
		return &memFile{disk: d, data: data}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (d *memDisk) create(name string) (f file, err error) {
	err = d.do("create", func() error {
		data := &memData{}
		d.names[name] = data
		f = &memFile{disk: d, data: data}
		return nil
	})
	return f, err
}

func (d *memDisk) rename(from, to string) error {
	return d.do("rename", func() error {
		d.names[to] = d.names[from]
		delete(d.names, from)
		return nil
	})
}

func (d *memDisk) remove(name string) error {
	return d.do("remove", func() error {
		if d.names[name] == nil {
			return fs.ErrNotExist
		}
		delete(d.names, name)
		return nil
	})
}

func (d *memDisk) sync() error {
	return d.do("dirsync", func() error {
		d.durable = maps.Clone(d.names)
		return nil
	})
}

// memFile is an open file of a memDisk.
type memFile struct {
	disk   *memDisk
	data   *memData
	closed bool
}

func (f *memFile) do(op string, do func() error) error {
	return f.disk.do(op, func() error {
		if f.closed {
			return fs.ErrClosed
		}
		return do()
	})
}

func (f *memFile) write(b []byte, off int64) {
	if more := int(off) + len(b) - len(f.data.now); more > 0 {
		f.data.now = append(f.data.now, make([]byte, more)...)
	}
	copy(f.data.now[off:], b)
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	err := f.do("write", func() error { f.write(b, off); return nil })
	if err != nil && !errors.Is(err, fs.ErrClosed) {
		f.disk.mu.Lock()
		defer f.disk.mu.Unlock()
		f.write(b[:len(b)/2], off)
		return len(b) / 2, err
	}
	return len(b), err
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return 0, fs.ErrClosed
	}
	if off >= int64(len(f.data.now)) {
		return 0, io.EOF
	}
	n := copy(b, f.data.now[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.data.now)), nil
}

func (f *memFile) Truncate(size int64) error {
	return f.do("truncate", func() error { f.data.now = f.data.now[:size]; return nil })
}

func (f *memFile) Sync() error {
	return f.do("sync", func() error { f.data.durable = slices.Clone(f.data.now); return nil })
}

func (f *memFile) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.closed = true
	return nil
}
