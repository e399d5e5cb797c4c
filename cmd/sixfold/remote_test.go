package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/api"
	"github.com/sixfold-router/sixfold/api/apitest"
	"github.com/sixfold-router/sixfold/router/config"
)

// authority signs certificates into a directory.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// issue writes NAME.pem and NAME.key.
func (a *authority) issue(name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: raw}, name + ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(a.path(path), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// unused is an address that nobody listens on.
func unused(t *testing.T) netip.AddrPort {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

func TestRemote(t *testing.T) {
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	server := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	ours.issue("server", &x509.Certificate{DNSNames: []string{"router.example.net"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: server})
	user := func(a *authority, name string, end time.Time) {
		c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		if !end.IsZero() {
			c.NotBefore, c.NotAfter = end.Add(-time.Hour), end
		}
		a.issue(name, c)
	}
	user(ours, "alice", time.Time{})
	user(ours, "late", time.Now().Add(-time.Minute))
	user(others, "mallory", time.Time{})

	at := unused(t)
	s := api.NewServer(slog.New(slog.DiscardHandler), apitest.Sample(time.Now()), "v1.2.3")
	if err := s.Listen(filepath.Join(t.TempDir(), "s")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		cancel()
		<-done
	}()
	if err := s.Configure(ctx, config.API{TCP: &config.APITCP{
		Listen: []netip.AddrPort{at}, Certificate: ours.path("server.pem"), Key: ours.path("server.key"), ClientCA: ours.path("ca.pem"),
		Roles: []config.Grant{{Name: "alice", Role: config.Read}},
	}}); err != nil {
		t.Fatal(err)
	}

	// One that does not speak TLS, and one whose certificate is of somebody else's authority and old.
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	go func() {
		for {
			c, err := plain.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "220 mail.example.net ESMTP\r\n")
			c.Close()
		}
	}()
	ours.issue("old", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: server,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	expired := listenTLS(t, ours, "old", tls.VersionTLS13)
	ancient := listenTLS(t, ours, "server", tls.VersionTLS12)

	with := func(address string, a *authority, name string) []string {
		return []string{"--address", address, "--tls-cert", a.path(name + ".pem"), "--tls-key", a.path(name + ".key"), "--tls-ca", ours.path("ca.pem")}
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"works", append(with(at.String(), ours, "alice"), "show", "version"), exitOK, "sixfold v1.2.3"},
		{"not permitted", append(with(at.String(), ours, "alice"), "bgp", "reset", "isp"), exitFailed, "alice"},
		{"by a name", append(with(at.String(), ours, "alice"), "show", "version", "--tls-name", "router.example.net"), exitOK, "sixfold v1.2.3"},
		{"a wrong name", append(with(at.String(), ours, "alice"), "show", "version", "--tls-name", "other.example.net"), exitFailed, `is not for "other.example.net"`},
		{"a foreign authority", append(with(at.String(), ours, "alice"), "show", "version", "--tls-ca", others.path("ca.pem")), exitFailed, "is not signed by an authority in"},
		{"refused", append(with(at.String(), others, "mallory"), "show", "version"), exitFailed, "refused our certificate"},
		{"refused as old", append(with(at.String(), ours, "late"), "show", "version"), exitFailed, "refused our certificate"},
		{"no TLS", append(with(plain.Addr().String(), ours, "alice"), "show", "version"), exitFailed, "does not speak TLS: is it"},
		{"an old server certificate", append(with(expired, ours, "alice"), "show", "version"), exitFailed, "is expired or not yet valid"},
		{"no TLS 1.3", append(with(ancient, ours, "alice"), "show", "version"), exitFailed, "does not speak TLS 1.3"},
		{"nobody", append(with(unused(t).String(), ours, "alice"), "show", "version"), exitNoDaemon, "is it in api.tcp.listen"},
		{"no port", append(with("router", ours, "alice"), "show", "version"), exitUsage, "want HOST:PORT"},
		{"no key", []string{"--address", at.String(), "--tls-cert", "x", "show", "version"}, exitUsage, "there is no --tls-key"},
		{"no such file", []string{"--address", at.String(), "--tls-cert", "x", "--tls-key", "x", "--tls-ca", "x", "show", "version"}, exitFailed, "no such file"},
		{"no certificate", append(with(at.String(), ours, "alice"), "show", "version", "--tls-ca", ours.path("ca.key")), exitFailed, "there is no certificate in PEM"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if code := run(t.Context(), tt.args, strings.NewReader(""), &out, &out); code != tt.code || !strings.Contains(out.String(), tt.want) {
				t.Errorf("exit code %d, want %d; want %q in %s", code, tt.code, tt.want, out.String())
			}
		})
	}
	t.Run("by the environment", func(t *testing.T) {
		t.Setenv(addressVariable, at.String())
		t.Setenv(certVariable, ours.path("alice.pem"))
		t.Setenv(keyVariable, ours.path("alice.key"))
		t.Setenv(caVariable, ours.path("ca.pem"))
		var out bytes.Buffer
		if code := run(t.Context(), []string{"show", "version"}, strings.NewReader(""), &out, &out); code != exitOK {
			t.Errorf("exit code %d: %s", code, out.String())
		}
		// What is on the command line wins.
		if code := run(t.Context(), []string{"show", "version", "--socket", "/nowhere"}, strings.NewReader(""), &out, &out); code != exitNoDaemon {
			t.Errorf("exit code %d: %s", code, out.String())
		}
	})
}

// listenTLS ends each connection after its handshake.
func listenTLS(t *testing.T, a *authority, name string, highest uint16) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.path(name+".pem"), a.path(name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MaxVersion: highest})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				c.(*tls.Conn).Handshake()
				c.Close()
			}()
		}
	}()
	return l.Addr().String()
}
