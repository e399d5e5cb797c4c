package router

import (
	"context"
	"fmt"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/notify"
	"github.com/sixfold-router/sixfold/router/plan"
)

// consumersUnit is the last unit: what consumers do with a prefix works once all else is as it should be. A plan without a configuration
// says nothing about consumers.
func (r *Router) consumersUnit() *unit {
	return &unit{
		name: "consumers",
		apply: func(ctx context.Context, p *plan.Plan) error {
			if p.Config == nil {
				return nil
			}
			return r.notify.Apply(ctx, p.Consumers)
		},
		part: func(p *plan.Plan) any { return p.Consumers },
		preview: func(p *plan.Plan, _ kernel.Links) ([]change.Op, error) {
			return r.notify.Preview(p.Consumers), nil
		},
	}
}

// Consumers returns who is told of delegations, by delegation and name.
func (r *Router) Consumers(context.Context) ([]notify.Status, error) { return r.notify.Status(), nil }

// RunConsumer tells a consumer again what is so, and waits for the outcome, which is the error. It is notify.ErrUnknown or
// notify.ErrAmbiguous for a name that is not that of one.
func (r *Router) RunConsumer(ctx context.Context, name string) (notify.Status, error) {
	return r.notify.Trigger(ctx, name)
}

func (r *Router) hookConsumers() {
	r.notify.OnEvent = func(e notify.Event) { r.journal.add(consumerEvent(e), time.Now()) }
}

// consumerEvent tells of a consumer of a delegation.
func consumerEvent(e notify.Event) event.Event {
	out := event.Event{
		Kind: event.Delegation, Subject: e.Consumer.Delegation, Link: e.Consumer.Link, Action: "told",
		Text: fmt.Sprintf("consumer %s was told of %s (%s): %s", e.Consumer.ID(), e.Consumer.Delegation, e.Change.Event, e.Result),
	}
	if e.Err != nil {
		out.Action = "untold"
		out.Text = fmt.Sprintf("consumer %s could not be told of %s (%s): %v", e.Consumer.ID(), e.Consumer.Delegation, e.Change.Event, e.Err)
	}
	return out
}
