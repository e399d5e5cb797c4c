package config

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// VRF is a routing instance: links with a routing table of their own. The management instance is one of them.
type VRF struct {
	Name       string   // of its device
	Table      uint32   // kernel table
	Interfaces []string // names and patterns, as they were written
	Routes     []Route
	BGP        *BGP   // nil: no BGP in it
	Local      []Expr // prefixes that are bound to this machine as a whole
	Management bool
}

// Management is what the management instance has beyond what a VRF has.
type Management struct {
	VRF      string       // name of its device
	DNS      []netip.Addr // servers for our own lookups
	Domains  []string
	Services []string // units of systemd that run in it
}

// What the management instance has if nothing else is said.
const (
	ManagementName  = "mgmt"
	ManagementTable = 1001
)

// VRF returns the instance with the name, nil if there is none.
func (c *Config) VRF(name string) *VRF {
	for i := range c.VRFs {
		if c.VRFs[i].Name == name {
			return &c.VRFs[i]
		}
	}
	return nil
}

// VRFOf returns the instance that a link belongs to, nil for the default instance. A name wins over patterns, and of patterns
// the more specific one.
func (c *Config) VRFOf(link string) *VRF {
	var best *VRF
	pattern := ""
	for i := range c.VRFs {
		for _, m := range c.VRFs[i].Interfaces {
			switch {
			case m == link:
				return &c.VRFs[i]
			case IsPattern(m) && MatchInterface(m, link) && (best == nil || moreSpecific(m, pattern) < 0):
				best, pattern = &c.VRFs[i], m
			}
		}
	}
	return best
}

// member is a link, or a pattern of links, that an instance lists.
type member struct {
	text, vrf string
	spot      *spot
}

// instances makes the VRFs, before the routes of the default instance that must not lead into them.
func (b *builder) instances(m *sixfoldv1.Config, cfg *Config) {
	at := b.root.field("management")
	if mgmt := m.GetManagement(); mgmt != nil {
		cfg.VRFs = append(cfg.VRFs, b.management(mgmt, at))
		b.names(cfg.VRFs[0].Name, at.field("name"), false)
	}
	s := b.root.field("vrfs")
	for _, name := range inOrder(m.GetVrfs(), s) {
		v := m.GetVrfs()[name]
		if len(cfg.VRFs) > 0 && cfg.VRFs[0].Management && cfg.VRFs[0].Name == name {
			b.key(s.entry(name), "%s is the management instance, %s", name, at.where())
		}
		b.names(name, s.entry(name), true)
		cfg.VRFs = append(cfg.VRFs, VRF{Name: name, Table: v.GetTable(), Interfaces: slices.Clone(v.GetInterfaces())})
		b.members(name, v.GetInterfaces(), s.entry(name).field("interfaces"))
		if v.GetTable() == 0 {
			b.accepted(s.entry(name).field("table"), []string{"1 to 252", "256 to 4294967295"}, "is missing: each instance has a routing table of its own")
		}
	}
	b.checkTables(cfg)
}

// instanceRoutes makes what is looked up in the instances, once all members are known.
func (b *builder) instanceRoutes(m *sixfoldv1.Config, cfg *Config) {
	for i := range cfg.VRFs {
		v := &cfg.VRFs[i]
		if v.Management {
			at := b.root.field("management")
			v.Routes = b.routeList(m.GetManagement().GetRoutes(), at.field("routes"), v.Name)
			cfg.Management = b.managed(m.GetManagement(), v.Name, at)
			continue
		}
		one, at := m.GetVrfs()[v.Name], b.root.field("vrfs").entry(v.Name)
		v.Routes = b.routeList(one.GetRoutes(), at.field("routes"), v.Name)
		for n, text := range one.GetLocal() {
			v.Local = append(v.Local, b.localPrefix(text, at.field("local").item(n)))
		}
		if one.GetBgp() != nil {
			v.BGP = b.bgp(one.GetBgp(), at.field("bgp"), cfg.RouterID)
		}
	}
	sortByName(cfg.VRFs, func(v VRF) string { return v.Name })
}

// localPrefix reads a prefix that is bound as a whole in an instance. Of IPv4 the kernel answers only from addresses that a link has,
// or that the local table of the default instance has: what comes in to others is taken in, and no answer leaves.
func (b *builder) localPrefix(text string, s *spot) Expr {
	e := b.prefix(text, s)
	if a := e.Prefix.Addr(); e.IsValid() && e.Delegation == "" && (a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || e.Prefix.Bits() == 0) {
		b.errorf(s, "%s cannot be bound to this machine as a whole; give a prefix of global or unique local addresses", text)
		return Expr{}
	}
	if e.IsValid() && e.Prefix.Addr().Is4() {
		b.errorf(s, "%s is IPv4, of which the kernel binds no prefix as a whole within an instance; give the addresses that are to answer, each as a /32, to an interface of the instance (such as a dummy)", text)
		return Expr{}
	}
	return e
}

func (b *builder) management(m *sixfoldv1.Management, s *spot) VRF {
	v := VRF{Name: m.GetName(), Table: ManagementTable, Interfaces: slices.Clone(m.GetInterfaces()), Management: true}
	if v.Name == "" {
		v.Name = ManagementName
	}
	if m.Table != nil {
		v.Table = m.GetTable()
	}
	if len(m.GetInterfaces()) == 0 {
		b.errorf(s.field("interfaces"), "is missing: the management instance needs the interface that the router is operated by")
	}
	b.members(v.Name, m.GetInterfaces(), s.field("interfaces"))
	return v
}

// managed makes what only the management instance has.
func (b *builder) managed(m *sixfoldv1.Management, vrf string, s *spot) *Management {
	out := &Management{VRF: vrf, Domains: b.domains(m.GetDomains(), s.field("domains")), Services: slices.Clone(m.GetServices())}
	for i, text := range m.GetDns() {
		at := s.field("dns").item(i)
		a, err := parseAddr(text)
		switch {
		case isRelative(text):
			b.errorf(at, "%s is in a delegated prefix, and the management instance goes on whatever is delegated; give a plain address", excerpt(text))
		case err != nil:
			b.errorf(at, "%v", err)
		case a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast():
			b.errorf(at, "%s cannot be the address of a DNS server", a)
		case slices.Contains(out.DNS, a):
			b.errorf(at, "%s is in the list twice", a)
		}
		out.DNS = append(out.DNS, a)
	}
	unit := regexp.MustCompile(`^[A-Za-z0-9:_.\\@-]{1,240}\.(service|socket)$`)
	for i, name := range out.Services {
		at := s.field("services").item(i)
		switch {
		case !unit.MatchString(name) || strings.HasPrefix(name, "."):
			b.errorf(at, "%q is not the name of a unit of systemd that can run in an instance, as ssh.service or ssh.socket", excerpt(name))
		case slices.Contains(out.Services[:i], name):
			b.errorf(at, "%s is in the list twice", name)
		case strings.HasPrefix(name, "sixfold."):
			b.errorf(at, "the router itself cannot be bound to an instance; what it serves is, by api.tcp.device and metrics.device")
		}
	}
	return out
}

// names checks the name of a device.
func (b *builder) names(name string, s *spot, key bool) {
	report := b.errorf
	if key {
		report = b.key
	}
	switch {
	case slices.Contains([]string{".", "..", "all", "default", "lo", "main", "local"}, name):
		report(s, "%s cannot be the name of an instance: it has another meaning", name)
	case IsPattern(name):
		report(s, "%s is a pattern; an instance has a name", name)
	case slices.Contains(b.interfaces, name):
		report(s, "%s is already the name of an interface, %s", name, b.at(name).where())
	}
}

// members notes the links of an instance, and reports those that cannot be in it.
func (b *builder) members(vrf string, list []string, s *spot) {
	for i, text := range list {
		at := s.item(i)
		first := slices.IndexFunc(b.inVRFs, func(m member) bool { return m.text == text })
		switch {
		case text == "lo":
			b.errorf(at, "lo belongs to all instances; an instance has its own loopback, which is its device %s", vrf)
			continue
		case first >= 0:
			b.errorf(at, "%s is also in %s; an interface belongs to one instance", excerpt(text), b.inVRFs[first].spot.where())
			continue
		case IsPattern(text) && b.ambiguous(text, at):
			continue
		case IsPattern(text):
			if b.device(text, at); strings.Trim(text, "*?") == "" {
				b.errorf(at, "%s would take every interface; begin it with the letters that the names have in common", excerpt(text))
			}
		default:
			b.link(text, at)
		}
		b.inVRFs = append(b.inVRFs, member{text, vrf, at})
	}
}

// ambiguous reports a pattern of which nobody can tell whether it or another one holds for a link.
func (b *builder) ambiguous(text string, s *spot) bool {
	for _, m := range b.inVRFs {
		if IsPattern(m.text) && literals(m.text) == literals(text) && strings.Count(m.text, "?") == strings.Count(text, "?") && globsMeet(m.text, text) {
			b.errorf(s, "%s and %s, %s, match the same names, and neither is the more specific one; write out more of one of them", excerpt(text), m.text, m.spot.where())
			return true
		}
	}
	return false
}

// instanceOf returns the name of the instance of a link and where it is said; empty: the default instance.
func (b *builder) instanceOf(link string) (string, *spot) {
	best := member{}
	for _, m := range b.inVRFs {
		switch {
		case m.text == link:
			return m.vrf, m.spot
		case IsPattern(m.text) && MatchInterface(m.text, link) && (best.text == "" || moreSpecific(m.text, best.text) < 0):
			best = m
		}
	}
	return best.vrf, best.spot
}

// sameInstance reports a link that a route of another instance uses.
func (b *builder) sameInstance(link, vrf string, s *spot) {
	is, at := b.instanceOf(link)
	switch {
	case is == vrf || link == "" || link == "lo":
	case is == "":
		b.errorf(s, "%s belongs to the default instance, and this route to %s; add it to the interfaces of %[2]s, or write the route under routes", link, vrf)
	case vrf == "":
		b.errorf(s, "%s belongs to %s, %s; write the route there", link, is, at.where())
	default:
		b.errorf(s, "%s belongs to %s, %s, and this route to %s", link, is, at.where(), vrf)
	}
}

// checkTables reports tables that are not the instance's own.
func (b *builder) checkTables(cfg *Config) {
	seen := map[uint32]*spot{}
	for _, v := range cfg.VRFs {
		at := b.root.field("vrfs").entry(v.Name).field("table")
		if v.Management {
			at = b.root.field("management").field("table")
		}
		switch first := seen[v.Table]; {
		case v.Table >= 253 && v.Table <= 255 || v.Table == 0 && v.Management:
			b.accepted(at, []string{"1 to 252", "256 to 4294967295"}, "table %d belongs to the kernel itself", v.Table)
		case v.Table == 0:
		case first != nil:
			b.errorf(at, "table %d is also that of %s", v.Table, first.where())
		default:
			seen[v.Table] = at
		}
	}
}
