package firewall

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables/expr"
)

// is matches where a field has a value.
type is struct {
	field Field
	key   string
	op    expr.CmpOp // CmpOpEq and others; of numbers of one octet, or in network order
}

// Comparisons other than of equality.
const (
	cmpNot   = expr.CmpOpNeq
	cmpBelow = expr.CmpOpLt
	cmpFrom  = expr.CmpOpGte
)

func equal(f Field, key string) is { return is{f, key, expr.CmpOpEq} }

// octet matches a field of one octet.
func octet(f Field, v uint8) is { return equal(f, string([]byte{v})) }

// number matches a field that the kernel keeps in host order.
func number(f Field, v uint32) is { return equal(f, string(binary.NativeEndian.AppendUint32(nil, v))) }

func (m is) Text() string {
	name, _ := m.field.spec()
	op := map[expr.CmpOp]string{expr.CmpOpNeq: "!= ", expr.CmpOpLt: "< ", expr.CmpOpLte: "<= ", expr.CmpOpGt: "> ", expr.CmpOpGte: ">= "}[m.op]
	return name + " " + op + m.field.text(m.key)
}

func (m is) exprs() []expr.Any {
	_, load := m.field.spec()
	return []expr.Any{load, &expr.Cmp{Op: m.op, Register: 1, Data: []byte(m.key)}}
}

func (m is) match(p *Packet, _ *Ruleset) bool {
	key, ok := m.field.key(p)
	if !ok {
		return false
	}
	c := strings.Compare(key, m.key)
	switch m.op {
	case expr.CmpOpNeq:
		return c != 0
	case expr.CmpOpLt:
		return c < 0
	case expr.CmpOpLte:
		return c <= 0
	case expr.CmpOpGt:
		return c > 0
	case expr.CmpOpGte:
		return c >= 0
	}
	return c == 0
}

// in matches where a field is in a set.
type in struct {
	field Field
	set   string
	not   bool
}

func (m in) Text() string {
	name, _ := m.field.spec()
	if m.not {
		name += " !="
	}
	return name + " @" + m.set
}

func (m in) exprs() []expr.Any {
	_, load := m.field.spec()
	return []expr.Any{load, &expr.Lookup{SourceRegister: 1, SetName: m.set, Invert: m.not}}
}

func (m in) match(p *Packet, r *Ruleset) bool {
	key, ok := m.field.key(p)
	s := r.set(m.set)
	return ok && s != nil && s.has(key) != m.not
}

// within matches an address in a prefix.
type within struct {
	field  Field
	prefix netip.Prefix
}

func (m within) Text() string {
	name, _ := m.field.spec()
	return name + " " + strings.TrimSuffix(strings.TrimSuffix(m.prefix.String(), "/128"), "/32")
}

func (m within) exprs() []expr.Any {
	_, load := m.field.spec()
	size := m.prefix.Addr().BitLen() / 8
	out := []expr.Any{load}
	if m.prefix.Bits() < 8*size {
		mask := make([]byte, size)
		for i := range m.prefix.Bits() {
			mask[i/8] |= 0x80 >> (i % 8)
		}
		out = append(out, &expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: uint32(size), Mask: mask, Xor: make([]byte, size)})
	}
	return append(out, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: m.prefix.Masked().Addr().AsSlice()})
}

func (m within) match(p *Packet, _ *Ruleset) bool {
	key, ok := m.field.key(p)
	if !ok {
		return false
	}
	a, _ := netip.AddrFromSlice([]byte(key))
	return m.prefix.Contains(a)
}

// between matches a port in a range.
type between struct {
	field Field
	PortRange
}

func (m between) Text() string {
	name, _ := m.field.spec()
	if m.First == m.Last {
		return fmt.Sprintf("%s %d", name, m.First)
	}
	return fmt.Sprintf("%s %d-%d", name, m.First, m.Last)
}

func (m between) exprs() []expr.Any {
	_, load := m.field.spec()
	if m.First == m.Last {
		return []expr.Any{load, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte(portKey(m.First))}}
	}
	return []expr.Any{load, &expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: []byte(portKey(m.First)), ToData: []byte(portKey(m.Last))}}
}

func (m between) match(p *Packet, _ *Ruleset) bool {
	key, ok := m.field.key(p)
	return ok && key >= portKey(m.First) && key <= portKey(m.Last)
}

// state matches packets in one of some states.
type state State

func (m state) Text() string {
	var words []string
	for _, s := range []struct {
		state State
		word  string
	}{{StateEstablished, "established"}, {StateRelated, "related"}, {StateNew, "new"}, {StateInvalid, "invalid"}, {StateUntracked, "untracked"}} {
		if State(m)&s.state != 0 {
			words = append(words, s.word)
		}
	}
	return "ct state " + strings.Join(words, ",")
}

func (m state) exprs() []expr.Any {
	mask := binary.NativeEndian.AppendUint32(nil, uint32(m))
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

func (m state) match(p *Packet, _ *Ruleset) bool { return p.State&State(m) != 0 }
