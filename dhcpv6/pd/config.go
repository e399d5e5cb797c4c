package pd

import (
	"bytes"
	"net/netip"
	"time"
)

// Config is the whole desired state: the uplinks to be a client on, by link name.
type Config struct {
	DUID    []byte // client identifier, the same on all links; never empty
	Uplinks map[string]Uplink
}

// Uplink is what to ask for on one link, all in one DHCPv6 exchange.
type Uplink struct {
	Link        string
	Index       int        // interface index
	LinkLocal   netip.Addr // source address, without zone
	NoCarrier   bool       // the link cannot carry anything now: wait, and Rebind when that ends
	RapidCommit bool
	Reconfigure bool         // accept Reconfigure messages
	Stateless   bool         // ask for DNS servers and domains, if nothing else is asked for
	DUID        []byte       // client identifier on this link; nil: that of Config
	Address     *IA          // ask for an address (IA_NA); nil: do not
	Prefixes    []IA         // ask for prefixes (IA_PD)
	Duplicates  []netip.Addr // addresses on the link that other hosts have too: an address of ours among them is declined
	Request     []uint16     // options to ask for beside the usual ones
	Send        []Option     // options to send beside the usual ones, such as classes
}

// Option is a DHCPv6 option as it is on the wire.
type Option struct {
	Code uint16
	Data []byte
}

// same says whether two options are equal.
func (o Option) same(p Option) bool { return o.Code == p.Code && bytes.Equal(o.Data, p.Data) }

// identifier returns the client identifier to use on the uplink.
func (u *Uplink) identifier(common []byte) []byte {
	if u != nil && u.DUID != nil {
		return u.DUID
	}
	return common
}

// IA is one identity association to ask for.
type IA struct {
	Name string // name of the delegation; empty for the address
	IAID uint32
	Hint netip.Prefix // wanted prefix, or :: with the wanted length; invalid: no hint
}

// Delegation is what a server gave us: a prefix, or an address as a /128. It is valid until ValidUntil whatever happens to
// the server or the link.
type Delegation struct {
	Name           string // empty for an address
	Link           string
	Prefix         netip.Prefix
	PreferredUntil time.Time // a time far in the future for an infinite lifetime
	ValidUntil     time.Time
	T1, T2         time.Time  // when Renew and Rebind start
	Server         netip.Addr // source address of the last Reply
	ServerDUID     []byte
	DNS            []netip.Addr
	Domains        []string
	Exclude        netip.Prefix // part of Prefix that the server keeps for the uplink (RFC 6603); invalid: none
	Former         []Former     // earlier prefixes of the same, which the server lets run out, the latest first
	Spare          []Former     // further prefixes of the same, of which nothing is made: one takes over when Prefix ends
	Options        []Option     // what came of Uplink.Request
}
