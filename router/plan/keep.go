package plan

import (
	"reflect"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/advertised"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// Keep puts parts of the plan before in the place of those that are equal. It changes nothing of what the plan says, but a comparison
// with the plan before, of which each change of a link needs several, looks at these parts no further: with thousands of links
// comparing took longer than planning. The plan must not be in use yet.
func (p *Plan) Keep(before *Plan) {
	if before == nil {
		return
	}
	p.Kernel.Links = keepMap(p.Kernel.Links, before.Kernel.Links, kernel.Link.Equal)
	p.RA.Interfaces = keepMap(p.RA.Interfaces, before.RA.Interfaces, func(a, b ra.Interface) bool { return a.Equal(&b) })
	p.Advertised = keepMap(p.Advertised, before.Advertised, func(a, b advertised.Link) bool {
		return slices.Equal(a.Current, b.Current) && slices.Equal(a.Withdrawn, b.Withdrawn)
	})
	p.Devices.Members = keepMap(p.Devices.Members, before.Devices.Members, deepEqual[device.Member])
	p.Ports = keepMap(p.Ports, before.Ports, func(a, b int) bool { return a == b })
	p.DHCP.Interfaces = keepMap(p.DHCP.Interfaces, before.DHCP.Interfaces, deepEqual[dhcpv6.Interface])
	p.Observe.Links = keepMap(p.Observe.Links, before.Observe.Links, func(a, b ra.Observed) bool {
		return a.Index == b.Index && a.Ours == b.Ours && slices.Equal(a.Own, b.Own) && (a.Known == b.Known || reflect.DeepEqual(a.Known, b.Known))
	})
	p.DefaultRouters = keepMap(p.DefaultRouters, before.DefaultRouters, deepEqual[DefaultRouter])
	p.Offers = keepMap(p.Offers, before.Offers, deepEqual[LinkOffer])
	p.Connected = keepList(p.Connected, before.Connected)
	p.Pending = keepList(p.Pending, before.Pending)
}

// Equal reports whether the same plan follows from both, but for what time alone changes.
func (in Inputs) Equal(o Inputs) bool {
	if !in.Links.Equal(o.Links) {
		return false
	}
	in.Links, in.Now, o.Links, o.Now = nil, time.Time{}, nil, time.Time{}
	return reflect.DeepEqual(in, o)
}

func deepEqual[T any](a, b T) bool { return reflect.DeepEqual(a, b) }

// keepMap returns before if now is equal to it, and otherwise now with those values of before that are equal.
func keepMap[T any](now, before map[string]T, equal func(a, b T) bool) map[string]T {
	if len(now) == 0 || len(before) == 0 {
		return now
	}
	all := len(now) == len(before)
	for name, v := range now {
		was, ok := before[name]
		if ok && equal(v, was) {
			now[name] = was
		} else {
			all = false
		}
	}
	if all {
		return before
	}
	return now
}

func keepList[T comparable](now, before []T) []T {
	if len(now) > 0 && slices.Equal(now, before) {
		return before
	}
	return now
}
