package api

import (
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
)

func withdrawn(list []ra.Withdrawn) []*sixfoldv1.Withdrawn {
	var out []*sixfoldv1.Withdrawn
	for _, w := range list {
		out = append(out, &sixfoldv1.Withdrawn{
			Kind: clean(w.Kind), Prefix: prefixText(w.Prefix), Name: clean(w.Name), Since: timestamp(w.Since), Until: timestamp(w.Until), Reason: clean(w.Reason),
		})
	}
	return out
}

// formers returns the earlier prefixes of a delegation that run out.
func formers(d *pd.Delegation, now time.Time) []*sixfoldv1.FormerPrefix {
	if d == nil {
		return nil
	}
	var out []*sixfoldv1.FormerPrefix
	for _, f := range d.Former {
		out = append(out, &sixfoldv1.FormerPrefix{
			Prefix: prefixText(f.Prefix), PreferredUntil: until(f.PreferredUntil, now), ValidUntil: until(f.ValidUntil, now),
		})
	}
	return out
}
