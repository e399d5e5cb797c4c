package firewall

import (
	"fmt"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// tooMany matches packets beyond so many a second. In an evaluation there never are.
type tooMany struct{ rate, burst uint32 }

func (l tooMany) Text() string {
	return fmt.Sprintf("limit rate over %d/second burst %d packets", l.rate, l.burst)
}

func (l tooMany) exprs() []expr.Any {
	return []expr.Any{&expr.Limit{Type: expr.LimitTypePkts, Rate: uint64(l.rate), Unit: expr.LimitTimeSecond, Burst: l.burst, Over: true}}
}

func (tooMany) match(*Packet, *Ruleset) bool { return false }

// tooManyFrom is tooMany for each value of a field apart, of which a dynamic set keeps count. bits is how much of an address counts; 0
// is all of the field.
type tooManyFrom struct {
	tooMany
	field Field
	bits  int
	set   string
}

func (l tooManyFrom) Text() string {
	name, _ := l.field.spec()
	if l.bits > 0 {
		name += fmt.Sprintf(" & /%d", l.bits)
	}
	return fmt.Sprintf("update @%s { %s %s }", l.set, name, l.tooMany.Text())
}

func (l tooManyFrom) exprs() []expr.Any {
	_, load := l.field.spec()
	out := []expr.Any{load}
	if l.bits > 0 {
		size := 16
		if l.field == Source4 {
			size = 4
		}
		mask := make([]byte, size)
		for i := range l.bits {
			mask[i/8] |= 0x80 >> (i % 8)
		}
		out = append(out, &expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: uint32(size), Mask: mask, Xor: make([]byte, size)})
	}
	return append(out, &expr.Dynset{SrcRegKey: 1, SetName: l.set, Operation: unix.NFT_DYNSET_OP_UPDATE, Exprs: l.tooMany.exprs()})
}
