package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/event"
)

// Watch compares what is there with what it sent. It remembers only a hash of each element, and looks again after everything was
// sent: what changes while a slow client reads is one change for it, however often it was, and nothing queues up.
func (s *stateService) Watch(req *sixfoldv1.WatchRequest, stream grpc.ServerStreamingServer[sixfoldv1.WatchResponse]) error {
	known := collectors()
	if err := checkKinds(req.GetKinds(), slices.Sorted(maps.Keys(known))); err != nil {
		return err
	}
	kinds := slices.Compact(slices.Sorted(slices.Values(req.GetKinds())))
	if len(kinds) == 0 {
		for name, c := range known {
			if !c.large {
				kinds = append(kinds, name)
			}
		}
		slices.Sort(kinds)
	}
	return s.streams.run(stream, func(ctx context.Context, send func(proto.Message) error) error {
		w := &watcher{service: s, send: send, sent: map[string]map[string]hash{}}
		return w.run(ctx, kinds, known)
	})
}

// hash identifies what an element is like.
type hash [16]byte

// watcher is one client that watches.
type watcher struct {
	service *stateService
	send    func(proto.Message) error
	sent    map[string]map[string]hash // by kind and key: what the client knows
	version uint64
}

func (w *watcher) run(ctx context.Context, kinds []string, known map[string]collector) error {
	l := w.service.streams.limits
	woken := wakes(ctx, w.service.backend.Events())
	for first := true; ; first = false {
		var busy time.Duration
		for _, kind := range kinds {
			spent, err := w.look(ctx, kind, known[kind])
			if err != nil {
				return err
			}
			busy += spent
		}
		if first {
			if err := w.put(&sixfoldv1.WatchResponse{Synced: true}); err != nil {
				return err
			}
		}
		// At most a tenth of the time is spent on looking.
		pause := max(l.least, 10*busy)
		if err := wait(ctx, pause, nil); err != nil {
			return err
		}
		if err := wait(ctx, max(0, l.most-pause), woken); err != nil {
			return err
		}
	}
}

// look sends what changed of a kind, and returns how long it took to find that out.
func (w *watcher) look(ctx context.Context, kind string, c collector) (time.Duration, error) {
	begin := time.Now()
	elements, err := c.collect(ctx, w.service)
	if err != nil {
		return 0, err
	}
	now := make(map[string]hash, len(elements))
	changed := elements[:0]
	before := w.sent[kind]
	for _, e := range elements {
		key := e.key
		for n := 2; ; n++ { // what a key does not tell apart is numbered
			if _, taken := now[key]; !taken {
				break
			}
			key = fmt.Sprintf("%s #%d", e.key, n)
		}
		sum, err := hashOf(e.response)
		if err != nil {
			return 0, err
		}
		now[key] = sum
		if old, ok := before[key]; !ok || old != sum {
			e.response.Kind, e.response.Key = kind, key
			changed = append(changed, e)
		}
	}
	spent := time.Since(begin)
	w.sent[kind] = now
	for _, e := range changed {
		if err := w.put(e.response); err != nil {
			return 0, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if _, ok := now[key]; !ok {
			if err := w.put(&sixfoldv1.WatchResponse{Kind: kind, Key: key, Removed: true}); err != nil {
				return 0, err
			}
		}
	}
	return spent, nil
}

func (w *watcher) put(m *sixfoldv1.WatchResponse) error {
	w.version++
	m.Version = w.version
	return w.send(m)
}

// hashOf is over an element without what changes all the time.
func hashOf(m *sixfoldv1.WatchResponse) (hash, error) {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(steady(m))
	if err != nil {
		return hash{}, err
	}
	sum := sha256.Sum256(raw)
	return hash(sum[:16]), nil
}

// wakes turns events into wake-ups. A reader that is too slow was woken anyhow.
func wakes(ctx context.Context, ring *event.Ring) <-chan struct{} {
	woken := make(chan struct{}, 1)
	if ring == nil {
		return woken
	}
	reader := ring.Reader(0)
	go func() {
		for {
			if _, err := reader.Next(ctx); err != nil && !errors.Is(err, event.ErrLagged) {
				return
			}
			select {
			case woken <- struct{}{}:
			default:
			}
		}
	}()
	return woken
}

// wait waits for a while, or to be woken.
func wait(ctx context.Context, d time.Duration, woken <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-woken:
	case <-timer.C:
	}
	return nil
}
