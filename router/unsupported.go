package router

import (
	"context"
	"errors"

	"net/netip"

	"github.com/sixfold-router/sixfold/router/config"
)

// Preview tells what a commit would do.
func (r *Router) Preview(context.Context, PreviewRequest) (Preview, error) {
	return Preview{}, errors.ErrUnsupported
}

func (r *Router) preview(context.Context, *config.Config, netip.Addr) ([]Operation, []Pending, error) {
	return nil, nil, nil
}

// Drift returns what was found changed behind the router's back, oldest first.
func (r *Router) Drift(context.Context) ([]Drift, error) { return nil, errors.ErrUnsupported }
