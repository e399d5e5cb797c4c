package bgp

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/osrg/gobgp/v4/api"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// Timers of sessions. GoBGP waits some more before each attempt (two seconds before the first), and at least five seconds
// after a session that ended by itself.
const (
	defaultHoldTime = 90 * time.Second  // RFC 4271 10
	connectRetry    = 5 * time.Second   // between attempts to connect
	idleAfterReset  = 2 * time.Second   // after a session that an operator reset
	restartTime     = 120 * time.Second // that we ask others to keep our routes over a restart (RFC 4724 3)
)

func (n Neighbor) validate(c Config) error {
	switch {
	case !n.Address.IsValid() || n.Address.IsUnspecified() || n.Address.IsMulticast() || n.Address.Is4In6():
		return fmt.Errorf("%s is not the address of a neighbor", n.Address)
	case n.Address.Is6() && n.Address.IsLinkLocalUnicast() && n.Address.Zone() == "":
		return fmt.Errorf("link-local address %s needs its interface, as in %s%%eth0", n.Address, n.Address)
	case !n.Address.IsLinkLocalUnicast() && n.Address.Zone() != "":
		return fmt.Errorf("address %s is not link-local and takes no interface", n.Address)
	case n.RemoteAS == 0:
		return errors.New("no remote AS")
	case n.HoldTime < 0 || n.HoldTime > 0 && n.HoldTime < 3*time.Second || n.HoldTime > 65535*time.Second:
		return fmt.Errorf("hold time %s is not from 3s to 65535s", n.HoldTime) // RFC 4271 4.2
	case n.LocalAddress.IsValid() && n.LocalAddress.Is4() != n.Address.Is4():
		return fmt.Errorf("local address %s is of another family than %s", n.LocalAddress, n.Address)
	case len(n.Password) > 80:
		return errors.New("password longer than 80 bytes") // TCP_MD5SIG_MAXKEYLEN
	case n.ImportLimit < 0:
		return fmt.Errorf("import limit %d is negative", n.ImportLimit)
	}
	for _, name := range []string{n.Import, n.Export} {
		if _, ok := c.Filters[name]; !ok && name != "" {
			return fmt.Errorf("no filter %s", name)
		}
	}
	return nil
}

// session is the part of a neighbor that its session depends on. Two neighbors with equal sessions differ in nothing that the
// other side could notice.
func (n Neighbor) session() Neighbor {
	if n.HoldTime == 0 {
		n.HoldTime = defaultHoldTime
	}
	n.Name, n.Description, n.Import, n.Export, n.NextHopSelf, n.ImportLimit = "", "", "", "", false, 0
	return n
}

// families returns the address families of a session. Over IPv6 both: IPv4 routes have IPv6 next hops there (RFC 8950). Over
// IPv4 only IPv4, because there is no IPv6 next hop that GoBGP could announce.
func (n Neighbor) families() []packet.Family {
	if n.Address.Is4() {
		return []packet.Family{packet.RF_IPv4_UC}
	}
	return []packet.Family{packet.RF_IPv6_UC, packet.RF_IPv4_UC}
}

// apiPeer is the neighbor as GoBGP takes it. The description stays out, because GoBGP would reset the session to change it.
func (n Neighbor) apiPeer(asn uint32, device string) *api.Peer {
	s := n.session()
	local := s.LocalAddress
	if local.IsValid() && local.IsLinkLocalUnicast() && local.Is6() && local.Zone() == "" {
		local = local.WithZone(s.Address.Zone())
	}
	p := &api.Peer{
		Conf: &api.PeerConf{
			NeighborAddress: s.Address.String(),
			PeerAsn:         s.RemoteAS,
			AuthPassword:    s.Password,
			AdminDown:       s.Shutdown,
		},
		Timers: &api.Timers{Config: &api.TimersConfig{
			HoldTime:               seconds(s.HoldTime),
			KeepaliveInterval:      max(seconds(s.HoldTime)/3, 1),
			ConnectRetry:           seconds(connectRetry),
			IdleHoldTimeAfterReset: seconds(idleAfterReset),
		}},
		Transport: &api.Transport{PassiveMode: s.Passive, BindInterface: device},
		// Graceful restart is also what makes GoBGP send and wait for End-of-RIB (RFC 4724 2).
		GracefulRestart: &api.GracefulRestart{Enabled: true, RestartTime: uint32(seconds(restartTime)), DeferralTime: uint32(seconds(deferral))},
	}
	if local.IsValid() {
		p.Transport.LocalAddress = local.String()
	}
	if s.Multihop > 0 && s.RemoteAS != asn {
		p.EbgpMultihop = &api.EbgpMultihop{Enabled: true, MultihopTtl: uint32(s.Multihop)}
	}
	for _, f := range s.families() {
		p.AfiSafis = append(p.AfiSafis, &api.AfiSafi{
			Config: &api.AfiSafiConfig{
				Family:  &api.Family{Afi: api.Family_Afi(f.Afi()), Safi: api.Family_Safi(f.Safi())},
				Enabled: true,
			},
			MpGracefulRestart: &api.MpGracefulRestart{Config: &api.MpGracefulRestartConfig{Enabled: true}},
		})
	}
	return p
}

func seconds(d time.Duration) uint64 { return uint64(d / time.Second) }

func parseAddr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a
}
