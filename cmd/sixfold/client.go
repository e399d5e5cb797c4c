package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"sync"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// maxAnswer bounds an answer of the daemon; a page of the largest things is far below.
const maxAnswer = 64 << 20

// client speaks to the daemon.
type client struct {
	config  sixfoldv1.ConfigServiceClient
	state   sixfoldv1.StateServiceClient
	operate sixfoldv1.OperateServiceClient

	where  string // what is dialed, for messages
	remote *remote
	mu     sync.Mutex
	dialed error // why the last connection attempt failed
}

// daemon calls do with a client. It is connected when the first call is made, and closed when do returns. All calls together take
// no longer than --timeout.
func (a *app) daemon(ctx context.Context, do func(context.Context, *client) error) error {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	return a.connected(ctx, do)
}

// connected is daemon without an end of time.
func (a *app) connected(ctx context.Context, do func(context.Context, *client) error) error {
	c := &client{where: a.socket}
	if a.remote.address != "" {
		c.where, c.remote = a.remote.address, &a.remote
		if err := c.remote.load(); err != nil {
			return err
		}
	}
	// The name resolver and proxy settings of gRPC have no say in what is dialed: passthrough and our own dialer, which does TLS
	// itself to know what went wrong.
	conn, err := grpc.NewClient("passthrough:///sixfold",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(c.dial),
		grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
	)
	if err != nil {
		return err
	}
	defer conn.Close()
	c.config = sixfoldv1.NewConfigServiceClient(conn)
	c.state = sixfoldv1.NewStateServiceClient(conn)
	c.operate = sixfoldv1.NewOperateServiceClient(conn)
	return c.explain(do(ctx, c))
}

func (c *client) dial(ctx context.Context, _ string) (conn net.Conn, err error) {
	if c.remote != nil {
		conn, err = c.remote.dial(ctx, c.failed)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "unix", c.where)
	}
	c.failed(err)
	return conn, err
}

// failed remembers why there is no connection; nil: there is one.
func (c *client) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var refused *refusedError
	if err == nil && errors.As(c.dialed, &refused) {
		return // gRPC connected again, to be refused again
	}
	c.dialed = err
}

// explain says of a call that got no answer why that is, from what the system said when we connected.
func (c *client) explain(err error) error {
	if status.Code(err) != codes.Unavailable {
		return err
	}
	c.mu.Lock()
	dialed := c.dialed
	c.mu.Unlock()
	switch {
	case dialed == nil:
		return &goneError{c.where}
	case errors.Is(dialed, fs.ErrNotExist), errors.Is(dialed, syscall.ECONNREFUSED):
		return &noDaemonError{where: c.where, remote: c.remote != nil}
	case c.remote != nil:
		return c.remote.explain(dialed)
	case errors.Is(dialed, fs.ErrPermission):
		return fmt.Errorf("you may not use %s: become root, or a member of its group", c.where)
	}
	return fmt.Errorf("connect to %s: %w", c.where, dialed)
}

// pages collects the pages of a list: get asks for the page after token and says which comes next.
func pages[T any](get func(token string) (items []T, next string, err error)) ([]T, error) {
	var all []T
	for token := ""; ; {
		items, next, err := get(token)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if next == "" || next == token {
			return all, nil
		}
		token = next
	}
}

// pageSize is how much is asked for at once.
const pageSize = 5000
