package main

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// What is in VRFs has a column for them, and what is in none has not.
func TestTablesOfInstances(t *testing.T) {
	session := &sixfoldv1.BgpNeighborState{Name: "isp", Address: "fe80::2%up2", RemoteAs: 64501, State: "established", Import: "all", Export: "all", Vrf: "red"}
	for _, tt := range []struct {
		name  string
		print func(printer) error
		want  string
	}{
		{"the speaker of a VRF", func(p printer) error {
			return printBGP(p, &sixfoldv1.GetBgpResponse{Asn: 64500, RouterId: "192.0.2.1", Running: true, Vrf: "red", Vrfs: []string{"blue", "red"}, Neighbors: []*sixfoldv1.BgpNeighborState{session}})
		}, `AS 64500, router id 192.0.2.1, running in VRF red

NAME  ADDRESS         AS  STATE        FOR  RECEIVED  ACCEPTED  ADVERTISED  FLAPS  NOTE
isp   fe80::2%up2  64501  established  -           0         0           0      0  -
`},
		{"the speaker of the default instance", func(p printer) error {
			return printBGP(p, &sixfoldv1.GetBgpResponse{Asn: 64500, RouterId: "192.0.2.1", Running: true, Vrfs: []string{"blue", "red"}})
		}, `AS 64500, router id 192.0.2.1, running
BGP also runs in blue, red: see --vrf

`},
		{"speakers of VRFs only", func(p printer) error { return printBGP(p, &sixfoldv1.GetBgpResponse{Vrfs: []string{"blue"}}) }, ""},
		{"leases", func(p printer) error {
			return printLeases(p, &sixfoldv1.ListLeasesResponse{Leases: []*sixfoldv1.Lease{
				{Prefix: "2001:db8:100::/56", Kind: "prefix", Link: "lan1", Duid: "0001", Pool: "sites", Routed: true, Vrf: "blue", ValidUntil: timestamppb.New(tableNow)},
				{Prefix: "2001:db8:100::/56", Kind: "prefix", Link: "lan0", Duid: "0001", Pool: "sites", ValidUntil: timestamppb.New(tableNow)},
			}})
		}, `LEASE              KIND    LINK  MAC  CLIENT  DUID  EXPIRES  POOL   ROUTE  VRF
2001:db8:100::/56  prefix  lan1  -    -       0001  expired  sites  yes    blue
2001:db8:100::/56  prefix  lan0  -    -       0001  expired  sites  no     -
`},
		{"neighbors", func(p printer) error {
			return printNeighbors(p, &sixfoldv1.ListNeighborsResponse{Neighbors: []*sixfoldv1.NeighborEntry{{Link: "lan1", Address: "2001:db8:1::5", State: "stale", Vrf: "blue"}}})
		}, `LINK  ADDRESS        MAC  STATE  ROLE  VRF
lan1  2001:db8:1::5  -    stale  -     blue
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, notes bytes.Buffer
			if err := tt.print(printer{out: &out, err: &notes, now: tableNow}); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if tt.want == "" && !strings.Contains(notes.String(), "no BGP outside of VRFs; BGP also runs in blue: see --vrf") {
				t.Errorf("notes: %s", notes.String())
			}
		})
	}
}
