package vxlan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// kernel writes and reads links over netlink sockets in the network namespace in which it was opened. It is never closed: it lives
// as long as its Manager.
type kernel struct {
	handle  *netlink.Handle
	sockets map[int]*nl.SocketHandle // for requests that the library has no call for
	writes  *atomic.Uint64
}

func openKernel(writes *atomic.Uint64) (*kernel, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	s, err := nl.Subscribe(unix.NETLINK_ROUTE)
	if err != nil {
		h.Close()
		return nil, err
	}
	// The text of a refusal is worth more to an operator than its number; without it we do with the number.
	_ = s.SetExtAck(true)
	return &kernel{handle: h, sockets: map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: s}}, writes: writes}, nil
}

// send sends one request that changes something and waits for the verdict.
func (k *kernel) send(kind, flags int, data ...nl.NetlinkRequestData) error {
	k.writes.Add(1)
	request := nl.NewNetlinkRequest(kind, flags|unix.NLM_F_ACK)
	request.Sockets = k.sockets
	for _, d := range data {
		request.AddData(d)
	}
	_, err := request.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// write changes a link.
func (k *kernel) write(kind, index int, data ...nl.NetlinkRequestData) error {
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Index = int32(index)
	return k.send(kind, 0, append([]nl.NetlinkRequestData{message}, data...)...)
}

// create makes a device and fills its forwarding table. The library's LinkAdd cannot: it leaves out the don't-fragment bit and
// checksums that are off.
func (k *kernel) create(c creation) error {
	d := c.Device
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Flags, message.Change = unix.IFF_UP, unix.IFF_UP
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("vxlan"))
	birth(d, c.Link, info.AddRtAttr(nl.IFLA_INFO_DATA, nil))
	request := []nl.NetlinkRequestData{
		message,
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(d.Name)),
		nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(d.MTU))),
		nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(groupOurs)),
	}
	if len(c.MAC) > 0 {
		request = append(request, nl.NewRtAttr(unix.IFLA_ADDRESS, c.MAC))
	}
	if err := k.send(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, append(request, info)...); err != nil {
		return err
	}
	entries := d.entries(c.Link)
	if d.Group.IsValid() {
		entries = missing(entries, []entry{{Remote: d.Group, Via: c.Link}})
	}
	if len(entries) == 0 {
		return nil
	}
	l, err := k.handle.LinkByName(d.Name)
	if err != nil {
		return err
	}
	return k.fill(l.Attrs().Index, entries)
}

// birth adds the attributes of a new device to data.
func birth(d Device, link int, data *nl.RtAttr) {
	data.AddRtAttr(nl.IFLA_VXLAN_ID, nl.Uint32Attr(d.VNI))
	if link != 0 {
		data.AddRtAttr(nl.IFLA_VXLAN_LINK, nl.Uint32Attr(uint32(link)))
	}
	group := d.Group
	if !group.IsValid() && d.OverIPv6() {
		group = netip.IPv6Unspecified() // says the family
	}
	addAddr(data, nl.IFLA_VXLAN_GROUP, nl.IFLA_VXLAN_GROUP6, group)
	addAddr(data, nl.IFLA_VXLAN_LOCAL, nl.IFLA_VXLAN_LOCAL6, d.Local)
	data.AddRtAttr(nl.IFLA_VXLAN_TTL, nl.Uint8Attr(d.TTL))
	data.AddRtAttr(nl.IFLA_VXLAN_PORT, htons(d.Port))
	data.AddRtAttr(nl.IFLA_VXLAN_LEARNING, nl.Uint8Attr(truth(!d.NoLearning)))
	data.AddRtAttr(nl.IFLA_VXLAN_AGEING, nl.Uint32Attr(d.ageing()))
	if d.MaxAddresses != 0 {
		data.AddRtAttr(nl.IFLA_VXLAN_LIMIT, nl.Uint32Attr(d.MaxAddresses))
	}
	if d.TOS != 0 {
		data.AddRtAttr(nl.IFLA_VXLAN_TOS, nl.Uint8Attr(d.TOS))
	}
	if d.DF != DFUnset {
		data.AddRtAttr(attrDF, nl.Uint8Attr(uint8(d.DF)))
	}
	if d.PortLow != 0 {
		data.AddRtAttr(nl.IFLA_VXLAN_PORT_RANGE, append(htons(d.PortLow), htons(d.PortHigh)...))
	}
	switch {
	case d.NoChecksum && d.OverIPv6():
		data.AddRtAttr(nl.IFLA_VXLAN_UDP_ZERO_CSUM6_TX, nl.Uint8Attr(1))
		data.AddRtAttr(nl.IFLA_VXLAN_UDP_ZERO_CSUM6_RX, nl.Uint8Attr(1))
	case d.NoChecksum:
		data.AddRtAttr(nl.IFLA_VXLAN_UDP_CSUM, nl.Uint8Attr(0))
	}
}

// modify writes c to the device with that index. The library's LinkModify cannot: it sends the port, which the kernel refuses to
// change even to what it is.
func (k *kernel) modify(index int, c change) error {
	if c.tunnel() {
		info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
		info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("vxlan"))
		c.encode(info.AddRtAttr(nl.IFLA_INFO_DATA, nil))
		if err := k.write(unix.RTM_NEWLINK, index, info); err != nil {
			return err
		}
	}
	// The MTU has to come in a message without tunnel attributes: with them the kernel answers "Cannot change mtu".
	var plain []nl.NetlinkRequestData
	if c.Mark {
		plain = append(plain, nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(groupOurs)))
	}
	if c.MTU != 0 {
		plain = append(plain, nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(c.MTU))))
	}
	if len(plain) > 0 {
		if err := k.write(unix.RTM_NEWLINK, index, plain...); err != nil {
			return err
		}
	}
	if err := k.fill(index, c.Add); err != nil {
		return err
	}
	for _, e := range c.Drop {
		if err := k.drop(index, e); err != nil {
			return err
		}
	}
	if c.Up {
		k.writes.Add(1)
		return k.handle.LinkSetUp(byIndex(index))
	}
	return nil
}

// encode adds the attributes that change.
func (c change) encode(data *nl.RtAttr) {
	if c.Link != 0 {
		data.AddRtAttr(nl.IFLA_VXLAN_LINK, nl.Uint32Attr(uint32(c.Link)))
	}
	addAddr(data, nl.IFLA_VXLAN_GROUP, nl.IFLA_VXLAN_GROUP6, c.Group)
	addAddr(data, nl.IFLA_VXLAN_LOCAL, nl.IFLA_VXLAN_LOCAL6, c.Local)
	if c.TTL != 0 {
		data.AddRtAttr(nl.IFLA_VXLAN_TTL, nl.Uint8Attr(c.TTL))
	}
	if c.Learning != nil {
		data.AddRtAttr(nl.IFLA_VXLAN_LEARNING, nl.Uint8Attr(truth(*c.Learning)))
	}
	if c.Ageing != nil {
		data.AddRtAttr(nl.IFLA_VXLAN_AGEING, nl.Uint32Attr(*c.Ageing))
	}
	if c.TOS != nil {
		data.AddRtAttr(nl.IFLA_VXLAN_TOS, nl.Uint8Attr(*c.TOS))
	}
	if c.DF != nil {
		data.AddRtAttr(attrDF, nl.Uint8Attr(uint8(*c.DF)))
	}
}

// fill adds forwarding entries to the device with that index.
func (k *kernel) fill(index int, entries []entry) error {
	for _, e := range entries {
		how := unix.NLM_F_REPLACE
		if e.MAC == (MAC{}) {
			how = unix.NLM_F_APPEND
		}
		if err := k.entry(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|how, index, e); err != nil {
			return fmt.Errorf("add %s: %w", e, err)
		}
	}
	return nil
}

// drop takes a forwarding entry away. One that is gone already is no error.
func (k *kernel) drop(index int, e entry) error {
	if err := k.entry(unix.RTM_DELNEIGH, 0, index, e); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s: %w", e, err)
	}
	return nil
}

func (k *kernel) entry(kind, flags, index int, e entry) error {
	data := []nl.NetlinkRequestData{
		&netlink.Ndmsg{Family: unix.AF_BRIDGE, Index: uint32(index), State: netlink.NUD_PERMANENT, Flags: netlink.NTF_SELF},
		nl.NewRtAttr(attrLLAddr, e.MAC[:]),
		nl.NewRtAttr(attrDst, e.Remote.AsSlice()),
	}
	if e.Via != 0 {
		data = append(data, nl.NewRtAttr(attrIfindex, nl.Uint32Attr(uint32(e.Via))))
	}
	if e.Port != 0 {
		data = append(data, nl.NewRtAttr(attrPort, htons(e.Port)))
	}
	if e.VNI != 0 {
		data = append(data, nl.NewRtAttr(attrVNI, nl.Uint32Attr(e.VNI)))
	}
	return k.send(kind, flags, data...)
}

func addAddr(to *nl.RtAttr, v4, v6 int, a netip.Addr) {
	switch {
	case !a.IsValid():
	case a.Is4():
		to.AddRtAttr(v4, a.AsSlice())
	default:
		to.AddRtAttr(v6, a.AsSlice())
	}
}

func htons(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }

func truth(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func (k *kernel) remove(index int) error {
	k.writes.Add(1)
	return k.handle.LinkDel(byIndex(index))
}

// doom moves a device into the link group that removeDoomed deletes.
func (k *kernel) doom(index int) error {
	return k.write(unix.RTM_NEWLINK, index, nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(groupDoomed)))
}

// removeDoomed deletes every link of that group at once: one grace period of the kernel instead of one a link.
func (k *kernel) removeDoomed() error {
	return k.write(unix.RTM_DELLINK, 0, nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(groupDoomed)))
}

// byIndex is a link for those calls of the library that look at nothing but its index.
func byIndex(index int) netlink.Link {
	return &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: index}}
}
