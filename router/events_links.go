package router

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// linkEvents tells how the links differ from before.
func linkEvents(before, now kernel.Links) []event.Event {
	before, now = kernel.Differing(before, now)
	old := make(map[int]kernel.LinkState, len(before))
	for _, l := range before {
		old[l.Index] = l
	}
	var out []event.Event
	tell := func(name, action, format string, args ...any) {
		out = append(out, event.Event{Kind: event.Link, Subject: name, Link: name, Action: action, Text: fmt.Sprintf(format, args...)})
	}
	kept := map[int]bool{}
	for _, l := range now {
		kept[l.Index] = true
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if !kept[before[name].Index] {
			tell(name, "gone", "%s is gone", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		l := now[name]
		was, known := old[l.Index]
		if !known {
			tell(name, "appeared", "%s appeared, %s", name, condition(l))
			continue
		}
		if was.Name != name {
			tell(name, "renamed", "%s is called %s now", was.Name, name)
		}
		switch {
		case was.Up && !l.Up:
			tell(name, "down", "%s was set down", name)
		case !was.Up && l.Up:
			tell(name, "up", "%s was set up, %s", name, condition(l))
		case l.Up && was.Running && !l.Running:
			tell(name, "no carrier", "%s lost its carrier", name)
		case l.Up && !was.Running && l.Running:
			tell(name, "carrier", "%s has a carrier", name)
		}
		if was.MTU != l.MTU {
			tell(name, "mtu", "the MTU of %s is %d, and was %d", name, l.MTU, was.MTU)
		}
		if !bytes.Equal(was.MAC, l.MAC) {
			tell(name, "mac", "the hardware address of %s is %s, and was %s", name, l.MAC, was.MAC)
		}
	}
	return out
}

// condition says whether a link can carry something.
func condition(l kernel.LinkState) string {
	switch {
	case !l.Up:
		return "down"
	case !l.Running:
		return "without carrier"
	}
	return "with carrier"
}
