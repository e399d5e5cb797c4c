package dhcpv6

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// run is one Run of a Server.
type run struct {
	*Server
	ctx  context.Context // ends with Run
	fail context.CancelCauseFunc
}

// begin opens the sockets if there is something to serve.
func (r *run) begin() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run != nil {
		return errors.New("dhcpv6: Run is active already")
	}
	r.run = r
	err := r.listen()
	if r.hearing == nil && err != nil {
		r.run = nil
		return err
	}
	if err != nil {
		r.log.Warn("not all interfaces hear clients", "error", err)
	}
	return nil
}

// end closes the sockets.
func (r *run) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silence()
	r.run = nil
}

// hearing is a transport that is open, with those who read from it.
type hearing struct {
	*run
	conn    transport
	device  int // that it was opened for
	cancel  context.CancelFunc
	readers sync.WaitGroup
}

// listen opens and closes sockets as the catalog wants it while Run runs: none where nothing is served, so that another program
// may have the port. mu is held.
func (s *Server) listen() error {
	cat := s.catalog.Load()
	if s.hearing != nil && (len(cat.links) == 0 || s.hearing.device != cat.device) {
		s.silence()
	}
	if s.run == nil || len(cat.links) == 0 {
		return nil
	}
	if s.hearing == nil {
		conn, err := s.open(cat.device)
		if err != nil {
			return err
		}
		h := &hearing{run: s.run, conn: conn, device: cat.device}
		var ctx context.Context
		ctx, h.cancel = context.WithCancel(s.run.ctx)
		h.readers.Go(func() { h.read(ctx, conn.readClient, h.fromClient) })
		h.readers.Go(func() { h.read(ctx, conn.readRelay, h.fromRelay) })
		s.hearing = h
	}
	return s.hearing.conn.listen(cat.listeners())
}

// silence closes the sockets. mu is held.
func (s *Server) silence() {
	h := s.hearing
	if h == nil {
		return
	}
	s.hearing = nil
	h.cancel()
	h.conn.interrupt()
	h.readers.Wait()
	h.conn.close()
}

// read serves what one socket brings until ctx ends.
func (r *hearing) read(ctx context.Context, next func() (inbound, error), serve func(inbound)) {
	for {
		in, err := next()
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil && in.drop != "":
			r.counters.drop(in.drop)
		case err == nil:
			serve(in)
		case passing(err):
			r.counters.drop("socket-error")
		default:
			r.fail(fmt.Errorf("receive: %w", err))
			return
		}
	}
}
