package config

import (
	"maps"
	"slices"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// Firewall filters what is forwarded between zones, and what they send to this router.
type Firewall struct {
	Zones        []Zone
	AddressSets  []AddressSet
	PortSets     []PortSet
	Policies     []Policy // in the order of the file
	Masquerades  []Masquerade
	Translations []Translation
	Forwards     []PortForward
	MSSClamps    []MSSClamp
	Protection   Protection
}

// Names that stand for something else than a zone in policies.
const (
	ZoneRouter = "router" // this machine
	ZoneAny    = "any"    // every zone
)

// Zone is a set of interfaces.
type Zone struct {
	Name        string
	Interfaces  []string // names and patterns, as they were written
	Stateless   bool
	SourceCheck string // strict, loose or off
}

// AddressSet is a named list of addresses and prefixes.
type AddressSet struct {
	Name      string
	Addresses []Expr // without host bits
}

// PortSet is a named list of ports.
type PortSet struct {
	Name  string
	Ports []packet.PortRange
}

// Verdict is what becomes of a packet.
type Verdict uint8

// The verdicts.
const (
	NoVerdict Verdict = iota
	AcceptPacket
	DropPacket
	RejectPacket
	SimpleSecurity // RFC 6092; only at the end of a policy
)

// Policy says what passes from one zone to another.
type Policy struct {
	From, To string
	Rules    []PacketRule
	End      Verdict
	Log      uint32 // packets a second; 0: none
}

// PacketRule matches a packet when all its conditions do.
type PacketRule struct {
	Name                  string
	Sources, Destinations AddressMatch
	Protocols             []packet.Protocol
	Ports, SourcePorts    PortMatch
	ICMPTypes             []packet.ICMPType
	Verdict               Verdict
	Log                   uint32 // packets a second; 0: none
}

// AddressMatch is a condition on an address. The zero value is none.
type AddressMatch struct {
	Text      []string // as configured
	Addresses []Expr   // without host bits
	Sets      []string
}

// PortMatch is a condition on a port. The zero value is none.
type PortMatch struct {
	Ports []packet.PortRange
	Sets  []string
}

// Masquerade gives packets the address of the interface they leave by.
type Masquerade struct {
	Name string
	From Expr
	Out  string // zone
}

// Translation translates a prefix into another of the same length.
type Translation struct {
	Name            string
	Inside, Outside Expr
	Out             string // zone
}

// PortForward sends connections on to another machine.
type PortForward struct {
	Name      string
	In        string // zone
	Address   Host   // invalid: all of ours
	Protocols []packet.Protocol
	Ports     []packet.PortRange
	To        Host
	ToPort    uint16 // 0: the one connected to
}

// MSSClamp lowers the segment size of connections that leave by a zone.
type MSSClamp struct {
	Out string
	MSS uint16 // 0: what the MTU of the route leaves
}

// Protection has limits in packets a second; 0 is no limit.
type Protection struct {
	Off                                                         bool
	ICMPRate, NeighborRate, DHCPv6Rate, BGPRate, ConnectionRate uint32
}

// defaultLogRate is how many packets a second a rule logs.
const defaultLogRate = 5

// firewall converts the firewall.
func (b *builder) firewall(m *sixfoldv1.Firewall, s *spot) *Firewall {
	f := &Firewall{}
	b.zones(m, s, f)
	at := s.field("address_sets")
	for _, name := range inOrder(m.GetAddressSets(), at) {
		set := AddressSet{Name: name}
		for i, text := range m.GetAddressSets()[name].GetAddresses() {
			set.Addresses = append(set.Addresses, b.network(text, at.entry(name).field("addresses").item(i)))
		}
		f.AddressSets = append(f.AddressSets, set)
	}
	at = s.field("port_sets")
	for _, name := range inOrder(m.GetPortSets(), at) {
		f.PortSets = append(f.PortSets, PortSet{Name: name, Ports: b.ports(m.GetPortSets()[name].GetPorts(), at.entry(name).field("ports"))})
	}
	for i, p := range m.GetPolicies() {
		f.Policies = append(f.Policies, b.policy(p, m, s.field("policies").item(i)))
	}
	b.translation(m, s, f)
	f.Protection = protection(m.GetProtection())
	sortByName(f.Zones, func(z Zone) string { return z.Name })
	sortByName(f.AddressSets, func(a AddressSet) string { return a.Name })
	sortByName(f.PortSets, func(p PortSet) string { return p.Name })
	return f
}

// zones reads the zones. An interface is in one of them.
func (b *builder) zones(m *sixfoldv1.Firewall, s *spot, f *Firewall) {
	at := s.field("zones")
	seen := map[string]*spot{}
	for _, name := range inOrder(m.GetZones(), at) {
		z := Zone{Name: name, Interfaces: slices.Clone(m.GetZones()[name].GetInterfaces()), SourceCheck: "strict"}
		if name == ZoneRouter || name == ZoneAny {
			b.key(at.entry(name), "%s cannot be the name of a zone: policies have another use for it", name)
		}
		for i, text := range z.Interfaces {
			item := at.entry(name).field("interfaces").item(i)
			b.zoneInterface(text, item)
			if first, ok := seen[text]; ok {
				b.errorf(item, "%s is also in %s; an interface belongs to one zone", excerpt(text), first.where())
				continue
			}
			for other, first := range seen {
				if IsPattern(text) && IsPattern(other) && literals(text) == literals(other) && strings.Count(text, "?") == strings.Count(other, "?") && globsMeet(text, other) {
					b.errorf(item, "%s matches names that %s matches too (%s), and neither is the more specific one; write out more of one of them", text, other, first.where())
				}
			}
			seen[text] = item
		}
		f.Zones = append(f.Zones, z)
	}
	for i, name := range m.GetStateless() {
		b.zone(name, m, s.field("stateless").item(i), "")
		for n := range f.Zones {
			if f.Zones[n].Name == name {
				f.Zones[n].Stateless, f.Zones[n].SourceCheck = true, "loose"
			}
		}
	}
	at = s.field("source_check")
	for _, name := range inOrder(m.GetSourceCheck(), at) {
		b.zone(name, m, at.entry(name), "")
		for n := range f.Zones {
			if f.Zones[n].Name == name {
				f.Zones[n].SourceCheck = m.GetSourceCheck()[name]
			}
		}
	}
}

// zoneInterface checks the name of an interface, which need not be configured here: Docker and hypervisors make their own.
func (b *builder) zoneInterface(name string, s *spot) {
	switch {
	case name == "":
		b.errorf(s, "there is no name")
	case len(name) > 15 || strings.ContainsAny(name, "/: \t%") || name == "." || name == "..":
		b.errorf(s, "%s cannot be the name of an interface: it has 1 to 15 characters, without blanks, /, : and %%", excerpt(name))
	case name == "lo":
		b.errorf(s, "lo is this router itself; a policy names it as router")
	}
}

// zone checks the name of a zone. other is accepted beside those that are configured, each a word.
func (b *builder) zone(name string, m *sixfoldv1.Firewall, s *spot, other string) {
	if _, ok := m.GetZones()[name]; ok || name == "" || slices.Contains(strings.Fields(other), name) {
		return
	}
	names := slices.AppendSeq(strings.Fields(other), maps.Keys(m.GetZones()))
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		b.errorf(s, "unknown zone %s: none is configured under firewall.zones", excerpt(name))
		return
	}
	b.accepted(s, some(names), "unknown zone %s%s", excerpt(name), suggest(name, names))
}

// network reads an address or prefix of any kind, as a condition has it.
func (b *builder) network(text string, s *spot) Expr {
	e := b.expr(text, s)
	if e.IsValid() && e.Masked() != e {
		b.errorf(s, "%s has bits beyond its length; did you mean %s?", e, e.Masked())
		return Expr{}
	}
	return e
}

func (b *builder) ports(list []string, s *spot) []packet.PortRange {
	var out []packet.PortRange
	for i, text := range list {
		p, err := packet.ParsePorts(text)
		if err != nil {
			b.errorf(s.item(i), "%v", err)
		}
		out = append(out, p)
	}
	return out
}

// ZoneLinks returns the links of each zone, by name of the zone and sorted: those it names, and of links those that a pattern of it
// matches and no other zone names or matches by a more specific pattern. Links for which keep is false belong to a zone only by name.
func (f *Firewall) ZoneLinks(links []string, keep func(link string) bool) map[string][]string {
	out := make(map[string][]string, len(f.Zones))
	named := map[string]bool{}
	for _, z := range f.Zones {
		for _, i := range z.Interfaces {
			if !IsPattern(i) {
				named[i] = true
				out[z.Name] = append(out[z.Name], i)
			}
		}
	}
	for _, link := range links {
		if named[link] || !keep(link) {
			continue
		}
		zone, pattern := "", ""
		for _, z := range f.Zones {
			for _, i := range z.Interfaces {
				if IsPattern(i) && MatchInterface(i, link) && (pattern == "" || moreSpecific(i, pattern) < 0) {
					zone, pattern = z.Name, i
				}
			}
		}
		if zone != "" {
			out[zone] = append(out[zone], link)
		}
	}
	for _, list := range out {
		slices.Sort(list)
	}
	return out
}
