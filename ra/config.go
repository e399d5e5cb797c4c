package ra

import (
	"net"
	"net/netip"
	"time"
)

// Config is the whole desired state: the interfaces to advertise on, by link name.
type Config struct {
	Interfaces map[string]Interface
}

// Interface is what to advertise on one link. Every value is final: nothing in it depends on the state of the machine.
type Interface struct {
	Link      string
	Index     int              // interface index
	LinkLocal netip.Addr       // source address of advertisements, without zone
	MAC       net.HardwareAddr // for the source link-layer address option; nil sends none

	MinInterval, MaxInterval time.Duration // MinRtrAdvInterval, MaxRtrAdvInterval
	Managed, OtherConfig     bool          // M and O flags
	HopLimit                 uint8         // 0: unspecified
	LinkMTU                  int           // 0: no MTU option
	ReachableTime            time.Duration // 0: unspecified
	RetransTimer             time.Duration // 0: unspecified
	RouterLifetime           time.Duration // 0: not a default router
	Preference               uint8         // RFC 4191 wire value: 0 medium, 1 high, 3 low
	Prefixes                 []Prefix
	RDNSS                    []netip.Addr
	GoneRDNSS                []netip.Addr // name servers that hosts may have from us and are to forget: sent with lifetime 0
	DNSSL                    []string
	DNSLifetime              time.Duration // of RDNSS
	DNSSLLifetime            time.Duration
	KeepDNS                  bool // the final advertisement leaves RDNSS, DNSSL and DNR alone

	SNAC      bool       // RA flag of a stub network router
	Interval  bool       // the advertisement interval option (RFC 6275 7.3), with MaxInterval
	HomeAgent *HomeAgent // H flag and home agent information option (RFC 6275 7.1, 7.4); nil: not a home agent
	Routes    []Route    // route information options (RFC 4191 2.3)
	PREF64    []PREF64   // NAT64 prefixes (RFC 8781)
	// CaptivePortal is the URI of the captive portal API (RFC 8910), or CaptivePortalNone; empty: nothing is said.
	CaptivePortal string
	DNR           []Resolver  // encrypted resolvers (RFC 9463)
	GoneDNR       []RawOption // resolvers that hosts may have from us and are to forget (see [Resolver.Gone]), sent before those of DNR
	Raw           []RawOption // options of any type, sent after all others

	// PacketSize is the most bytes of one advertisement, IPv6 header included (radvd's AdvRAMTU); 0: LinkMTU, at most 1500, or
	// 1280 without it.
	PacketSize int

	Withdrawn []Withdrawn // of Prefixes, Routes, PREF64, GoneRDNSS and GoneDNR; it is not sent

	// What follows decides to whom and when the Sender sends, not what is in an advertisement.

	// UnicastOnly sends nothing by multicast: solicitations are answered by unicast alone, one from :: is not answered, and there are
	// neither periodic nor initial advertisements. Final ones go to Clients, where there are any.
	UnicastOnly bool
	// Clients, if any, are the only hosts that are advertised to: each gets what would go out by multicast by unicast, and
	// solicitations of others are dropped. Addresses without zone.
	Clients []netip.Addr
	// Excluded are hosts whose solicitations are dropped.
	Excluded []netip.Addr
	// SharedSource says that LinkLocal moves between routers (VRRP): once the link has it no more, no final advertisement is sent from
	// it, which would take the next router away from hosts. From an address of the link's own one is sent then, as RFC 4861 6.2.8 asks.
	SharedSource bool
	// MinDelay is the least time between two multicast advertisements (MinDelayBetweenRAs); 0: the 3 s of RFC 4861. RFC 6275 7.5
	// allows 30 ms.
	MinDelay time.Duration
	// RandomDelay answers solicitations by unicast 0 to 0.5 s later, by chance (RFC 4861 6.2.6), instead of at once. Answers by
	// multicast come so in any case.
	RandomDelay bool
	// SolicitRate is how many answers by unicast one host may have in a second, 1 to 1,000,000, and ten times as many at once after it
	// was quiet; 0: 1.
	SolicitRate int
	// Keep sends no final advertisement when the link is advertised no more or Run ends (RemoveAdvOnExit off of radvd).
	Keep bool
}

// Withdrawn tells why an option is there with lifetime 0, for those who look: hosts may have it from earlier advertisements.
type Withdrawn struct {
	Kind         string       // prefix, route, dns, pref64 or dnr
	Prefix       netip.Prefix // of a name server: its address as a /128; of a resolver its first one, or ::/128
	Name         string       // of a resolver
	Since, Until time.Time
	Reason       string
}

// Prefix is one prefix information option.
type Prefix struct {
	Prefix             netip.Prefix // masked
	OnLink, Autonomous bool
	Valid, Preferred   time.Duration // at most Forever
	// ValidUntil and PreferredUntil cap the lifetimes with the end of the delegation that the prefix was cut from: the
	// advertised lifetimes count down to them. Zero: no cap.
	ValidUntil, PreferredUntil time.Time

	// RouterAddress is our address in the prefix, which then stands whole in the option with the R flag (RFC 6275 7.2); invalid: none.
	RouterAddress netip.Addr
	PDPreferred   bool // P flag (RFC 9762): hosts are to ask for a prefix of their own
	// Decrement lets both lifetimes count down from Since on, the time when Apply first saw the prefix with these lifetimes. The
	// Sender fills in Since; Encode does not count while it is zero.
	Decrement bool
	Since     time.Time
	Deprecate bool // the final advertisement has the prefix with a preferred lifetime of 0
}

// Route is one route information option (RFC 4191 2.3): hosts that understand it send to us what goes to Prefix.
type Route struct {
	Prefix     netip.Prefix  // masked; ::/0 too
	Preference uint8         // as Interface.Preference
	Lifetime   time.Duration // at most Forever; 0 withdraws the route
	Until      time.Time     // caps the lifetime, which counts down to it; zero: no cap
	Keep       bool          // the final advertisement leaves the route alone (RemoveRoute off of radvd)
}

// PREF64 is one NAT64 prefix (RFC 8781).
type PREF64 struct {
	Prefix   netip.Prefix  // masked, of 32, 40, 48, 56, 64 or 96 bits
	Lifetime time.Duration // rounded up to 8 s, at most MaxPREF64Lifetime
	Until    time.Time     // as Route.Until
}

// MaxPREF64Lifetime is the longest lifetime that the 13 bits of a PREF64 option hold.
const MaxPREF64Lifetime = 0x1fff * 8 * time.Second

// CaptivePortalNone is the URI that says that there is no captive portal (RFC 8910 2).
const CaptivePortalNone = "urn:ietf:params:capport:unrestricted"

// Resolver is one encrypted DNS resolver (RFC 9463 6.1).
type Resolver struct {
	Priority uint16 // 1 to 65535, the lowest is preferred
	Lifetime time.Duration
	Name     string // authentication domain name, without final dot
	// Addresses and Parameters are both empty in ADN-only mode: the host finds both by asking for Name.
	Addresses  []netip.Addr
	Parameters []SvcParam // ascending by Key, each once
}

// SvcParam is a service parameter in wire format (RFC 9460 2.2).
type SvcParam struct {
	Key   uint16
	Value []byte
}

// HomeAgent is what a mobile IPv6 home agent says of itself (RFC 6275 7.4).
type HomeAgent struct {
	Preference   int16         // higher is better
	Lifetime     time.Duration // 1 s to 65535 s
	MobileRouter bool          // serves mobile networks (RFC 3963 5.1)
}

// RawOption is an option as it is on the wire, but for its length and the zeros that fill it up to 8 bytes.
type RawOption struct {
	Type uint8
	Data []byte // at most 2038 bytes
}

// Forever is the infinite lifetime of RFC 4861 4.6.2.
const Forever = 0xffffffff * time.Second
