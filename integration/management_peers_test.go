package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// serveNames answers questions for AAAA records at an address of a host, until the test ends.
func serveNames(t *testing.T, n *netns.Node, at string, records map[string]string) {
	t.Helper()
	var conn *net.UDPConn
	eventually(t, "an address for the server of names", func() error {
		return n.Do(func() (err error) {
			conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(at), 53)))
			return err
		})
	})
	done := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if out := answerName(buf[:n], records); out != nil {
				_, _ = conn.WriteToUDPAddrPort(out, from)
			}
		}
	}()
}

func answerName(query []byte, records map[string]string) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	addr, err := netip.ParseAddr(records[q.Name.String()])
	switch {
	case err != nil:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeAAAA:
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type, TTL: 60}, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()},
		}}
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// certificates writes an authority (ca.pem), a certificate for a router at an address, and one for an operator who may do
// everything, each with its key.
func certificates(t *testing.T, dir string, at netip.Addr) {
	t.Helper()
	var parent *x509.Certificate
	var signer *ecdsa.PrivateKey
	for i, c := range []struct {
		name     string
		template x509.Certificate
	}{
		{"ca", x509.Certificate{Subject: pkix.Name{CommonName: "lab"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}},
		{"router", x509.Certificate{IPAddresses: []net.IP{at.AsSlice()}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}},
		{"operator", x509.Certificate{
			URIs: []*url.URL{{Scheme: "urn", Opaque: "sixfold:role:admin"}}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}},
	} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		c.template.SerialNumber = big.NewInt(int64(i + 1))
		c.template.NotBefore, c.template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if parent == nil {
			parent, signer = &c.template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, &c.template, parent, key.Public(), signer)
		must(t, err)
		if i == 0 {
			parent, err = x509.ParseCertificate(der)
			must(t, err)
		}
		text, err := x509.MarshalECPrivateKey(key)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, c.name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
		must(t, os.WriteFile(filepath.Join(dir, c.name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: text}), 0o600))
	}
}
