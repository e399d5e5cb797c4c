package pd

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// Numbers of the Reconfigure Key Authentication Protocol, RFC 9915 20.4.
const (
	rkapProtocol  = 3
	rkapAlgorithm = 1 // HMAC-MD5
	rkapMonotonic = 0 // replay detection: a number that grows
	rkapKey       = 1 // in a Reply: the key
	rkapDigest    = 2 // in a Reconfigure: the HMAC-MD5
	rkapSize      = 11 + 1 + md5.Size
)

// maxKeys bounds how many servers' keys are kept for a link.
const maxKeys = 8

// Why a Reconfigure was not followed. The texts are keys of Client.Dropped.
var (
	errReconfigure     = errors.New("malformed Reconfigure")
	errReconfigureAuth = errors.New("no valid authentication in a Reconfigure")
	errReplay          = errors.New("replayed Reconfigure")
	errBusy            = errors.New("another Reconfigure is being followed")
	errNothingToRenew  = errors.New("nothing is held that a Reconfigure is about")
)

// key is what a server gave us to know its Reconfigure messages by.
type key struct {
	Server []byte         `json:"server"` // its DUID
	Secret [md5.Size]byte `json:"secret"`
	Replay uint64         `json:"replay"` // the last number of its replay detection
}

// auth is an option of RKAP.
type auth struct {
	replay uint64
	kind   byte
	value  [md5.Size]byte
}

// parseAuth reads an authentication option; false: it is not one of RKAP.
func parseAuth(body []byte) (auth, bool) {
	if len(body) != rkapSize || body[0] != rkapProtocol || body[1] != rkapAlgorithm || body[2] != rkapMonotonic {
		return auth{}, false
	}
	return auth{replay: binary.BigEndian.Uint64(body[3:]), kind: body[11], value: [md5.Size]byte(body[12:])}, true
}

// reconfigure is a Reconfigure message whose authentication was checked.
type reconfigure struct {
	clientID []byte
	server   []byte
	replay   uint64
	kind     dhcp6.MessageType // what it wants us to send
}

// parseReconfigure checks a Reconfigure message (RFC 9915 16.11) against the keys that servers gave us.
func parseReconfigure(data []byte, keys []key) (reconfigure, error) {
	r := reconfigure{}
	if len(keys) == 0 {
		return r, errReconfigureAuth
	}
	var a auth
	ok, digest := false, 0
	seen := uint64(0)
	at := 4
	err := walk(data[4:], func(code dhcp6.OptionCode, body []byte) error {
		at += 4
		defer func() { at += len(body) }()
		switch code {
		case dhcp6.OptionClientID, dhcp6.OptionServerID, dhcp6.OptionReconfMessage, dhcp6.OptionAuth:
			if seen&(1<<code) != 0 {
				return errReconfigure
			}
			seen |= 1 << code
		}
		switch code {
		case dhcp6.OptionClientID:
			r.clientID = bytes.Clone(body)
		case dhcp6.OptionServerID:
			r.server = bytes.Clone(body)
		case dhcp6.OptionReconfMessage:
			if len(body) != 1 {
				return errReconfigure
			}
			r.kind = dhcp6.MessageType(body[0])
		case dhcp6.OptionAuth:
			a, ok = parseAuth(body)
			digest = at + 12
		}
		return nil
	})
	switch {
	case err != nil:
		return r, err
	case r.kind != dhcp6.MessageTypeRenew && r.kind != dhcp6.MessageTypeRebind && r.kind != dhcp6.MessageTypeInformationRequest:
		return r, errReconfigure
	case !ok || a.kind != rkapDigest:
		return r, errReconfigureAuth
	}
	n := slices.IndexFunc(keys, func(k key) bool { return bytes.Equal(k.Server, r.server) })
	if n < 0 {
		return r, errReconfigureAuth
	}
	plain := bytes.Clone(data)
	clear(plain[digest : digest+md5.Size])
	mac := hmac.New(md5.New, keys[n].Secret[:])
	mac.Write(plain)
	if !hmac.Equal(mac.Sum(nil), a.value[:]) {
		return r, errReconfigureAuth
	}
	if a.replay <= keys[n].Replay {
		return r, errReplay
	}
	r.replay = a.replay
	return r, nil
}

// learnKey takes over the key that a Reply to us has, RFC 9915 20.4.1.
func (m *machine) learnKey(a *answer) {
	if a.auth == nil || a.auth.kind != rkapKey || a.kind != dhcp6.MessageTypeReply || !m.cfg.Reconfigure {
		return
	}
	k := key{Server: bytes.Clone(a.serverID), Secret: a.auth.value, Replay: a.auth.replay}
	if old := m.keyOf(k.Server); old != nil && old.Secret == k.Secret {
		k.Replay = max(k.Replay, old.Replay) // the same key once more makes no old message new
	}
	// The list is not changed in place: the reader of the socket has it too.
	m.keys = append(slices.DeleteFunc(slices.Clone(m.keys), func(o key) bool { return bytes.Equal(o.Server, k.Server) }), k)
	if len(m.keys) > maxKeys {
		m.keys = m.keys[1:]
	}
}

// reconfigured does what an authenticated Reconfigure asks for, RFC 9915 18.2.11. The error says why not.
func (m *machine) reconfigured(now time.Time, data []byte) error {
	r, err := parseReconfigure(data, m.keys)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(r.clientID, m.duid):
		return errNotForUs
	case !m.up || !m.cfg.Reconfigure:
		return errUnasked
	}
	m.keys = slices.Clone(m.keys)
	m.keys[slices.IndexFunc(m.keys, func(k key) bool { return bytes.Equal(k.Server, r.server) })].Replay = r.replay
	if e := m.ex; e != nil && (e.follows || e.kind == dhcp6.MessageTypeRequest || farewells(e.kind)) {
		return errBusy
	}
	if r.kind == dhcp6.MessageTypeInformationRequest {
		m.ex, m.out, m.infoAt, m.readyAt, m.follow = nil, nil, now, now, true
		m.tick(now)
		return nil
	}
	found := false
	for _, i := range m.actives() {
		if i.lease != nil && bytes.Equal(i.lease.ServerDUID, r.server) {
			i.ask(now)
			found = true
		}
	}
	if !found {
		return errNothingToRenew
	}
	if r.kind == dhcp6.MessageTypeRebind && m.confirm == confirmNone {
		m.confirm = confirmSlow
	}
	m.ex, m.out, m.readyAt, m.follow = nil, nil, now, true
	m.tick(now)
	return nil
}

// keyOf returns the key of a server; nil: it gave none.
func (m *machine) keyOf(server []byte) *key {
	for _, k := range m.keys {
		if bytes.Equal(k.Server, server) {
			return &k
		}
	}
	return nil
}
