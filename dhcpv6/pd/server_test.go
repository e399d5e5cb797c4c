package pd

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/insomniacslk/dhcp/rfc1035label"
)

var (
	clientDUID = DUIDFromMAC(net.HardwareAddr{0x52, 0x54, 0, 1, 2, 3})
	serverDUID = []byte{0, 2, 0, 0, 0x30, 0x39, 1}
	otherDUID  = []byte{0, 2, 0, 0, 0x30, 0x39, 2}
	serverAddr = netip.MustParseAddr("fe80::1")
)

// server is a DHCPv6 server for tests: no socket, no clock, one binding for each IAID that it was given.
type server struct {
	t                *testing.T
	duid             []byte
	prefixes         map[uint32]netip.Prefix // IA_PD by IAID; others get NoPrefixAvail
	addresses        map[uint32]netip.Addr   // IA_NA by IAID; others get NoAddrsAvail
	preferred, valid time.Duration
	t1, t2           time.Duration
	preference       uint8
	rapid            bool
	silent           bool
	forgets          bool // NoBinding to Renew and Rebind
	mute             dhcp6.MessageType
	edit             func(req, rep *dhcp6.Message) // a last change of the answer; rep.MessageType 0: no answer
}

func newServer(t *testing.T, prefix string) *server {
	return &server{t: t, duid: serverDUID, preferred: time.Hour, valid: 2 * time.Hour,
		prefixes: map[uint32]netip.Prefix{1: netip.MustParsePrefix(prefix)}}
}

// handle answers a message of a client.
func (s *server) handle(data []byte) []byte {
	req, err := dhcp6.MessageFromBytes(data)
	if err != nil {
		s.t.Errorf("client sent %x: %v", data, err)
		return nil
	}
	sid := req.GetOneOption(dhcp6.OptionServerID)
	if s.silent || req.MessageType == s.mute || sid != nil && !bytes.Equal(sid.ToBytes(), s.duid) {
		return nil
	}
	rep := &dhcp6.Message{MessageType: dhcp6.MessageTypeReply, TransactionID: req.TransactionID}
	rep.AddOption(req.GetOneOption(dhcp6.OptionClientID))
	rep.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionServerID, OptionData: s.duid})
	if req.MessageType == dhcp6.MessageTypeSolicit {
		if s.rapid && req.GetOneOption(dhcp6.OptionRapidCommit) != nil {
			rep.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionRapidCommit})
		} else {
			rep.MessageType = dhcp6.MessageTypeAdvertise
		}
	}
	if s.preference > 0 {
		rep.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionPreference, OptionData: []byte{s.preference}})
	}
	extend := req.MessageType == dhcp6.MessageTypeRenew || req.MessageType == dhcp6.MessageTypeRebind
	for _, o := range req.Options.Options {
		switch o := o.(type) {
		case *dhcp6.OptIAPD:
			ia := &dhcp6.OptIAPD{IaId: o.IaId, T1: s.t1, T2: s.t2}
			p, ok := s.prefixes[binary.BigEndian.Uint32(o.IaId[:])]
			switch {
			case req.MessageType == dhcp6.MessageTypeRelease:
			case extend && s.forgets:
				ia.Options.Add(&dhcp6.OptStatusCode{StatusCode: iana.StatusNoBinding, StatusMessage: "who are you"})
			case !ok:
				ia.Options.Add(&dhcp6.OptStatusCode{StatusCode: iana.StatusNoPrefixAvail, StatusMessage: "pool is empty"})
			default:
				ia.Options.Add(prefixOption(p, s.preferred, s.valid))
			}
			rep.AddOption(ia)
		case *dhcp6.OptIANA:
			ia := &dhcp6.OptIANA{IaId: o.IaId, T1: s.t1, T2: s.t2}
			a, ok := s.addresses[binary.BigEndian.Uint32(o.IaId[:])]
			switch {
			case req.MessageType == dhcp6.MessageTypeRelease || req.MessageType == dhcp6.MessageTypeDecline || req.MessageType == dhcp6.MessageTypeConfirm:
			case extend && s.forgets:
				ia.Options.Add(&dhcp6.OptStatusCode{StatusCode: iana.StatusNoBinding})
			case !ok:
				ia.Options.Add(&dhcp6.OptStatusCode{StatusCode: iana.StatusNoAddrsAvail})
			default:
				ia.Options.Add(&dhcp6.OptIAAddress{IPv6Addr: a.AsSlice(), PreferredLifetime: s.preferred, ValidLifetime: s.valid})
			}
			rep.AddOption(ia)
		}
	}
	rep.AddOption(dhcp6.OptDNS(net.ParseIP("2001:db8::53")))
	rep.AddOption(dhcp6.OptDomainSearchList(&rfc1035label.Labels{Labels: []string{"isp.example"}}))
	if s.edit != nil {
		s.edit(req, rep)
		if rep.MessageType == 0 {
			return nil
		}
	}
	return rep.ToBytes()
}

// prefixOption returns an IAPREFIX.
func prefixOption(p netip.Prefix, preferred, valid time.Duration) *dhcp6.OptIAPrefix {
	return &dhcp6.OptIAPrefix{PreferredLifetime: preferred, ValidLifetime: valid,
		Prefix: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 128)}}
}

// firstPD returns the first IA_PD of a message.
func firstPD(m *dhcp6.Message) *dhcp6.OptIAPD {
	ia, _ := m.GetOneOption(dhcp6.OptionIAPD).(*dhcp6.OptIAPD)
	return ia
}
