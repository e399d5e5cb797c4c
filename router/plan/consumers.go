package plan

import (
	"github.com/sixfold-router/sixfold/router/notify"
)

// planConsumers lists who is told of delegations, and what is so. All of it follows from configuration and delegations alone: a
// consumer is told what is delegated, not what became of it here.
func (p *planner) planConsumers() {
	for _, i := range p.Config.Interfaces {
		for _, d := range i.Delegations {
			for _, c := range d.OnChange {
				n := notify.Consumer{
					Delegation: d.Name, Name: c.Name, Link: i.Name, Run: c.Run, URL: c.URL, Token: c.Token, CA: c.CA, User: c.User,
					Timeout: c.Timeout, Lifetimes: c.Lifetimes,
				}
				if f := c.File; f != nil {
					n.File = &notify.File{Path: f.Path, Template: f.Template, Mode: f.Mode, Owner: f.Owner, Remove: f.Remove}
				}
				p.plan.Consumers.Consumers = append(p.plan.Consumers.Consumers, n)
			}
			if held, ok := p.held[d.Name]; ok && len(d.OnChange) > 0 {
				if p.plan.Consumers.States == nil {
					p.plan.Consumers.States = map[string]notify.State{}
				}
				p.plan.Consumers.States[d.Name] = notify.State{
					Link: i.Name, Prefix: held.Prefix.Masked(), PreferredUntil: held.PreferredUntil, ValidUntil: held.ValidUntil,
				}
			}
		}
	}
}
