package router

import (
	"context"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/plan"
)

// keepRules gives the machine the policy rules of VRFs, before there is a VRF whose look-ups could leak without them.
func (r *Router) keepRules(ctx context.Context, p *plan.Plan) error {
	if !p.Rules {
		return nil
	}
	return r.rules.Apply(ctx, true)
}

// dropRules takes them away, after the last VRF went.
func (r *Router) dropRules(ctx context.Context, p *plan.Plan) error {
	if p.Rules {
		return nil
	}
	return r.rules.Apply(ctx, false)
}

// previewRules tells what keepRules would do, or else dropRules.
func (r *Router) previewRules(p *plan.Plan, keep bool) ([]change.Op, error) {
	if p.Rules != keep {
		return nil, nil
	}
	return r.rules.Preview(context.Background(), p.Rules)
}

// LinkIndex returns the index of a link, 0 if there is none of the name.
func (r *Router) LinkIndex(name string) int { return r.monitor.Links()[name].Index }
