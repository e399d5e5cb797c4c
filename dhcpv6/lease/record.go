package lease

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// The operations in the payload of a frame. What follows the byte of the operation is, in order:
//
//	opPut     a lease: flags, duid, iaid, link, prefix, times, mac, client, pool
//	opDelete  flags (only the kind), duid, iaid, link, prefix
//	opMeta    key, value
//	opForget  key
//	opEnd     nothing
//	opReach   as opPut, then a key of 16 bytes and a path
//
// Numbers are varints, strings and bytes have their length before them. A prefix is its length and as many bytes as the
// length needs. A time is seconds since 1970 and nanoseconds. A layout never changes; a new one gets a new number.
const (
	opPut byte = 1 + iota
	opDelete
	opMeta
	opForget
	opEnd
	opReach
)

// Flags of a lease. What has no flag is absent.
const (
	flagPrefix byte = 1 << iota
	flagDeclined
	flagReserved
	flagPreferred
	flagValid
	flagUpdated
	flagClient
)

// Bounds of what a lease may hold, far above what DHCPv6 allows, so that a size is never taken from a damaged file.
const (
	maxString = 4096
	maxMAC    = 255
	maxValue  = 1 << 20 // of Meta
	maxSecond = 1 << 40 // of a time, either side of 1970
)

// op is one decoded operation.
type op struct {
	code  byte
	lease Lease     // opPut, which opReach is read as
	ref   DeleteRef // opDelete
	name  string    // opMeta, opForget
	value []byte    // opMeta; a part of what was decoded
}

func appendPut(b []byte, l *Lease) []byte {
	var flags byte
	if l.Key.Kind == Prefix {
		flags |= flagPrefix
	}
	if l.State == Declined {
		flags |= flagDeclined
	}
	if l.Reserved {
		flags |= flagReserved
	}
	times := [...]struct {
		flag byte
		t    time.Time
	}{{flagPreferred, l.Preferred}, {flagValid, l.Valid}, {flagUpdated, l.Updated}}
	for _, t := range times {
		if !t.t.IsZero() {
			flags |= t.flag
		}
	}
	if l.Client.IsValid() {
		flags |= flagClient
	}
	code := opPut
	if l.Contact != nil {
		code = opReach
	}
	b = append(b, code, flags)
	b = appendKey(b, l.Key)
	b = appendPrefix(b, l.Prefix)
	for _, t := range times {
		if flags&t.flag != 0 {
			b = binary.AppendVarint(b, t.t.Unix())
			b = binary.AppendUvarint(b, uint64(t.t.Nanosecond()))
		}
	}
	b = appendString(b, l.MAC)
	if l.Client.IsValid() {
		a := l.Client.As16()
		b = append(b, a[:]...)
	}
	b = appendString(b, l.Pool)
	if l.Contact != nil {
		b = appendContact(b, l.Contact)
	}
	return b
}

func appendDelete(b []byte, d DeleteRef) []byte {
	var flags byte
	if d.Key.Kind == Prefix {
		flags |= flagPrefix
	}
	b = append(b, opDelete, flags)
	b = appendKey(b, d.Key)
	return appendPrefix(b, d.Prefix)
}

func appendMeta(b []byte, name string, value []byte) []byte {
	b = append(b, opMeta)
	b = appendString(b, name)
	return appendString(b, value)
}

func appendForget(b []byte, name string) []byte {
	b = append(b, opForget)
	return appendString(b, name)
}

func appendKey(b []byte, k Key) []byte {
	b = appendString(b, k.DUID)
	b = binary.AppendUvarint(b, uint64(k.IAID))
	return appendString(b, k.Link)
}

func appendString[T string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendPrefix(b []byte, p netip.Prefix) []byte {
	a := p.Addr().As16()
	b = append(b, byte(p.Bits()))
	return append(b, a[:(p.Bits()+7)/8]...)
}

// check says why a lease cannot be stored.
func (l *Lease) check() error {
	if err := checkRef(l.Key, l.Prefix); err != nil {
		return err
	}
	switch {
	case l.State > Declined:
		return fmt.Errorf("lease of %s: unknown state %d", l.Prefix, l.State)
	case len(l.Pool) > maxString:
		return fmt.Errorf("lease of %s: pool name of %d bytes", l.Prefix, len(l.Pool))
	case len(l.MAC) > maxMAC:
		return fmt.Errorf("lease of %s: link-layer address of %d bytes", l.Prefix, len(l.MAC))
	case l.Contact != nil && len(l.Contact.Path) > maxString:
		return fmt.Errorf("lease of %s: path to the client of %d bytes", l.Prefix, len(l.Contact.Path))
	case l.Client.IsValid() && !l.Client.Is6():
		return fmt.Errorf("lease of %s: client address %s is not IPv6", l.Prefix, l.Client)
	}
	for _, t := range [...]time.Time{l.Preferred, l.Valid, l.Updated} {
		if s := t.Unix(); !t.IsZero() && (s > maxSecond || s < -maxSecond) {
			return fmt.Errorf("lease of %s: time %d s from 1970", l.Prefix, s)
		}
	}
	return nil
}

func checkRef(k Key, p netip.Prefix) error {
	switch {
	case !p.IsValid() || !p.Addr().Is6():
		return fmt.Errorf("lease: %s is not an IPv6 prefix", p)
	case p != p.Masked():
		return fmt.Errorf("lease: %s has bits beyond its length", p)
	case k.Kind > Prefix:
		return fmt.Errorf("lease of %s: unknown kind %d", p, k.Kind)
	case len(k.DUID) > maxString || len(k.Link) > maxString:
		return fmt.Errorf("lease of %s: DUID of %d bytes, link name of %d bytes", p, len(k.DUID), len(k.Link))
	}
	return nil
}

// decoder reads the operations of a payload. After an error every read returns zero values, so that only the end is checked.
type decoder struct {
	b     []byte
	err   error
	names map[string]string // link and pool names, to have each once in memory
}

var errShort = errors.New("operation is cut short")

// next returns the next operation, and false at the end or on an error.
func (d *decoder) next() (op, bool) {
	if len(d.b) == 0 || d.err != nil {
		return op{}, false
	}
	o := op{code: d.byte()}
	switch o.code {
	case opPut:
		o.lease = d.lease()
	case opReach:
		o.code, o.lease = opPut, d.lease()
		o.lease.Contact = d.contact()
	case opDelete:
		flags := d.byte()
		d.refuse(flags&^flagPrefix != 0, "unknown flags")
		o.ref = DeleteRef{Key: d.key(flags), Prefix: d.prefix()}
	case opMeta:
		o.name = string(d.bytes(maxString))
		o.value = d.bytes(maxValue)
	case opForget:
		o.name = string(d.bytes(maxString))
	case opEnd:
	default:
		d.refuse(true, "unknown operation, perhaps of a newer version")
	}
	return o, d.err == nil
}

func (d *decoder) lease() Lease {
	flags := d.byte()
	d.refuse(flags&(flagClient<<1) != 0, "unknown flags")
	l := Lease{Key: d.key(flags), Prefix: d.prefix(), Reserved: flags&flagReserved != 0}
	if flags&flagDeclined != 0 {
		l.State = Declined
	}
	if flags&flagPreferred != 0 {
		l.Preferred = d.time()
	}
	if flags&flagValid != 0 {
		l.Valid = d.time()
	}
	if flags&flagUpdated != 0 {
		l.Updated = d.time()
	}
	if mac := d.bytes(maxMAC); len(mac) > 0 {
		l.MAC = append(l.MAC, mac...)
	}
	if flags&flagClient != 0 {
		var a [16]byte
		copy(a[:], d.take(16))
		l.Client = netip.AddrFrom16(a)
	}
	l.Pool = d.name()
	return l
}

func (d *decoder) key(flags byte) Key {
	k := Key{DUID: string(d.bytes(maxString))}
	if flags&flagPrefix != 0 {
		k.Kind = Prefix
	}
	iaid := d.uvarint()
	d.refuse(iaid > 1<<32-1, "IAID of more than 32 bits")
	k.IAID = uint32(iaid)
	k.Link = d.name()
	return k
}

func (d *decoder) prefix() netip.Prefix {
	bits := int(d.byte())
	if d.refuse(bits > 128, "prefix longer than 128"); d.err != nil {
		return netip.Prefix{}
	}
	var a [16]byte
	copy(a[:], d.take((bits+7)/8))
	p := netip.PrefixFrom(netip.AddrFrom16(a), bits)
	d.refuse(p != p.Masked(), "prefix with bits beyond its length")
	return p
}

func (d *decoder) time() time.Time {
	s, n := binary.Varint(d.b)
	if n <= 0 {
		d.refuse(true, "bad number")
		return time.Time{}
	}
	d.b = d.b[n:]
	ns := d.uvarint()
	d.refuse(s > maxSecond || s < -maxSecond || ns >= uint64(time.Second), "time out of range")
	return time.Unix(s, int64(ns)).UTC()
}

func (d *decoder) name() string {
	b := d.bytes(maxString)
	if s, ok := d.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if d.names != nil {
		d.names[s] = s
	}
	return s
}

func (d *decoder) bytes(limit uint64) []byte {
	n := d.uvarint()
	if d.refuse(n > limit, "field too long"); d.err != nil {
		return nil
	}
	return d.take(int(n))
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.refuse(true, "bad number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if b := d.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || n > len(d.b) {
		d.fail(errShort)
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) refuse(bad bool, why string) {
	if bad {
		d.fail(errors.New(why))
	}
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err, d.b = err, nil
	}
}
