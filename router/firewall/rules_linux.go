package firewall

import (
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// rules returns the comments of all rules of our table by chain, in the order of each chain. It reads nothing else of a rule: the
// library cannot decode every expression that it encodes, and what others put there need not be understood to be recognised as
// theirs.
func (k *kernel) rules() (map[string][]string, error) {
	conn, err := k.socket()
	if err != nil {
		return nil, fmt.Errorf("open netfilter: %w", err)
	}
	defer conn.Close()
	if err := widen(conn); err != nil {
		return nil, err
	}
	table, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.NFTA_RULE_TABLE, Data: []byte(Table + "\x00")}})
	if err != nil {
		return nil, err
	}
	family := []byte{byte(nftables.TableFamilyINet), unix.NFNETLINK_V0, 0, 0}
	messages, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETRULE, Flags: netlink.Request | netlink.Dump},
		Data:   append(family, table...),
	})
	if err != nil {
		return nil, fmt.Errorf("list the rules: %w", err)
	}
	out := map[string][]string{}
	for _, m := range messages {
		if len(m.Data) < len(family) {
			continue
		}
		attributes, err := netlink.UnmarshalAttributes(m.Data[len(family):])
		if err != nil {
			return nil, fmt.Errorf("list the rules: %w", err)
		}
		in, chain, comment := "", "", ""
		for _, a := range attributes {
			switch a.Type {
			case unix.NFTA_RULE_TABLE:
				in = text(a.Data)
			case unix.NFTA_RULE_CHAIN:
				chain = text(a.Data)
			case unix.NFTA_RULE_USERDATA:
				comment = commentOf(a.Data)
			}
		}
		if in == Table {
			out[chain] = append(out[chain], comment)
		}
	}
	return out, nil
}

// text is a string of the kernel, which ends with a zero.
func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }

// commentOf returns the comment in the data that whoever added a rule gave it: type, length and value, of which the first type is the
// comment. It may be anything.
func commentOf(b []byte) string {
	for len(b) >= 2 && len(b) >= 2+int(b[1]) {
		if b[0] == 0 {
			return text(b[2 : 2+int(b[1])])
		}
		b = b[2+int(b[1]):]
	}
	return ""
}
