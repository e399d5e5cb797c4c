package router

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/vxlan"
)

// foreseen is what becomes of links.
type foreseen struct {
	plan    *plan.Plan // for the links as they would be
	devices device.Preview
	vxlan   vxlan.Preview
	links   kernel.Links // as they would be
	fresh   kernel.Links // those that would be made, or made anew: as they start
}

// foresee plans as reconcile does, but with links as they would become: devices that would be made appear, others vanish, and
// addresses change. It leaves the links as they would be in in.
func (r *Router) foresee(ctx context.Context, in *plan.Inputs) (*foreseen, error) {
	before := in.Links
	f := &foreseen{}
	for range settleRounds {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		want := r.makePlan(*in)
		if f.plan != nil && reflect.DeepEqual(f.plan, want) {
			break
		}
		others := map[string]device.Link{}
		for name := range f.vxlan.New {
			others[name] = device.Link{Kind: "vxlan", MTU: f.vxlan.Devices[name].MTU, New: true}
		}
		f.plan = want
		var err error
		if f.devices, err = r.devices.Preview(want.Devices, others); err != nil {
			return nil, err
		}
		links, fresh := withLinks(before, f.devices, want.Config)
		links = kernel.Simulate(want.Kernel, r.links.PutBack(want.Kernel, links))
		mtu := map[string]int{}
		for name, l := range links {
			_, made := want.VXLAN.Devices[name]
			was, exists := before[name]
			// A VXLAN device has the MTU that is written to it as to any link; one without a word about that follows the link below.
			if l.MTU != was.MTU && (!made || exists && want.Kernel.Links[name].MTU == l.MTU) {
				mtu[name] = l.MTU
			}
		}
		if f.vxlan, err = r.vxlan.Preview(want.VXLAN, mtu); err != nil {
			return nil, err
		}
		lost(&f.vxlan, f.devices.Gone)
		f.links = withDevices(links, fresh, f.vxlan, want.Kernel)
		f.fresh = fresh
		in.Links = f.links
	}
	return f, nil
}

// withLinks returns links as they are once the devices were made, and those that were made.
func withLinks(before kernel.Links, p device.Preview, conf *config.Config) (links, fresh kernel.Links) {
	links, fresh = maps.Clone(before), kernel.Links{}
	masters := newVRFs(p, conf)
	for _, name := range p.Gone {
		delete(links, name)
	}
	for name, l := range p.Links {
		state := links[name]
		if l.New {
			state = kernel.NewLink(name, l.Kind, l.MTU)
			state.Parent = before[l.Lower].Index
			if l.Kind != "vxlan" {
				state.Group = device.Mark
			}
		}
		if vrf, ok := masters[name]; ok {
			state.Index, state.Table = vrf.Index, vrf.Table
		}
		if state.Master = before[l.Master].Index; masters[l.Master].Index != 0 {
			state.Master = masters[l.Master].Index
		}
		links[name] = state
		if l.New {
			state.Index = 0
			fresh[name] = state
		}
	}
	return links, fresh
}

// firstForeseen is above all indexes that the kernel gives to links in a lifetime of any machine.
const firstForeseen = 1 << 30

// newVRFs returns the devices of VRFs that will be made. They have indexes, unlike other links to come: by these it is known what
// belongs to them.
func newVRFs(p device.Preview, conf *config.Config) kernel.Links {
	out := kernel.Links{}
	for _, name := range slices.Sorted(maps.Keys(p.Links)) {
		if l := p.Links[name]; conf != nil && l.New && l.Kind == "vrf" {
			if v := conf.VRF(name); v != nil {
				out[name] = kernel.LinkState{Index: firstForeseen + len(out), Table: v.Table}
			}
		}
	}
	return out
}

// staying returns the links that the device unit leaves where they are: of the others it removes all that is on them.
func staying(before kernel.Links, p device.Preview) kernel.Links {
	out := maps.Clone(before)
	for _, name := range p.Gone {
		delete(out, name)
	}
	for name, l := range p.Links {
		if l.New && l.Kind != "vxlan" {
			delete(out, name)
		}
	}
	return out
}

// lost notes that VXLAN devices vanish with links that are made anew below them: they are made anew too.
func lost(v *vxlan.Preview, gone []string) {
	for _, name := range gone {
		d, wanted := v.Devices[name]
		if !wanted || v.New[name] {
			continue
		}
		v.New[name] = true
		v.Ops = append(v.Ops, change.Op{
			Class: change.Recreate, Object: name, Action: fmt.Sprintf("make anew on %s, which is made anew", d.Link),
			Disturbs: "forwarding through " + name, Links: []string{name},
		})
	}
}

// withDevices returns links with the VXLAN devices as they will be, and adds those that are made to fresh.
func withDevices(links, fresh kernel.Links, devices vxlan.Preview, want kernel.Config) kernel.Links {
	links = maps.Clone(links)
	for _, name := range devices.Gone {
		delete(links, name)
	}
	for name, d := range devices.Devices {
		if devices.New[name] {
			made := kernel.NewLink(name, "vxlan", d.MTU)
			made.Master = links[name].Master
			links[name], fresh[name] = made, made
		} else if l, ok := links[name]; ok {
			l.MTU = d.MTU
			links[name] = l
		}
	}
	return kernel.Simulate(want, links)
}

// previewNew tells what is done to links once they were made.
func previewNew(w *kernel.LinkWriter, want kernel.Config, fresh kernel.Links) ([]change.Op, error) {
	if len(fresh) == 0 {
		return nil, nil
	}
	part := kernel.Config{Forwarding: want.Forwarding, Links: map[string]kernel.Link{}}
	for name := range fresh {
		if l, ok := want.Links[name]; ok {
			part.Links[name] = l
		}
	}
	ops, err := w.Preview(part, fresh)
	// What is for the whole machine was told with the links that exist.
	return slices.DeleteFunc(ops, func(o change.Op) bool { _, ok := fresh[o.Object]; return !ok }), err
}
