package bgp

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/osrg/gobgp/v4/api"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/sixfold-router/sixfold/router/rib"
	"google.golang.org/protobuf/proto"
)

// Names of the two policies of the global chain. They stay the same for the life of a server, because GoBGP keeps the
// assignment by name when it swaps the bodies.
const (
	importPolicy = "import"
	exportPolicy = "export"
)

// policy is the filters of all neighbors as GoBGP takes them, and for each neighbor what its part in each direction is made
// of, to know whose routes a change touches.
type policy struct {
	sets            []*api.DefinedSet
	imports         *api.Policy
	exports         *api.Policy
	inKeys, outKeys map[netip.Addr]string
}

// Large communities (RFC 8092) that mark paths inside the speaker: conditions that GoBGP does not have are matched by them.
// Their global administrator is the reserved last AS number (RFC 7300), so that no one else's can be meant. They are taken off
// every path that comes in before ours are put on, and off every path that goes out.
const (
	tagASN       = 4294967295
	anyTag       = "^4294967295:"
	tagSource    = 0 // local data 2 is the source in the rib
	tagLinkLocal = 1 // learnt over a link-local session
	tagNeighbor  = 1 << 31
)

func sourceTag(src rib.Source) *packet.LargeCommunity {
	return packet.NewLargeCommunity(tagASN, tagSource, uint32(src))
}

func sourceOf(c *packet.LargeCommunity) (rib.Source, bool) {
	if c.ASN != tagASN || c.LocalData1 != tagSource || c.LocalData2 == 0 || c.LocalData2 > 255 {
		return 0, false
	}
	return rib.Source(c.LocalData2), true
}

func linkLocalTag() *packet.LargeCommunity { return packet.NewLargeCommunity(tagASN, tagLinkLocal, 0) }

// neighborTag is a function of the address alone, so that adding a neighbor does not change the marks of the others.
func neighborTag(addr netip.Addr) *packet.LargeCommunity {
	h := fnv.New64a()
	h.Write([]byte(addr.String()))
	sum := h.Sum64()
	return packet.NewLargeCommunity(tagASN, uint32(sum>>32)|tagNeighbor, uint32(sum))
}

// compile turns the filters of all neighbors into GoBGP's one chain for each direction. It expects a Config that Validate
// accepts.
func compile(c Config) *policy {
	p := &policy{inKeys: map[netip.Addr]string{}, outKeys: map[netip.Addr]string{}}
	learned := map[string]bool{} // neighbors that an export filter names
	sets := map[string][]*api.DefinedSet{}
	for _, name := range slices.Sorted(maps.Keys(c.PrefixSets)) {
		sets[name] = prefixSets(name, c.PrefixSets[name])
		p.sets = append(p.sets, sets[name]...)
	}
	neighbors := byAddress(c)
	for _, n := range neighbors {
		for _, r := range c.Filters[n.Export].Rules {
			if r.LearnedFrom != "" {
				learned[r.LearnedFrom] = true
			}
		}
		p.sets = append(p.sets, &api.DefinedSet{
			DefinedType: api.DefinedType_DEFINED_TYPE_NEIGHBOR,
			Name:        neighborSet(n),
			List:        []string{n.Address.WithZone("").String()},
		})
	}
	tags := map[string]bool{}
	tagSet := func(tag *packet.LargeCommunity) string {
		name := "tag/" + tag.String()
		if !tags[name] {
			tags[name] = true
			p.sets = append(p.sets, &api.DefinedSet{
				DefinedType: api.DefinedType_DEFINED_TYPE_LARGE_COMMUNITY,
				Name:        name,
				List:        []string{tag.String()},
			})
		}
		return name
	}

	// The exports come first, because they tell which marks the imports have to make.
	p.exports = &api.Policy{Name: exportPolicy}
	for _, n := range neighbors {
		b := builder{cfg: c, neighbor: n, sets: sets, tagSet: tagSet}
		b.exportStatements()
		p.outKeys[n.Address] = key(b.stmts, sets, c.Filters[n.Export])
		p.exports.Statements = append(p.exports.Statements, b.once(neighbors)...)
	}

	p.imports = &api.Policy{Name: importPolicy, Statements: []*api.Statement{{
		// Paths of our own pass the import chain too, of all places.
		Name:       "in/local",
		Conditions: &api.Conditions{RouteType: api.Conditions_ROUTE_TYPE_LOCAL},
		Actions:    &api.Actions{RouteAction: api.RouteAction_ROUTE_ACTION_ACCEPT},
	}}}
	linkLocal := tags["tag/"+linkLocalTag().String()]
	if linkLocal || len(learned) > 0 {
		p.imports.Statements = append(p.imports.Statements, &api.Statement{
			Name: "in/untag", Conditions: &api.Conditions{}, Actions: &api.Actions{LargeCommunity: removeTags()},
		})
	}
	for _, n := range neighbors {
		b := builder{cfg: c, neighbor: n, sets: sets, tagSet: tagSet}
		b.importStatements(learned[n.Name], linkLocal && n.Address.IsLinkLocalUnicast())
		p.inKeys[n.Address] = key(b.stmts, sets, c.Filters[n.Import])
		p.imports.Statements = append(p.imports.Statements, b.once(neighbors)...)
	}
	return p
}

// equal reports whether the two would make GoBGP do the same.
func (p *policy) equal(o *policy) bool {
	return o != nil && proto.Equal(p.request(), o.request())
}

func (p *policy) request() *api.SetPoliciesRequest {
	return &api.SetPoliciesRequest{DefinedSets: p.sets, Policies: []*api.Policy{p.imports, p.exports}}
}

func byAddress(c Config) []Neighbor {
	return slices.SortedFunc(maps.Values(c.Neighbors), func(a, b Neighbor) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Name, b.Name))
	})
}

func neighborSet(n Neighbor) string { return "neighbor/" + n.Address.String() }

// prefixSets makes the sets of one name: GoBGP wants one for each address family. A pattern also matches prefixes shorter than
// its own (Min below its length), which GoBGP cannot say; there are at most 128 of those, and they are listed.
func prefixSets(name string, patterns []Pattern) []*api.DefinedSet {
	var out []*api.DefinedSet
	for _, family := range []string{"6", "4"} {
		set := &api.DefinedSet{DefinedType: api.DefinedType_DEFINED_TYPE_PREFIX, Name: "prefix/" + name + "/" + family}
		for _, p := range patterns {
			if p.Prefix.Addr().Is6() != (family == "6") {
				continue
			}
			bits := p.Prefix.Bits()
			for l := max(p.Min, 0); l < bits && l <= p.Max; l++ {
				around := netip.PrefixFrom(p.Prefix.Addr(), l).Masked()
				set.Prefixes = append(set.Prefixes, apiPrefix(around, l, l))
			}
			if longest := min(p.Max, p.Prefix.Addr().BitLen()); longest >= bits {
				set.Prefixes = append(set.Prefixes, apiPrefix(p.Prefix.Masked(), max(p.Min, bits), longest))
			}
		}
		if len(set.Prefixes) > 0 {
			out = append(out, set)
		}
	}
	return out
}

func apiPrefix(p netip.Prefix, low, high int) *api.Prefix {
	return &api.Prefix{IpPrefix: p.String(), MaskLengthMin: uint32(low), MaskLengthMax: uint32(high)}
}

func removeTags() *api.CommunityAction {
	return &api.CommunityAction{Type: api.CommunityAction_TYPE_REMOVE, Communities: []string{anyTag}}
}

// builder makes the statements of one neighbor. In GoBGP the neighbor of a condition is who a path comes from on import, and
// who it goes to on export.
type builder struct {
	cfg      Config
	neighbor Neighbor
	sets     map[string][]*api.DefinedSet
	tagSet   func(*packet.LargeCommunity) string
	stmts    []*api.Statement
}

// once returns the statements, or none if they are there already: neighbors with one link-local address on several links are
// one to GoBGP's conditions, and Validate sees to it that they have the same filters.
func (b *builder) once(neighbors []Neighbor) []*api.Statement {
	for _, n := range neighbors {
		if n.Address.WithZone("") == b.neighbor.Address.WithZone("") {
			if n.Address != b.neighbor.Address {
				return nil
			}
			break
		}
	}
	return b.stmts
}

func (b *builder) add(dir string, c *api.Conditions, a *api.Actions) {
	c.NeighborSet = &api.MatchSet{Type: api.MatchSet_TYPE_ANY, Name: neighborSet(b.neighbor)}
	// Names are unique in the whole chain. They are compared to find what changed, so they hold no name of the configuration
	// that could change without effect.
	name := fmt.Sprintf("%s/%s/%d", dir, b.neighbor.Address, len(b.stmts))
	b.stmts = append(b.stmts, &api.Statement{Name: name, Conditions: c, Actions: a})
}

func (b *builder) importStatements(tag, linkLocal bool) {
	n := b.neighbor
	if n.Import == "" {
		return
	}
	var tags []string
	if tag {
		tags = append(tags, neighborTag(n.Address).String())
	}
	if linkLocal {
		tags = append(tags, linkLocalTag().String())
	}
	if len(tags) > 0 {
		b.add("in", &api.Conditions{}, &api.Actions{
			LargeCommunity: &api.CommunityAction{Type: api.CommunityAction_TYPE_ADD, Communities: tags},
		})
	}
	for _, r := range b.cfg.Filters[n.Import].Rules {
		// Everything that is imported is learnt by BGP, from this neighbor.
		if r.LearnedFrom != "" && r.LearnedFrom != n.Name || r.Source != 0 && r.Source != rib.BGP {
			continue
		}
		b.rule("in", r, &api.Conditions{})
	}
}

func (b *builder) exportStatements() {
	n := b.neighbor
	if n.Export == "" {
		return
	}
	switch {
	case n.RemoteAS != b.cfg.ASN:
		// GoBGP puts our own address on what goes to an external peer.
	case n.NextHopSelf:
		b.add("out", &api.Conditions{}, &api.Actions{Nexthop: &api.NexthopAction{Self: true}})
	default:
		// A link-local next hop means nothing to someone on another link (RFC 2545 2).
		b.add("out", &api.Conditions{LargeCommunitySet: b.matchTag(linkLocalTag())},
			&api.Actions{Nexthop: &api.NexthopAction{Self: true}})
	}
	for _, r := range b.cfg.Filters[n.Export].Rules {
		c := &api.Conditions{}
		if r.LearnedFrom != "" {
			if r.Source != 0 && r.Source != rib.BGP {
				continue // nothing is both
			}
			from := b.cfg.Neighbors[r.LearnedFrom]
			c.LargeCommunitySet = b.matchTag(neighborTag(from.Address))
			b.rule("out", r, c)
			continue
		}
		switch r.Source {
		case 0:
			b.rule("out", r, c)
		case rib.BGP:
			for _, t := range []api.Conditions_RouteType{api.Conditions_ROUTE_TYPE_INTERNAL, api.Conditions_ROUTE_TYPE_EXTERNAL} {
				b.rule("out", r, &api.Conditions{RouteType: t})
			}
		default:
			c.RouteType = api.Conditions_ROUTE_TYPE_LOCAL
			c.LargeCommunitySet = b.matchTag(sourceTag(r.Source))
			b.rule("out", r, c)
		}
	}
}

func (b *builder) matchTag(tag *packet.LargeCommunity) *api.MatchSet {
	return &api.MatchSet{Type: api.MatchSet_TYPE_ANY, Name: b.tagSet(tag)}
}

// rule adds the statements of one rule: one for each address family of its prefix set, because a path is of one family, and
// so no path meets the changes of a rule twice.
func (b *builder) rule(dir string, r Rule, c *api.Conditions) {
	if r.PrefixSet == "" {
		b.add(dir, c, b.actions(dir, r))
		return
	}
	for _, set := range b.sets[r.PrefixSet] {
		c := proto.Clone(c).(*api.Conditions)
		c.PrefixSet = &api.MatchSet{Type: api.MatchSet_TYPE_ANY, Name: set.Name}
		b.add(dir, c, b.actions(dir, r))
	}
}

func (b *builder) actions(dir string, r Rule) *api.Actions {
	a := &api.Actions{}
	switch r.Action {
	case Accept:
		a.RouteAction = api.RouteAction_ROUTE_ACTION_ACCEPT
		if dir == "out" {
			a.LargeCommunity = removeTags()
		}
	case Reject:
		a.RouteAction = api.RouteAction_ROUTE_ACTION_REJECT
	}
	if r.PrependCount > 0 {
		a.AsPrepend = &api.AsPrependAction{Asn: cmp.Or(r.PrependASN, b.cfg.ASN), Repeat: uint32(r.PrependCount)}
	}
	if r.LocalPref != nil {
		a.LocalPref = &api.LocalPrefAction{Value: *r.LocalPref}
	}
	if r.MED != nil {
		a.Med = &api.MedAction{Type: api.MedAction_TYPE_REPLACE, Value: int64(*r.MED)}
	}
	return a
}

// key is equal for equal statements over equal prefix sets.
func key(stmts []*api.Statement, sets map[string][]*api.DefinedSet, f Filter) string {
	req := &api.SetPoliciesRequest{Policies: []*api.Policy{{Statements: stmts}}}
	for _, r := range f.Rules {
		req.DefinedSets = append(req.DefinedSets, sets[r.PrefixSet]...)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		// Only strings that are not UTF-8 cannot be marshalled; then everything counts as changed.
		return err.Error() + strconv.Itoa(len(stmts))
	}
	return string(b)
}
