package api

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/sixfold-router/sixfold/router/config"
)

// tlsFiles is the TLS configuration that files on disk make. It is read again when they change, so that a certificate is renewed
// without a restart; files that cannot be read leave the one before in force.
type tlsFiles struct {
	log                  *slog.Logger
	certificate, key, ca string
	mu                   sync.Mutex // guards what follows
	stamps               [3]stamp
	config               *tls.Config
}

// stamp tells whether a file changed.
type stamp struct {
	modified time.Time
	size     int64
}

// openTLS reads the files for the first time.
func openTLS(log *slog.Logger, c *config.APITCP) (*tlsFiles, error) {
	f := &tlsFiles{log: log, certificate: c.Certificate, key: c.Key, ca: c.ClientCA}
	f.stamps = f.look()
	var err error
	f.config, err = f.read()
	return f, err
}

// is tells whether these are the files of a configuration.
func (f *tlsFiles) is(c *config.APITCP) bool {
	return f != nil && f.certificate == c.Certificate && f.key == c.Key && f.ca == c.ClientCA
}

// current returns the configuration for a connection that begins now.
func (f *tlsFiles) current() *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	stamps := f.look()
	if stamps == f.stamps {
		return f.config
	}
	f.stamps = stamps
	fresh, err := f.read()
	if err != nil {
		f.log.Warn("api: the TLS files changed and cannot be used; what they were before stays in force", "error", err)
		return f.config
	}
	f.log.Info("api: the TLS files changed and were read again", "certificate", f.certificate)
	f.config = fresh
	return f.config
}

func (f *tlsFiles) look() (stamps [3]stamp) {
	for i, path := range []string{f.certificate, f.key, f.ca} {
		if info, err := os.Stat(path); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}

func (f *tlsFiles) read() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.certificate, f.key, err)
	}
	pem, err := os.ReadFile(f.ca)
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM", f.ca)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities, NextProtos: []string{"h2"},
		// A resumed session would skip the look at what the authorities are by now.
		SessionTicketsDisabled: true,
	}, nil
}
