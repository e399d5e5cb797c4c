package lease

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	journalName = "leases"
	newName     = "leases.new"

	headerText = "sixfold lease 1\n"
	headerSize = len(headerText) + 8 + 4
	frameHead  = 8 + 8 + 4 + 4

	maxPayload  = 16 << 20 // of a frame
	maxChange   = 4 << 20  // of one change in it
	maxPending  = 8 << 20  // of changes that wait; with one more it still is a frame
	snapPayload = 1 << 18  // of a frame of a snapshot, about
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journal is an open journal file. It is for one goroutine at a time.
type journal struct {
	f    file
	id   [8]byte
	seq  uint64 // of the last frame
	size int64  // where the next frame goes
}

// appendFrame completes the frame in b, whose first frameHead bytes are still free, and writes it. It does not sync.
func (j *journal) appendFrame(b []byte, seq uint64) error {
	copy(b, j.id[:])
	binary.LittleEndian.PutUint64(b[8:], seq)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(b)-frameHead))
	binary.LittleEndian.PutUint32(b[20:], frameSum(b))
	if _, err := j.f.WriteAt(b, j.size); err != nil {
		return err
	}
	j.seq = seq
	j.size += int64(len(b))
	return nil
}

// frameSum is the checksum of a whole frame.
func frameSum(frame []byte) uint32 {
	sum := crc32.Checksum(frame[:20], castagnoli)
	return crc32.Update(sum, castagnoli, frame[frameHead:])
}

// newJournal writes the header of a journal to an empty file. A zero id stands for a new random one.
func newJournal(f file, id [8]byte) (*journal, error) {
	for id == [8]byte{} {
		rand.Read(id[:]) // never fails
	}
	b := append([]byte(headerText), id[:]...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if _, err := f.WriteAt(b, 0); err != nil {
		return nil, err
	}
	return &journal{f: f, id: id, size: int64(len(b))}, nil
}

// CorruptError says that a journal is damaged where no crash can have damaged it.
type CorruptError struct {
	File   string
	Offset int64  // of the damaged frame
	Reason string // what is wrong with it
}

// Error tells the file, the offset and the reason.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("lease journal %s is damaged at offset %d: %s; restore it from a copy, or move it away to start without leases",
		e.File, e.Offset, e.Reason)
}

// replay reads a journal and calls apply for each of its operations. The size of the result is the end of the last good
// frame; what is in the file beyond it is a torn batch, to be cut off.
func replay(f file, name string, apply func(op)) (*journal, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	corrupt := func(off int64, format string, args ...any) error {
		return &CorruptError{File: name, Offset: off, Reason: fmt.Sprintf(format, args...)}
	}
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 1<<18)
	head := make([]byte, headerSize)
	if _, err := io.ReadFull(r, head); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if string(head[:len(headerText)]) != headerText {
		return nil, corrupt(0, "it does not begin as a lease journal of version 1 does")
	}
	sumAt := headerSize - 4
	if crc32.Checksum(head[:sumAt], castagnoli) != binary.LittleEndian.Uint32(head[sumAt:]) {
		return nil, corrupt(0, "wrong checksum of the header")
	}
	j := &journal{f: f, size: int64(headerSize)}
	copy(j.id[:], head[len(headerText):])

	names := make(map[string]string)
	ended := false // the snapshot
	for first := true; ; first = false {
		frame, why, err := readFrame(r, j.id, size-j.size)
		if err != nil {
			return nil, err
		}
		if why != "" {
			if !ended {
				return nil, corrupt(j.size, "%s, in the snapshot", why)
			}
			next, err := findFrame(f, j.id, j.size+1, size)
			if err != nil {
				return nil, err
			}
			if next >= 0 {
				return nil, corrupt(j.size, "%s, and an intact batch follows at offset %d", why, next)
			}
			return j, nil
		}
		if frame == nil {
			if !ended {
				return nil, corrupt(j.size, "the snapshot has no end")
			}
			return j, nil
		}
		seq := binary.LittleEndian.Uint64(frame[8:])
		if want := j.seq + 1; ended && seq != want {
			return nil, corrupt(j.size, "batch %d where %d was due", seq, want)
		} else if !ended && !first && seq != j.seq {
			return nil, corrupt(j.size, "batch %d inside the snapshot of %d", seq, j.seq)
		}
		d := decoder{b: frame[frameHead:], names: names}
		for o, ok := d.next(); ok; o, ok = d.next() {
			if o.code == opEnd {
				ended = true
				continue
			}
			apply(o)
		}
		if d.err != nil {
			return nil, corrupt(j.size, "%v", d.err)
		}
		j.seq = seq
		j.size += int64(len(frame))
	}
}

// readFrame reads a frame, of which left bytes can be there. It returns nil at the end of the file, and why it is no frame
// if it is none.
func readFrame(r io.Reader, id [8]byte, left int64) (frame []byte, why string, err error) {
	if left == 0 {
		return nil, "", nil
	}
	if left < int64(frameHead) {
		return nil, "frame cut short", nil
	}
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, "", err
	}
	length := binary.LittleEndian.Uint32(head[16:])
	switch {
	case [8]byte(head[:8]) != id:
		return nil, "no frame begins there", nil
	case length > maxPayload:
		return nil, "impossible length of a frame", nil
	case int64(length) > left-int64(frameHead):
		return nil, "frame cut short", nil
	}
	frame = make([]byte, frameHead+int(length))
	copy(frame, head[:])
	if _, err := io.ReadFull(r, frame[frameHead:]); err != nil {
		return nil, "", err
	}
	if frameSum(frame) != binary.LittleEndian.Uint32(frame[20:]) {
		return nil, "wrong checksum of a frame", nil
	}
	return frame, "", nil
}

// findFrame returns the offset of the first intact frame that begins in [from, size), or -1.
func findFrame(f file, id [8]byte, from, size int64) (int64, error) {
	buf := make([]byte, 1<<18)
	for from < size {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-from)], from)
		if err != nil && err != io.EOF {
			return 0, err
		}
		if n < len(id) {
			return -1, nil
		}
		for i := 0; ; i++ {
			k := bytes.Index(buf[i:n], id[:])
			if k < 0 {
				break
			}
			i += k
			at := from + int64(i)
			frame, _, err := readFrame(io.NewSectionReader(f, at, size-at), id, size-at)
			if err != nil {
				return 0, err
			}
			if frame != nil {
				return at, nil
			}
		}
		from += int64(n - len(id) + 1) // an id may lie across two reads
	}
	return -1, nil
}
