package router

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

// Preview tells what a commit would do at this moment, and does nothing.
func (r *Router) Preview(ctx context.Context, req PreviewRequest) (Preview, error) {
	if req.Text == "" {
		rev, text, err := r.Revision(ctx, req.Revision)
		if err != nil {
			return Preview{}, err
		}
		req.Name, req.Text = rev.Name, text
	}
	conf, _, err := config.Load(req.Name, []byte(req.Text))
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Base: r.running(), Warnings: conf.Warnings}
	p.Operations, p.Pending, err = r.preview(ctx, conf, req.Session)
	return p, err
}

// preview tells what making conf the running configuration would do, in the order of application, and what of it would wait. What a
// unit refuses is among the latter. session is our address that the operator came in to. r.applying must not be held.
func (r *Router) preview(ctx context.Context, conf *config.Config, session netip.Addr) ([]Operation, []plan.Pending, error) {
	r.applying.Lock()
	defer r.applying.Unlock()
	if err := r.readLinks(ctx); err != nil {
		return nil, nil, fmt.Errorf("read the links: %w", err)
	}
	in := r.inputs()
	r.mu.Lock()
	in.Config, in.DUID = conf, r.duid
	r.mu.Unlock()
	if conf.DUID != nil {
		in.DUID = conf.DUID
	}
	before := in.Links
	f, err := r.foresee(ctx, &in)
	if err != nil {
		return nil, nil, err
	}
	if err := r.refuse("device", f.devices.Refused); err != nil {
		return nil, nil, err
	}
	if err := r.refuse("vxlan", f.vxlan.Refused); err != nil {
		return nil, nil, err
	}
	want := f.plan
	out := &previewer{warn: warner{session: session.Unmap().WithZone(""), links: before}, pending: want.Pending}
	out.add("assign", previewAssigned(in.Assigned, want), nil)
	ops, err := r.previewRules(want, true)
	out.add("device", ops, err)
	out.add("device", f.devices.Ops, nil)
	ops, err = r.links.Preview(want.Kernel, staying(before, f.devices))
	out.add("kernel", ops, err)
	out.add("vxlan", f.vxlan.Ops, nil)
	ops, err = previewNew(r.links, want.Kernel, f.fresh)
	out.add("kernel", ops, err)
	for _, u := range r.units {
		switch {
		case u.preview != nil:
			ops, err := u.preview(want, in.Links)
			out.add(u.name, ops, err)
		case u.part != nil && (!u.applied || !reflect.DeepEqual(u.done, u.part(want))):
			out.add(u.name, []change.Op{{Object: u.name, Action: "apply what is configured"}}, nil)
		}
	}
	return out.operations, out.pending, nil
}

// previews has the previews of units by name. The device, kernel and VXLAN units, which change the links, have none: foresee sees to them.
func (r *Router) previews() map[string]func(*plan.Plan, kernel.Links) ([]change.Op, error) {
	return map[string]func(*plan.Plan, kernel.Links) ([]change.Op, error){
		"firewall": func(p *plan.Plan, _ kernel.Links) ([]change.Op, error) { return r.firewall.Preview(p.Firewall) },
		"fib": func(p *plan.Plan, links kernel.Links) ([]change.Op, error) {
			ops, err := r.previewRules(p, false)
			return append(ops, previewRoutes(r.table, p, r.monitor.Links(), links)...), err
		},
		"services": func(p *plan.Plan, _ kernel.Links) ([]change.Op, error) { return r.services.Preview(p.Services) },
		"bgp":      r.previewBGP,
		"mld":      func(p *plan.Plan, _ kernel.Links) ([]change.Op, error) { return r.mld.Preview(p.MLD) },
		"pd":       func(p *plan.Plan, _ kernel.Links) ([]change.Op, error) { return r.pd.Preview(p.PD) },
		"ra":       func(p *plan.Plan, _ kernel.Links) ([]change.Op, error) { return r.ra.Preview(p.RA) },
		"dhcpv6":   r.previewDHCP,
	}
}

// previewer collects operations.
type previewer struct {
	warn       warner
	operations []Operation
	pending    []plan.Pending
}

func (p *previewer) add(unit string, ops []change.Op, err error) {
	for _, op := range ops {
		p.operations = append(p.operations, Operation{Unit: unit, Op: op, Warning: p.warn.of(op)})
	}
	if err != nil {
		p.pending = append(p.pending, plan.Pending{What: unit, Reason: err.Error()})
	}
}

// warner words warnings.
type warner struct {
	session netip.Addr   // our address that the operator came in to; invalid: not known
	links   kernel.Links // as they are
	by      map[string]bool
}

// of returns what the operator should know before the operation.
func (w *warner) of(op change.Op) string {
	text := ""
	if op.Disturbs != "" {
		verb := map[change.Class]string{change.Live: "disturbs", change.Recreate: "interrupts", change.Delete: "ends"}[op.Class]
		text = verb + " " + op.Disturbs
	}
	stronger := ""
	switch {
	case !w.session.IsValid():
	case op.Address.IsValid() && op.Address.Unmap().WithZone("") == w.session:
		stronger = "this is the address that your session came in to"
	case slices.ContainsFunc(op.Links, func(link string) bool { return w.path()[link] }):
		stronger = "this is the interface that your session came in by"
	}
	switch {
	case stronger == "":
		return text
	case text == "":
		return stronger
	}
	return stronger + "; " + text
}

// path returns the links that have the address of the session, and those that carry them.
func (w *warner) path() map[string]bool {
	if w.by != nil {
		return w.by
	}
	w.by = map[string]bool{}
	names := make(map[int]string, len(w.links))
	for name, l := range w.links {
		names[l.Index] = name
	}
	for name, l := range w.links {
		if !slices.ContainsFunc(l.Addresses, func(a kernel.AddressState) bool { return a.Prefix.Addr().WithZone("") == w.session }) {
			continue
		}
		for next := name; next != "" && !w.by[next]; next = names[w.links[next].Parent] {
			w.by[next] = true
		}
	}
	return w.by
}
