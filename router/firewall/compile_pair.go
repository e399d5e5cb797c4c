package firewall

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// Rates of what passes without a rule.
const (
	echoRate  = 1000
	echoBurst = 200
)

// pair compiles the policies from one zone to another.
func (c *compiler) pair(from, to string, policies []*Policy) {
	chain := &Chain{Name: pairChain(from, to)}
	if from == Router || to == Router {
		chain.add("what this router needs", jump(essentialChain(to)))
		if !c.isStateless(from) && !c.isStateless(to) {
			chain.add("packets that belong to no connection", state(StateInvalid), c.dropped("invalid"), drop())
		}
	}
	p := &pairing{compiler: c, chain: chain, from: from, to: to, used: map[string]int{}}
	for _, policy := range policies {
		for i := range policy.Rules {
			p.rule(&policy.Rules[i])
		}
		if policy.End != Continue {
			p.end(policy)
			c.put(chain)
			return
		}
	}
	p.end(&Policy{End: Drop})
	c.put(chain)
}

func (c *compiler) isStateless(zone string) bool {
	z := c.zones[zone]
	return z != nil && z.Stateless
}

// pairing compiles one chain.
type pairing struct {
	*compiler
	chain    *Chain
	from, to string
	used     map[string]int // names of counters
	number   int
}

// rule compiles one rule of a policy.
func (p *pairing) rule(r *PolicyRule) {
	name := r.Name
	if name == "" {
		name = r.digest()
	}
	if p.used[name]++; p.used[name] > 1 {
		name = fmt.Sprintf("%s.%d", name, p.used[name])
	}
	counter := p.counter(p.chain.Name + "/" + name)
	p.list(Listed{
		Where: r.Where, Name: r.Name, Match: r.Match(), Action: r.Action, Counter: string(counter),
		Pending: r.Sources.Pending || r.Destinations.Pending,
	})
	label := r.Name
	if label == "" {
		label = fmt.Sprint(p.number)
	}
	for _, match := range p.matches(r) {
		p.decide(r.Where, match, counter, r.Action, r.Log, label)
	}
}

// end compiles what becomes of packets that no rule decided.
func (p *pairing) end(policy *Policy) {
	if policy.End == SimpleSecurity {
		p.simple(policy)
	}
	action := policy.End
	if action == SimpleSecurity {
		action = Drop
	}
	counter := p.counter(p.chain.Name + "/.end")
	p.list(Listed{Where: policy.Where, Match: "all else", Action: action, Counter: string(counter)})
	where := policy.Where
	if where == "" {
		where = "no policy lets it pass"
	}
	p.decide(where, nil, counter, action, policy.Log, "else")
}

// simple lets pass what a gateway lets pass in unless told otherwise: RFC 6092 REC-21 to REC-26 and RFC 4890 4.3.1.
func (p *pairing) simple(policy *Policy) {
	counter := p.counter(p.chain.Name + "/.simple")
	p.list(Listed{Where: policy.Where, Match: "IPv6: echo requests, ESP, AH, IKE, HIP, Mobile IPv6", Action: Accept, Counter: string(counter)})
	six := octet(Family, family6)
	bare := p.set("simple/protocols", Protocols, octetElements(packet.ESP, packet.AH, packet.HIP, packet.Mobility))
	ike := p.set("simple/ports", PortsType, portElements([]PortRange{packet.Port(500), packet.Port(4500)}))
	p.chain.add(policy.Where, six, octet(L4Proto, uint8(packet.ICMPv6)), octet(ICMPKind, 128), atMost{echoRate, echoBurst}, counter, accept())
	p.chain.add(policy.Where, six, in{field: L4Proto, set: bare}, counter, accept())
	p.chain.add(policy.Where, six, octet(L4Proto, uint8(packet.UDP)), in{field: DestPort, set: ike}, counter, accept())
}

func (p *pairing) list(l Listed) {
	p.number++
	l.From, l.To, l.Number = p.from, p.to, p.number
	p.listed = append(p.listed, l)
}

// decide adds what logs, counts and decides.
func (p *pairing) decide(where string, match []Part, counter count, action Action, log uint32, label string) {
	add := func(parts ...Part) { p.chain.add(where, slices.Concat(match, parts)...) }
	if log > 0 {
		prefix := strings.TrimSuffix(fmt.Sprintf("sixfold %s>%s %s %s", p.from, p.to, label, action), " ") + ": "
		prefix = prefix[:min(len(prefix), maxLogPrefix)]
		add(atMost{log, log}, logs(prefix))
	}
	switch action {
	case Accept:
		add(counter, accept())
	case Drop:
		add(counter, drop())
	case Reject:
		if !slices.ContainsFunc(match, otherThanTCP) {
			add(octet(L4Proto, uint8(packet.TCP)), counter, reject{reset: true})
		}
		add(counter, reject{})
	default:
		add(counter)
	}
}

// otherThanTCP reports whether a condition keeps all TCP out.
func otherThanTCP(part Part) bool {
	m, ok := part.(is)
	return ok && m.field == L4Proto && m.key != string([]byte{byte(packet.TCP)})
}

// matches returns the conditions of a rule: a list for each address family, if that plays a part.
func (p *pairing) matches(r *PolicyRule) [][]Part {
	sources := p.address(r.Sources, Source6, Source4)
	destinations := p.address(r.Destinations, Dest6, Dest4)
	var out [][]Part
	for _, transport := range p.transports(r) {
		if transport.family == 0 && sources.all && destinations.all {
			out = append(out, transport.parts)
			continue
		}
		for _, family := range []uint8{family6, family4} {
			src, ok := sources.of(family)
			dst, also := destinations.of(family)
			if !ok || !also || transport.family != 0 && transport.family != family {
				continue
			}
			out = append(out, slices.Concat([]Part{octet(Family, family)}, src, dst, transport.parts))
		}
	}
	return out
}

// condition is one on an address.
type condition struct {
	all       bool // there is none
	six, four Part // nil: no packet of this family matches
}

// of returns the condition for a family; ok is false where nothing of it can match.
func (c condition) of(family uint8) (parts []Part, ok bool) {
	part := c.six
	if family == family4 {
		part = c.four
	}
	switch {
	case c.all:
		return nil, true
	case part == nil:
		return nil, false
	}
	return []Part{part}, true
}

// address compiles a condition on an address.
func (c *compiler) address(a Addresses, six, four Field) condition {
	if len(a.Text) == 0 {
		return condition{all: true}
	}
	list, relative, name := slices.Clone(a.Prefixes), a.Relative, c.digest("addresses", a.Text)
	for _, n := range a.Sets {
		if s := c.addresses[n]; s != nil {
			list = append(list, s.Prefixes...)
			relative = relative || s.Relative
		}
	}
	if len(a.Sets) == 1 && len(a.Text) == 1 {
		name = "address/" + a.Sets[0]
	}
	if len(a.Sets) == 0 && len(list) == 1 && !relative {
		if list[0].Addr().Is4() {
			return condition{four: within{four, list[0]}}
		}
		return condition{six: within{six, list[0]}}
	}
	var out condition
	if e := addressElements(list, false); len(e) > 0 || relative {
		out.six = in{field: six, set: c.set(name+"/6", Addresses6, e)}
	}
	if e := addressElements(list, true); len(e) > 0 {
		out.four = in{field: four, set: c.set(name+"/4", Addresses4, e)}
	}
	return out
}

// transport is a condition on what is above IP. A family of 0 is both.
type transport struct {
	family uint8
	parts  []Part
}

// transports compiles the conditions on protocol, ports and types.
func (c *compiler) transports(r *PolicyRule) []transport {
	if len(r.ICMPTypes) > 0 {
		return c.types(r.ICMPTypes)
	}
	var parts []Part
	switch list := r.Protocols; len(list) {
	case 0:
	case 1:
		parts = append(parts, octet(L4Proto, uint8(list[0])))
	default:
		parts = append(parts, in{field: L4Proto, set: c.set(c.digest("protocols", texts(list)), Protocols, octetElements(list...))})
	}
	for _, side := range []struct {
		field Field
		ports Ports
	}{{SourcePort, r.SourcePorts}, {DestPort, r.Ports}} {
		if part := c.portCondition(side.field, side.ports); part != nil {
			parts = append(parts, part)
		}
	}
	return []transport{{parts: parts}}
}

// types compiles a condition on types of ICMPv6 and ICMP.
func (c *compiler) types(list []ICMPType) []transport {
	var six, four []uint8
	for _, t := range list {
		if t.V4 {
			four = append(four, t.Type)
		} else {
			six = append(six, t.Type)
		}
	}
	one := func(family uint8, proto Protocol, t SetType, values []uint8) transport {
		parts := []Part{octet(L4Proto, uint8(proto))}
		if len(values) == 1 {
			parts = append(parts, octet(ICMPKind, values[0]))
		} else {
			name := c.digest("types", texts(values)) + familySuffix(family)
			parts = append(parts, in{field: ICMPKind, set: c.set(name, t, octetElements(values...))})
		}
		return transport{family, parts}
	}
	var out []transport
	if len(six) > 0 {
		out = append(out, one(family6, packet.ICMPv6, Types6, six))
	}
	if len(four) > 0 {
		out = append(out, one(family4, packet.ICMP, Types4, four))
	}
	return out
}

// portCondition compiles a condition on a port; nil is none.
func (c *compiler) portCondition(field Field, p Ports) Part {
	list := slices.Clone(p.Ranges)
	for _, n := range p.Sets {
		if s := c.ports[n]; s != nil {
			list = append(list, s.Ranges...)
		}
	}
	switch {
	case len(p.Ranges) == 0 && len(p.Sets) == 0:
		return nil
	case len(p.Ranges) == 0 && len(p.Sets) == 1:
		return in{field: field, set: c.set("port/"+p.Sets[0], PortsType, portElements(list))}
	case len(p.Ranges) == 1 && len(p.Sets) == 0:
		return between{field, p.Ranges[0]}
	}
	return in{field: field, set: c.set(c.digest("ports", append(texts(p.Ranges), p.Sets...)), PortsType, portElements(list))}
}

// digest names a set by what it is made of, so that the same list is one set, and keeps its name when a delegation changes.
func (c *compiler) digest(kind string, of []string) string {
	return kind + "/" + shortSum(strings.Join(of, "\x00"))
}

func shortSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "x" + hex.EncodeToString(sum[:6])
}

// digest recognises a rule without a name by what it says.
func (r *PolicyRule) digest() string { return shortSum(r.Match() + "\x00" + r.Action.String()) }

// Match returns the conditions of the rule in words.
func (r *PolicyRule) Match() string {
	var words []string
	add := func(label string, list []string) {
		if len(list) > 0 {
			words = append(words, label+strings.Join(list, ", "))
		}
	}
	add("from ", r.Sources.Text)
	add("to ", r.Destinations.Text)
	add("", texts(r.Protocols))
	var types []string
	for _, t := range r.ICMPTypes {
		proto := "icmpv6 "
		if t.V4 {
			proto = "icmp "
		}
		types = append(types, proto+t.String())
	}
	add("", types)
	add("source port ", append(texts(r.SourcePorts.Ranges), r.SourcePorts.Sets...))
	add("port ", append(texts(r.Ports.Ranges), r.Ports.Sets...))
	if len(words) == 0 {
		return "all"
	}
	return strings.Join(words, " ")
}

func texts[T any](list []T) []string {
	var out []string
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	return out
}
