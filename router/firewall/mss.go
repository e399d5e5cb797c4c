package firewall

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables/expr"

	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// opens matches TCP packets that have SYN, and none of these flags. Without ACK it is the first packet of a connection.
type opens struct{ without uint8 }

// Flags of TCP (RFC 9293 3.1), and where they are in its header.
const (
	flagSYN     = 0x02
	flagRST     = 0x04
	flagACK     = 0x10
	flagsOffset = 13
)

func (o opens) Text() string {
	if o.without&flagACK != 0 {
		return "tcp flags & (syn | rst | ack) == syn"
	}
	return "tcp flags & (syn | rst) == syn"
}

func (o opens) exprs() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: flagsOffset, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{flagSYN | o.without}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{flagSYN}},
	}
}

func (o opens) match(p *Packet, _ *Ruleset) bool { return p.TCPFlags&(flagSYN|o.without) == flagSYN }

// segment lowers the maximum segment size that the packet names; the kernel never makes it larger. 0 is what fits into the smaller
// of the MTUs of the routes to both ends.
type segment uint16

// The option of TCP (RFC 9293 3.2), and where in it the size is.
const (
	optionMSS = 2
	mssOffset = 2
)

func (s segment) Text() string {
	if s == 0 {
		return "tcp option maxseg size set rt mtu"
	}
	return fmt.Sprintf("tcp option maxseg size set %d", uint16(s))
}

func (s segment) exprs() []expr.Any {
	set := &expr.Exthdr{SourceRegister: 1, Type: optionMSS, Offset: mssOffset, Len: 2, Op: expr.ExthdrOpTcpopt}
	if s != 0 {
		return []expr.Any{&expr.Immediate{Register: 1, Data: binary.BigEndian.AppendUint16(nil, uint16(s))}, set}
	}
	return []expr.Any{
		&expr.Rt{Register: 1, Key: expr.RtTCPMSS},
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 2, Size: 2},
		set,
	}
}

func (segment) match(*Packet, *Ruleset) bool { return true }

// clamps compiles what lowers segment sizes, in both directions of connections through a zone.
func (c *compiler) clamps() {
	chain := &Chain{Name: "mss", Hook: ForwardHook, Priority: priorityMangle}
	for _, m := range c.conf.MSSClamps {
		z := c.zones[m.Out]
		if z == nil {
			continue
		}
		for _, field := range []Field{OutName, InName} {
			for _, on := range c.on(field, z) {
				chain.add("firewall.mss_clamp."+m.Out, on, octet(L4Proto, uint8(packet.TCP)), opens{without: flagRST}, c.counter(clampCounter+m.Out), segment(m.MSS))
			}
		}
	}
	if len(chain.Rules) > 0 {
		c.put(chain)
	}
}
