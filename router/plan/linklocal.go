package plan

import (
	"fmt"

	"github.com/sixfold-router/sixfold/router/kernel"
)

// leastMTU is what IPv6 needs of a link (RFC 8200 section 5): with less, Linux has no IPv6 on it.
const leastMTU = 1280

// lacksLinkLocal says why a link has no link-local address to speak from, and what to do where waiting does not help.
func lacksLinkLocal(state kernel.LinkState) string {
	waits := false
	for _, a := range state.Addresses {
		switch addr := a.Prefix.Addr(); {
		case !addr.Is6() || !addr.IsLinkLocalUnicast():
		case a.Duplicate:
			return fmt.Sprintf("another host on the link has the link-local address %s: take it from there, or configure another", addr)
		default:
			waits = true
		}
	}
	switch {
	case state.MTU > 0 && state.MTU < leastMTU:
		return fmt.Sprintf("the MTU of the link is %d, and IPv6 needs %d", state.MTU, leastMTU)
	case !waits && state.Running:
		return "the link has no link-local address yet; if the kernel makes none (addrgenmode none), add one to addresses, as fe80::1/64"
	}
	return "the link has no usable link-local address yet"
}
