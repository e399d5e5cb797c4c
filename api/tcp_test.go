package api

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/sixfold-router/sixfold/api/apitest"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
)

// sameAddr compares addresses, whose fields are not for others.
var sameAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// freePort returns an address of the loopback whose port nobody had a moment ago.
func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func dialTLS(t *testing.T, at netip.AddrPort, c *tls.Config) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+at.String(), grpc.WithTransportCredentials(credentials.NewTLS(c)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func version(t *testing.T, conn *grpc.ClientConn) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := sixfoldv1.NewStateServiceClient(conn).GetVersion(ctx, &sixfoldv1.GetVersionRequest{})
	return err
}

// network is a server on TCP.
type network struct {
	*Server
	ca  *authority
	at  netip.AddrPort
	api config.API
	dir string
}

func onNetwork(t *testing.T, b Backend) *network {
	t.Helper()
	n := &network{ca: newAuthority(t, "ca"), at: freePort(t), dir: t.TempDir()}
	n.api.TCP = store(t, n.dir, n.ca.issue(t, time.Hour, "server"), n.ca)
	n.api.TCP.Listen = []netip.AddrPort{n.at}
	n.api.TCP.Roles = []config.Grant{
		{Name: "deployer", Role: config.Admin}, {Name: "noc.example.net", Role: config.Operate}, {Name: "spiffe://example.net/monitor", Role: config.Read},
	}
	n.Server, _ = serving(t, b, func(s *Server) {
		if err := s.Configure(t.Context(), n.api); err != nil {
			t.Fatal(err)
		}
	})
	return n
}

func TestRolesByCertificate(t *testing.T) {
	n := onNetwork(t, apitest.Sample(sampleNow))
	_, methods := allMethods()
	for _, tt := range []struct {
		title string
		names []string
		role  config.Role
	}{
		{"deployer", []string{"deployer"}, config.Admin},
		{"noc.example.net", []string{"dns noc.example.net"}, config.Operate},
		{"spiffe://example.net/monitor", []string{"spiffe://example.net/monitor"}, config.Read},
		{"urn:sixfold:role:operate", []string{"urn:sixfold:role:operate"}, config.Operate},
		{"y", []string{"y", "urn:sixfold:role:read", "urn:sixfold:role:admin"}, config.Admin},
		{"urn:sixfold:role:root", []string{"urn:sixfold:role:root"}, config.NoRole},
		{"stranger", []string{"stranger"}, config.NoRole},
		// The common name counts only where there is no other.
		{"dns.example.net", []string{"deployer", "dns dns.example.net"}, config.NoRole},
	} {
		t.Run(strings.Join(tt.names, " "), func(t *testing.T) {
			conn := dialTLS(t, n.at, n.ca.trusting(n.ca.issue(t, time.Hour, tt.names...)))
			var out strings.Builder
			for _, m := range methods {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				s := status.Convert(callAny(ctx, conn, m))
				cancel()
				fmt.Fprintf(&out, "%s\t%s\t%s\n", m, codeName(s.Code()), strings.ReplaceAll(s.Message(), "\n", " "))
			}
			checkMatrix(t, out.String(), tt.role, false, fmt.Sprintf("certificate %q", tt.title))
		})
	}
}

func TestHandshakes(t *testing.T) {
	n := onNetwork(t, apitest.Sample(sampleNow))
	other := newAuthority(t, "other")
	good := n.ca.issue(t, time.Hour, "deployer")
	old := n.ca.trusting(good)
	old.MaxVersion = tls.VersionTLS12
	for _, tt := range []struct {
		name string
		c    *tls.Config
		code codes.Code
	}{
		{"a good certificate", n.ca.trusting(good), codes.OK},
		{"no certificate", n.ca.trusting(), codes.Unavailable},
		{"another authority", n.ca.trusting(other.issue(t, time.Hour, "deployer")), codes.Unavailable},
		{"expired", n.ca.trusting(n.ca.issue(t, -time.Minute, "deployer")), codes.Unavailable},
		{"TLS 1.2", old, codes.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := version(t, dialTLS(t, n.at, tt.c)); status.Code(err) != tt.code {
				t.Errorf("%v, want %v", err, tt.code)
			}
		})
	}
	plain, err := net.Dial("tcp", n.at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := plain.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = plain.SetReadDeadline(time.Now().Add(10 * time.Second))
	if answer, _ := readAll(plain); strings.Contains(answer, "\x00\x00\x00\x04\x00") {
		t.Errorf("HTTP/2 without TLS was answered: %q", answer)
	}
}

func readAll(c net.Conn) (string, error) {
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	return string(buf[:n]), err
}

// A certificate that expires while its connection is open is refused, and a role that is taken away is gone at once.
func TestOpenConnection(t *testing.T) {
	n := onNetwork(t, apitest.Sample(sampleNow))
	conn := dialTLS(t, n.at, n.ca.trusting(n.ca.issue(t, time.Hour, "deployer")))
	if err := version(t, conn); err != nil {
		t.Fatal(err)
	}
	less := n.api
	tcp := *n.api.TCP
	tcp.Roles = nil
	less.TCP = &tcp
	if diff := cmp.Diff([]change.Op{{Object: "roles", Action: "change who may use the API"}}, n.Preview(less), sameAddr); diff != "" {
		t.Errorf("Preview (-want +got):\n%s", diff)
	}
	if err := n.Configure(t.Context(), less); err != nil {
		t.Fatal(err)
	}
	if err := version(t, conn); status.Code(err) != codes.PermissionDenied {
		t.Errorf("without its role: %v, want PermissionDenied", err)
	}
	if err := n.Configure(t.Context(), n.api); err != nil {
		t.Fatal(err)
	}
	if err := version(t, conn); err != nil {
		t.Errorf("with its role again: %v", err)
	}
	short := dialTLS(t, n.at, n.ca.trusting(n.ca.issue(t, 3*time.Second, "deployer")))
	if err := version(t, short); err != nil {
		t.Fatal(err)
	}
	var last error
	eventually(t, "the certificate expires", func() bool {
		last = version(t, short)
		return last != nil
	})
	if status.Code(last) != codes.Unauthenticated {
		t.Errorf("with an expired certificate: %v, want Unauthenticated", last)
	}
}

// A renewed certificate is used without a restart; one that cannot be read leaves the one before.
func TestRenewal(t *testing.T) {
	n := onNetwork(t, apitest.Sample(sampleNow))
	client := n.ca.trusting(n.ca.issue(t, time.Hour, "deployer"))
	serial := func() string {
		c, err := tls.Dial("tcp", n.at.String(), client)
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	store(t, n.dir, n.ca.issue(t, time.Hour, "server"), n.ca)
	second := serial()
	if first == second {
		t.Errorf("the renewed certificate is not used")
	}
	if err := os.WriteFile(n.api.TCP.Certificate, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != second {
		t.Errorf("with a broken file: %s, want the certificate before it, %s", got, second)
	}
	// Clients of another authority from now on.
	other := newAuthority(t, "other")
	store(t, n.dir, n.ca.issue(t, time.Hour, "server"), other)
	if err := version(t, dialTLS(t, n.at, client)); status.Code(err) != codes.Unavailable {
		t.Errorf("of an authority that is no longer trusted: %v, want Unavailable", err)
	}
	if err := version(t, dialTLS(t, n.at, n.ca.trusting(other.issue(t, time.Hour, "deployer")))); err != nil {
		t.Errorf("of the new authority: %v", err)
	}
}

func TestConfigureListeners(t *testing.T) {
	n := onNetwork(t, apitest.Sample(sampleNow))
	client := n.ca.trusting(n.ca.issue(t, time.Hour, "deployer"))
	conn := dialTLS(t, n.at, client)
	if err := version(t, conn); err != nil {
		t.Fatal(err)
	}
	with := func(edit func(*config.APITCP)) config.API {
		c := n.api
		tcp := *n.api.TCP
		edit(&tcp)
		c.TCP = &tcp
		return c
	}
	if ops := n.Preview(n.api); len(ops) != 0 {
		t.Errorf("Preview of the same: %v", ops)
	}
	second := freePort(t)
	both := with(func(c *config.APITCP) { c.Listen = []netip.AddrPort{n.at, second} })
	if diff := cmp.Diff([]change.Op{{Object: "listener " + second.String(), Action: "open"}}, n.Preview(both), sameAddr); diff != "" {
		t.Errorf("Preview (-want +got):\n%s", diff)
	}
	for range 2 {
		if err := n.Configure(t.Context(), both); err != nil {
			t.Fatal(err)
		}
	}
	if err := version(t, dialTLS(t, second, client)); err != nil {
		t.Errorf("the second listener: %v", err)
	}
	if err := version(t, conn); err != nil {
		t.Errorf("the first listener after the second was opened: %v", err)
	}

	taken, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().(*net.TCPAddr).AddrPort()
	for name, c := range map[string]config.API{
		"a port in use":      with(func(c *config.APITCP) { c.Listen = []netip.AddrPort{freePort(t), busy} }),
		"a device not there": with(func(c *config.APITCP) { c.Device = "none0" }),
		"a file not there":   with(func(c *config.APITCP) { c.Key = "/nonexistent/key" }),
	} {
		if err := n.Configure(t.Context(), c); err == nil {
			t.Errorf("%s: no error", name)
		}
		for _, at := range []netip.AddrPort{n.at, second} {
			if err := version(t, dialTLS(t, at, client)); err != nil {
				t.Errorf("%s: %s does not answer: %v", name, at, err)
			}
		}
		if ops := n.Preview(both); len(ops) != 0 {
			t.Errorf("%s: something else is in force: %v", name, ops)
		}
	}

	device := with(func(c *config.APITCP) { c.Device = "lo" })
	want := []change.Op{
		{Class: change.Delete, Object: "listener " + n.at.String(), Action: "close", Disturbs: "API clients that are connected to " + n.at.String()},
		{Class: change.Delete, Object: "listener " + second.String(), Action: "close", Disturbs: "API clients that are connected to " + second.String()},
		{Object: "listener " + n.at.String() + " on lo", Action: "open"},
	}
	got := n.Preview(device)
	if len(got) == 3 && got[0].Object != want[0].Object {
		got[0], got[1] = got[1], got[0]
	}
	if diff := cmp.Diff(want, got, sameAddr); diff != "" {
		t.Errorf("Preview (-want +got):\n%s", diff)
	}
	if err := n.Configure(t.Context(), device); err != nil {
		t.Fatal(err)
	}
	if err := version(t, dialTLS(t, n.at, client)); err != nil {
		t.Errorf("on the device: %v", err)
	}
	eventually(t, "connections of the closed listener end", func() bool {
		return conn.GetState().String() != "READY"
	})
	if err := n.Configure(t.Context(), config.API{}); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", n.at.String()); err == nil {
		c.Close()
		t.Error("it still listens after TCP was taken out of the configuration")
	}
}

func TestConnectionCap(t *testing.T) {
	n := onNetwork(t, apitest.Sample(sampleNow))
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	closed := func(c net.Conn) bool {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, err := c.Read(make([]byte, 1))
		ne, ok := err.(net.Error)
		return err != nil && (!ok || !ne.Timeout())
	}
	for range maxTCP {
		c, err := net.Dial("tcp", n.at.String())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	c, err := net.Dial("tcp", n.at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !closed(c) {
		t.Errorf("connection %d was kept", maxTCP+1)
	}
}
