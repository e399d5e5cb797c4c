package pd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
)

// shortest is the length that a delegated prefix has at least. Nobody has more to give away, and the unreachable route of what a
// mistaken server calls ours would take half of the internet from us.
const shortest = 16

// maxElapsed is the largest value of the elapsed time option (RFC 8415 21.9).
const maxElapsed = 0xffff * 10 * time.Millisecond

// request is a message of ours.
type request struct {
	kind    dhcp6.MessageType
	xid     dhcp6.TransactionID
	client  []byte
	server  []byte // nil: to any server
	elapsed time.Duration
	rapid   bool
	accept  bool // Reconfigure messages
	extra   []Option
	asked   []uint16 // options asked for beside the usual ones
	ias     []iaRequest
}

// iaRequest is an identity association in a message of ours.
type iaRequest struct {
	key      iaKey
	prefixes []netip.Prefix // held, released, or hints
}

// iaKey is what the server knows an identity association by, beside our DUID.
type iaKey struct {
	address bool // IA_NA, otherwise IA_PD
	id      uint32
}

// marshal returns the bytes of the message. Lifetimes are 0: we leave them to the server (RFC 8415 21.22).
func (r *request) marshal() []byte {
	m := &dhcp6.Message{MessageType: r.kind, TransactionID: r.xid}
	m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionClientID, OptionData: r.client})
	if r.server != nil {
		m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionServerID, OptionData: r.server})
	}
	m.AddOption(dhcp6.OptElapsedTime(min(r.elapsed, maxElapsed)))
	if r.rapid {
		m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionRapidCommit})
	}
	if !farewells(r.kind) && r.kind != dhcp6.MessageTypeConfirm {
		if r.accept {
			m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionReconfAccept})
		}
		m.AddOption(dhcp6.OptRequestedOption(r.wanted()...))
		for _, o := range r.extra {
			m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionCode(o.Code), OptionData: o.Data})
		}
	}
	for _, ia := range r.ias {
		m.AddOption(ia.option())
	}
	return m.ToBytes()
}

// wanted returns the options to ask for. SOL_MAX_RT and INF_MAX_RT are asked for in the messages that they are about and in all
// that can bring them (RFC 9915 18.2, 21.24, 21.25).
func (r *request) wanted() []dhcp6.OptionCode {
	codes := []dhcp6.OptionCode{dhcp6.OptionDNSRecursiveNameServer, dhcp6.OptionDomainSearchList}
	if r.kind == dhcp6.MessageTypeInformationRequest {
		codes = append(codes, dhcp6.OptionInformationRefreshTime, dhcp6.OptionInfMaxRT)
	} else {
		codes = append(codes, dhcp6.OptionPDExclude)
	}
	codes = append(codes, dhcp6.OptionSolMaxRT)
	for _, c := range r.asked {
		if !slices.Contains(codes, dhcp6.OptionCode(c)) {
			codes = append(codes, dhcp6.OptionCode(c))
		}
	}
	return codes
}

// option returns the IA_NA or IA_PD.
func (r iaRequest) option() dhcp6.Option {
	var id [4]byte
	binary.BigEndian.PutUint32(id[:], r.key.id)
	if r.key.address {
		ia := &dhcp6.OptIANA{IaId: id}
		for _, p := range r.prefixes {
			ia.Options.Add(&dhcp6.OptIAAddress{IPv6Addr: p.Addr().AsSlice()})
		}
		return ia
	}
	ia := &dhcp6.OptIAPD{IaId: id}
	for _, p := range r.prefixes {
		ia.Options.Add(&dhcp6.OptIAPrefix{Prefix: &net.IPNet{IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 128)}})
	}
	return ia
}

// answer is an Advertise or a Reply.
type answer struct {
	kind               dhcp6.MessageType
	xid                dhcp6.TransactionID
	from               netip.Addr
	clientID, serverID []byte
	preference         uint8
	rapid              bool
	status             status
	ias                []iaAnswer
	solMaxRT           time.Duration // 0: not said
	infMaxRT           time.Duration
	refresh            time.Duration // information refresh time; 0: not said
	auth               *auth
	options            []Option // others, as they came
	dns                []netip.Addr
	domains            []string
}

// iaAnswer is an identity association in an answer.
type iaAnswer struct {
	key    iaKey
	t1, t2 time.Duration
	status status
	leases []leaseAnswer
}

// leaseAnswer is an address, as a /128, or a prefix in an identity association. The infinite lifetime (RFC 8415 7.7) is
// 136 years here, which no router lives to see.
type leaseAnswer struct {
	prefix           netip.Prefix
	preferred, valid time.Duration
	exclude          netip.Prefix // RFC 6603; invalid: nothing
}

// status is a status code option; the zero value is success, as its absence is.
type status struct {
	code iana.StatusCode
	text string
}

func (s status) ok() bool { return s.code == iana.StatusSuccess }

func (s status) String() string {
	name := s.code.String()
	if name == "Unknown" {
		name = fmt.Sprintf("status %d", s.code)
	}
	if s.text == "" {
		return name
	}
	return name + ": " + s.text
}

// errLibrary is what remains after the guard; fuzzing has not found such a message.
var errLibrary = errors.New("malformed message")

// parse reads a received datagram.
func parse(data []byte, from netip.Addr) (*answer, error) {
	g, err := guard(data)
	if err != nil {
		return nil, err
	}
	m, err := dhcp6.MessageFromBytes(g.clean)
	if err != nil {
		return nil, errLibrary
	}
	a := &answer{kind: m.MessageType, xid: m.TransactionID, from: from.WithZone(""), clientID: g.clientID, serverID: g.serverID, options: g.extra}
	for _, o := range m.Options.Options {
		switch o := o.(type) {
		case *dhcp6.OptStatusCode:
			a.status = statusOf(o)
		case *dhcp6.OptIANA:
			ia := iaAnswer{key: iaKey{true, binary.BigEndian.Uint32(o.IaId[:])}, t1: o.T1, t2: o.T2, status: statusOf(o.Options.Status())}
			for _, l := range o.Options.Addresses() {
				ia.add(l.IPv6Addr, 128, l.PreferredLifetime, l.ValidLifetime, l.Options.Status(), nil)
			}
			a.ias = append(a.ias, ia)
		case *dhcp6.OptIAPD:
			ia := iaAnswer{key: iaKey{false, binary.BigEndian.Uint32(o.IaId[:])}, t1: o.T1, t2: o.T2, status: statusOf(o.Options.Status())}
			for _, l := range o.Options.Prefixes() {
				if l.Prefix != nil {
					bits, _ := l.Prefix.Mask.Size()
					ia.add(l.Prefix.IP, bits, l.PreferredLifetime, l.ValidLifetime, l.Options.Status(), l.Options.GetOne(dhcp6.OptionPDExclude))
				}
			}
			a.ias = append(a.ias, ia)
		case *dhcp6.OptionGeneric:
			a.generic(o)
		}
	}
	if p := m.GetOneOption(dhcp6.OptionPreference); p != nil {
		a.preference = p.ToBytes()[0]
	}
	if m.GetOneOption(dhcp6.OptionInformationRefreshTime) != nil {
		a.refresh = max(m.Options.InformationRefreshTime(irtDefault), time.Second)
	}
	for _, ip := range m.Options.DNS() {
		if addr, ok := netip.AddrFromSlice(ip); ok && usableServer(addr) && len(a.dns) < maxServers {
			a.dns = append(a.dns, addr)
		}
	}
	if l := m.Options.DomainSearchList(); l != nil {
		for _, name := range l.Labels {
			if printableDomain(name) {
				a.domains = append(a.domains, name)
			}
		}
	}
	return a, nil
}

// generic takes over the options that the library has no type for.
func (a *answer) generic(o *dhcp6.OptionGeneric) {
	switch o.OptionCode {
	case dhcp6.OptionRapidCommit:
		a.rapid = true
	case dhcp6.OptionSolMaxRT:
		a.solMaxRT = time.Duration(binary.BigEndian.Uint32(o.OptionData)) * time.Second
	case dhcp6.OptionInfMaxRT:
		a.infMaxRT = time.Duration(binary.BigEndian.Uint32(o.OptionData)) * time.Second
	case dhcp6.OptionAuth:
		if got, ok := parseAuth(o.OptionData); ok {
			a.auth = &got
		}
	}
}

// add adds a lease, unless the server says that it is none, or nobody could use it.
func (ia *iaAnswer) add(ip net.IP, bits int, preferred, valid time.Duration, s *dhcp6.OptStatusCode, exclude dhcp6.Option) {
	addr, ok := netip.AddrFromSlice(ip)
	if !ok || addr.Is4In6() || !statusOf(s).ok() || preferred > valid || bits < shortest { // RFC 8415 21.6, 21.22
		return
	}
	p := netip.PrefixFrom(addr, bits).Masked()
	if a := p.Addr(); a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsLoopback() || a.IsUnspecified() {
		return
	}
	l := leaseAnswer{prefix: p, preferred: preferred, valid: valid}
	if exclude != nil {
		l.exclude = excluded(p, exclude.ToBytes())
	}
	if ia.lease(p) == nil { // the same prefix twice: the first counts
		ia.leases = append(ia.leases, l)
	}
}

// excluded reads an OPTION_PD_EXCLUDE: a prefix length, and the bits between those of the delegated prefix and that length,
// from the highest bit on (RFC 6603 4.2). One that makes no sense is ignored.
func excluded(p netip.Prefix, data []byte) netip.Prefix {
	if len(data) < 2 {
		return netip.Prefix{}
	}
	bits, id := int(data[0]), data[1:]
	if bits <= p.Bits() || bits > 128 || len(id) != (bits-p.Bits()-1)/8+1 {
		return netip.Prefix{}
	}
	addr := p.Addr().As16()
	for n := range bits - p.Bits() {
		at := p.Bits() + n
		addr[at/8] |= id[n/8] >> (7 - n%8) & 1 << (7 - at%8)
	}
	return netip.PrefixFrom(netip.AddrFrom16(addr), bits)
}

// statusOf reads a status code option; the text comes from the network and ends in logs and on terminals.
func statusOf(o *dhcp6.OptStatusCode) status {
	if o == nil {
		return status{}
	}
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(o.StatusMessage, ""))
	if len(text) > 128 {
		text = strings.ToValidUTF8(text[:128], "")
	}
	return status{o.StatusCode, text}
}

// usableServer says whether a name server can have this address.
func usableServer(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && !a.Is4In6()
}

// printableDomain says whether name can be shown and written to a resolver's file: letters, digits, hyphen, underscore, dots.
func printableDomain(name string) bool {
	for _, r := range name {
		if !(r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return name != ""
}
