package bgp

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// quiet is the log handler given to GoBGP. What GoBGP calls information is of use only to who debugs it, and it tells
// nothing of interest once it was stopped. Sessions that come and go are logged by the speaker itself.
type quiet struct {
	next slog.Handler
	shut *atomic.Bool
}

func gobgpLogger(log *slog.Logger) (*slog.Logger, *atomic.Bool) {
	shut := new(atomic.Bool)
	return slog.New(quiet{log.With("from", "gobgp").Handler(), shut}), shut
}

func demote(l slog.Level) slog.Level {
	if l < slog.LevelWarn {
		return min(l, slog.LevelDebug)
	}
	return l
}

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return !q.shut.Load() && q.next.Enabled(ctx, demote(l))
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = demote(r.Level)
	return q.next.Handle(ctx, r)
}

func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.next.WithAttrs(a), q.shut} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.next.WithGroup(name), q.shut} }
