package router

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/disk"
	"github.com/sixfold-router/sixfold/router/plan"
)

// loadULA returns the unique local prefix that is kept in dir, and makes one at the first start: fd00::/8 and 40 random bits, the Global
// ID of RFC 4193 3.2.
func loadULA(dir string) (netip.Prefix, error) {
	path := filepath.Join(dir, "ula")
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		p, err := netip.ParsePrefix(strings.TrimSpace(string(text)))
		if err != nil || p.Bits() != 48 || p.Addr().As16()[0] != 0xfd || p != p.Masked() {
			return netip.Prefix{}, fmt.Errorf("%s is not a /48 of fd00::/8: mend it, or remove it to get a new one", path)
		}
		return p, nil
	case !os.IsNotExist(err):
		return netip.Prefix{}, err
	}
	var a [16]byte
	rand.Read(a[1:6])
	a[0] = 0xfd
	p := netip.PrefixFrom(netip.AddrFrom16(a), 48)
	if err := disk.WriteFile(path, []byte(p.String()+"\n")); err != nil {
		return netip.Prefix{}, fmt.Errorf("keep the unique local prefix: %w", err)
	}
	return p, nil
}

// ulaStatus shows the unique local prefix among those that are delegated to us.
func ulaStatus(prefix netip.Prefix, uses map[string][]plan.PrefixUse, parts func(string, *pd.Delegation) []plan.Part) []PrefixStatus {
	if !prefix.IsValid() {
		return nil
	}
	// As of a delegation with infinite lifetimes.
	forever := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	s := PrefixStatus{Uses: uses[config.ULA]}
	s.Name, s.State = config.ULA, "local"
	s.Delegation = &pd.Delegation{Name: config.ULA, Prefix: prefix, PreferredUntil: forever, ValidUntil: forever}
	s.Parts = parts(config.ULA, s.Delegation)
	return []PrefixStatus{s}
}
