package api

import (
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/plan"
)

// assignments converts the parts of a delegation that the router chose.
func assignments(parts []plan.Part) []*sixfoldv1.PrefixAssignment {
	var out []*sixfoldv1.PrefixAssignment
	for _, p := range parts {
		a := &sixfoldv1.PrefixAssignment{
			Name: clean(p.Name), Length: uint32(p.Bits), Prefix: prefixText(p.Prefix), State: clean(p.State), Reason: clean(p.Reason),
		}
		if p.Subnet.IsValid() {
			a.Subnet = assign.Text(p.Subnet)
		}
		out = append(out, a)
	}
	return out
}
