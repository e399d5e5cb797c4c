package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
)

// The environment variables of a daemon that is reached by TCP.
const (
	addressVariable = "SIXFOLD_ADDRESS"
	certVariable    = "SIXFOLD_TLS_CERT"
	keyVariable     = "SIXFOLD_TLS_KEY"
	caVariable      = "SIXFOLD_TLS_CA"
	nameVariable    = "SIXFOLD_TLS_NAME"
)

// remote is a daemon that is reached by TCP, with mutual TLS 1.3.
type remote struct {
	address       string // HOST:PORT; empty: the unix socket is used
	cert, key, ca string // files in PEM
	name          string // in the certificate of the daemon; empty: the host of address
	tls           *tls.Config
}

func (a *app) remoteFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&a.remote.address, "address", os.Getenv(addressVariable), "`HOST:PORT` of the daemon, instead of the socket (also $"+addressVariable+")")
	f.StringVar(&a.remote.cert, "tls-cert", os.Getenv(certVariable), "`file` with our certificate for --address (also $"+certVariable+")")
	f.StringVar(&a.remote.key, "tls-key", os.Getenv(keyVariable), "`file` with its private key (also $"+keyVariable+")")
	f.StringVar(&a.remote.ca, "tls-ca", os.Getenv(caVariable), "`file` with the authority of the daemon's certificate (also $"+caVariable+")")
	f.StringVar(&a.remote.name, "tls-name", os.Getenv(nameVariable), "`name` in the daemon's certificate, if it is not HOST (also $"+nameVariable+")")
}

// chooseDaemon lets --socket on the command line win over an address of the environment.
func (a *app) chooseDaemon(cmd *cobra.Command) {
	f := cmd.Root().PersistentFlags()
	if f.Changed("socket") && !f.Changed("address") {
		a.remote.address = ""
	}
}

// load reads the files.
func (r *remote) load() error {
	if r.tls != nil {
		return nil
	}
	host, _, err := net.SplitHostPort(r.address)
	if err != nil {
		return &usageError{err: fmt.Errorf("--address %s: want HOST:PORT, such as router.example.net:4610 or [2001:db8::1]:4610", r.address)}
	}
	for _, f := range [][2]string{{"--tls-cert", r.cert}, {"--tls-key", r.key}, {"--tls-ca", r.ca}} {
		if f[1] == "" {
			return &usageError{err: fmt.Errorf("--address needs --tls-cert, --tls-key and --tls-ca: there is no %s", f[0])}
		}
	}
	pair, err := tls.LoadX509KeyPair(r.cert, r.key)
	if err != nil {
		return fmt.Errorf("--tls-cert %s with --tls-key %s: %w", r.cert, r.key, err)
	}
	pem, err := os.ReadFile(r.ca)
	if err != nil {
		return fmt.Errorf("--tls-ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("--tls-ca %s: there is no certificate in PEM in it", r.ca)
	}
	if r.name == "" {
		// An address with a zone is never in a certificate, but the address may be.
		r.name, _, _ = strings.Cut(host, "%")
	}
	r.tls = &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: r.name, NextProtos: []string{"h2"},
	}
	return nil
}

// dial connects. A daemon of TLS 1.3 refuses our certificate only after that: failed is told when it hangs up without a word.
func (r *remote) dial(ctx context.Context, failed func(error)) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, r.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return &refusable{Conn: secure, failed: failed}, nil
}

// refusedError says that the other side ended the connection right after the handshake: as it does with a certificate that it does
// not accept.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// refusable is a connection that tells when it ends before anything was received.
type refusable struct {
	net.Conn
	failed func(error)
	some   atomic.Bool // something was received
}

func (c *refusable) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.some.Store(true)
	}
	c.ended(err)
	return n, err
}

// Write tells too: the reset of a refused connection may meet what we write before it meets the reader.
func (c *refusable) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.ended(err)
	return n, err
}

func (c *refusable) ended(err error) {
	if err != nil && !c.some.Load() && !errors.Is(err, net.ErrClosed) {
		// The alert that says why may be lost to the reset of a connection that we had written to.
		c.failed(&refusedError{err})
	}
}

// isAlert reports whether the other side ended TLS with an alert.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// explain says of a connection that did not come about why, and what to do.
func (r *remote) explain(err error) error {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var refused *refusedError
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("the certificate of %s is not signed by an authority in %s: give the one that signed it with --tls-ca", r.address, r.ca)
	case errors.As(err, &name):
		return fmt.Errorf("the certificate of %s is not for %q (%s): connect by a name that it has, or give that with --tls-name", r.address, r.name, name.Error())
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the certificate of %s is expired or not yet valid (%s): renew it, or set the clock", r.address, invalid.Detail)
	case errors.As(err, &invalid):
		return fmt.Errorf("the certificate of %s is not usable for a server: %w", r.address, invalid)
	case errors.As(err, &record):
		return fmt.Errorf("%s does not speak TLS: is it the address of the API?", r.address)
	case isAlert(err) && strings.Contains(err.Error(), "protocol version"):
		return fmt.Errorf("%s does not speak TLS 1.3: is it the address of the API?", r.address)
	case errors.As(err, &refused), isAlert(err):
		return fmt.Errorf("%s refused our certificate %s (%w): it must be signed by api.tcp.client_ca of the router, be valid, and be for clients", r.address, r.cert, err)
	}
	return fmt.Errorf("connect to %s: %w", r.address, err)
}
