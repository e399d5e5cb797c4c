package router

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/disk"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// loadDUID returns the DHCP unique identifier that is kept in dir, and makes one at the first start: a DUID-LL of the lowest
// hardware address, as RFC 8415 11.4 has it. It is on disk before it is used, so that it stays the same when cards change.
func loadDUID(dir string, links kernel.Links) ([]byte, error) {
	path := filepath.Join(dir, "duid")
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		duid, err := hex.DecodeString(string(bytes.TrimSpace(text)))
		if err != nil || len(duid) < 3 || len(duid) > 130 {
			return nil, fmt.Errorf("%s is not a DUID in hexadecimal: mend it, or remove it to get a new one", path)
		}
		return duid, nil
	case !os.IsNotExist(err):
		return nil, err
	}
	duid := pd.DUIDFromMAC(lowestMAC(links))
	if err := disk.WriteFile(path, []byte(hex.EncodeToString(duid)+"\n")); err != nil {
		return nil, fmt.Errorf("keep the DUID: %w", err)
	}
	return duid, nil
}

// lowestMAC returns the lowest hardware address of the machine, or a random one that is marked as local if it has none.
func lowestMAC(links kernel.Links) net.HardwareAddr {
	var lowest net.HardwareAddr
	for _, l := range links {
		if len(l.MAC) != 6 || l.Loopback || l.Kind == "vxlan" || bytes.Equal(l.MAC, make([]byte, 6)) {
			continue
		}
		if lowest == nil || bytes.Compare(l.MAC, lowest) < 0 {
			lowest = l.MAC
		}
	}
	if lowest == nil {
		lowest = make(net.HardwareAddr, 6)
		rand.Read(lowest)
		lowest[0] = lowest[0]&^1 | 2
	}
	return lowest
}
