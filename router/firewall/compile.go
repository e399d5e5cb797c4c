package firewall

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// Priorities of chains with a hook. Lower ones come first; connection tracking is at -200, translation of destinations at -100 and
// of sources at 100.
const (
	priorityRaw         = -300
	priorityMangle      = -150
	priorityDestination = -100
	priorityVXLAN       = -10
	priorityFilter      = 0
	prioritySource      = 100
)

// Compile returns the content of the table that does what the configuration says. Equal configurations give equal rulesets.
func Compile(conf Config) Ruleset {
	r, _ := compile(conf)
	return r
}

// compile returns the ruleset, and what of it is shown to people.
func compile(conf Config) (Ruleset, []Listed) {
	c := &compiler{
		conf: conf, sets: map[string]Set{}, titles: map[string]string{}, counters: map[string]bool{}, zones: map[string]*Zone{},
		addresses: map[string]*AddressSet{}, ports: map[string]*PortSet{},
	}
	if conf.IsEmpty() {
		return Ruleset{}, nil
	}
	for i := range conf.Zones {
		c.zones[conf.Zones[i].Name] = &conf.Zones[i]
	}
	for i := range conf.AddressSets {
		c.addresses[conf.AddressSets[i].Name] = &conf.AddressSets[i]
	}
	for i := range conf.PortSets {
		c.ports[conf.PortSets[i].Name] = &conf.PortSets[i]
	}
	c.protect()
	c.vxlan()
	c.stale()
	if len(conf.Zones) > 0 {
		c.stateless()
		c.forward()
		c.local()
		c.nat()
		c.clamps()
	}
	c.out.Sets = slices.SortedFunc(maps.Values(c.sets), func(a, b Set) int { return strings.Compare(a.Name, b.Name) })
	for i := range c.out.Sets {
		c.out.Sets[i].Title = c.titles[c.out.Sets[i].Name]
	}
	c.out.Counters = slices.Sorted(maps.Keys(c.counters))
	slices.SortFunc(c.out.Timeouts, func(a, b Timeout) int { return strings.Compare(a.Name, b.Name) })
	return c.out, c.listed
}

// compiler holds what the parts of compile share.
type compiler struct {
	conf      Config
	out       Ruleset
	listed    []Listed
	sets      map[string]Set
	titles    map[string]string // of sets whose names say nothing
	counters  map[string]bool
	zones     map[string]*Zone
	addresses map[string]*AddressSet
	ports     map[string]*PortSet
}

// Listed is a rule of a policy as people see it, with the counter that tells how often it matched.
type Listed struct {
	From, To string
	Number   int    // among those from and to these zones, from 1
	Where    string // place in the configuration; empty: what holds without any
	Name     string
	Match    string
	Action   Action
	Counter  string
	Pending  bool
}

// put adds a chain. Chains that it jumps to must have been put before.
func (c *compiler) put(chain *Chain) { c.out.Chains = append(c.out.Chains, *chain) }

// add adds a rule to a chain.
func (chain *Chain) add(where string, parts ...Part) {
	chain.Rules = append(chain.Rules, Rule{Where: where, Parts: slices.Clone(parts)})
}

// counter makes a counter and returns what counts with it.
func (c *compiler) counter(name string) count {
	c.counters[name] = true
	return count(name)
}

// dropped counts packets that are dropped for a reason.
func (c *compiler) dropped(reason string) count { return c.counter(dropPrefix + reason) }

// dropPrefix begins the names of counters of dropped packets; the reason follows.
const dropPrefix = "drop/"

// established counts packets of connections that were let through.
const establishedCounter = "all/established"

// set makes a set and returns its name.
func (c *compiler) set(name string, t SetType, elements []Element) string {
	c.sets[name] = Set{Name: name, Type: t, Elements: elements}
	return name
}

// on returns the ways to say that an interface is in a zone.
func (c *compiler) on(field Field, zone *Zone) []Part {
	return c.onLinks(field, "zone/"+zone.Name, zone.Interfaces, zone.Slaves)
}

// onLinks does so for a list of names, which a set of the name is made for. A link in a VRF is seen under the name of that, with its
// own beside it.
func (c *compiler) onLinks(field Field, set string, links []string, slaves bool) []Part {
	out := []Part{in{field: field, set: c.set(set, Interfaces, nameElements(links))}}
	if slaves && field == InName {
		out = append(out, in{field: SlaveName, set: set})
	}
	return out
}

// stateless keeps what comes from stateless zones, and is not for this router, out of connection tracking.
func (c *compiler) stateless() {
	chain := &Chain{Name: "stateless", Hook: Prerouting, Priority: priorityRaw}
	for i := range c.conf.Zones {
		z := &c.conf.Zones[i]
		if !z.Stateless {
			continue
		}
		for _, on := range c.on(InName, z) {
			chain.add("stateless zone "+z.Name, on, number(DestinationType, typeUnicast), untrack{})
		}
	}
	if len(chain.Rules) > 0 {
		c.put(chain)
	}
}

// timeouts has connections that begin here remembered as long as RFC 6092 wants.
func (c *compiler) timeouts(chain *Chain) {
	seconds := func(of ...uint32) map[uint16]uint32 {
		m := map[uint16]uint32{}
		for state, s := range of {
			m[uint16(state)] = s
		}
		return m
	}
	idle, open, passing := uint32(udpTimeout.Seconds()), uint32(tcpEstablishedTimeout.Seconds()), uint32(tcpTransitoryTimeout.Seconds())
	// The names have the times in them: an object of another time is another object.
	for _, t := range []Timeout{
		{Name: fmt.Sprintf("tcp.%d", open), Protocol: packet.TCP, Seconds: seconds(passing, passing, open, passing, passing, passing, passing, 10, passing, passing, passing)},
		{Name: fmt.Sprintf("udp.%d", idle), Protocol: packet.UDP, Seconds: seconds(idle, idle)},
	} {
		c.out.Timeouts = append(c.out.Timeouts, t)
		chain.add("how long connections are remembered (RFC 6092)", state(StateNew), octet(L4Proto, uint8(t.Protocol)), remember(t.Name))
	}
}

func familySuffix(family uint8) string {
	if family == unix.NFPROTO_IPV4 {
		return "/4"
	}
	return "/6"
}
