package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
)

// hangUpAfter is how long connections outlive their listener: the answer to the commit that closes it may be on its way.
const hangUpAfter = 2 * time.Second

// Configure puts a configuration in force: roles from the next call on, also on connections that are open, and the listeners on
// TCP. It changes only what differs, and may be called again, and before Run. When it fails, what was there stays in force.
func (s *Server) Configure(ctx context.Context, c config.API) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	files := s.tls.Load()
	switch {
	case c.TCP == nil:
		files = nil
	case !files.is(c.TCP):
		var err error
		if files, err = openTLS(s.log, c.TCP); err != nil {
			return fmt.Errorf("api.tcp: %w", err)
		}
	}
	if err := s.listenOn(ctx, endpoints(c), files); err != nil {
		return err
	}
	p, unknown := newPolicy(c, uint32(os.Geteuid()))
	for _, u := range unknown {
		s.log.Warn("api: " + u)
	}
	s.policy.Store(p)
	s.config = c
	return nil
}

// listenOn opens and closes listeners, all or none. s.mu is held.
func (s *Server) listenOn(ctx context.Context, want []endpoint, files *tlsFiles) error {
	opened := map[endpoint]*tcpListener{}
	var closed []*tcpListener
	undo := func(why error) error {
		for _, l := range opened {
			_ = l.Close()
		}
		for _, old := range closed {
			l, err := listenTCP(ctx, old.at)
			if err != nil {
				why = errors.Join(why, fmt.Errorf("listening again: %w", err))
				delete(s.tcp, old.at)
				continue
			}
			l.conns = old.conns
			s.tcp[old.at] = l
			s.serve(l)
		}
		return why
	}
	for _, at := range want {
		if s.tcp[at] != nil {
			continue
		}
		// The kernel does not let two listeners have one port where either is on all addresses or devices.
		for _, old := range s.tcp {
			if old.at.addr.Port() == at.addr.Port() && !slices.Contains(want, old.at) && !old.closed.Load() {
				_ = old.Close()
				closed = append(closed, old)
			}
		}
		l, err := listenTCP(ctx, at)
		if err != nil {
			return undo(err)
		}
		opened[at] = l
	}
	s.tls.Store(files)
	for at, old := range s.tcp {
		if slices.Contains(want, at) {
			continue
		}
		_ = old.Close()
		delete(s.tcp, at)
		time.AfterFunc(hangUpAfter, old.conns.hangUp)
		s.log.Info("api: no longer listening", "address", at.String())
	}
	for at, l := range opened {
		s.tcp[at] = l
		s.serve(l)
	}
	return nil
}

// Preview tells what Configure would do.
func (s *Server) Preview(c config.API) []change.Op {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ops []change.Op
	want := endpoints(c)
	for _, at := range slices.SortedFunc(maps.Keys(s.tcp), compareEndpoints) {
		if !slices.Contains(want, at) {
			ops = append(ops, change.Op{
				Class: change.Delete, Object: "listener " + at.String(), Action: "close", Disturbs: "API clients that are connected to " + at.String(),
			})
		}
	}
	for _, at := range want {
		if s.tcp[at] == nil {
			ops = append(ops, change.Op{Class: change.Live, Object: "listener " + at.String(), Action: "open"})
		}
	}
	if files := s.tls.Load(); c.TCP != nil && files != nil && !files.is(c.TCP) {
		ops = append(ops, change.Op{Class: change.Live, Object: "TLS", Action: "take the certificate " + c.TCP.Certificate + " for new connections"})
	}
	if !sameRoles(s.config, c) {
		ops = append(ops, change.Op{Class: change.Live, Object: "roles", Action: "change who may use the API"})
	}
	return ops
}

func endpoints(c config.API) []endpoint {
	if c.TCP == nil {
		return nil
	}
	var all []endpoint
	index := deviceIndex(c.TCP.Device)
	for _, a := range c.TCP.Listen {
		all = append(all, endpoint{a, c.TCP.Device, index})
	}
	return all
}

func compareEndpoints(a, b endpoint) int {
	return strings.Compare(natural(a.String()), natural(b.String()))
}

func sameRoles(a, b config.API) bool {
	var x, y []config.Grant
	if a.TCP != nil {
		x = a.TCP.Roles
	}
	if b.TCP != nil {
		y = b.TCP.Roles
	}
	return slices.Equal(a.Users, b.Users) && slices.Equal(a.Groups, b.Groups) && slices.Equal(x, y)
}
