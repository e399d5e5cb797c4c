package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// TestManyLinks: 200 links that a pattern names are all advertised on, and so is one that comes later, with the host on it served.
func TestManyLinks(t *testing.T) {
	t.Parallel()
	const links = 200
	router, hosts, late := host(t, "router"), host(t, "hosts"), host(t, "late")
	// Hosts that took the advertisements would fill the neighbor table, which all namespaces share.
	must(t, hosts.Sysctl("net.ipv6.conf.default.disable_ipv6=1"))
	batch := func(n *netns.Node, lines string) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(n.Root(), "run/batch"), []byte(lines), 0o644))
		_, err := n.Run("ip", "-batch", "/run/batch")
		must(t, err)
	}
	var pairs, up strings.Builder
	for n := 1; n <= links; n++ {
		fmt.Fprintf(&pairs, "link add vnet%d type veth peer name vnet%d netns %s\n", n, n, hosts.NetFile())
		fmt.Fprintf(&up, "link set vnet%d up\n", n)
	}
	batch(router, pairs.String())
	batch(hosts, up.String())
	began := time.Now()
	run(t, router, "interfaces:\n  vnet*: {advertise: {prefixes: {\"2001:db8:1::/64\": {}}}}\n")
	sent := func(want int) func() error {
		return func() error {
			out, err := router.Run(sixfold, "show", "ra", "--json")
			if err != nil {
				return err
			}
			var shown struct {
				Advertisements []struct {
					Link string
					Sent string
				}
			}
			if err := json.Unmarshal([]byte(out), &shown); err != nil {
				return fmt.Errorf("%w in %.200s", err, out)
			}
			n := 0
			for _, a := range shown.Advertisements {
				if a.Sent != "" && a.Sent != "0" {
					n++
				}
			}
			if n != want {
				return fmt.Errorf("advertised on %d links, want %d", n, want)
			}
			return nil
		}
	}
	eventually(t, "advertised on all", sent(links))
	t.Logf("advertised on %d links within %s of the start", links, time.Since(began))
	began = time.Now()
	cable(t, end(router, "vnet9999"), end(late, "eth0"))
	eventually(t, "the late host has an address", late.Expect("ip -6 addr show dev eth0", "inet6 2001:db8:1:"))
	t.Logf("a host on a new link has an address after %s", time.Since(began))
	must(t, sent(links+1)())
}
