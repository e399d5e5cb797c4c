package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// Sysctl is a setting of the kernel for one link.
type Sysctl struct {
	Name  string // as in the configuration: ipv6.accept_ra_pinfo, ipv4.neigh.gc_stale_time
	Value string
}

// Path returns the place of the setting below /proc/sys, of the link.
func (s Sysctl) Path(link string) string {
	family, rest, _ := strings.Cut(s.Name, ".")
	dir := "conf"
	if key, ok := strings.CutPrefix(rest, "neigh."); ok {
		dir, rest = "neigh", key
	}
	return strings.Join([]string{"net", family, dir, link, rest}, "/")
}

// ours are the settings that the router sees to by itself, and what in the configuration decides on them.
var ours = map[string]string{
	"ipv6.accept_ra":           "it is set by accept_ra",
	"ipv6.accept_dad":          "it is set by dad",
	"ipv6.dad_transmits":       "it is set by dad_transmits",
	"ipv6.mtu":                 "the MTU of a link is set by mtu",
	"ipv6.forwarding":          "the router forwards, on all links",
	"ipv4.forwarding":          "the router forwards, on all links",
	"ipv6.disable_ipv6":        "a link that is configured has IPv6",
	"ipv6.keep_addr_on_down":   "addresses of a link stay when it goes down, or the router would lose its own",
	"ipv4.promote_secondaries": "without it, removing an address would remove others",
	"ipv6.mc_forwarding":       "the kernel sets it by itself",
	"ipv4.mc_forwarding":       "the kernel sets it by itself",
	"ipv4.arp_accept":          "it is set by arp.accept",
	"ipv4.arp_announce":        "it is set by arp.announce",
	"ipv4.arp_ignore":          "it is set by arp.ignore",
	"ipv4.arp_filter":          "it is set by arp.filter",
	"ipv4.arp_notify":          "it is set by arp.notify",
	"ipv4.proxy_arp":           "it is set by arp.proxy",
}

// linkSettings converts what the kernel is told about a link: ARP, duplicate address detection and other sysctls.
func (b *builder) linkSettings(i *Interface, m *sixfoldv1.Interface, s *spot) {
	set := func(name string, value int64) {
		i.Sysctls = append(i.Sysctls, Sysctl{name, strconv.FormatInt(value, 10)})
	}
	if m.DadTransmits != nil {
		set("ipv6.dad_transmits", int64(m.GetDadTransmits()))
		if !i.DAD && m.GetDadTransmits() > 0 {
			b.errorf(s.field("dad_transmits"), "duplicate address detection is off (%s): leave one of them out", s.field("dad").where())
		}
	}
	if !i.DAD {
		set("ipv6.accept_dad", 0)
	}
	if a := m.GetArp(); a != nil {
		at := s.field("arp")
		for _, f := range []struct {
			key   string
			value *bool
		}{
			{"arp_accept", a.Accept}, {"arp_filter", a.Filter}, {"arp_notify", a.Notify}, {"proxy_arp", a.Proxy},
		} {
			if f.value != nil {
				set("ipv4."+f.key, map[bool]int64{true: 1}[*f.value])
			}
		}
		if a.Announce != nil {
			set("ipv4.arp_announce", int64(a.GetAnnounce()))
		}
		if a.Ignore != nil {
			set("ipv4.arp_ignore", int64(a.GetIgnore()))
			if n := a.GetIgnore(); n > 3 && n < 8 {
				b.accepted(at.field("ignore"), []string{"0", "1", "2", "3", "8"}, "%d means nothing to the kernel", n)
			}
		}
	}
	at := s.field("sysctls")
	for _, name := range inOrder(m.GetSysctls(), at) {
		if err := checkSysctlName(name); err != nil {
			b.key(at.entry(name), "%v", err)
			continue
		}
		set(name, int64(m.GetSysctls()[name]))
	}
	slices.SortFunc(i.Sysctls, func(a, b Sysctl) int { return strings.Compare(a.Name, b.Name) })
}

// checkSysctlName refuses settings that are not for the configuration to set this way.
func checkSysctlName(name string) error {
	if why, ok := ours[name]; ok {
		return fmt.Errorf("%s cannot be set here: %s", name, why)
	}
	if name == "ipv6.stable_secret" {
		return fmt.Errorf("%s cannot be set here: it is no number, and no rollback could take it away again", name)
	}
	return nil
}
