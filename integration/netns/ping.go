package netns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Ping sends echo requests from the node until one is answered, and returns the time that the answer took. A zoned
// destination names an interface of the node.
func (n *Node) Ping(ctx context.Context, dst netip.Addr) (time.Duration, error) {
	var conn *icmp.PacketConn
	var zone *net.Interface
	err := n.Do(func() (err error) {
		network, local := "ip6:ipv6-icmp", "::"
		if dst.Is4() {
			network, local = "ip4:icmp", "0.0.0.0"
		}
		if dst.Zone() != "" {
			if zone, err = net.InterfaceByName(dst.Zone()); err != nil {
				return err
			}
		}
		conn, err = icmp.ListenPacket(network, local)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("%s: ping: %w", n.Name, err)
	}
	defer conn.Close()
	id := rand.Uint64()
	for {
		took, err := echo(ctx, conn, dst, zone, id)
		if err == nil {
			return took, nil
		}
		if ctx.Err() != nil {
			return 0, fmt.Errorf("%s: %v does not answer a ping: %w", n.Name, dst, err)
		}
	}
}

// echoTimeout is how long one request is waited for.
const echoTimeout = 300 * time.Millisecond

func echo(ctx context.Context, conn *icmp.PacketConn, dst netip.Addr, zone *net.Interface, id uint64) (time.Duration, error) {
	request := icmp.Message{Type: ipv6.ICMPTypeEchoRequest, Body: &icmp.Echo{ID: int(id & 0xffff), Seq: 1, Data: binary.BigEndian.AppendUint64(nil, id)}}
	proto := 58
	if dst.Is4() {
		request.Type, proto = ipv4.ICMPTypeEcho, 1
	}
	b, err := request.Marshal(nil)
	if err != nil {
		return 0, err
	}
	to := &net.IPAddr{IP: dst.AsSlice()}
	if zone != nil {
		to.Zone = fmt.Sprint(zone.Index)
	}
	start := time.Now()
	deadline := start.Add(echoTimeout)
	if err := conn.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	if _, err := conn.WriteTo(b, to); err != nil {
		return 0, errors.Join(err, pause(ctx, deadline))
	}
	buf := make([]byte, 1500)
	for {
		count, _, err := conn.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, errors.New("no answer")
		}
		if err != nil {
			return 0, errors.Join(err, pause(ctx, deadline))
		}
		m, err := icmp.ParseMessage(proto, buf[:count])
		if err != nil {
			continue
		}
		if e, ok := m.Body.(*icmp.Echo); ok && m.Type != request.Type && len(e.Data) == 8 && binary.BigEndian.Uint64(e.Data) == id {
			return time.Since(start), nil
		}
	}
}

// pause waits until the deadline or the end of ctx.
func pause(ctx context.Context, deadline time.Time) error {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
