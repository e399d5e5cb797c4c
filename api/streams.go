package api

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// limits bound what streams may cost.
type limits struct {
	all, each int           // streams at once, and those of one caller
	stuck     time.Duration // how long a client may take to make room for the next message
	least     time.Duration // between two looks at the state
	most      time.Duration // a look is taken at least so often
}

func defaultLimits() limits {
	return limits{all: 64, each: 16, stuck: 10 * time.Second, least: 200 * time.Millisecond, most: 2 * time.Second}
}

// streams counts the streams that watch, and ends those of slow clients.
type streams struct {
	limits
	mu    sync.Mutex // guards what follows
	total int
	of    map[string]int // by caller
}

func newStreams(l limits) *streams { return &streams{limits: l, of: map[string]int{}} }

// run calls f, which sends with the function it is given. A Send waits while the client does not read; if that takes too long
// the stream ends, and the memory that it holds is free.
func (s *streams) run(stream grpc.ServerStream, f func(ctx context.Context, send func(proto.Message) error) error) error {
	id := callerOf(stream.Context()).id
	if err := s.enter(id); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	var since atomic.Int64 // when the Send that is in progress began; 0: none is
	done := make(chan error, 1)
	go func() {
		defer s.leave(id)
		done <- f(ctx, func(m proto.Message) error {
			since.Store(time.Now().UnixNano())
			defer since.Store(0)
			return stream.SendMsg(m)
		})
	}()
	tick := time.NewTicker(s.stuck / 4)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case now := <-tick.C:
			if began := since.Load(); began != 0 && now.Sub(time.Unix(0, began)) > s.stuck {
				// Returning ends the stream, and with it the Send.
				return status.Errorf(codes.ResourceExhausted, "the client took nothing for %v: read faster, or ask for less", s.stuck)
			}
		}
	}
}

func (s *streams) enter(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.total >= s.all:
		return status.Errorf(codes.ResourceExhausted, "%d streams are open already: end some", s.all)
	case s.of[id] >= s.each:
		return status.Errorf(codes.ResourceExhausted, "this caller has %d streams open already: end some", s.each)
	}
	s.total++
	s.of[id]++
	return nil
}

func (s *streams) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.of[id]--; s.of[id] == 0 {
		delete(s.of, id)
	}
}
