package api

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/sixfold-router/sixfold/router/config"
)

// caller is who makes a call, with the role at the moment of the call.
type caller struct {
	name    string // of the user, or in the certificate
	id      string // the same for one user or certificate, different for others
	origin  string
	role    config.Role
	local   bool       // on the unix socket
	session netip.Addr // our address that a call on TCP came in to; invalid on the unix socket
	title   string     // who it is, for messages
	advice  string     // how to give it another role
}

type callerKey struct{}

// callerOf returns who makes the call. Outside of one it is a caller without a role.
func callerOf(ctx context.Context) *caller {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		return c
	}
	return &caller{name: "unknown", id: "unknown", origin: "unknown", title: "the caller"}
}

// identify finds out who makes the call. It fails for a certificate that expired since it connected.
func identify(ctx context.Context, p *policy, now time.Time) (*caller, error) {
	from, _ := peer.FromContext(ctx)
	if from == nil {
		return callerOf(ctx), nil
	}
	switch info := from.AuthInfo.(type) {
	case *unixPeer:
		return &caller{
			name: clean(info.name), id: fmt.Sprintf("uid %d", info.uid), origin: fmt.Sprintf("unix:uid=%d,pid=%d", info.uid, info.pid),
			role: p.local(info.uid, info.groups), local: true,
			title: fmt.Sprintf("user %s (uid %d)", clean(info.name), info.uid), advice: "under api.users or api.groups",
		}, nil
	case *tlsPeer:
		name := clean(shorten(certificateName(info.cert), 200))
		c := &caller{
			name: name, id: "certificate " + name, origin: info.remote, role: p.remote(info.cert),
			title: fmt.Sprintf("certificate %q", name), advice: "under api.tcp.roles, or by a URI " + roleURI + "ROLE in the certificate",
		}
		if local, ok := info.local.(*net.TCPAddr); ok {
			c.session = local.AddrPort().Addr().Unmap()
		}
		if now.After(info.cert.NotAfter) {
			c.role = config.NoRole
			return c, status.Errorf(codes.Unauthenticated, "%s has expired: connect with a new one", c.title)
		}
		return c, nil
	}
	return callerOf(ctx), nil
}

// may says why a caller may not call a method; nil: it may.
func (c *caller) may(r rule, method string) error {
	switch {
	case r.role == config.NoRole:
		return status.Errorf(codes.PermissionDenied, "%s is open to nobody", shortMethod(method))
	case r.local && !c.local:
		return status.Errorf(codes.PermissionDenied, "%s is answered on the unix socket only", shortMethod(method))
	case c.role == config.NoRole:
		return status.Errorf(codes.PermissionDenied, "%s has no role: give one %s", c.title, c.advice)
	case c.role < r.role:
		return status.Errorf(codes.PermissionDenied, "%s has the role %s, and %s needs %s: give it %s", c.title, c.role, shortMethod(method), r.role, c.advice)
	}
	return nil
}

// shorten cuts text after most bytes.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most] + " …"
}
