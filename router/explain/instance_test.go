package explain

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// A subject is looked for where it is: the same address may be in each instance.
func TestViewOfAnInstance(t *testing.T) {
	conf := &config.Config{
		Interfaces: []config.Interface{{Name: "lan0"}, {Name: "lan1"}, {Name: "lan2"}},
		BGP:        &config.BGP{Neighbors: []config.Neighbor{{Name: "isp"}}},
		VRFs: []config.VRF{
			{Name: "blue", Table: 1010, Interfaces: []string{"lan1"}, BGP: &config.BGP{Neighbors: []config.Neighbor{{Name: "peer"}}}},
			{Name: "red", Table: 1020, Interfaces: []string{"lan2"}},
		},
	}
	address := []kernel.AddressState{{Prefix: netip.MustParsePrefix("2001:db8:1::1/64")}}
	all := View{
		Config: conf,
		Links: kernel.Links{
			"blue": {Name: "blue", Index: 10, Kind: "vrf", Table: 1010}, "red": {Name: "red", Index: 11, Kind: "vrf", Table: 1020},
			"lan0": {Name: "lan0", Index: 1}, "lan1": {Name: "lan1", Index: 2, Master: 10, Addresses: address, Parent: 5},
			"lan2": {Name: "lan2", Index: 3, Master: 11, Addresses: address}, "eth0": {Name: "eth0", Index: 5},
		},
		Plan: &plan.Plan{
			BGP:  bgp.Config{ASN: 1},
			DHCP: dhcpv6.Config{Rate: 1},
			Instances: map[string]plan.Instance{
				"blue": {Table: 1010, BGP: bgp.Config{ASN: 2}, DHCP: dhcpv6.Config{Rate: 2}}, "red": {Table: 1020},
			},
			Kernel: kernel.Config{Links: map[string]kernel.Link{"lan0": {}, "lan1": {}, "lan2": {}, "blue": {}, "red": {}}},
		},
	}
	for _, tt := range []struct {
		vrf        string
		table      uint32
		links      string
		planned    string
		asn        uint32
		neighbors  []string
		interfaces int
	}{
		{"", rib.MainTable, "eth0 lan0", "lan0", 1, []string{"isp"}, 1},
		{"blue", 1010, "blue eth0 lan1", "blue lan1", 2, []string{"peer"}, 1},
		{"red", 1020, "lan2 red", "lan2 red", 0, nil, 1},
	} {
		t.Run("in "+tt.vrf, func(t *testing.T) {
			v := all.Within(tt.vrf, tt.table)
			if got := strings.Join(slices.Sorted(maps.Keys(v.Links)), " "); got != tt.links {
				t.Errorf("links %s, want %s", got, tt.links)
			}
			if got := strings.Join(slices.Sorted(maps.Keys(v.Plan.Kernel.Links)), " "); got != tt.planned {
				t.Errorf("planned %s, want %s", got, tt.planned)
			}
			if v.Plan.BGP.ASN != tt.asn || len(v.Config.Interfaces) != tt.interfaces || !slices.Equal(v.names(KindNeighbor), tt.neighbors) {
				t.Errorf("AS %d, %d interfaces, neighbors %v", v.Plan.BGP.ASN, len(v.Config.Interfaces), v.names(KindNeighbor))
			}
		})
	}
	if len(all.Links) != 6 || len(all.Config.Interfaces) != 3 || len(all.Plan.Kernel.Links) != 5 {
		t.Error("the view of all changed")
	}
}
