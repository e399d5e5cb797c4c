package ra

import (
	"encoding/hex"
	"net/netip"
	"time"
)

// Received is an advertisement of some router, in a form that is ready for JSON. Lifetimes are in seconds as on the wire:
// 4294967295 is forever. All text is printable.
type Received struct {
	Time   time.Time  `json:"time"`   // when it came; zero from Decode
	Index  int        `json:"index"`  // interface it came in on; zero from Decode
	Router netip.Addr `json:"router"` // its link-local address; invalid from Decode
	MAC    string     `json:"mac,omitempty"`

	HopLimit       uint8  `json:"hop_limit"`
	Managed        bool   `json:"managed"`
	OtherConfig    bool   `json:"other_config"`
	HomeAgent      bool   `json:"home_agent,omitempty"` // H flag (RFC 6275)
	Proxy          bool   `json:"proxy,omitempty"`      // P flag (RFC 4389)
	SNAC           bool   `json:"snac,omitempty"`       // of a stub network router
	Preference     string `json:"preference"`           // low, medium, high
	RouterLifetime uint16 `json:"router_lifetime_seconds"`
	ReachableTime  uint32 `json:"reachable_time_milliseconds"`
	RetransTimer   uint32 `json:"retrans_timer_milliseconds"`
	MTU            uint32 `json:"mtu,omitempty"` // 0: there was no such option

	Prefixes      []ReceivedPrefix       `json:"prefixes,omitempty"`
	Routes        []ReceivedRoute        `json:"routes,omitempty"`
	RDNSS         []ReceivedServers      `json:"rdnss,omitempty"`
	DNSSL         []ReceivedDomains      `json:"dnssl,omitempty"`
	PREF64        []ReceivedPREF64       `json:"pref64,omitempty"`
	CaptivePortal string                 `json:"captive_portal,omitempty"` // RFC 8910
	DNR           []ReceivedResolver     `json:"dnr,omitempty"`
	Interval      uint32                 `json:"interval_milliseconds,omitempty"` // RFC 6275 7.3; 0: there was no such option
	HomeAgentInfo *ReceivedHomeAgent     `json:"home_agent_information,omitempty"`
	MoreFlags     Hex                    `json:"flags_extension,omitempty"` // RFC 5175: 6 bytes
	Nonce         Hex                    `json:"nonce,omitempty"`           // RFC 3971
	Contexts      []ReceivedContext      `json:"contexts,omitempty"`
	BorderRouters []ReceivedBorderRouter `json:"border_routers,omitempty"`

	Unknown   []UnknownOption   `json:"unknown_options,omitempty"`   // well-formed options that Decode does not know
	Malformed []MalformedOption `json:"malformed_options,omitempty"` // options that were skipped because they make no sense
	Truncated bool              `json:"truncated,omitempty"`         // the last option runs over the end or has length 0
	Notes     []string          `json:"notes,omitempty"`             // what else a receiver has to put up with
}

// ReceivedPrefix is a prefix information option.
type ReceivedPrefix struct {
	Prefix        netip.Prefix `json:"prefix"`
	OnLink        bool         `json:"on_link"`
	Autonomous    bool         `json:"autonomous"`
	RouterAddress netip.Addr   `json:"router_address,omitzero"` // R flag (RFC 6275): the router's own address; invalid: none
	PDPreferred   bool         `json:"pd_preferred,omitempty"`  // P flag (RFC 9762)
	Valid         uint32       `json:"valid_lifetime_seconds"`
	Preferred     uint32       `json:"preferred_lifetime_seconds"`
	Problem       string       `json:"problem,omitempty"` // why hosts do not use it as it is meant
}

// ReceivedRoute is a route information option (RFC 4191).
type ReceivedRoute struct {
	Prefix     netip.Prefix `json:"prefix"`
	Preference string       `json:"preference"`
	Lifetime   uint32       `json:"lifetime_seconds"`
}

// ReceivedServers is a recursive DNS server option (RFC 8106 5.1).
type ReceivedServers struct {
	Lifetime uint32       `json:"lifetime_seconds"`
	Servers  []netip.Addr `json:"servers"`
}

// ReceivedDomains is a DNS search list option (RFC 8106 5.2). Bytes other than letters, digits, hyphens and underscores are
// written as \DDD: the names come from the network and go to a terminal.
type ReceivedDomains struct {
	Lifetime uint32   `json:"lifetime_seconds"`
	Domains  []string `json:"domains"`
}

// ReceivedPREF64 is a NAT64 prefix (RFC 8781).
type ReceivedPREF64 struct {
	Prefix   netip.Prefix `json:"prefix"`
	Lifetime uint32       `json:"lifetime_seconds"`
}

// ReceivedResolver is an encrypted DNS option (RFC 9463). The name is written as those of ReceivedDomains.
type ReceivedResolver struct {
	Priority   uint16       `json:"priority"`
	Lifetime   uint32       `json:"lifetime_seconds"`
	Name       string       `json:"name"`
	Addresses  []netip.Addr `json:"addresses,omitempty"`
	Parameters []string     `json:"parameters,omitempty"` // as in zone files: alpn=h2,h3
}

// ReceivedHomeAgent is a home agent information option (RFC 6275 7.4).
type ReceivedHomeAgent struct {
	Preference   int16  `json:"preference"`
	Lifetime     uint16 `json:"lifetime_seconds"`
	MobileRouter bool   `json:"mobile_router,omitempty"` // RFC 3963 5.1
}

// ReceivedContext is a 6LoWPAN context option (RFC 6775 4.2).
type ReceivedContext struct {
	ID       uint8        `json:"id"`
	Compress bool         `json:"compress"`
	Prefix   netip.Prefix `json:"prefix"`
	Minutes  uint16       `json:"lifetime_minutes"`
}

// ReceivedBorderRouter is an authoritative border router option (RFC 6775 4.3).
type ReceivedBorderRouter struct {
	Address netip.Addr `json:"address"`
	Version uint32     `json:"version"`
	Minutes uint16     `json:"lifetime_minutes"` // 0: 10,000
}

// UnknownOption is an option that Decode does not know, without its type and length bytes.
type UnknownOption struct {
	Type uint8 `json:"type"`
	Data Hex   `json:"data"`
}

// MalformedOption is an option that was skipped.
type MalformedOption struct {
	Type   uint8  `json:"type"`
	Length int    `json:"length"` // in bytes
	Reason string `json:"reason"`
}

// Hex is bytes that are written in hexadecimal.
type Hex []byte

// MarshalText writes two digits a byte.
func (h Hex) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (h *Hex) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

// String writes two digits a byte.
func (h Hex) String() string { return hex.EncodeToString(h) }
