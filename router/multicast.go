package router

import (
	"context"
	"fmt"

	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/vxlan/mld"
)

// MLDLinks returns the links with multicast listener discovery.
func (r *Router) MLDLinks(context.Context) ([]mld.LinkStatus, error) { return r.mld.Links(), nil }

// MLDGroups returns the groups with listeners.
func (r *Router) MLDGroups(context.Context) ([]mld.GroupStatus, error) { return r.mld.Groups(), nil }

// MulticastRoutes returns the multicast forwarding cache and the static multicast routes.
func (r *Router) MulticastRoutes(context.Context) ([]mld.RouteStatus, error) {
	return r.mld.Routes(), nil
}

// multicastEvent tells of listeners, and of who asks for them.
func multicastEvent(e mld.Event) event.Event {
	out := event.Event{Kind: event.Multicast, Subject: e.Link, Link: e.Link, Action: string(e.Kind)}
	switch e.Kind {
	case mld.QuerierChanged:
		out.Text = fmt.Sprintf("%s asks for multicast listeners on %s", e.Address, e.Link)
		if e.Ours {
			out.Text = fmt.Sprintf("this router asks for multicast listeners on %s", e.Link)
		}
	case mld.Joined:
		out.Subject = e.Group.String()
		out.Text = fmt.Sprintf("%s has a listener on %s, %s", e.Group, e.Link, e.Address)
	case mld.Left:
		out.Subject = e.Group.String()
		out.Text = fmt.Sprintf("%s has no listener on %s any more", e.Group, e.Link)
	case mld.Failed:
		out.Text = fmt.Sprintf("multicast on %s does not work: %s", e.Link, e.Err)
		if e.Link == "" {
			out.Text = "multicast does not work: " + e.Err
		}
	case mld.Recovered:
		out.Text = fmt.Sprintf("multicast on %s works again", e.Link)
		if e.Link == "" {
			out.Text = "multicast works again"
		}
	}
	if e.More > 0 {
		out.Text += fmt.Sprintf("; %d more such events on the link were not told of", e.More)
	}
	return out
}
