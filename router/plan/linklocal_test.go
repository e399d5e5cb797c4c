package plan

import (
	"net/netip"
	"testing"

	"github.com/sixfold-router/sixfold/router/kernel"
)

func TestLacksLinkLocal(t *testing.T) {
	own := netip.MustParsePrefix("fe80::a/64")
	global := kernel.AddressState{Prefix: netip.MustParsePrefix("2001:db8::1/64")}
	for name, tt := range map[string]struct {
		state kernel.LinkState
		want  string
	}{
		"down":            {kernel.LinkState{MTU: 1500}, "the link has no usable link-local address yet"},
		"tentative":       {kernel.LinkState{MTU: 1500, Running: true, Addresses: []kernel.AddressState{{Prefix: own, Tentative: true}}}, "the link has no usable link-local address yet"},
		"duplicate":       {kernel.LinkState{MTU: 1500, Running: true, Addresses: []kernel.AddressState{{Prefix: own, Duplicate: true}}}, "another host on the link has the link-local address fe80::a: take it from there, or configure another"},
		"too small":       {kernel.LinkState{MTU: 1200, Running: true}, "the MTU of the link is 1200, and IPv6 needs 1280"},
		"the kernel's no": {kernel.LinkState{MTU: 1500, Running: true, Addresses: []kernel.AddressState{global}}, "the link has no link-local address yet; if the kernel makes none (addrgenmode none), add one to addresses, as fe80::1/64"},
	} {
		if got := lacksLinkLocal(tt.state); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
