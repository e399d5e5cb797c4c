package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/sixfold-router/sixfold/router/notify/render"
)

// post sends a change to a URL. Errors and results tell nothing of the URL but its server.
func post(ctx context.Context, c Consumer, change render.Change, body []byte) (result, output string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return "", "", err
		}
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(pem) {
			return "", "", fmt.Errorf("%s has no certificate in PEM", c.CA)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return "", "", errors.New("the URL is not valid")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "sixfold")
	request.Header.Set("X-Sixfold-Event", change.Event)
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	transport := &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	// A token is for this server, and a POST that is sent on becomes a GET.
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // the rest is the URL
		}
		var unknown x509.UnknownAuthorityError
		switch {
		case ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded):
			err = fmt.Errorf("no answer within %s", span(c.Timeout))
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			err = errors.New("the server ended the connection without an answer")
		case errors.As(err, &unknown):
			err = fmt.Errorf("%w: give the certificate of the authority as ca", err)
		}
		return "", "", err
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxOutput))
	output = strings.TrimSpace(strings.ToValidUTF8(string(text), "?"))
	if to, err := answer.Location(); err == nil && answer.StatusCode >= 300 && answer.StatusCode < 400 {
		return "", output, fmt.Errorf("the server answers %s, to %s, which is not followed: give the URL it says", answer.Status, serverOf(to.String()))
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return "", output, fmt.Errorf("the server answers %s", answer.Status)
	}
	return answer.Status, output, nil
}

// serverOf is what of a URL is no secret: user, path and query can be.
func serverOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "a URL"
	}
	return u.Scheme + "://" + u.Host + "/…"
}
