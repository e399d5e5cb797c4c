package plan

import (
	"net"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/advertised"
	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/firewall"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/notify"
	"github.com/sixfold-router/sixfold/router/rib"
	"github.com/sixfold-router/sixfold/router/vrf"
	"github.com/sixfold-router/sixfold/vxlan"
	"github.com/sixfold-router/sixfold/vxlan/mld"
)

// Inputs is all that a plan follows from.
type Inputs struct {
	Config        *config.Config
	Links         kernel.Links
	Delegations   []pd.Delegation
	Resolvers     []pd.Resolver
	Problems      map[string]string // why the client does not get ahead, by name of the delegation
	DUID          []byte            // our DHCP unique identifier, as client and server
	Assigned      assign.Table      // parts of delegations that were chosen before
	Leased        []netip.Prefix    // prefixes that clients have: no new part is put on them
	Frozen        string            // why no new part can be chosen now; empty: it can
	Now           time.Time
	Routes        map[rib.Key][]kernel.Route // of the kernel, to what advertisements depend on; absent: not known
	Offered       map[string]Offer           // routes to advertise, by the name of their selection
	NotForwarding map[string]bool            // links that the kernel does not forward from although it was told to
	ULA           netip.Prefix               // unique local prefix that we keep, for a configuration that wants it
	Advertised    advertised.Set             // what hosts may have from earlier advertisements, and what was delegated to us
}

// Plan is the desired state of every subsystem, and what could not be planned yet.
type Plan struct {
	Rules     bool // policy rules of VRFs
	Devices   device.Config
	Ports     map[string]int // index of each link that is a port: one that is made anew becomes a port again
	Kernel    kernel.Config
	VXLAN     vxlan.Config
	VTEPs     []VTEPFilter // from where each VXLAN device accepts packets, where a firewall filters
	BGP       bgp.Config
	PD        pd.Config
	RA        ra.Config
	DHCP      dhcpv6.Config
	Instances map[string]Instance // what runs in VRFs, by name
	Connected []rib.Route         // prefixes of the addresses that configured links have
	Services  vrf.Config          // units of systemd that run in the management instance
	Static    []rib.Route         // routes of the configuration
	Local     []rib.Route         // prefixes of which every address is ours
	Aggregate []rib.Route         // unreachable routes of prefixes delegated to us and of BGP aggregates
	Withdrawn []rib.Route         // unreachable routes of prefixes that were delegated to us until a while ago
	MLD       mld.Config          // listeners and multicast forwarding
	Firewall  firewall.Config
	Consumers notify.Config  // who is told of delegations
	Config    *config.Config // what attached units take their part from
	Pending   []Pending
	Uses      map[string][]PrefixUse // by name of the delegation
	// Advertised is what goes out by RA, and what is withdrawn there; that of no link is what is delegated to us.
	Advertised map[string]advertised.Link

	Observe        ra.ObserveConfig          // where the advertisements of others are listened to
	Follow         []rib.Key                 // routes that advertisements depend on
	DefaultRouters map[string]DefaultRouter  // of links whose router lifetime depends on something
	Selections     map[string]RouteSelection // routes that are advertised, by name
	Offers         map[string]LinkOffer      // by link

	Assigned   assign.Table                // parts of delegations that we choose: on disk before anything is applied
	Parts      map[assign.Key]netip.Prefix // their places in the delegation, where they are in force
	Unassigned map[assign.Key]string       // why others have none
}

// Make turns configuration and the state of the machine into the desired state of every subsystem. All meaning that
// crosses subsystems is here: how a delegated prefix becomes addresses, advertisements, pools, routes and announcements.
// It has no effects, and gives equal plans for equal inputs.
func Make(in Inputs) *Plan {
	p := &planner{
		Inputs: in,
		plan: &Plan{
			Config: in.Config,
			Devices: device.Config{
				Devices: map[string]device.Device{}, Members: map[string]device.Member{}, MACs: map[string]net.HardwareAddr{},
			},
			Kernel: kernel.Config{Links: map[string]kernel.Link{}},
			VXLAN:  vxlan.Config{Devices: map[string]vxlan.Device{}},
			PD:     pd.Config{DUID: in.DUID, Uplinks: map[string]pd.Uplink{}},
			RA:     ra.Config{Interfaces: map[string]ra.Interface{}},
			DHCP:   dhcpv6.Config{DUID: in.DUID, Interfaces: map[string]dhcpv6.Interface{}},
			Uses:   map[string][]PrefixUse{},

			Advertised: map[string]advertised.Link{},
		},
		uplinks: map[string]string{},
		held:    map[string]pd.Delegation{},
		tables:  in.Links.Tables(),
	}
	if in.Config == nil {
		p.plan.Assigned = in.Assigned
		return p.plan
	}
	// A machine that nothing is configured for is none of ours: it may not even be meant to forward.
	p.plan.Kernel.Forwarding = len(in.Config.Interfaces) > 0 || len(in.Config.Routes) > 0 || in.Config.BGP != nil || len(in.Config.VRFs) > 0
	in.Config = Expand(in.Config, in.Links)
	p.Config = in.Config
	p.expect(len(in.Config.Interfaces))
	for _, i := range in.Config.Interfaces {
		for _, d := range i.Delegations {
			p.uplinks[d.Name] = i.Name
		}
	}
	for _, d := range in.Delegations {
		// A delegation that the configuration no longer asks for is no longer used, though the client may still hold it.
		if d.Name != "" && p.uplinks[d.Name] == d.Link && in.Now.Before(d.ValidUntil) {
			p.held[d.Name] = d
		}
	}
	p.keepApart()
	p.holdULA()
	p.planDelegated()
	p.assignParts()
	p.planInstances()
	p.planDevices()
	for _, i := range in.Config.Interfaces {
		p.planInterface(i)
	}
	p.planObserved()
	p.planVRFs()
	p.planServices()
	p.planRoutes()
	p.planLocal()
	p.planSpeakers()
	p.planFirewall()
	p.planMulticast()
	p.planConsumers()
	return p.plan
}

// expect makes room for what there will be of each interface: growing takes time where they are thousands.
func (p *planner) expect(interfaces int) {
	p.plan.Kernel.Links = make(map[string]kernel.Link, interfaces)
	p.plan.Devices.Members = make(map[string]device.Member, interfaces)
	advertising := 0
	for i := range p.Config.Interfaces {
		if p.Config.Interfaces[i].Advertise != nil {
			advertising++
		}
	}
	p.plan.RA.Interfaces = make(map[string]ra.Interface, advertising)
	p.plan.Advertised = make(map[string]advertised.Link, advertising+1)
	if advertising > 0 {
		p.plan.Observe.Links = make(map[string]ra.Observed, advertising)
	}
	p.plan.Connected = make([]rib.Route, 0, interfaces)
}

// planner holds what the parts of Make share.
type planner struct {
	Inputs
	plan    *Plan
	uplinks map[string]string         // link that a delegation is asked for on, by its name
	held    map[string]pd.Delegation  // delegations that are in force, by name
	clashes map[string]string         // delegations that are not, as they overlap another one: why
	claims  []config.Claim            // what the configuration uses of delegations
	ours    map[string][]netip.Prefix // own addresses by VRF, once asked for
	tables  func(kernel.LinkState) uint32
	byName  map[string]*config.Interface // see configured
}

func (p *planner) pending(what, reason string) {
	p.plan.Pending = append(p.plan.Pending, Pending{What: what, Reason: reason})
}

// Pending is something configured that cannot run yet.
type Pending struct {
	What   string // path in the configuration: interfaces.lan0.addresses "isp ::1/64"
	Reason string // and what would resolve it
}

// PrefixUse is one place of the configuration that is cut from a delegated prefix.
type PrefixUse struct {
	Where  string // path in the configuration
	Expr   string // as configured: isp ::1/64
	Prefix string // what it is now
}
