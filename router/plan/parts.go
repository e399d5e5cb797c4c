package plan

import (
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/config"
)

// Part is a part of a delegation that was chosen, or could not be.
type Part struct {
	Name   string       // interface, or name of its own; empty: the router itself
	Bits   int          // length
	Subnet netip.Prefix // place in the delegation; invalid: none yet
	Prefix netip.Prefix // what it is now; invalid: nothing, see Reason
	State  string       // active, pending or kept
	Reason string       // why it has this place, or none
}

// PartsOf returns what was chosen of a delegation, by place, and last what is kept for those that are gone.
func (p *Plan) PartsOf(delegation string, held *pd.Delegation) []Part {
	var base netip.Prefix
	if held != nil {
		base = held.Prefix
	}
	var out []Part
	for _, part := range p.Assigned.Parts {
		if part.Delegation != delegation {
			continue
		}
		s := Part{Name: part.Name, Bits: part.Bits, Subnet: part.Subnet, State: "pending", Reason: p.Unassigned[part.Key]}
		if place, ok := p.Parts[part.Key]; ok && base.IsValid() {
			e := config.Expr{Delegation: delegation, Prefix: place}
			if got, err := e.Resolve(base); err == nil {
				s.Prefix, s.State, s.Reason = got, "active", part.Why
			}
		}
		out = append(out, s)
	}
	for k, why := range p.Unassigned {
		if _, ok := p.Assigned.Find(k); !ok && k.Delegation == delegation {
			out = append(out, Part{Name: k.Name, Bits: k.Bits, State: "pending", Reason: why})
		}
	}
	slices.SortFunc(out, byPlace)
	for _, part := range slices.Backward(p.Assigned.Kept) {
		if part.Delegation == delegation {
			out = append(out, Part{Name: part.Name, Bits: part.Bits, Subnet: part.Subnet, State: "kept", Reason: "nothing uses it now"})
		}
	}
	return out
}

func byPlace(a, b Part) int {
	switch {
	case a.Subnet.IsValid() != b.Subnet.IsValid():
		if a.Subnet.IsValid() {
			return -1
		}
		return 1
	case a.Subnet.IsValid() && a.Subnet != b.Subnet:
		return a.Subnet.Addr().Compare(b.Subnet.Addr())
	}
	if a.Name != b.Name {
		if a.Name < b.Name {
			return -1
		}
		return 1
	}
	return a.Bits - b.Bits
}

// PartName writes a part as the configuration does from anywhere.
func PartName(k assign.Key) string {
	return config.Expr{Delegation: k.Delegation, Auto: config.Slot{Name: k.Name, Bits: k.Bits}, Prefix: netip.PrefixFrom(netip.IPv6Unspecified(), k.Bits)}.String()
}

// Delegated is a delegated prefix and what was made of it.
type Delegated struct {
	pd.Status
	Uses  []PrefixUse
	Parts []Part // what we chose of it

	Withdrawn []ra.Withdrawn // earlier prefixes that are no longer ours, as long as they are kept unreachable
}
