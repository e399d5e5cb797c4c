package bgp

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/rib"
)

// Preview tells what Apply would do, and does nothing. ready says whether a link has a link-local address of ours: a neighbor with
// a link-local address on one that has not is left out, as Apply leaves it for later.
func (s *Speaker) Preview(want Config, ready func(link string) bool) ([]change.Op, error) {
	if err := want.Validate(); err != nil {
		return nil, err
	}
	s.apply.Lock()
	defer s.apply.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	f := foresight{want: want, ready: ready, sessions: s.sessions, inst: s.inst, early: map[string]bool{}}
	if s.inst != nil && s.inst.early(want, time.Now()) {
		for name, n := range s.want.Neighbors {
			f.early[name] = want.Neighbors[name] == n
		}
	}
	return f.ops(), nil
}

// foresight is what a preview follows from.
type foresight struct {
	want     Config
	ready    func(string) bool
	sessions map[netip.Addr]*sessionState
	inst     *instance       // nil: BGP does not run
	early    map[string]bool // neighbors that wait for the routes that they will be told
}

func (f *foresight) ops() []change.Op {
	switch {
	case f.inst == nil && f.want.ASN == 0:
		return nil
	case f.inst == nil:
		ops := []change.Op{{Object: "bgp", Action: fmt.Sprintf("start as AS %d with router id %s", f.want.ASN, f.want.RouterID)}}
		return append(ops, f.adds(nil)...)
	case f.want.ASN == 0:
		ops := []change.Op{{Class: change.Delete, Object: "bgp", Action: "stop"}}
		for _, n := range f.inst.unwanted(Config{}) {
			ops = append(ops, f.gone(n))
		}
		return ops
	case !f.inst.serves(f.want):
		return f.anew()
	}
	return f.inPlace()
}

// anew tells of a speaker that ends, with all its sessions, and starts again.
func (f *foresight) anew() []change.Op {
	var with []string
	if f.inst.asn != f.want.ASN {
		with = append(with, fmt.Sprintf("AS %d", f.want.ASN))
	}
	if f.inst.id != f.want.RouterID {
		with = append(with, fmt.Sprintf("router id %s", f.want.RouterID))
	}
	if port := listenPort(f.want); f.inst.port != port {
		with = append(with, fmt.Sprintf("port %d", port))
	}
	if f.inst.device != f.want.Device || f.inst.index != f.want.Index {
		with = append(with, "device "+cmp.Or(f.want.Device, "any"))
	}
	ops := []change.Op{{Class: change.Recreate, Object: "bgp", Action: "start again with " + strings.Join(with, ", ")}}
	for _, n := range f.inst.unwanted(f.want) {
		ops = append(ops, f.gone(n))
	}
	again := map[netip.Addr]bool{}
	for _, n := range byAddress(f.want) {
		have, ok := f.inst.peers[n.Address]
		if !ok {
			continue
		}
		again[n.Address] = true
		ops = append(ops, change.Op{
			Class: change.Recreate, Object: object(n), Disturbs: f.session(have),
			Action: strings.Join(append(differences(have, n), "the session starts again"), "; "),
		})
	}
	return append(ops, f.adds(again)...)
}

// adds tells of the neighbors that will be new, without those in known.
func (f *foresight) adds(known map[netip.Addr]bool) []change.Op {
	var ops []change.Op
	for _, n := range byAddress(f.want) {
		if !known[n.Address] && f.linkReady(n.Address) {
			ops = append(ops, added(n))
		}
	}
	return ops
}

func added(n Neighbor) change.Op {
	op := change.Op{Object: object(n), Action: fmt.Sprintf("add %s, AS %d", n.Address, n.RemoteAS)}
	if n.Shutdown {
		op.Action += ", shut down"
	}
	return op
}

// inPlace tells what changes while the speaker goes on.
func (f *foresight) inPlace() []change.Op {
	var ops []change.Op
	moved := map[string]Neighbor{} // neighbors that get another address, by name
	for _, n := range f.inst.unwanted(f.want) {
		next, ok := f.want.Neighbors[n.Name]
		if _, taken := f.inst.peers[next.Address]; ok && !taken && f.linkReady(next.Address) {
			moved[n.Name] = n
			continue
		}
		ops = append(ops, f.gone(n))
	}
	announce := f.announced()
	settled := map[netip.Addr]bool{} // whose routes need not be evaluated again
	var sessions []change.Op
	for _, n := range byAddress(f.want) {
		have := f.inst.peers[n.Address]
		op := change.Op{Object: object(n), Action: strings.Join(differences(have, n), ", ")}
		switch f.inst.next(n, f.linkReady(n.Address)) {
		case stay, wait:
			continue
		case suspend:
			op.Class, op.Action, op.Disturbs = change.Delete, "remove until its link is back", f.session(have)
			settled[n.Address] = true
		case create:
			if f.early[n.Name] {
				continue
			}
			settled[n.Address] = true
			op = added(n)
			if old, ok := moved[n.Name]; ok {
				op.Class, op.Disturbs = change.Recreate, f.session(old)
				op.Action = strings.Join(append(differences(old, n), "the session starts again"), "; ")
			}
		case restart:
			settled[n.Address] = true
			op.Class, op.Disturbs = change.Recreate, f.session(have)
			op.Action += "; the session starts again"
			if n.Shutdown && !have.Shutdown {
				op.Class, op.Action = change.Delete, "shut down"
			} else if have.Shutdown {
				op.Class = change.Live
			}
		case retime:
			op.Action += " from the next session on"
		case relabel:
			if op.Action == "" { // the same in other words
				continue
			}
		}
		if st := f.sessions[n.Address]; st != nil && st.limited && op.Class == change.Live {
			op.Action += "; try again after its import limit"
		}
		sessions = append(sessions, op)
	}
	filters := f.filters(settled)
	if next := compile(f.want); len(ops)+len(sessions)+len(filters) == 0 && !next.equal(f.inst.policy) {
		filters = append(filters, change.Op{Object: "filters", Action: "change what no neighbor uses"})
	}
	return slices.Concat(ops, filters, announce, sessions)
}

// filters tells whose routes are evaluated again, in place.
func (f *foresight) filters(settled map[netip.Addr]bool) []change.Op {
	if f.inst.policy == nil {
		return nil
	}
	names := map[netip.Addr]Neighbor{}
	for _, n := range f.want.Neighbors {
		names[n.Address] = n
	}
	in, out := f.inst.touched(f.inst.policy, compile(f.want), func(a netip.Addr) bool { return settled[a] || names[a].Name == "" })
	var ops []change.Op
	for _, n := range byAddress(f.want) {
		if slices.Contains(in, n.Address) {
			ops = append(ops, change.Op{Object: object(n), Action: "filter its routes again with " + filterName("import", n.Import)})
		}
		if slices.Contains(out, n.Address) {
			ops = append(ops, change.Op{Object: object(n), Action: "filter our routes to it again with " + filterName("export", n.Export)})
		}
	}
	return ops
}

func filterName(kind, name string) string {
	if name == "" {
		return "no " + kind + " filter: none pass"
	}
	return kind + " filter " + name
}

// announced tells of the sources that are announced from now on, or no more.
func (f *foresight) announced() []change.Op {
	f.inst.announce.mu.Lock()
	have := f.inst.announce.sources
	f.inst.announce.mu.Unlock()
	if slices.Equal(have, f.want.Announce) {
		return nil
	}
	var more, less []string
	for _, src := range rib.Sources {
		was, is := slices.Contains(have, src), slices.Contains(f.want.Announce, src)
		switch {
		case is && !was:
			more = append(more, src.String())
		case was && !is:
			less = append(less, src.String())
		}
	}
	var ops []change.Op
	if len(more) > 0 {
		ops = append(ops, change.Op{Object: "bgp", Action: "announce " + strings.Join(more, ", ") + " routes"})
	}
	if len(less) > 0 {
		ops = append(ops, change.Op{
			Class: change.Delete, Object: "bgp", Action: "withdraw " + strings.Join(less, ", ") + " routes",
			Disturbs: "traffic that neighbors send to these routes",
		})
	}
	return ops
}

func (f *foresight) gone(n Neighbor) change.Op {
	return change.Op{Class: change.Delete, Object: object(n), Action: "remove", Disturbs: f.session(n)}
}

// session names the session of n if it is up.
func (f *foresight) session(n Neighbor) string {
	if st := f.sessions[n.Address]; st != nil && st.state == packet.BGP_FSM_ESTABLISHED {
		return "the session with " + n.Name
	}
	return ""
}

func (f *foresight) linkReady(addr netip.Addr) bool {
	return addr.Zone() == "" || f.ready(addr.Zone())
}

func object(n Neighbor) string { return "neighbor " + n.Name }

// differences says what has to change in a neighbor. It does not tell a password.
func differences(have, n Neighbor) []string {
	var out []string
	add := func(differ bool, format string, args ...any) {
		if differ {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(have.Name != n.Name, "rename from %s", have.Name)
	add(have.Address != n.Address, "change address from %s to %s", have.Address, n.Address)
	add(have.RemoteAS != n.RemoteAS, "change AS from %d to %d", have.RemoteAS, n.RemoteAS)
	add(have.LocalAddress != n.LocalAddress && n.LocalAddress.IsValid(), "change local address to %s", n.LocalAddress)
	add(have.LocalAddress != n.LocalAddress && !n.LocalAddress.IsValid(), "leave the local address to the kernel")
	add(have.session().HoldTime != n.session().HoldTime, "change hold time to %s", change.Span(n.session().HoldTime))
	add(have.Password != n.Password && n.Password != "", "change the password")
	add(have.Password != n.Password && n.Password == "", "remove the password")
	add(have.Passive != n.Passive && n.Passive, "wait for it to connect")
	add(have.Passive != n.Passive && !n.Passive, "connect to it")
	add(have.Multihop != n.Multihop && n.Multihop != 0, "change multihop to %d", n.Multihop)
	add(have.Multihop != n.Multihop && n.Multihop == 0, "switch multihop off")
	add(have.Shutdown != n.Shutdown && n.Shutdown, "shut down")
	add(have.Shutdown != n.Shutdown && !n.Shutdown, "end the shutdown")
	add(have.Import != n.Import, "use %s", filterName("import", n.Import))
	add(have.Export != n.Export, "use %s", filterName("export", n.Export))
	add(have.NextHopSelf != n.NextHopSelf && n.NextHopSelf, "announce ourselves as next hop")
	add(have.NextHopSelf != n.NextHopSelf && !n.NextHopSelf, "keep next hops")
	add(have.ImportLimit != n.ImportLimit && n.ImportLimit != 0, "change import limit to %d", n.ImportLimit)
	add(have.ImportLimit != n.ImportLimit && n.ImportLimit == 0, "remove the import limit")
	add(have.Description != n.Description, "change description")
	return out
}
