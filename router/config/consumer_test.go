package config

import (
	"strings"
	"testing"
)

// A URL has its token in its path as often as not.
func TestConsumerSecretsAreRedacted(t *testing.T) {
	text := `
interfaces:
  wan0:
    delegations:
      isp:
        on_change:
          web: {url: "https://example.net/hook/s3cr3t-path", token: sesame-open}
`
	if _, _, err := Load("r.yaml", []byte(text)); err != nil {
		t.Fatal(err)
	}
	out := string(Redact([]byte(text)))
	if strings.Contains(out, "s3cr3t") || strings.Contains(out, "sesame") || !strings.Contains(out, Hidden) {
		t.Errorf("redacted:\n%s", out)
	}
}
