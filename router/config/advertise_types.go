package config

import (
	"net/netip"
	"time"
)

// AdvertiseExtra is what advertisements can hold beside what RFC 4861 and RFC 8106 have, and how they are sent.
type AdvertiseExtra struct {
	NoSourceLinkLayer bool              `json:",omitempty"`
	Own               *AdvertisedPrefix `json:",omitempty"` // of the prefixes of the interface that are not listed; nil: as Advertise.Prefix
	Routes            []AdvertisedRoute `json:",omitempty"`
	PREF64            []PREF64          `json:",omitempty"`
	CaptivePortal     string            `json:",omitempty"` // CaptivePortalNone: there is none
	DNR               []Resolver        `json:",omitempty"`
	IntervalOption    bool              `json:",omitempty"`
	UnicastOnly       bool              `json:",omitempty"`
	Clients, Excluded []netip.Addr      `json:",omitempty"`
	SNAC              bool              `json:",omitempty"`
	MinDelay          time.Duration     `json:",omitempty"` // 0: that of RFC 4861
	SourceAddress     netip.Addr        `json:",omitzero"`
	PacketSize        int               `json:",omitempty"` // 0: not said
	HomeAgent         *HomeAgent        `json:",omitempty"`
	Options           []RawOption       `json:",omitempty"`
	RandomDelay       bool              `json:",omitempty"` // solicited is random_delay
	SolicitRate       int               `json:",omitempty"` // 0: not said
	Keep, KeepDNS     bool              `json:",omitempty"` // withdraw and withdraw_dns are off
}

// PrefixExtra is what of an advertised prefix goes beyond its flags and lifetimes.
type PrefixExtra struct {
	RouterAddress, PDPreferred bool      `json:",omitempty"`
	Decrement, Deprecate       bool      `json:",omitempty"`
	ValidUntil, PreferredUntil time.Time `json:",omitzero"`
}

// AdvertisedRoute is a route information option.
type AdvertisedRoute struct {
	Prefix     Expr
	Lifetime   time.Duration
	Preference Preference
	Keep       bool // withdraw is off
}

// PREF64 is a NAT64 prefix.
type PREF64 struct {
	Prefix   Expr
	Lifetime time.Duration // whole units of 8 s
}

// Resolver is an encrypted DNS resolver.
type Resolver struct {
	Name       string
	Priority   uint16
	Lifetime   time.Duration
	Addresses  []Expr // Self: an own address
	Parameters []SvcParam
}

// Self stands in lists of servers for an own address of the interface.
var Self = Expr{Prefix: netip.PrefixFrom(netip.IPv6Unspecified(), 128)}

// ownPrefixes is the key of the options of what the interface has.
var ownPrefixes = Expr{Prefix: netip.PrefixFrom(netip.IPv6Unspecified(), 64)}

// maxOptionBytes is the content that fits into an advertisement of 1280 bytes, which every link carries.
const maxOptionBytes = 1280 - 40 - 16 - 2

// HomeAgent is what a mobile IPv6 home agent says of itself.
type HomeAgent struct {
	Preference   int16
	Lifetime     time.Duration
	MobileRouter bool
}

// RawOption is an option without its length.
type RawOption struct {
	Type uint8
	Data []byte
}

// SvcParam is a service parameter in wire format.
type SvcParam struct {
	Key   uint16
	Value []byte
}

// CaptivePortalNone is the URI that says that there is no captive portal (RFC 8910 2).
const CaptivePortalNone = "urn:ietf:params:capport:unrestricted"

// maxPREF64Lifetime is the longest that a PREF64 option holds (RFC 8781 4).
const maxPREF64Lifetime = 0x1fff * 8 * time.Second
