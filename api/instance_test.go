package api

import (
	"context"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sixfold-router/sixfold/api/apitest"
	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/explain"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// instanced is the sample with two VRFs, in which the same prefix is leased and a neighbor has the same name.
func instanced() *apitest.Backend {
	b := apitest.Sample(sampleNow)
	neighbor := bgp.NeighborStatus{Neighbor: bgp.Neighbor{Name: "isp", Address: netip.MustParseAddr("fe80::1%up1"), RemoteAS: 65001}, State: "established"}
	b.VRFSpeakers = []router.BGPStatus{
		{VRF: "blue", Status: bgp.Status{ASN: 64500, Running: true, Neighbors: []bgp.NeighborStatus{neighbor}}},
		{VRF: "red", Status: bgp.Status{ASN: 64501, Running: true}},
	}
	for _, vrf := range []string{"blue", "red"} {
		l := lease.Lease{Key: lease.Key{DUID: "x", Kind: lease.Prefix, Link: "lan-" + vrf}, Prefix: netip.MustParsePrefix("2001:db8:100::/56")}
		b.LeaseList = append(b.LeaseList, router.LeaseStatus{VRF: vrf, Lease: l})
		b.NeighborList = append(b.NeighborList, kernel.Neighbor{Link: "lan-" + vrf, VRF: vrf, Address: netip.MustParseAddr("2001:db8:1::5"), State: "stale"})
	}
	b.Explanations["blue 2001:db8:1::5"] = explain.Explanation{Kind: "address", Subject: "2001:db8:1::5", Summary: "in blue"}
	return b
}

func TestInstances(t *testing.T) {
	conn, _, _ := running(t, instanced())
	c := sixfoldv1.NewStateServiceClient(conn)
	for _, tt := range []struct {
		vrf, is   string
		asn       uint32
		neighbors int
	}{{"", "", 65004, 2}, {"default", "", 65004, 2}, {"blue", "blue", 64500, 1}, {"red", "red", 64501, 0}} {
		m, err := c.GetBgp(t.Context(), &sixfoldv1.GetBgpRequest{Vrf: tt.vrf})
		if err != nil || m.GetVrf() != tt.is || m.GetAsn() != tt.asn || len(m.GetNeighbors()) != tt.neighbors {
			t.Errorf("%q: %v, %v", tt.vrf, m, err)
		}
		if diff := cmp.Diff([]string{"blue", "red"}, m.GetVrfs()); diff != "" {
			t.Errorf("%q: VRFs (-want +got):\n%s", tt.vrf, diff)
		}
		for _, n := range m.GetNeighbors() {
			if n.GetVrf() != tt.is {
				t.Errorf("%q: %v", tt.vrf, n)
			}
		}
	}
	for vrf, want := range map[string]int{"": 5, "default": 3, "blue": 1, "red": 1, "green": 0} {
		leases, err := c.ListLeases(t.Context(), &sixfoldv1.ListLeasesRequest{Vrf: vrf})
		if err != nil || len(leases.GetLeases()) != want {
			t.Errorf("leases in %q: %v, %v", vrf, leases, err)
		}
		neighbors, err := c.ListNeighbors(t.Context(), &sixfoldv1.ListNeighborsRequest{Vrf: vrf})
		if err != nil || len(neighbors.GetNeighbors()) != want {
			t.Errorf("neighbors in %q: %v, %v", vrf, neighbors, err)
		}
	}
	// Equal prefixes of instances are pages of their own.
	var got []string
	token := ""
	for {
		m, err := c.ListLeases(t.Context(), &sixfoldv1.ListLeasesRequest{Kind: "prefix", PageSize: 1, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range m.GetLeases() {
			got = append(got, l.GetPrefix()+" "+l.GetVrf())
		}
		if token = m.GetNextPageToken(); token == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"2001:db8:1:100::/60 ", "2001:db8:100::/56 blue", "2001:db8:100::/56 red"}, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	e, err := c.Explain(t.Context(), &sixfoldv1.ExplainRequest{Subject: "2001:db8:1::5", Vrf: "blue"})
	if err != nil || e.GetSummary() != "in blue" {
		t.Errorf("explain: %v, %v", e, err)
	}
}

func TestPathsOfInstances(t *testing.T) {
	b := instanced()
	conn, _, _ := running(t, b)
	c := sixfoldv1.NewStateServiceClient(conn)
	if _, err := c.ListBgpPaths(t.Context(), &sixfoldv1.ListBgpPathsRequest{Vrf: "blue", Neighbor: "isp"}); err != nil || b.FilterVRF() != "blue" || b.Filter().Neighbor != "isp" {
		t.Errorf("paths of %q: %v", b.FilterVRF(), err)
	}
	for _, req := range []*sixfoldv1.ListBgpPathsRequest{{Vrf: "green"}, {Vrf: "red", Neighbor: "isp"}} {
		if _, err := c.ListBgpPaths(t.Context(), req); status.Code(err) != codes.NotFound {
			t.Errorf("%v: %v", req, err)
		}
	}
}

func TestOperateInInstances(t *testing.T) {
	b := instanced()
	conn, _, _ := running(t, b)
	c := sixfoldv1.NewOperateServiceClient(conn)
	var want []string
	for _, tt := range []struct {
		do         func(context.Context) (proto.Message, error)
		done, text string
	}{
		{call(c.ReleaseLease, &sixfoldv1.ReleaseLeaseRequest{Prefix: "2001:db8:100::/56", Vrf: "red"}), "release lease 2001:db8:100::/56 in red", ""},
		{call(c.ReleaseLease, &sixfoldv1.ReleaseLeaseRequest{Prefix: "2001:db8:100::/56"}), "", "no lease of 2001:db8:100::/56; there is one in VRF blue, red"},
		{call(c.ReleaseLease, &sixfoldv1.ReleaseLeaseRequest{Prefix: "2001:db8:100::/56", Vrf: "green"}), "", "no lease of 2001:db8:100::/56 in VRF green; there is one in VRF blue, red"},
		{call(c.ReleaseLease, &sixfoldv1.ReleaseLeaseRequest{Prefix: "2001:db8:1::5054", Vrf: "default"}), "release lease 2001:db8:1::5054/128", ""},
		{call(c.ResetBgpNeighbor, &sixfoldv1.ResetBgpNeighborRequest{Name: "isp", Vrf: "blue", Soft: true}), "reset neighbor isp soft=true in blue", ""},
		{call(c.ResetBgpNeighbor, &sixfoldv1.ResetBgpNeighborRequest{Name: "isp", Vrf: "default"}), "reset neighbor isp soft=false", ""},
		{call(c.ResetBgpNeighbor, &sixfoldv1.ResetBgpNeighborRequest{Name: "lab", Vrf: "blue"}), "", `no BGP neighbor in VRF blue "lab": there is isp`},
		{call(c.ResetBgpNeighbor, &sixfoldv1.ResetBgpNeighborRequest{Name: "isp", Vrf: "green"}), "", `no VRF with BGP "green": there are blue, red`},
	} {
		_, err := tt.do(t.Context())
		if got := status.Convert(err).Message(); got != tt.text {
			t.Errorf("%q, want %q", got, tt.text)
		}
		if tt.done != "" {
			want = append(want, tt.done)
		}
		if diff := cmp.Diff(want, b.Done()); diff != "" {
			t.Errorf("the backend was told (-want +got):\n%s", diff)
		}
	}
}
