package kernel

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// RuleProtocol is the FRA_PROTOCOL of our policy rules: how they are recognised after a crash or restart.
const RuleProtocol = 165

// Places of the rules that VRFs need, in the order in which the kernel asks them. The rule that sends look-ups of a VRF into its
// table stands where the kernel itself puts it. The next ends them there: without it they go on into the main table, and a VRF
// without a default route uses that of the others. Addresses of this machine come after both, or what comes in by a VRF would
// reach those of the default instance.
const (
	prefVRF         = 1000
	prefUnreachable = 2000
	prefLocal       = 2001
)

const localTable = 255

// rule is a policy rule without a selector of its own, but for l3mdev.
type rule struct {
	family uint8
	pref   uint32
	action uint8
	table  uint32 // 0 with l3mdev
	l3mdev bool
	proto  uint8
	plain  bool // it has no selector that is not told here
}

// same reports whether two rules do the same, whoever made them.
func (r rule) same(o rule) bool {
	r.proto = o.proto
	return r == o
}

func (r rule) String() string {
	text := fmt.Sprintf("%d:", r.pref)
	if r.l3mdev {
		text += " l3mdev"
	} else {
		text += fmt.Sprintf(" lookup %d", r.table)
	}
	if r.action == unix.FR_ACT_UNREACHABLE {
		text += " unreachable"
	}
	if r.family == unix.AF_INET {
		text += " (IPv4)"
	}
	return text
}

// rulesFor returns the rules that are to be there in one family, and those that must not be.
func rulesFor(family uint8, vrfs bool) (want, unwanted []rule) {
	ours := rule{family: family, proto: RuleProtocol, plain: true}
	divert, end, early, late := ours, ours, ours, ours
	divert.pref, divert.action, divert.l3mdev = prefVRF, unix.FR_ACT_TO_TBL, true
	end.pref, end.action, end.l3mdev = prefUnreachable, unix.FR_ACT_UNREACHABLE, true
	early.pref, early.action, early.table, early.proto = 0, unix.FR_ACT_TO_TBL, localTable, unix.RTPROT_KERNEL
	late.pref, late.action, late.table = prefLocal, unix.FR_ACT_TO_TBL, localTable
	if vrfs {
		return []rule{divert, end, late}, []rule{early}
	}
	return []rule{early}, []rule{divert, end, late}
}

// ruleOp is one write.
type ruleOp struct {
	rule
	remove bool
}

// diffRules returns what to write so that the machine has the rules of VRFs, or has them no more. Additions come first, so that
// no look-up misses a rule. Rules that others made stay, but for the one that the kernel itself has for local addresses, which
// moves; without VRFs nothing is written unless there is a rule of ours.
func diffRules(have []rule, vrfs bool) []ruleOp {
	var add, remove []ruleOp
	for _, family := range families(0) {
		marked := slices.ContainsFunc(have, func(r rule) bool { return r.family == family && r.proto == RuleProtocol })
		if !vrfs && !marked {
			continue
		}
		want, unwanted := rulesFor(family, vrfs)
		for _, w := range want {
			if !slices.ContainsFunc(have, w.same) {
				add = append(add, ruleOp{w, false})
			}
		}
		for _, h := range have {
			mine := h.proto == RuleProtocol
			switch {
			case h.family != family:
			case slices.ContainsFunc(unwanted, h.same) && (mine || h.pref == 0):
				remove = append(remove, ruleOp{h, true})
			case mine && !slices.ContainsFunc(want, h.same):
				remove = append(remove, ruleOp{h, true})
			}
		}
	}
	return append(add, remove...)
}

// parseRule reads the body of an RTM_NEWRULE message.
func parseRule(b []byte) (rule, bool) {
	const header = 12 // sizeof(struct fib_rule_hdr)
	if len(b) < header {
		return rule{}, false
	}
	r := rule{family: b[0], table: uint32(b[4]), action: b[7]}
	const invert = unix.FIB_RULE_INVERT
	r.plain = b[1] == 0 && b[2] == 0 && b[3] == 0 && native.Uint32(b[8:])&invert == 0
	eachAttr(b[header:], func(typ uint16, val []byte) {
		switch typ {
		case unix.FRA_PRIORITY:
			r.pref = attrUint32(val)
		case unix.FRA_TABLE:
			r.table = attrUint32(val)
		case unix.FRA_L3MDEV:
			r.l3mdev = len(val) > 0 && val[0] != 0
		case unix.FRA_PROTOCOL:
			if len(val) > 0 {
				r.proto = val[0]
			}
		case unix.FRA_SUPPRESS_PREFIXLEN, unix.FRA_SUPPRESS_IFGROUP:
			r.plain = r.plain && attrUint32(val) == 0xffffffff
		case unix.FRA_PAD:
		default:
			r.plain = false
		}
	})
	if r.l3mdev {
		r.table = 0
	}
	return r, true
}

// request encodes a write. A removal names all that the kernel compares, so that it takes that one rule.
func (o ruleOp) request() *nl.NetlinkRequest {
	typ, flags := unix.RTM_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_EXCL
	if o.remove {
		typ, flags = unix.RTM_DELRULE, 0
	}
	req := nl.NewNetlinkRequest(typ, flags)
	header := nl.RtMsg{RtMsg: unix.RtMsg{Family: o.family, Type: o.action}} // struct fib_rule_hdr has the same fields in the same places
	if o.table < 256 {
		header.Table = uint8(o.table)
	}
	req.AddData(&header)
	req.AddData(nl.NewRtAttr(unix.FRA_PRIORITY, nl.Uint32Attr(o.pref)))
	if o.l3mdev {
		req.AddData(nl.NewRtAttr(unix.FRA_L3MDEV, []byte{1}))
	} else {
		req.AddData(nl.NewRtAttr(unix.FRA_TABLE, nl.Uint32Attr(o.table)))
	}
	req.AddData(nl.NewRtAttr(unix.FRA_PROTOCOL, []byte{o.proto}))
	return req
}

// readRules lists the policy rules of both families.
func readRules(ctx context.Context, c *conn) ([]rule, error) {
	var out []rule
	for _, family := range families(0) {
		from := len(out)
		req := nl.NewNetlinkRequest(unix.RTM_GETRULE, 0)
		req.AddRawData(append([]byte{family}, make([]byte, 11)...))
		err := c.dump(ctx, req, func() { out = out[:from] }, func(typ uint16, data []byte) {
			if r, ok := parseRule(data); ok && typ == unix.RTM_NEWRULE && r.family == family {
				out = append(out, r)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("list the policy rules: %w", err)
		}
	}
	slices.SortStableFunc(out, func(a, b rule) int { return cmp.Or(int(a.family)-int(b.family), cmp.Compare(a.pref, b.pref)) })
	return out, nil
}
