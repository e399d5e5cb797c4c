package kernel

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Settings are the sysctls of a link below net/ipv4/conf and net/ipv6/conf, as the kernel tells them with the link, by its numbers
// for them (linux/ip.h, linux/ipv6.h). A thousand links have some ten thousand that matter to us: reading each from its file takes
// many times as long as reading all links. One of them is empty where a link lacks IPv4 or IPv6.
type Settings struct{ V4, V6 []int32 }

// The attributes of IFLA_AF_SPEC that have them.
const (
	inetConf  = 1 // IFLA_INET_CONF
	inet6Conf = 2 // IFLA_INET6_CONF
)

// conf4 and conf6 return the place of a setting among those of the link.
func conf4(key string) (int, bool) {
	n := slices.Index([]string{
		"forwarding", "mc_forwarding", "proxy_arp", "accept_redirects", "secure_redirects", "send_redirects", "shared_media", "rp_filter",
		"accept_source_route", "bootp_relay", "log_martians", "tag", "arp_filter", "medium_id", "disable_xfrm", "disable_policy",
		"force_igmp_version", "arp_announce", "arp_ignore", "promote_secondaries", "arp_accept", "arp_notify",
	}, key)
	return n, n >= 0
}

func conf6(key string) (int, bool) {
	switch key {
	case "forwarding":
		return 0, true
	case "hop_limit":
		return 1, true
	case "accept_ra":
		return 3, true
	case "autoconf":
		return 5, true
	case "dad_transmits":
		return 6, true
	case "accept_ra_defrtr":
		return 17, true
	case "accept_ra_pinfo":
		return 18, true
	case "disable_ipv6":
		return 26, true
	case "accept_dad":
		return 27, true
	case "keep_addr_on_down":
		return 42, true
	}
	return 0, false
}

// parseSettings reads IFLA_AF_SPEC.
func parseSettings(b []byte) (s Settings) {
	eachAttr(b, func(family uint16, val []byte) {
		eachAttr(val, func(typ uint16, val []byte) {
			switch {
			case family == unix.AF_INET && typ == inetConf:
				s.V4 = numbers(val)
			case family == unix.AF_INET6 && typ == inet6Conf:
				s.V6 = numbers(val)
			}
		})
	})
	return s
}

func numbers(b []byte) []int32 {
	out := make([]int32, 0, len(b)/4)
	for ; len(b) >= 4; b = b[4:] {
		out = append(out, int32(native.Uint32(b)))
	}
	return out
}

// value returns a setting by its path below /proc/sys, if it came with the link.
func (s Settings) value(p string) (string, bool) {
	key := path.Base(p)
	var n int
	var known bool
	var from []int32
	switch {
	case strings.HasPrefix(p, "net/ipv6/conf/"):
		n, known = conf6(key)
		from = s.V6
	case strings.HasPrefix(p, "net/ipv4/conf/"):
		n, known = conf4(key)
		from = s.V4
	}
	if !known || n >= len(from) {
		return "", false
	}
	return strconv.Itoa(int(from[n])), true
}
