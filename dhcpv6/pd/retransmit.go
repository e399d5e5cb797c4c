package pd

import (
	"math/rand/v2"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// Transmission parameters, RFC 8415 7.6.
const (
	solMaxDelay = time.Second
	solTimeout  = time.Second
	solMaxRT    = 3600 * time.Second
	reqTimeout  = time.Second
	reqMaxRT    = 30 * time.Second
	reqMaxRC    = 10
	renTimeout  = 10 * time.Second
	renMaxRT    = 600 * time.Second
	rebTimeout  = 10 * time.Second
	rebMaxRT    = 600 * time.Second
	infTimeout  = time.Second
	infMaxRT    = 3600 * time.Second
	relTimeout  = time.Second
	relMaxRC    = 4
	decTimeout  = time.Second
	decMaxRC    = 4
	cnfMaxDelay = time.Second // Confirm's parameters time the Rebind after a change of the link (18.2.12)
	cnfTimeout  = time.Second
	cnfMaxRT    = 4 * time.Second
	cnfMaxRD    = 10 * time.Second
)

// A server may set SOL_MAX_RT and INF_MAX_RT within these bounds (RFC 8415 21.24, 21.25).
const (
	minSolMaxRT = 60 * time.Second
	maxSolMaxRT = 86400 * time.Second
)

// schedule is how a message is repeated, RFC 8415 15.
type schedule struct {
	irt, mrt time.Duration // first, and longest interval; mrt 0: no bound
	mrc      int           // how often to send; 0: no bound
}

// scheduleOf returns the parameters of a message type.
func scheduleOf(kind dhcp6.MessageType, solMaxRT time.Duration) schedule {
	switch kind {
	case dhcp6.MessageTypeSolicit:
		return schedule{irt: solTimeout, mrt: solMaxRT}
	case dhcp6.MessageTypeRequest:
		return schedule{irt: reqTimeout, mrt: reqMaxRT, mrc: reqMaxRC}
	case dhcp6.MessageTypeRenew:
		return schedule{irt: renTimeout, mrt: renMaxRT}
	case dhcp6.MessageTypeInformationRequest:
		return schedule{irt: infTimeout, mrt: infMaxRT}
	case dhcp6.MessageTypeRelease:
		return schedule{irt: relTimeout, mrc: relMaxRC}
	case dhcp6.MessageTypeDecline:
		return schedule{irt: decTimeout, mrc: decMaxRC}
	}
	return schedule{irt: rebTimeout, mrt: rebMaxRT}
}

// first returns the interval after the first message. For a Solicit it is above IRT, so that no server's answer is missed
// (RFC 8415 18.2.1).
func (s schedule) first(r *rand.Rand, solicit bool) time.Duration {
	if solicit {
		return s.irt + time.Millisecond + time.Duration(r.Float64()*0.1*float64(s.irt-10*time.Millisecond))
	}
	return s.irt + jitter(r, s.irt)
}

// next returns the interval that follows prev.
func (s schedule) next(r *rand.Rand, prev time.Duration) time.Duration {
	rt := 2*prev + jitter(r, prev)
	if s.mrt > 0 && rt > s.mrt {
		rt = s.mrt + jitter(r, s.mrt)
	}
	return rt
}

// jitter returns RAND of d: from -0.1 to 0.1 times d.
func jitter(r *rand.Rand, d time.Duration) time.Duration {
	return time.Duration((r.Float64()*0.2 - 0.1) * float64(d))
}

// upTo returns a random part of d.
func upTo(r *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(r.Float64() * float64(d))
}
