package device

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
)

const (
	greKey           = 0x2000 // of RFC 2890: the key is present
	ignoreEncapLimit = 1      // IP6_TNL_F_IGN_ENCAP_LIMIT: no destination option in the outer header
)

func (g GRE) kind() string {
	if g.Local.Is4() {
		return "gre"
	}
	return "ip6gre"
}

// settings of a tunnel over the link with that index. The kernel sets to zero what a change does not have: it is written whole.
func (g GRE) settings(link int) []setting {
	lower := u32(nl.IFLA_GRE_LINK, uint32(link), "link %s", g.Link)
	if g.Link == "" {
		lower.text = "no link"
	}
	var flags uint16
	var key uint32
	word := "no key"
	if g.Key != nil {
		flags, key = greKey, *g.Key
		word = fmt.Sprintf("key %d", key)
	}
	all := []setting{
		lower,
		address(nl.IFLA_GRE_LOCAL, g.Local, "local"),
		address(nl.IFLA_GRE_REMOTE, g.Remote, "remote"),
		be16(nl.IFLA_GRE_IFLAGS, flags, "%s", word), be16(nl.IFLA_GRE_OFLAGS, flags, "%s", word),
		be32(nl.IFLA_GRE_IKEY, key, "%s", word), be32(nl.IFLA_GRE_OKEY, key, "%s", word),
		u8(nl.IFLA_GRE_TTL, g.TTL, "ttl %d", g.TTL),
	}
	if g.Local.Is4() {
		return append(all,
			u8(nl.IFLA_GRE_TOS, g.TOS, "tos %d", g.TOS),
			u8(nl.IFLA_GRE_PMTUDISC, 1, "path MTU discovery"))
	}
	flagsSetting := u32(nl.IFLA_GRE_FLAGS, ignoreEncapLimit, "no encapsulation limit")
	flagsSetting.mask = ignoreEncapLimit
	return append(all,
		be32(nl.IFLA_GRE_FLOWINFO, uint32(g.TOS)<<20, "tos %d", g.TOS),
		u8(nl.IFLA_GRE_ENCAP_LIMIT, 0, "no encapsulation limit"),
		flagsSetting)
}

func (g GRE) text() string {
	text := fmt.Sprintf("gre tunnel from %s to %s", g.Local, g.Remote)
	if g.Key != nil {
		text += fmt.Sprintf(", key %d", *g.Key)
	}
	if g.Link != "" {
		text += " over " + g.Link
	}
	return text
}
