package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/sixfold-router/sixfold/router/rib"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// fibMatch asks for the route as it is in the table (RTM_F_FIB_MATCH), not for what follows from it for one packet.
const fibMatch = 0x2000

// Match returns the route by which the kernel sends packets to an address, of whatever protocol: the longest match, and of
// equal prefixes the one with the lowest metric. The link of a link-local address is its zone. It is false if there is none, or
// if the packets are for ourselves. A route with several next hops is told with the first.
func (m *Monitor) Match(ctx context.Context, addr netip.Addr) (Route, bool, error) {
	return m.MatchIn(ctx, "", addr)
}

// MatchIn is Match for packets that are sent in a VRF, by name of its device; empty: in none.
func (m *Monitor) MatchIn(ctx context.Context, vrf string, addr netip.Addr) (Route, bool, error) {
	if err := ctx.Err(); err != nil || !addr.IsValid() {
		return Route{}, false, err
	}
	c, err := dial()
	if err != nil {
		return Route{}, false, err
	}
	defer c.close()
	family := uint8(unix.AF_INET6)
	if addr.Is4() {
		family = unix.AF_INET
	}
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, 0)
	req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: family, Dst_len: uint8(addr.BitLen()), Flags: fibMatch}})
	req.AddData(nl.NewRtAttr(unix.RTA_DST, addr.WithZone("").AsSlice()))
	links, table, out := m.Links(), uint32(rib.MainTable), addr.Zone()
	if vrf != "" {
		if table = links[vrf].Table; table == 0 {
			return Route{}, false, nil
		}
		out = cmp.Or(out, vrf)
	}
	if out != "" {
		l, ok := links[out]
		if !ok {
			return Route{}, false, nil
		}
		req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(l.Index))))
	}
	var found parsedRoute
	ok := false
	err = c.ask(req, func(typ uint16, data []byte) {
		if typ == unix.RTM_NEWROUTE {
			found, ok = parseRoute(data)
		}
	})
	switch {
	// The kernel answers for an unreachable destination as connect(2) would, with or without a route that says so.
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EACCES), errors.Is(err, unix.EINVAL):
		return Route{}, false, nil
	case err != nil:
		return Route{}, false, fmt.Errorf("look up the route to %s: %w", addr, err)
	case !ok || found.key.Table != table:
		return Route{}, false, nil
	}
	_, ours := protocolSource(found.route.proto)
	r := Route{Protocol: protocolName(found.route.proto), Ours: ours}
	r.Route = rib.Route{Prefix: found.key.Prefix, Kind: found.route.kind, Table: found.key.Table, Metric: found.route.metric, Src: found.route.src}
	h := hop{found.route.link, found.route.via}
	if len(found.hops) > 0 {
		h = found.hops[0]
	}
	r.Via, r.Link = h.via, m.names()[int(h.link)]
	return r, true, nil
}

// ask sends a request that has one answer, which fn gets.
func (c *conn) ask(req *nl.NetlinkRequest, fn func(typ uint16, data []byte)) error {
	req.Seq = c.nextSeq()
	req.Flags |= unix.NLM_F_ACK
	if err := c.send(req.Serialize()); err != nil {
		return err
	}
	var answer error
	for done := false; !done; {
		err := c.receive(func(h syscall.NlMsghdr, data []byte) {
			switch {
			case h.Seq != req.Seq:
			case h.Type == unix.NLMSG_ERROR:
				done = true
				if len(data) >= 4 {
					answer = ackError(h, data)
				}
			default:
				fn(h.Type, data)
			}
		})
		if err != nil {
			return err
		}
	}
	return answer
}
