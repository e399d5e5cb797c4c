package firewall

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// translated matches packets of a connection whose destination was translated.
type translated struct{}

// statusDestination is IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h.
const statusDestination = 1 << 5

func (translated) Text() string { return "ct status dnat" }

func (translated) exprs() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATUS, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binary.NativeEndian.AppendUint32(nil, statusDestination), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

func (translated) match(p *Packet, _ *Ruleset) bool { return p.Translated }

// masquerade gives the packet the address of the interface that it leaves by.
type masquerade struct{}

func (masquerade) Text() string                 { return "masquerade" }
func (masquerade) exprs() []expr.Any            { return []expr.Any{&expr.Masq{}} }
func (masquerade) match(*Packet, *Ruleset) bool { return true }

// mapped replaces the prefix of an address, and keeps the rest of it.
type mapped struct {
	source bool // of the source; otherwise of the destination
	to     netip.Prefix
}

func (m mapped) Text() string {
	word, family := "dnat", "ip6"
	if m.source {
		word = "snat"
	}
	if m.to.Addr().Is4() {
		family = "ip"
	}
	return fmt.Sprintf("%s %s prefix to %s", word, family, m.to)
}

func (m mapped) exprs() []expr.Any {
	nat := &expr.NAT{Type: expr.NATTypeDestNAT, Family: natFamily(m.to.Addr()), RegAddrMin: unix.NFT_REG_1, RegAddrMax: unix.NFT_REG_2, Prefix: true}
	if m.source {
		nat.Type = expr.NATTypeSourceNAT
	}
	return []expr.Any{
		&expr.Immediate{Register: unix.NFT_REG_1, Data: m.to.Masked().Addr().AsSlice()},
		&expr.Immediate{Register: unix.NFT_REG_2, Data: lastOf(m.to).AsSlice()},
		nat,
	}
}

func (mapped) match(*Packet, *Ruleset) bool { return true }

// sentTo sends the connection to another machine, and port if it is not 0.
type sentTo struct {
	to   netip.Addr
	port uint16
}

func (s sentTo) Text() string {
	family, target := "ip6", s.to.String()
	if s.to.Is4() {
		family = "ip"
	}
	if s.port != 0 {
		target = netip.AddrPortFrom(s.to, s.port).String()
	}
	return "dnat " + family + " to " + target
}

func (s sentTo) exprs() []expr.Any {
	nat := &expr.NAT{Type: expr.NATTypeDestNAT, Family: natFamily(s.to), RegAddrMin: unix.NFT_REG_1}
	out := []expr.Any{&expr.Immediate{Register: unix.NFT_REG_1, Data: s.to.AsSlice()}}
	if s.port != 0 {
		nat.RegProtoMin, nat.Specified = unix.NFT_REG_2, true
		out = append(out, &expr.Immediate{Register: unix.NFT_REG_2, Data: []byte(portKey(s.port))})
	}
	return append(out, nat)
}

func (sentTo) match(*Packet, *Ruleset) bool { return true }

func natFamily(a netip.Addr) uint32 {
	if a.Is4() {
		return family4
	}
	return family6
}

// Translate returns the packet as it goes on after the translation of its destination, and the place in the configuration of what
// translated it; empty: nothing did. The packet is one that arrives: its hook plays no part.
func (r *Ruleset) Translate(p Packet) (Packet, string) {
	for i := range r.Chains {
		chain := &r.Chains[i]
		if !chain.NAT || chain.Hook != Prerouting {
			continue
		}
		for _, rule := range chain.Rules {
			if to, ok := rule.translate(&p, r); ok {
				return to, rule.Where
			}
		}
	}
	return p, ""
}

// translate runs a rule that translates destinations.
func (rule Rule) translate(p *Packet, r *Ruleset) (Packet, bool) {
	for _, part := range rule.Parts {
		if !part.match(p, r) {
			return Packet{}, false
		}
		out := *p
		out.Translated, out.DstLocal = true, false
		switch part := part.(type) {
		case mapped:
			if part.source {
				return Packet{}, false
			}
			out.Dst = moved(p.Dst, part.to)
			return out, true
		case sentTo:
			out.Dst = part.to
			if part.port != 0 {
				out.DstPort = part.port
			}
			return out, true
		}
	}
	return Packet{}, false
}

// moved returns an address with the bits of a prefix in the place of its first ones.
func moved(a netip.Addr, to netip.Prefix) netip.Addr {
	b, first := a.AsSlice(), to.Masked().Addr().AsSlice()
	if len(b) != len(first) {
		return a
	}
	for i := range to.Bits() {
		bit := byte(0x80) >> (i % 8)
		b[i/8] = b[i/8]&^bit | first[i/8]&bit
	}
	out, _ := netip.AddrFromSlice(b)
	return out
}
