package firewall

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// count adds the packet to a named counter.
type count string

func (c count) Text() string { return fmt.Sprintf("counter name %q", string(c)) }

func (c count) exprs() []expr.Any {
	return []expr.Any{&expr.Objref{Type: int(nftables.ObjTypeCounter), Name: string(c)}}
}

func (count) match(*Packet, *Ruleset) bool { return true }

// atMost goes on with so many packets a second. In an evaluation it always does.
type atMost struct{ rate, burst uint32 }

func (l atMost) Text() string {
	return fmt.Sprintf("limit rate %d/second burst %d packets", l.rate, l.burst)
}

func (l atMost) exprs() []expr.Any {
	return []expr.Any{&expr.Limit{Type: expr.LimitTypePkts, Rate: uint64(l.rate), Unit: expr.LimitTimeSecond, Burst: l.burst}}
}

func (atMost) match(*Packet, *Ruleset) bool { return true }

// logs writes the packet to the kernel's log.
type logs string

// maxLogPrefix is what the kernel takes before a packet.
const maxLogPrefix = 127

func (l logs) Text() string { return fmt.Sprintf("log prefix %q", string(l)) }

func (l logs) exprs() []expr.Any {
	return []expr.Any{&expr.Log{Key: 1 << unix.NFTA_LOG_PREFIX, Data: []byte(l)}}
}

func (logs) match(*Packet, *Ruleset) bool { return true }

// remember sets how long the connection is remembered.
type remember string

func (t remember) Text() string { return fmt.Sprintf("ct timeout set %q", string(t)) }

func (t remember) exprs() []expr.Any {
	return []expr.Any{&expr.Objref{Type: int(nftables.ObjTypeCtTimeout), Name: string(t)}}
}

func (remember) match(*Packet, *Ruleset) bool { return true }

// untrack keeps the packet out of connection tracking.
type untrack struct{}

func (untrack) Text() string                 { return "notrack" }
func (untrack) exprs() []expr.Any            { return []expr.Any{&expr.Notrack{}} }
func (untrack) match(*Packet, *Ruleset) bool { return true }

// verdict ends a rule.
type verdict struct {
	kind  expr.VerdictKind
	chain string // of jump and goto
}

func accept() verdict               { return verdict{kind: expr.VerdictAccept} }
func drop() verdict                 { return verdict{kind: expr.VerdictDrop} }
func jump(chain string) verdict     { return verdict{expr.VerdictJump, chain} }
func goTo(chain string) verdict     { return verdict{expr.VerdictGoto, chain} }
func (v verdict) exprs() []expr.Any { return []expr.Any{&expr.Verdict{Kind: v.kind, Chain: v.chain}} }

func (v verdict) Text() string {
	switch v.kind {
	case expr.VerdictAccept:
		return "accept"
	case expr.VerdictDrop:
		return "drop"
	case expr.VerdictReturn:
		return "return"
	case expr.VerdictJump:
		return "jump " + v.chain
	}
	return "goto " + v.chain
}

func (verdict) match(*Packet, *Ruleset) bool { return true }

// reject refuses the packet: with a reset, because of its source address (ICMPv6 only), or as administratively prohibited.
type reject struct{ reset, source bool }

// policyFail is the code of a destination that is unreachable because the source address failed the ingress or egress policy (RFC
// 4443 3.1).
const policyFail = 5

func (r reject) Text() string {
	if r.reset {
		return "reject with tcp reset"
	}
	if r.source {
		return "reject with icmpv6 policy-fail"
	}
	return "reject with icmpx admin-prohibited"
}

func (r reject) exprs() []expr.Any {
	if r.reset {
		return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}
	}
	if r.source {
		return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: policyFail}}
	}
	return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}}
}

func (reject) match(*Packet, *Ruleset) bool { return true }
