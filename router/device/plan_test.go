package device

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
)

// TestPlan has what a configuration does to links that are there, in words.
func TestPlan(t *testing.T) {
	bond := present{Name: "bond0", Index: 2, Kind: "bond", Group: Mark, Data: with(nil, Bond{Mode: ActiveBackup}.settings(0))}
	vlan := func(id uint16) present {
		return present{Name: "v", Index: 3, Lower: 2, Kind: "vlan", Group: Mark, Data: with(nil, VLAN{ID: id}.settings())}
	}
	tun := GRE{Local: netip.MustParseAddr("192.0.2.1"), Remote: netip.MustParseAddr("192.0.2.2"), TTL: 64}
	for name, c := range map[string]struct {
		have snapshot
		want Config
		ops  []string // object and action
		bad  []string
	}{
		"a VLAN waits for a bond, and that for its port": {
			have: snapshot{{Name: "p0", Index: 1, Up: true}},
			want: Config{
				Devices: map[string]Device{"bond0": {Bond: &Bond{Mode: ActiveBackup}}, "v": {VLAN: &VLAN{Link: "bond0", ID: 7}}},
				Members: map[string]Member{"p0": {Master: "bond0"}},
			},
			ops: []string{"bond0: create as bond in mode active-backup", "p0: make a port of bond0", "v: create as vlan 7 on bond0"},
		},
		"another id makes another VLAN": {
			have: snapshot{bond, vlan(7)},
			want: Config{Devices: map[string]Device{"bond0": {Bond: &Bond{Mode: ActiveBackup}}, "v": {VLAN: &VLAN{Link: "bond0", ID: 8}}}},
			ops:  []string{"v: make anew as vlan 8 on bond0"},
		},
		"a bond of another mode takes with it what lies on it": {
			have: snapshot{bond, vlan(7), {Name: "vx", Index: 9, Lower: 3, Kind: "vxlan"}},
			want: Config{Devices: map[string]Device{"bond0": {Bond: &Bond{}}, "v": {VLAN: &VLAN{Link: "bond0", ID: 7}}}},
			ops:  []string{"bond0: make anew as bond in mode balance-rr", "v: create as vlan 7 on bond0"},
		},
		"links of others": {
			have: snapshot{{Name: "br0", Index: 1, Kind: "bridge"}, {Name: "p0", Index: 2}, {Name: "eth9", Index: 3, Master: 1}},
			want: Config{Devices: map[string]Device{"br0": {Bridge: &Bridge{}}}, Members: map[string]Member{"p0": {Master: "br0"}, "eth9": {}}},
			bad:  []string{"br0: there is a link br0 already, of kind bridge, which is not ours: remove it, or configure another name"},
		},
		"no link below, no master, nothing to be": {
			have: snapshot{{Name: "p0", Index: 2}, {Name: "p1", Index: 3}},
			want: Config{
				Devices: map[string]Device{"v": {VLAN: &VLAN{Link: "gone", ID: 7}}, "nothing": {}, "gre1": {GRE: &tun}},
				Members: map[string]Member{"p0": {Master: "p1"}, "p1": {Master: "gone"}, "later": {Master: "p0"}},
			},
			ops: []string{"gre1: create as gre tunnel from 192.0.2.1 to 192.0.2.2"},
			bad: []string{
				"nothing: nothing says what kind of device it is", "p0: p1 is no bridge, bond or VRF",
				"p1: there is no link gone, which it lies on", "v: there is no link gone, which it lies on",
			},
		},
		"what an earlier process left": {
			have: snapshot{bond, vlan(7), {Name: "p0", Index: 5, Group: groupPort, Master: 2}, {Name: "p1", Index: 6, Group: groupPort}},
			ops:  []string{"p0: release from bond0", "p1: release", "bond0: remove", "v: remove"},
		},
		"a kernel without VLANs on bridges": {
			have: snapshot{{Name: "br0", Index: 1, Kind: "bridge", Group: Mark, Data: with(nil, Bridge{}.settings(false)[:6])}},
			want: Config{Devices: map[string]Device{"br0": {Bridge: &Bridge{VLANFiltering: true}}}},
			bad:  []string{"br0: this kernel has no filtering of VLANs on bridges"},
		},
		"tunnels are written whole, and told of in part": {
			have: snapshot{{Name: "gre1", Index: 1, Kind: "gre", Group: Mark, Data: with(nil, GRE{Local: tun.Local, Remote: tun.Remote, TTL: 9}.settings(0))}},
			want: Config{Devices: map[string]Device{"gre1": {GRE: &tun}}},
			ops:  []string{"gre1: set ttl 64"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := foresee(c.want, c.have, map[int]original{}, nil)
			var ops []string
			for _, o := range p.Ops {
				ops = append(ops, o.Object+": "+o.Action)
			}
			if diff := cmp.Diff(c.ops, ops); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.bad, append([]string(nil), p.Refused...)); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSTPOff has the kernel told in two messages: it would refuse the short delay of a bridge that runs the spanning tree.
func TestSTPOff(t *testing.T) {
	have := Bridge{STP: true, ForwardDelay: 15e9}
	different, _ := differing(Bridge{}.settings(true), with(nil, have.settings(false)))
	if len(different) != 2 || different[0].attr != nl.IFLA_BR_STP_STATE || !different[0].alone || different[1].alone {
		t.Errorf("changes %q", texts(different))
	}
}

func TestApplyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := New(slog.New(slog.DiscardHandler))
	if err := m.Apply(ctx, Config{Devices: map[string]Device{"br0": {Bridge: bridge()}}}); err == nil || !strings.Contains(err.Error(), "canceled") || m.Writes() != 0 {
		t.Errorf("Apply: %v after %d writes", err, m.Writes())
	}
}
