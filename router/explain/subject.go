package explain

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Kinds of subjects. The words may stand before a name that several things have.
const (
	KindAddress     = "address"
	KindPrefix      = "prefix"
	KindMAC         = "mac"
	KindInterface   = "interface"
	KindDelegation  = "delegation"
	KindNeighbor    = "neighbor"
	KindReservation = "reservation"
	KindPool        = "pool"
	KindConsumer    = "consumer"
	KindUnit        = "unit"
)

var subjectKinds = [...]string{
	KindAddress, KindPrefix, KindMAC, KindInterface, KindDelegation, KindNeighbor, KindReservation, KindPool, KindConsumer, KindUnit,
}

// SubjectError says why something cannot be explained. Its text tells what can be.
type SubjectError struct {
	Subject   string
	Malformed bool // it can be nothing at all; otherwise there is no such thing, or several
	Reason    string
}

func (e *SubjectError) Error() string {
	if e.Subject == "" {
		return e.Reason
	}
	return fmt.Sprintf("%q: %s", e.Subject, e.Reason)
}

// Subject is what an operator asks about. Of the values one is set, by kind.
type Subject struct {
	Kind   string // empty: a name of any kind
	Addr   netip.Addr
	Prefix netip.Prefix
	MAC    net.HardwareAddr
	Name   string
}

// maxSubject is longer than anything that can be asked about.
const maxSubject = 256

const subjectHelp = "give an address, a prefix, a MAC address, or the name of an interface, delegation, BGP neighbor, reservation, pool, consumer or unit"

// Parse reads what an operator asks about, by its form alone.
func Parse(text string) (Subject, error) {
	words := strings.Fields(text)
	switch {
	case len(words) == 0:
		return Subject{}, &SubjectError{Malformed: true, Reason: subjectHelp}
	case len(text) > maxSubject || len(words) > 2:
		return Subject{}, &SubjectError{Subject: text[:min(len(text), 64)], Malformed: true, Reason: "is too much; " + subjectHelp}
	}
	kind, word := "", words[0]
	if len(words) == 2 {
		kind, word = strings.ToLower(words[0]), words[1]
		if !slices.Contains(subjectKinds[:], kind) {
			return Subject{}, &SubjectError{
				Subject: words[0], Malformed: true, Reason: "is no kind of thing; it can be " + strings.Join(subjectKinds[:], ", "),
			}
		}
	}
	s, ok := parseLiteral(word)
	switch {
	case kind == "" && ok:
		return s, nil
	case kind == "":
		return Subject{Name: word}, nil
	case ok && (s.Kind == kind || s.Kind == KindAddress && kind == KindPrefix && s.Addr.Zone() == ""):
		if kind == KindPrefix && s.Kind == KindAddress {
			s = Subject{Kind: KindPrefix, Prefix: netip.PrefixFrom(s.Addr, s.Addr.BitLen())}
		}
		return s, nil
	case kind == KindAddress || kind == KindPrefix || kind == KindMAC:
		return Subject{}, &SubjectError{Subject: word, Malformed: true, Reason: "is not of the kind " + kind}
	}
	return Subject{Kind: kind, Name: word}, nil
}

// parseLiteral reads an address, a prefix or a MAC address. The prefix of a single address is the address.
func parseLiteral(word string) (Subject, bool) {
	if a, err := netip.ParseAddr(word); err == nil {
		if a.Is4In6() {
			a = a.Unmap()
		}
		return Subject{Kind: KindAddress, Addr: a}, true
	}
	if p, err := netip.ParsePrefix(word); err == nil && !p.Addr().Is4In6() {
		if p.IsSingleIP() {
			return Subject{Kind: KindAddress, Addr: p.Addr()}, true
		}
		return Subject{Kind: KindPrefix, Prefix: p.Masked()}, true
	}
	if mac, ok := parseMAC(word); ok {
		return Subject{Kind: KindMAC, MAC: mac}, true
	}
	return Subject{}, false
}

// parseMAC reads the spellings of 48 bits that are in use: 52:54:00:d6:c2:a9, 52:54:0:d6:c2:a9, 52-54-00-D6-C2-A9, 5254.00d6.c2a9,
// 525400-d6c2a9, 525400d6c2a9.
func parseMAC(s string) (net.HardwareAddr, bool) {
	groups := []string{s}
	for _, sep := range []string{":", "-", "."} {
		if strings.Contains(s, sep) {
			groups = strings.Split(s, sep)
			break
		}
	}
	var digits strings.Builder
	switch len(groups) {
	case 1, 2, 3, 6:
	default:
		return nil, false
	}
	width := 12 / len(groups)
	for _, g := range groups {
		switch {
		case len(g) == width:
		case len(groups) == 6 && len(g) == 1:
			g = "0" + g
		default:
			return nil, false
		}
		digits.WriteString(g)
	}
	mac, err := hex.DecodeString(digits.String())
	return mac, err == nil && len(mac) == 6
}

// String returns the subject in its canonical form.
func (s Subject) String() string {
	switch s.Kind {
	case KindAddress:
		return s.Addr.String()
	case KindPrefix:
		return s.Prefix.String()
	case KindMAC:
		return s.MAC.String()
	}
	return s.Name
}

// macOf returns the MAC address that an interface identifier was made of (RFC 4291 appendix A).
func macOf(a netip.Addr) (net.HardwareAddr, bool) {
	if !a.Is6() || a.Is4In6() {
		return nil, false
	}
	b := a.As16()
	if b[11] != 0xff || b[12] != 0xfe {
		return nil, false
	}
	return net.HardwareAddr{b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]}, true
}

// eui64 returns the address that a host with the MAC address makes in a /64 (RFC 4291 appendix A).
func eui64(p netip.Prefix, mac net.HardwareAddr) netip.Addr {
	b := p.Addr().As16()
	copy(b[8:], []byte{mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
	return netip.AddrFrom16(b)
}
