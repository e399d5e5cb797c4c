package api

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sixfold-router/sixfold/api/apitest"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/rib"
)

func TestVRFs(t *testing.T) {
	b := &apitest.Backend{
		VRFList: []router.VRFStatus{{Name: "vrf10", Table: 10}, {Name: "vrf9", Table: 9}, {Name: "mgmt", Table: 1001, Management: true, Up: true}},
		RouteList: []router.RouteStatus{
			{Route: rib.Route{Prefix: netip.MustParsePrefix("::/0")}},
			{Route: rib.Route{Prefix: netip.MustParsePrefix("::/0"), Table: 1001}, VRF: "mgmt"},
			{Route: rib.Route{Prefix: netip.MustParsePrefix("2001:db8::/32"), Table: 1001}, VRF: "mgmt"},
			{Route: rib.Route{Prefix: netip.MustParsePrefix("2001:db8::/32"), Table: 9}, VRF: "vrf9"},
		},
		Resolutions: map[string]router.Resolved{"www.example": {Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::80")}, VRF: "mgmt"}},
	}
	s := &stateService{backend: b}
	listed, err := s.ListVrfs(t.Context(), &sixfoldv1.ListVrfsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range listed.GetVrfs() {
		names = append(names, v.GetName())
	}
	if diff := cmp.Diff([]string{"mgmt", "vrf9", "vrf10"}, names); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	for vrf, want := range map[string][]string{
		"":        {"::/0 ", "::/0 mgmt", "2001:db8::/32 mgmt", "2001:db8::/32 vrf9"},
		"default": {"::/0 "},
		"mgmt":    {"::/0 mgmt", "2001:db8::/32 mgmt"},
		"vrf10":   nil,
	} {
		r, err := s.ListRoutes(t.Context(), &sixfoldv1.ListRoutesRequest{Vrf: vrf})
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]bool{}
		for _, x := range r.GetRoutes() {
			count[x.GetPrefix()+" "+x.GetVrf()] = true
		}
		wanted := map[string]bool{}
		for _, w := range want {
			wanted[w] = true
		}
		if diff := cmp.Diff(wanted, count); diff != "" {
			t.Errorf("routes of %q (-want +got):\n%s", vrf, diff)
		}
	}
	if _, err := s.ListRoutes(t.Context(), &sixfoldv1.ListRoutesRequest{Vrf: "nope"}); status.Code(err) != codes.NotFound {
		t.Errorf("routes of an unknown VRF: %v", err)
	}

	o := &operateService{backend: b}
	found, err := o.Resolve(t.Context(), &sixfoldv1.ResolveRequest{Name: "www.example"})
	if err != nil || found.GetVrf() != "mgmt" || len(found.GetAddresses()) != 1 {
		t.Errorf("resolved %v, %v", found, err)
	}
	for name, code := range map[string]codes.Code{"": codes.InvalidArgument, "a b": codes.InvalidArgument, "x.example": codes.NotFound, apitest.Silent: codes.Aborted} {
		if _, err := o.Resolve(t.Context(), &sixfoldv1.ResolveRequest{Name: name}); status.Code(err) != code {
			t.Errorf("resolve %q: %v, want %v", name, err, code)
		}
	}
}
