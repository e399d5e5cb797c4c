package router

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

func TestLosing(t *testing.T) {
	links := kernel.Links{
		"red":   {Name: "red", Index: 1, Kind: "vrf", Group: device.Mark, Table: 1020},
		"blue":  {Name: "blue", Index: 2, Kind: "vrf", Group: device.Mark, Table: 1010},
		"white": {Name: "white", Index: 3, Kind: "vrf", Table: 1030}, // somebody's
		"eth1":  {Name: "eth1", Index: 4, Master: 1},
		"eth2":  {Name: "eth2", Index: 5, Master: 2},
		"eth3":  {Name: "eth3", Index: 6, Master: 3},
		"eth4":  {Name: "eth4", Index: 7},
	}
	vrf := func(table uint32) device.Device { return device.Device{VRF: &device.VRF{Table: table}} }
	both := map[string]device.Device{"red": vrf(1020), "blue": vrf(1010)}
	for _, tt := range []struct {
		name    string
		devices map[string]device.Device
		members map[string]string
		want    map[uint32]bool
	}{
		{"nothing changes", both, map[string]string{"eth1": "red", "eth2": "blue"}, map[uint32]bool{}},
		{"a link comes", both, map[string]string{"eth1": "red", "eth2": "blue", "eth4": "red"}, map[uint32]bool{}},
		{"a link leaves", both, map[string]string{"eth1": "red"}, map[uint32]bool{1010: true}},
		{"a link moves", both, map[string]string{"eth1": "blue", "eth2": "blue"}, map[uint32]bool{1020: true}},
		{"another table", map[string]device.Device{"red": vrf(1021), "blue": vrf(1010)}, map[string]string{"eth1": "red", "eth2": "blue"}, map[uint32]bool{1020: true}},
		{"an instance ends", map[string]device.Device{"blue": vrf(1010)}, map[string]string{"eth2": "blue"}, map[uint32]bool{1020: true}},
		{"all end", nil, nil, map[uint32]bool{1010: true, 1020: true}},
	} {
		want := &plan.Plan{Devices: device.Config{Devices: tt.devices, Members: map[string]device.Member{}}}
		for name, master := range tt.members {
			want.Devices.Members[name] = device.Member{Master: master}
		}
		if diff := cmp.Diff(tt.want, losing(want, links)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
