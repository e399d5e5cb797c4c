package firewall

import (
	"slices"

	"github.com/google/nftables/expr"
)

// Outcome is what a ruleset does with a packet.
type Outcome struct {
	Action   Action   // Accept, Drop or Reject
	Chain    string   // of what decided; empty: nothing did, and the packet passed
	Where    string   // the rule that decided: its place in the configuration, or what it is for
	Rule     string   // its text
	Path     []string // places of the rules that matched, in order, without those that only led to another chain
	Counters []string // that counted the packet
}

// Evaluate says what becomes of a packet at its hook, as the kernel would decide with no limit of rate exceeded. Chains of the hook run
// by priority; each must let the packet pass.
func (r *Ruleset) Evaluate(p Packet) Outcome {
	out := Outcome{Action: Accept}
	var base []*Chain
	for i := range r.Chains {
		if r.Chains[i].Hook == p.Hook && !r.Chains[i].NAT {
			base = append(base, &r.Chains[i])
		}
	}
	slices.SortStableFunc(base, func(a, b *Chain) int { return int(a.Priority) - int(b.Priority) })
	for _, chain := range base {
		r.run(chain, &p, &out, 0)
		if out.Action != Accept {
			break
		}
	}
	return out
}

// maxDepth is how deep the kernel lets chains jump.
const maxDepth = 16

// run runs a chain and reports whether it decided.
func (r *Ruleset) run(chain *Chain, p *Packet, out *Outcome, depth int) bool {
	if chain == nil || depth > maxDepth {
		return false
	}
	for i := range chain.Rules {
		rule := &chain.Rules[i]
		for _, part := range rule.Parts {
			if !part.match(p, r) {
				break
			}
			switch part := part.(type) {
			case count:
				out.Counters = append(out.Counters, string(part))
				out.Path = append(out.Path, rule.Where)
			case reject:
				return out.decide(Reject, chain, rule)
			case verdict:
				switch part.kind {
				case expr.VerdictAccept:
					return out.decide(Accept, chain, rule)
				case expr.VerdictDrop:
					return out.decide(Drop, chain, rule)
				case expr.VerdictReturn:
					return false
				case expr.VerdictGoto:
					return r.run(r.chain(part.chain), p, out, depth+1)
				case expr.VerdictJump:
					if r.run(r.chain(part.chain), p, out, depth+1) {
						return true
					}
				}
			}
		}
	}
	return false
}

func (o *Outcome) decide(action Action, chain *Chain, rule *Rule) bool {
	o.Action, o.Chain, o.Where, o.Rule = action, chain.Name, rule.Where, rule.Text()
	return true
}
