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

	socket string
	mu     sync.Mutex
	dialed error // why the last connection attempt failed
}

// daemon calls do with a client. It is connected when the first call is made, and closed when do returns.
func (a *app) daemon(ctx context.Context, do func(context.Context, *client) error) error {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	c := &client{socket: a.socket}
	// The name resolver and proxy settings of gRPC have no say in a unix socket: passthrough and our own dialer.
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

func (c *client) dial(ctx context.Context, _ string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", c.socket)
	c.mu.Lock()
	c.dialed = err
	c.mu.Unlock()
	return conn, err
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
		return fmt.Errorf("the daemon at %s went away during the call", c.socket)
	case errors.Is(dialed, fs.ErrNotExist), errors.Is(dialed, syscall.ECONNREFUSED):
		return &noDaemonError{c.socket}
	case errors.Is(dialed, fs.ErrPermission):
		return fmt.Errorf("you may not use %s: become root, or a member of its group", c.socket)
	}
	return fmt.Errorf("connect to %s: %w", c.socket, dialed)
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
