package firewall

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// objects returns the counters of our table, and the names of its timeouts. The library is not used for it: it decodes timeouts into
// maps that all its users share, and two at once would end the process.
func (k *kernel) objects() (counters map[string]Counted, timeouts map[string]bool, err error) {
	conn, err := k.socket()
	if err != nil {
		return nil, nil, fmt.Errorf("open netfilter: %w", err)
	}
	defer conn.Close()
	if err := widen(conn); err != nil {
		return nil, nil, err
	}
	table, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.NFTA_OBJ_TABLE, Data: []byte(Table + "\x00")}})
	if err != nil {
		return nil, nil, err
	}
	messages, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETOBJ, Flags: netlink.Request | netlink.Dump},
		Data:   append([]byte{byte(nftables.TableFamilyINet), unix.NFNETLINK_V0, 0, 0}, table...),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list the counters: %w", err)
	}
	counters, timeouts = map[string]Counted{}, map[string]bool{}
	for _, m := range messages {
		if len(m.Data) < genmsgSize {
			continue
		}
		if err := object(m.Data[genmsgSize:], counters, timeouts); err != nil {
			return nil, nil, fmt.Errorf("read a counter: %w", err)
		}
	}
	return counters, timeouts, nil
}

// object reads one object, if it is of our table.
func object(b []byte, counters map[string]Counted, timeouts map[string]bool) error {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return err
	}
	ad.ByteOrder = binary.BigEndian
	var table, name string
	var kind nftables.ObjType
	var data []byte
	for ad.Next() {
		switch ad.Type() {
		case unix.NFTA_OBJ_TABLE:
			table = ad.String()
		case unix.NFTA_OBJ_NAME:
			name = ad.String()
		case unix.NFTA_OBJ_TYPE:
			kind = nftables.ObjType(ad.Uint32())
		case unix.NFTA_OBJ_DATA:
			data = ad.Bytes()
		}
	}
	if err := ad.Err(); err != nil || table != Table {
		return err
	}
	switch kind {
	case nftables.ObjTypeCtTimeout:
		timeouts[name] = true
	case nftables.ObjTypeCounter:
		counters[name], err = counted(data)
	}
	return err
}

// counted reads what a counter says.
func counted(b []byte) (c Counted, err error) {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return c, err
	}
	ad.ByteOrder = binary.BigEndian
	for ad.Next() {
		switch ad.Type() {
		case unix.NFTA_COUNTER_BYTES:
			c.Bytes = ad.Uint64()
		case unix.NFTA_COUNTER_PACKETS:
			c.Packets = ad.Uint64()
		}
	}
	return c, ad.Err()
}
