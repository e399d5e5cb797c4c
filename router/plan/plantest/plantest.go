// Package plantest makes the inputs of plans for tests: from lines of text, or of the usual parts.
package plantest

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// Load reads a configuration that has to be right.
func Load(t testing.TB, text string) *config.Config {
	t.Helper()
	conf, _, err := config.Load("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// Links makes links that run, each with a link-local address.
func Links(names ...string) kernel.Links {
	out := kernel.Links{}
	for i, name := range names {
		local := netip.MustParsePrefix(fmt.Sprintf("fe80::%x/64", i+2))
		out[name] = kernel.LinkState{Name: name, Index: i + 2, Up: true, Running: true, MTU: 1500, Addresses: []kernel.AddressState{{Prefix: local}}}
	}
	return out
}

// ISP is a delegation isp on wan0.
func ISP(now time.Time, prefix string) []pd.Delegation {
	return []pd.Delegation{{
		Name: "isp", Link: "wan0", Prefix: netip.MustParsePrefix(prefix), PreferredUntil: now.Add(time.Hour), ValidUntil: now.Add(2 * time.Hour),
	}}
}
