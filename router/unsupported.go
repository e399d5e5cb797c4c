package router

import (
	"context"
	"errors"
)

// Drift returns what was found changed behind the router's back, oldest first.
func (r *Router) Drift(context.Context) ([]Drift, error) { return nil, errors.ErrUnsupported }
