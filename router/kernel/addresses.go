package kernel

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// addressOn names an address on a link.
type addressOn struct {
	index  int
	prefix netip.Prefix
}

// addressOp is one write that brings the addresses of a link nearer to what is wanted.
type addressOp struct {
	verb       string // add, replace, deprecate, prefer, remove
	prefix     netip.Prefix
	deprecated bool // as it is to be
}

// diffAddresses returns what to write so that a link with the addresses have gets those in want. Addresses of others stay; one
// that is wanted and there already is not added again. Additions come first, but for an IPv6 address whose prefix length
// changes: the kernel has each only once on a link, so ours goes first.
func diffAddresses(have []AddressState, want []Address) []addressOp {
	wanted := make(map[netip.Prefix]bool, len(want))
	for _, w := range want {
		wanted[w.Prefix] = true
	}
	present := make(map[netip.Prefix]AddressState, len(have))
	obstacle := map[netip.Addr]netip.Prefix{} // ours, IPv6, with another length than wanted
	for _, a := range have {
		present[a.Prefix] = a
		if a.Ours && !wanted[a.Prefix] && a.Prefix.Addr().Is6() {
			obstacle[a.Prefix.Addr()] = a.Prefix
		}
	}
	var ops []addressOp
	removed := map[netip.Prefix]bool{}
	planned := map[netip.Prefix]bool{}
	for _, w := range want {
		p := w.Prefix
		a, ok := present[p]
		switch {
		case planned[p]:
		case ok && a.Dynamic: // made from an advertisement: it would end with its lifetime
			ops = append(ops, addressOp{"replace", p, w.Deprecated})
		case ok && a.Ours && a.Deprecated != w.Deprecated && p.Addr().Is6():
			verb := "prefer"
			if w.Deprecated {
				verb = "deprecate"
			}
			ops = append(ops, addressOp{verb, p, w.Deprecated})
		case ok:
		default:
			if old, ok := obstacle[p.Addr()]; ok && !removed[old] {
				removed[old] = true
				ops = append(ops, addressOp{"remove", old, false})
			}
			ops = append(ops, addressOp{"add", p, w.Deprecated})
		}
		planned[p] = true
	}
	for _, a := range have {
		if a.Ours && !wanted[a.Prefix] && !removed[a.Prefix] {
			ops = append(ops, addressOp{"remove", a.Prefix, false})
		}
	}
	return ops
}

// addressWrite is an operation on the addresses of a link.
type addressWrite struct {
	addressOp
	link LinkState
}

// addressBatch is how many operations are sent at once.
const addressBatch = 64

func (a addressWrite) String() string {
	preposition := map[string]string{"add": "to", "replace": "on", "deprecate": "on", "prefer": "on", "remove": "from"}[a.verb]
	return fmt.Sprintf("%s %s %s %s", a.verb, a.prefix, preposition, a.link.Name)
}

// addressWrites returns what to write on all links: it adds on all before it removes on any, so that an address that moves is
// never gone.
func addressWrites(cfg Config, links Links) (writes []addressWrite, errs []error) {
	var later []addressWrite
	for _, name := range slices.Sorted(maps.Keys(links)) {
		state := links[name]
		want, err := wantedAddresses(cfg.Links[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("addresses of %s: %w", name, err))
		}
		ops := diffAddresses(state.Addresses, want)
		for i, op := range ops {
			a := addressWrite{op, state}
			if op.verb == "remove" && !(i+1 < len(ops) && lengthens(op, ops[i+1])) {
				later = append(later, a)
			} else {
				writes = append(writes, a)
			}
		}
	}
	return append(writes, later...), errs
}

// lengthens reports whether two operations that follow each other give an address another prefix length.
func lengthens(a, b addressOp) bool {
	return a.verb == "remove" && b.verb == "add" && a.prefix.Addr() == b.prefix.Addr()
}

// addressRequest encodes an operation.
func addressRequest(op addressOp, index int, dad bool) *nl.NetlinkRequest {
	addr := op.prefix.Addr()
	family := unix.AF_INET6
	if addr.Is4() {
		family = unix.AF_INET
	}
	typ, flags := unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL
	switch op.verb {
	case "replace", "deprecate", "prefer":
		flags = unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	case "remove":
		typ, flags = unix.RTM_DELADDR, 0
	}
	req := nl.NewNetlinkRequest(typ, flags)
	msg := nl.NewIfAddrmsg(family)
	msg.Index = uint32(index)
	msg.Prefixlen = uint8(op.prefix.Bits())
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, addr.AsSlice()))
	req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, addr.AsSlice()))
	if typ == unix.RTM_DELADDR {
		return req
	}
	var addrFlags uint32
	if family == unix.AF_INET6 {
		if !dad {
			addrFlags |= unix.IFA_F_NODAD
		}
		if op.prefix.IsSingleIP() { // no route to ourselves over the link
			addrFlags |= unix.IFA_F_NOPREFIXROUTE
		}
		if op.deprecated {
			// struct ifa_cacheinfo: preferred and valid lifetime, and two times that only the kernel tells.
			info := native.AppendUint32(nil, 0)
			info = native.AppendUint32(info, 0xffffffff)
			req.AddData(nl.NewRtAttr(unix.IFA_CACHEINFO, append(info, 0, 0, 0, 0, 0, 0, 0, 0)))
		}
	} else if b := broadcast(op.prefix); b.IsValid() {
		req.AddData(nl.NewRtAttr(unix.IFA_BROADCAST, b.AsSlice()))
	}
	req.AddData(nl.NewRtAttr(ifaFlags, nl.Uint32Attr(addrFlags)))
	req.AddData(nl.NewRtAttr(ifaProto, []byte{AddressProtocol}))
	return req
}

// broadcast returns the last address of an IPv4 prefix, invalid for /31 and /32, which have none (RFC 3021).
func broadcast(p netip.Prefix) netip.Addr {
	if p.Bits() > 30 {
		return netip.Addr{}
	}
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// wantedAddresses returns the addresses of l in the form that the kernel reports.
func wantedAddresses(l Link) ([]Address, error) {
	var bad []string
	out := make([]Address, 0, len(l.Addresses))
	for _, a := range l.Addresses {
		p := a.Prefix
		if !p.IsValid() {
			bad = append(bad, p.String())
			continue
		}
		addr, bits := p.Addr().WithZone(""), p.Bits()
		if addr.Is4In6() && bits >= 96 {
			addr, bits = addr.Unmap(), bits-96
		}
		out = append(out, Address{Prefix: netip.PrefixFrom(addr, bits), Deprecated: a.Deprecated && addr.Is6()})
	}
	if len(bad) > 0 {
		return out, fmt.Errorf("not an address: %s", strings.Join(bad, ", "))
	}
	return out, nil
}
