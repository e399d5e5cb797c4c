package dhcpv6

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// The reconfigure key authentication protocol (RFC 8415 20.4): the server gives a client a key in a Reply, in the clear, and proves
// with it later that a Reconfigure is its own. The values are those of the option (21.11).
const (
	protocolRKAP    = 3
	algorithmMD5    = 1
	replayMonotonic = 0
	infoKey         = 1
	infoDigest      = 2

	authHead = 11 // protocol, algorithm, replay detection method and value
	authSize = authHead + 1 + md5.Size
)

// keys makes what a client needs to believe a Reconfigure.
type keys interface {
	fresh() [md5.Size]byte // a key nobody has
	next() uint64          // larger each time, also after a restart
}

// secrets are the keys of a server.
type secrets struct{ replay atomic.Uint64 }

func (*secrets) fresh() (key [md5.Size]byte) {
	rand.Read(key[:]) // never fails
	return key
}

func (s *secrets) next() uint64 { return s.replay.Add(1) }

// replayName is where the store keeps the value that no replay detection of this run reaches, and replayBlock how many values
// that are. The values start at the clock, in nanoseconds, so that a store that was lost does no harm.
const (
	replayName  = "dhcpv6-replay"
	replayBlock = 1 << 32
)

// begin takes a block of values, larger than all that were used before.
func (s *secrets) begin(now time.Time, store store) error {
	from := max(uint64(now.UnixNano()), s.replay.Load())
	if b := store.Meta(replayName); len(b) == 8 {
		from = max(from, binary.BigEndian.Uint64(b))
	}
	if err := store.SetMeta(replayName, binary.BigEndian.AppendUint64(nil, from+replayBlock)); err != nil {
		return err
	}
	s.replay.Store(from)
	return nil
}

// reach decides whether the client can be told to renew, and with which key: the one that it has, or a new one if it says that it
// takes Reconfigure messages. A client that starts anew without saying so takes none any longer.
func (h *handler) reach() {
	if !h.in.Reconfigure || h.keys == nil || h.req.lost {
		return
	}
	var old *lease.Contact
	for i := range h.req.ias {
		for _, l := range h.had(h.req.key(&h.req.ias[i], h.in.Link)) {
			if l.Contact != nil {
				old = l.Contact
			}
		}
	}
	starts := h.req.kind == dhcp6.MessageTypeRequest || h.req.kind == dhcp6.MessageTypeSolicit && h.req.rapid && h.in.RapidCommit
	switch {
	case !h.req.accept && (starts || old == nil):
		return
	case old != nil && bytes.Equal(old.Path, h.req.path):
		h.contact = old
	case old != nil:
		h.contact = &lease.Contact{Key: old.Key, Path: h.req.path}
	default:
		h.contact = &lease.Contact{Key: h.keys.fresh(), Path: h.req.path}
	}
	// One that was off may have lost the key, and a Renew can be of one that learnt to take Reconfigures just now.
	h.handOut = h.req.accept && (starts || old == nil || h.req.kind == dhcp6.MessageTypeRebind)
}

// reconfigurable tells a client that takes Reconfigure messages that it may get them, and in a Reply with leases its key.
func (h *handler) reconfigurable(leased bool) {
	if !h.req.accept || h.contact == nil {
		return
	}
	h.out.reply.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionReconfAccept})
	if h.handOut && leased && h.out.reply.MessageType == dhcp6.MessageTypeReply {
		h.out.reply.AddOption(authentication(h.keys.next(), infoKey, h.contact.Key))
	}
}

// authentication is option 11.
func authentication(replay uint64, kind byte, value [md5.Size]byte) dhcp6.Option {
	b := make([]byte, 0, authSize)
	b = append(b, protocolRKAP, algorithmMD5, replayMonotonic)
	b = binary.BigEndian.AppendUint64(b, replay)
	b = append(b, kind)
	return &dhcp6.OptionGeneric{OptionCode: dhcp6.OptionAuth, OptionData: append(b, value[:]...)}
}

// reconfigure makes the message that has a client send what. Its digest is over the message with zeros in its place (RFC 8415
// 20.4.2).
func reconfigure(server, client []byte, what dhcp6.MessageType, key [md5.Size]byte, replay uint64) *dhcp6.Message {
	m := &dhcp6.Message{MessageType: dhcp6.MessageTypeReconfigure}
	m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionServerID, OptionData: server})
	m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionClientID, OptionData: client})
	m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionReconfMessage, OptionData: []byte{byte(what)}})
	m.AddOption(authentication(replay, infoDigest, [md5.Size]byte{}))
	mac := hmac.New(md5.New, key[:])
	mac.Write(m.ToBytes())
	last := len(m.Options.Options) - 1
	m.Options.Options[last] = authentication(replay, infoDigest, [md5.Size]byte(mac.Sum(nil)))
	return m
}

// relayPath is where a Relay-reply to a client goes, and what is in it.
type relayPath struct {
	to     netip.AddrPort // the relay next to us, without a zone
	link   string         // that it is reached on, of a link-local one
	relays []relayLayer   // outermost first
}

// maxPath bounds what is kept of a path.
const maxPath = 1024

// encode returns the path as bytes, or nil if it is too long to keep.
func (p relayPath) encode() []byte {
	short := func(b, s []byte) []byte { return append(append(b, byte(len(s))), s...) }
	a := p.to.Addr().As16()
	b := append([]byte{1}, a[:]...)
	b = binary.BigEndian.AppendUint16(b, p.to.Port())
	b = short(b, []byte(p.link))
	for _, l := range p.relays {
		link, peer := l.link.As16(), l.peer.As16()
		b = append(append(append(b, l.hops), link[:]...), peer[:]...)
		if l.relayPort == nil {
			b = append(b, 0, 0, 0)
		} else {
			b = append(append(b, 1), l.relayPort...)
		}
		if l.interfaceID == nil {
			b = append(b, 0)
		} else if len(l.interfaceID) < 255 {
			b = append(append(b, byte(len(l.interfaceID)+1)), l.interfaceID...)
		} else {
			return nil
		}
	}
	if len(b) > maxPath || len(p.link) > 255 {
		return nil
	}
	return b
}

var errPath = errors.New("the path to the client cannot be read")

// decodePath is the reverse of encode.
func decodePath(b []byte) (p relayPath, err error) {
	take := func(n int) []byte {
		if n > len(b) {
			err, b = errPath, nil
			return make([]byte, n)
		}
		out := b[:n:n]
		b = b[n:]
		return out
	}
	if take(1)[0] != 1 {
		return p, errPath
	}
	addr := netip.AddrFrom16([16]byte(take(16)))
	p.to = netip.AddrPortFrom(addr, binary.BigEndian.Uint16(take(2)))
	p.link = string(take(int(take(1)[0])))
	for err == nil && len(b) > 0 && len(p.relays) < maxRelays {
		l := relayLayer{hops: take(1)[0], link: netip.AddrFrom16([16]byte(take(16))), peer: netip.AddrFrom16([16]byte(take(16)))}
		if port := take(3); port[0] != 0 {
			l.relayPort = port[1:]
		}
		if n := int(take(1)[0]); n > 0 {
			l.interfaceID = take(n - 1)
		}
		p.relays = append(p.relays, l)
	}
	if err == nil && (len(b) > 0 || len(p.relays) == 0) {
		err = errPath
	}
	return p, err
}
