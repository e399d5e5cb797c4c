package api

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os/user"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"
)

// unixPeer is the process at the other end of a unix socket, as the kernel vouches for it. It is as it was when the socket was
// connected: who gains or loses a group connects anew.
type unixPeer struct {
	credentials.CommonAuthInfo
	pid    int32
	uid    uint32
	groups []uint32 // primary and supplementary
	name   string
}

// AuthType implements credentials.AuthInfo.
func (*unixPeer) AuthType() string { return "unix" }

// tlsPeer is the certificate of a client on TCP, which was verified.
type tlsPeer struct {
	credentials.CommonAuthInfo
	cert   *x509.Certificate
	remote string
	local  net.Addr
}

// AuthType implements credentials.AuthInfo.
func (*tlsPeer) AuthType() string { return "tls" }

// maxPerUser is how many connections a user other than root may have at once: the socket is open to all.
const maxPerUser = 32

// gatekeeper finds out who is at the other end of a connection before anything is read from it.
type gatekeeper struct {
	files func() *tlsFiles

	mu    sync.Mutex
	users map[uint32]int // connections by user
}

var _ credentials.TransportCredentials = (*gatekeeper)(nil)

// ServerHandshake takes connections of our listeners only.
func (k *gatekeeper) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	switch c := conn.(type) {
	case *net.UnixConn:
		return k.local(c)
	case *tcpConn:
		return k.remote(c)
	}
	return nil, nil, errors.Join(fmt.Errorf("a connection of type %T has no known peer", conn), conn.Close())
}

func (k *gatekeeper) local(conn *net.UnixConn) (net.Conn, credentials.AuthInfo, error) {
	p, err := peerOf(conn)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("peer of a unix socket: %w", err), conn.Close())
	}
	if p.uid == 0 {
		return conn, p, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.users[p.uid] >= maxPerUser {
		return nil, nil, errors.Join(fmt.Errorf("user %s has %d connections already", p.name, maxPerUser), conn.Close())
	}
	k.users[p.uid]++
	return &countedConn{Conn: conn, closed: sync.OnceFunc(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.users[p.uid]--; k.users[p.uid] == 0 {
			delete(k.users, p.uid)
		}
	})}, p, nil
}

// countedConn tells when it is closed.
type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

func (k *gatekeeper) remote(conn *tcpConn) (net.Conn, credentials.AuthInfo, error) {
	files := k.files()
	if files == nil {
		return nil, nil, errors.Join(errors.New("TLS is not configured"), conn.Close())
	}
	secure, info, err := credentials.NewTLS(files.current()).ServerHandshake(conn)
	if err != nil {
		return nil, nil, err
	}
	state := info.(credentials.TLSInfo).State
	if len(state.PeerCertificates) == 0 {
		return nil, nil, errors.Join(errors.New("no client certificate"), secure.Close())
	}
	return secure, &tlsPeer{
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		cert:           state.PeerCertificates[0], remote: conn.RemoteAddr().String(), local: conn.LocalAddr(),
	}, nil
}

// ClientHandshake is not used: this is the server's side.
func (*gatekeeper) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.ErrUnsupported
}

// Info implements credentials.TransportCredentials.
func (*gatekeeper) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "unix or tls"}
}

// Clone implements credentials.TransportCredentials. The count of connections stays one.
func (k *gatekeeper) Clone() credentials.TransportCredentials { return k }

// OverrideServerName implements credentials.TransportCredentials.
func (*gatekeeper) OverrideServerName(string) error { return errors.ErrUnsupported }

// peerOf asks the kernel who connected (unix(7) SO_PEERCRED, SO_PEERGROUPS).
func peerOf(conn *net.UnixConn) (*unixPeer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	p := &unixPeer{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			failed = err
			return
		}
		p.pid, p.uid = cred.Pid, cred.Uid
		groups, err := peerGroups(int(fd))
		if err != nil {
			failed = err
			return
		}
		p.groups = append(groups, cred.Gid)
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	p.name = strconv.FormatUint(uint64(p.uid), 10)
	if u, err := user.LookupId(p.name); err == nil {
		p.name = u.Username
	}
	return p, nil
}

// peerGroups returns the supplementary groups. The kernel says ERANGE with the size it wants if there are more than fit.
func peerGroups(fd int) ([]uint32, error) {
	size := uint32(64 * 4)
	for range 3 {
		buf := make([]byte, max(size, 4))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch errno {
		case 0:
			var groups []uint32
			for b := buf[:min(int(size), len(buf))]; len(b) >= 4; b = b[4:] {
				groups = append(groups, binary.NativeEndian.Uint32(b))
			}
			return groups, nil
		case unix.ERANGE:
		default:
			return nil, errno
		}
	}
	return nil, unix.ERANGE
}
