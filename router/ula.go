package router

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/sixfold-router/sixfold/router/disk"
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
