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
	DNSSL                    []string
	DNSLifetime              time.Duration
}

// Prefix is one prefix information option.
type Prefix struct {
	Prefix             netip.Prefix // masked
	OnLink, Autonomous bool
	Valid, Preferred   time.Duration // at most Forever
	// ValidUntil and PreferredUntil cap the lifetimes with the end of the delegation that the prefix was cut from: the
	// advertised lifetimes count down to them. Zero: no cap.
	ValidUntil, PreferredUntil time.Time
}

// Forever is the infinite lifetime of RFC 4861 4.6.2.
const Forever = 0xffffffff * time.Second
