package vxlan

import (
	"net"
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

// write sends one request that changes something and waits for the verdict.
func (k *kernel) write(kind, index int, data ...nl.NetlinkRequestData) error {
	k.writes.Add(1)
	request := nl.NewNetlinkRequest(kind, unix.NLM_F_ACK)
	request.Sockets = k.sockets
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Index = int32(index)
	request.AddData(message)
	for _, d := range data {
		request.AddData(d)
	}
	_, err := request.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

func (k *kernel) create(c creation) error {
	// NewLinkAttrs matters: a zero TxQLen would be sent.
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.HardwareAddr = c.Device.Name, c.Device.MTU, c.MAC
	attrs.Group = groupOurs
	attrs.Flags = net.FlagUp
	device := &netlink.Vxlan{
		LinkAttrs:    attrs,
		VxlanId:      int(c.Device.VNI),
		VtepDevIndex: c.Link,
		Group:        c.Device.Group.AsSlice(),
		TTL:          int(c.Device.TTL),
		Port:         int(c.Device.Port),
		Learning:     true, // the library sends its booleans always: left out it means "nolearning"
	}
	if c.Device.Local.IsValid() {
		device.SrcAddr = c.Device.Local.AsSlice()
	}
	k.writes.Add(1)
	return k.handle.LinkAdd(device)
}

// modify writes c to the device with that index. The library's LinkModify cannot: it sends the port, which the kernel refuses to
// change even to what it is.
func (k *kernel) modify(index int, c change) error {
	if c.tunnel() {
		info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
		info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("vxlan"))
		data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
		if c.Link != 0 {
			data.AddRtAttr(nl.IFLA_VXLAN_LINK, nl.Uint32Attr(uint32(c.Link)))
		}
		addAddr(data, nl.IFLA_VXLAN_GROUP, nl.IFLA_VXLAN_GROUP6, c.Group)
		addAddr(data, nl.IFLA_VXLAN_LOCAL, nl.IFLA_VXLAN_LOCAL6, c.Local)
		if c.TTL != 0 {
			data.AddRtAttr(nl.IFLA_VXLAN_TTL, nl.Uint8Attr(c.TTL))
		}
		if c.Learning {
			data.AddRtAttr(nl.IFLA_VXLAN_LEARNING, nl.Uint8Attr(1))
		}
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
	if c.Up {
		k.writes.Add(1)
		return k.handle.LinkSetUp(byIndex(index))
	}
	return nil
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
