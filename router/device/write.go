package device

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// kernel writes and reads links over a netlink socket in the network namespace in which it was opened. It is never closed: it lives
// as long as its Manager.
type kernel struct {
	sockets map[int]*nl.SocketHandle
	writes  *atomic.Uint64
	fault   func(operation string) error // for tests: an error stands for that of the kernel
}

func openKernel(writes *atomic.Uint64) (*kernel, error) {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	// The text of a refusal is worth more to an operator than its number; without it we do with the number.
	_ = s.SetExtAck(true)
	return &kernel{sockets: map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: s}}, writes: writes}, nil
}

// request sends one message that changes something and waits for the verdict.
func (k *kernel) request(what string, kind, flags int, message *nl.IfInfomsg, data ...nl.NetlinkRequestData) error {
	k.writes.Add(1)
	if k.fault != nil {
		if err := k.fault(what); err != nil {
			return err
		}
	}
	request := nl.NewNetlinkRequest(kind, flags|unix.NLM_F_ACK)
	request.Sockets = k.sockets
	request.AddData(message)
	for _, d := range data {
		request.AddData(d)
	}
	_, err := request.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// link is the head of a message about a link; up and down are flags to set and to clear.
func link(index int, up, down uint32) *nl.IfInfomsg {
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index, m.Flags, m.Change = int32(index), up, up|down
	return m
}

func attr32(typ int, v uint32) nl.NetlinkRequestData { return nl.NewRtAttr(typ, nl.Uint32Attr(v)) }

// info makes IFLA_LINKINFO of a device, or of a port.
func info(kindAttr int, kind string, dataAttr int, settings []setting) *nl.RtAttr {
	out := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	out.AddRtAttr(kindAttr, nl.NonZeroTerminated(kind))
	if len(settings) > 0 {
		data := out.AddRtAttr(dataAttr, nil)
		for _, s := range settings {
			data.AddRtAttr(s.attr, s.value)
		}
	}
	return out
}

// do carries out one operation; removals are not its business.
func (k *kernel) do(o operation) error {
	switch o.verb {
	case release:
		return k.release(o)
	case create:
		return k.create(o)
	case modify:
		return k.modify(o)
	case setMAC:
		return k.setMAC(o)
	case enslave:
		return k.enslave(o)
	case setPort:
		return k.request("set port "+o.name, unix.RTM_NEWLINK, 0, link(o.link.Index, 0, 0),
			info(nl.IFLA_INFO_SLAVE_KIND, "bridge", nl.IFLA_INFO_SLAVE_DATA, o.settings))
	case setVLANs:
		return k.setVLANs(o)
	}
	return fmt.Errorf("no such operation: %d", o.verb)
}

func (k *kernel) create(o operation) error {
	d := o.device
	var up uint32
	if o.up {
		up = unix.IFF_UP
	}
	data := []nl.NetlinkRequestData{
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(d.Name)), attr32(unix.IFLA_GROUP, groupOurs),
	}
	if d.MAC != nil {
		data = append(data, nl.NewRtAttr(unix.IFLA_ADDRESS, d.MAC))
	}
	if d.VLAN != nil {
		data = append(data, attr32(unix.IFLA_LINK, uint32(o.lower.Index)))
	}
	var settings []setting
	for _, s := range o.settings {
		if !s.neutral || s.feature == "" {
			settings = append(settings, s)
		}
	}
	data = append(data, info(nl.IFLA_INFO_KIND, d.kind(), nl.IFLA_INFO_DATA, settings))
	err := k.request("create "+d.Name, unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, link(0, up, 0), data...)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("this kernel makes no links of kind %s: %w", d.kind(), err)
	case errors.Is(err, unix.EEXIST) && d.GRE != nil:
		return fmt.Errorf("another tunnel has the same ends and key: %w", err)
	case errors.Is(err, unix.EEXIST) && d.VLAN != nil:
		return fmt.Errorf("another link is VLAN %d on %s: %w", d.VLAN.ID, d.VLAN.Link, err)
	}
	return err
}

func (k *kernel) modify(o operation) error {
	var alone, together []setting
	for _, s := range o.settings {
		if s.alone {
			alone = append(alone, s)
		} else {
			together = append(together, s)
		}
	}
	for _, settings := range [][]setting{alone, together} {
		if len(settings) == 0 {
			continue
		}
		if err := k.request("change "+o.name, unix.RTM_NEWLINK, 0, link(o.link.Index, 0, 0),
			info(nl.IFLA_INFO_KIND, o.link.Kind, nl.IFLA_INFO_DATA, settings)); err != nil {
			return err
		}
	}
	if o.mark {
		if err := k.request("mark "+o.name, unix.RTM_NEWLINK, 0, link(o.link.Index, 0, 0), attr32(unix.IFLA_GROUP, groupOurs)); err != nil {
			return err
		}
	}
	if o.up {
		return k.request("set "+o.name+" up", unix.RTM_NEWLINK, 0, link(o.link.Index, unix.IFF_UP, 0))
	}
	return nil
}

// setMAC takes links down for it whose drivers want that.
func (k *kernel) setMAC(o operation) error {
	set := func(mac net.HardwareAddr) error {
		return k.request("set hardware address of "+o.name, unix.RTM_NEWLINK, 0, link(o.link.Index, 0, 0), nl.NewRtAttr(unix.IFLA_ADDRESS, mac))
	}
	err := set(o.mac)
	if !errors.Is(err, unix.EBUSY) || !o.link.Up {
		return err
	}
	if err := k.request("set "+o.name+" down", unix.RTM_NEWLINK, 0, link(o.link.Index, 0, unix.IFF_UP)); err != nil {
		return err
	}
	err = set(o.mac)
	return errors.Join(err, k.request("set "+o.name+" up", unix.RTM_NEWLINK, 0, link(o.link.Index, unix.IFF_UP, 0)))
}

// enslave makes a link a port. A bond takes none that is up, and brings it up itself.
func (k *kernel) enslave(o operation) error {
	down := o.master.Kind == "bond" && o.link.Up
	if down {
		if err := k.request("set "+o.name+" down", unix.RTM_NEWLINK, 0, link(o.link.Index, 0, unix.IFF_UP)); err != nil {
			return err
		}
	}
	data := []nl.NetlinkRequestData{attr32(unix.IFLA_MASTER, uint32(o.master.Index))}
	if o.mark {
		data = append(data, attr32(unix.IFLA_GROUP, groupPort))
	}
	err := k.request("make "+o.name+" a port of "+o.master.Name, unix.RTM_NEWLINK, 0, link(o.link.Index, 0, 0), data...)
	if err == nil {
		return nil
	}
	if o.mark { // the kernel may have done the first half
		_ = k.request("unmark "+o.name, unix.RTM_NEWLINK, 0, link(o.link.Index, 0, 0), attr32(unix.IFLA_GROUP, 0))
	}
	if down {
		return errors.Join(err, k.request("set "+o.name+" up", unix.RTM_NEWLINK, 0, link(o.link.Index, unix.IFF_UP, 0)))
	}
	return err
}

func (k *kernel) release(o operation) error {
	var data []nl.NetlinkRequestData
	if o.link.Master != o.master.Index {
		data = append(data, attr32(unix.IFLA_MASTER, uint32(o.master.Index)))
	}
	if o.mark {
		data = append(data, attr32(unix.IFLA_GROUP, 0))
	}
	if err := k.request("release "+o.name, unix.RTM_NEWLINK, 0, link(o.link.Index, 0, 0), data...); err != nil {
		return err
	}
	if o.up {
		return k.request("set "+o.name+" up", unix.RTM_NEWLINK, 0, link(o.link.Index, unix.IFF_UP, 0))
	}
	return nil
}

// maxRuns is how many runs of VLANs one message takes.
const maxRuns = 256

func (k *kernel) setVLANs(o operation) error {
	where := uint16(nl.BRIDGE_FLAGS_MASTER)
	if o.link.Index == o.master.Index {
		where = nl.BRIDGE_FLAGS_SELF
	}
	send := func(kind int, runs []vlanRun) error {
		for len(runs) > 0 {
			n := min(len(runs), maxRuns)
			message := nl.NewIfInfomsg(unix.AF_BRIDGE)
			message.Index = int32(o.link.Index)
			spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
			spec.AddRtAttr(nl.IFLA_BRIDGE_FLAGS, nl.Uint16Attr(where))
			for _, r := range runs[:n] {
				if r.From == r.To {
					addVLAN(spec, r.flags, r.From)
					continue
				}
				addVLAN(spec, r.flags|nl.BRIDGE_VLAN_INFO_RANGE_BEGIN, r.From)
				addVLAN(spec, r.flags|nl.BRIDGE_VLAN_INFO_RANGE_END, r.To)
			}
			if err := k.request("set VLANs of "+o.name, kind, 0, message, spec); err != nil {
				return err
			}
			runs = runs[n:]
		}
		return nil
	}
	if err := send(unix.RTM_SETLINK, o.add.runs()); err != nil {
		return err
	}
	return send(unix.RTM_DELLINK, o.drop.runs())
}

func addVLAN(to *nl.RtAttr, flags, id uint16) {
	b := native.AppendUint16(nil, flags)
	to.AddRtAttr(nl.IFLA_BRIDGE_VLAN_INFO, native.AppendUint16(b, id))
}

func (k *kernel) remove(p present) error {
	return k.request("delete "+p.Name, unix.RTM_DELLINK, 0, link(p.Index, 0, 0))
}

// doom moves a device into the link group that is deleted together.
func (k *kernel) doom(p present) error {
	return k.request("doom "+p.Name, unix.RTM_NEWLINK, 0, link(p.Index, 0, 0), attr32(unix.IFLA_GROUP, groupDoomed))
}

// removeGroup deletes every link of a group at once: one grace period of the kernel instead of one a link.
func (k *kernel) removeGroup(group uint32) error {
	return k.request("delete together", unix.RTM_DELLINK, 0, link(0, 0, 0), attr32(unix.IFLA_GROUP, group))
}
