package device

import (
	"fmt"
	"time"

	"github.com/vishvananda/netlink/nl"

	"github.com/sixfold-router/sixfold/router/change"
)

// BondMode is how a bond uses its ports, with the kernel's numbers.
type BondMode uint8

// The modes.
const (
	BalanceRR BondMode = iota
	ActiveBackup
	BalanceXOR
	Broadcast
	LACP // 802.3ad
	BalanceTLB
	BalanceALB
)

// String returns the kernel's word.
func (m BondMode) String() string {
	switch m {
	case BalanceRR:
		return "balance-rr"
	case ActiveBackup:
		return "active-backup"
	case BalanceXOR:
		return "balance-xor"
	case Broadcast:
		return "broadcast"
	case LACP:
		return "802.3ad"
	case BalanceTLB:
		return "balance-tlb"
	case BalanceALB:
		return "balance-alb"
	}
	return fmt.Sprintf("mode %d", uint8(m))
}

// Hashes reports whether the ports are chosen by a HashPolicy.
func (m BondMode) Hashes() bool { return m == BalanceXOR || m == LACP || m == BalanceTLB }

// HasActive reports whether one of the ports is the active one.
func (m BondMode) HasActive() bool { return m == ActiveBackup || m == BalanceTLB || m == BalanceALB }

// HashPolicy is what of a packet decides on its port, with the kernel's numbers.
type HashPolicy uint8

// The policies.
const (
	Layer2 HashPolicy = iota
	Layer34
	Layer23
	Encap23
	Encap34
	VLANSource
)

// String returns the kernel's word.
func (p HashPolicy) String() string {
	switch p {
	case Layer2:
		return "layer2"
	case Layer34:
		return "layer3+4"
	case Layer23:
		return "layer2+3"
	case Encap23:
		return "encap2+3"
	case Encap34:
		return "encap3+4"
	case VLANSource:
		return "vlan+srcmac"
	}
	return fmt.Sprintf("policy %d", uint8(p))
}

// settings of a bond whose primary port has that index; 0: there is none, or it is no port yet, which the kernel then does not take.
func (b Bond) settings(primary int) []setting {
	mode := u8(nl.IFLA_BOND_MODE, uint8(b.Mode), "mode %s", b.Mode)
	mode.fixed, mode.neutral = true, false
	all := []setting{
		mode,
		u32(nl.IFLA_BOND_MIIMON, uint32(b.MIIMon/time.Millisecond), "miimon %s", change.Span(b.MIIMon)),
		u32(nl.IFLA_BOND_UPDELAY, uint32(b.UpDelay/time.Millisecond), "up_delay %s", change.Span(b.UpDelay)),
		u32(nl.IFLA_BOND_DOWNDELAY, uint32(b.DownDelay/time.Millisecond), "down_delay %s", change.Span(b.DownDelay)),
	}
	if b.Mode == LACP {
		rate := u8(nl.IFLA_BOND_AD_LACP_RATE, 0, "lacp_rate slow")
		if b.FastLACP {
			rate = u8(nl.IFLA_BOND_AD_LACP_RATE, 1, "lacp_rate fast")
		}
		rate.fixed = true // but for a bond that is down
		all = append(all, rate, u32(nl.IFLA_BOND_MIN_LINKS, b.MinLinks, "min_links %d", b.MinLinks))
	}
	if b.Mode.Hashes() {
		all = append(all, u8(nl.IFLA_BOND_XMIT_HASH_POLICY, uint8(b.HashPolicy), "hash_policy %s", b.HashPolicy))
	}
	if b.Mode.HasActive() && (b.Primary == "" || primary != 0) {
		s := u32(nl.IFLA_BOND_PRIMARY, uint32(primary), "primary %s", b.Primary)
		if primary == 0 {
			s.text = "no primary"
		}
		all = append(all, s)
	}
	return all
}

func (b Bond) text() string { return "bond in mode " + b.Mode.String() }
