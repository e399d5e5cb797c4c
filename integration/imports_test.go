package integration

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sixfold-router/sixfold/"

// mayImport has, for each package or tree of packages ("x/..."), the packages of ours that its code may import. Subsystems know
// neither the router nor one another.
var mayImport = map[string][]string{
	"cmd/sixfold":          {"router/explain", "router/health", "router/plan", "router/notify", "router/notify/render", "router/firewall/packet", "router/importer", "router/vrf", "router/device", "router/change", "router/event", "router/revision", "api", "api/metrics", "bgp", "dhcpv6", "dhcpv6/lease", "dhcpv6/pd", "integration/lab", "integration/netns", "proto/sixfold/v1", "ra", "router", "router/config", "router/kernel", "router/rib", "router/subnet", "vxlan", "vxlan/mld"},
	"router":               {"router/explain", "router/health", "router/plan", "router/notify", "router/assign", "router/advertised", "router/vrf", "router/device", "router/disk", "router/change", "router/event", "router/revision", "bgp", "dhcpv6", "dhcpv6/lease", "dhcpv6/pd", "ra", "router/config", "router/firewall", "router/firewall/packet", "router/kernel", "router/rib", "vxlan", "vxlan/mld"},
	"api":                  {"router/explain", "router/health", "router/plan", "router/notify", "router/assign", "router/firewall", "router/firewall/packet", "router/device", "router/change", "router/event", "router/revision", "bgp", "dhcpv6", "dhcpv6/lease", "dhcpv6/pd", "proto/sixfold/v1", "ra", "router", "router/config", "router/kernel", "router/rib", "vxlan", "vxlan/mld"},
	"api/apitest":          {"router/explain", "router/health", "router/plan", "router/notify", "router/firewall", "router/firewall/packet", "router/device", "router/change", "router/event", "router/revision", "api", "bgp", "dhcpv6", "dhcpv6/lease", "dhcpv6/pd", "proto/sixfold/v1", "ra", "router", "router/config", "router/kernel", "router/rib", "vxlan", "vxlan/mld"},
	"api/metrics":          {"router/health", "router/plan", "router/notify", "router/firewall", "bgp", "dhcpv6", "dhcpv6/lease", "ra", "router", "router/revision", "vxlan", "vxlan/mld"},
	"router/importer":      {"proto/sixfold/v1", "router/config"},
	"router/explain":       {"router/change", "bgp", "dhcpv6", "dhcpv6/lease", "dhcpv6/pd", "ra", "router/advertised", "router/assign", "router/config", "router/device", "router/firewall", "router/health", "router/kernel", "router/notify", "router/plan", "router/rib", "vxlan", "vxlan/mld"},
	"router/health":        {},
	"router/plan":          {"bgp", "dhcpv6", "dhcpv6/pd", "ra", "router/advertised", "router/assign", "router/config", "router/device", "router/firewall", "router/firewall/packet", "router/kernel", "router/notify", "router/rib", "router/vrf", "vxlan", "vxlan/mld"},
	"router/plan/plantest": {"dhcpv6/pd", "router/advertised", "router/assign", "router/config", "router/device", "router/kernel", "router/plan", "router/rib"},
	"router/config":        {"proto/sixfold/v1", "router/rib", "router/firewall/packet", "router/notify/render"},
	"router/kernel":        {"router/rib", "router/change", "router/disk"},
	"router/device":        {"router/change"},
	"bgp":                  {"router/rib", "router/change"},
	"dhcpv6":               {"dhcpv6/lease", "router/rib", "router/change"},
	"dhcpv6/lease":         {},
	"router/vrf":           {"router/change", "router/disk"},
	"dhcpv6/pd":            {"router/change", "router/disk"},
	"ra":                   {"router/change"},
	"vxlan":                {"router/change"},
	"router/firewall":      {"router/change", "router/firewall/packet"},
	"vxlan/mld":            {"router/change"},
	"router/rib":           {},
	"router/change":        {},
	"router/event":         {},
	"router/revision":      {"router/disk"},
	"router/disk":          {},
	"router/assign":        {"router/disk"},
	"router/advertised":    {"router/disk"},
	"router/subnet":        {},
	"proto/sixfold/v1":     {},
	"integration":          {},
	"integration/netns":    {},
	"integration/vm":       {},
	"integration/lab":      {"integration/netns", "proto/sixfold/v1", "ra", "router/change"},

	"integration/bench/commit": {"integration/netns"},
	"integration/bench/ra":     {"integration/netns"},
	"router/firewall/packet":   {},
	"router/notify":            {"router/change", "router/disk", "router/notify/render"},
	"router/notify/render":     {},

	"integration/bench/renumber": {"integration/netns"},
}

// belongsTo has, for each upstream library, the packages that may import it: its types and its bugs stay there.
var belongsTo = map[string][]string{
	"github.com/osrg/gobgp":           {"bgp"},
	"github.com/mdlayher/ndp":         {"ra"},
	"github.com/insomniacslk/dhcp":    {"dhcpv6", "dhcpv6/pd"},
	"github.com/vishvananda/netlink":  {"router/kernel", "router/device", "vxlan"},
	"google.golang.org/protobuf":      {"api", "bgp", "router/config", "router/importer", "proto/sixfold/v1", "cmd/sixfold", "integration/lab"},
	"buf.build/go":                    {"router/config"},
	"google.golang.org/grpc":          {"api", "cmd/sixfold", "proto/sixfold/v1"},
	"github.com/spf13/cobra":          {"cmd/sixfold"},
	"github.com/google/nftables":      {"router/firewall"},
	"github.com/mdlayher/netlink":     {"router/firewall"},
	"github.com/prometheus":           {"api/metrics"},
	"github.com/coreos/go-systemd":    {"cmd/sixfold"},
	"github.com/vishvananda/netns":    {},
	"github.com/sirupsen/logrus":      {},
	"google.golang.org/genproto":      {"api", "cmd/sixfold"},
	"github.com/mdlayher/packet":      {},
	"go.etcd.io":                      {},
	"github.com/bufbuild/protoyaml":   {},
	"github.com/rogpeppe/go-internal": {"api"},
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkg := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := mayImport[pkg]
		if !known {
			t.Errorf("%s is a new package: say in mayImport what it may import", pkg)
		}
		for _, i := range p.Imports {
			if ours, ok := strings.CutPrefix(i, module); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", pkg, ours)
			}
			for lib, owners := range belongsTo {
				if (i == lib || strings.HasPrefix(i, lib+"/")) && !slices.Contains(owners, pkg) {
					t.Errorf("%s imports %s, which belongs to %v", pkg, i, owners)
				}
			}
		}
	}
}
