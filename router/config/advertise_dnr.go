package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// Keys of service parameters (RFC 9460 14.3.2, RFC 9461).
const (
	keyALPN    = 1
	keyPort    = 3
	keyDoHPath = 7
)

func (b *builder) resolver(m *sixfoldv1.AdvertisedResolver, a *Advertise, s *spot) Resolver {
	r := Resolver{Name: strings.TrimSuffix(m.GetName(), "."), Priority: 1, Lifetime: b.lifetime(m.GetLifetime(), s.field("lifetime"), a.usual())}
	if m.GetName() != "" {
		if err := checkDomain(m.GetName()); err != nil {
			b.errorf(s.field("name"), "%v", err)
		}
	}
	if m.Priority != nil {
		r.Priority = uint16(m.GetPriority())
	}
	r.Addresses = b.servers(m.GetAddresses(), s.field("addresses"))
	r.Parameters = b.parameters(m, s)
	size := 10 + len(r.Name) + 2 + 2 + 16*len(r.Addresses) + 2
	for _, p := range r.Parameters {
		size += 4 + len(p.Value)
	}
	switch {
	case len(r.Addresses) == 0 && len(r.Parameters) > 0:
		b.errorf(s, "service parameters need addresses: without them hosts ask for both by the name (RFC 9463 3.1.6)")
	case len(r.Addresses) > 0 && len(m.GetAlpn()) == 0:
		b.errorf(s, "needs alpn: the protocols of the resolver, as [dot, h2] (RFC 9463 3.1.5)")
	case size > maxOptionBytes:
		b.errorf(s, "makes an option of %d octets; accepted: up to %d", size, maxOptionBytes)
	}
	return r
}

// parameters reads service parameters, ascending by key as they are sent.
func (b *builder) parameters(m *sixfoldv1.AdvertisedResolver, s *spot) []SvcParam {
	var all []SvcParam
	var alpn []byte
	overHTTP := false
	for n, id := range m.GetAlpn() {
		if len(id) == 0 || len(id) > 255 {
			b.errorf(s.field("alpn").item(n), "a protocol has 1 to 255 octets, as dot, h2, h3 or doq")
			continue
		}
		alpn = append(append(alpn, byte(len(id))), id...)
		overHTTP = overHTTP || id == "h2" || id == "h3"
	}
	if len(alpn) > 0 {
		all = append(all, SvcParam{Key: keyALPN, Value: alpn})
	}
	if m.Port != nil {
		all = append(all, SvcParam{Key: keyPort, Value: []byte{byte(m.GetPort() >> 8), byte(m.GetPort())}})
	}
	switch path := m.GetDohpath(); {
	case path == "" && overHTTP:
		b.errorf(s.field("alpn"), "h2 and h3 need dohpath, as \"/dns-query{?dns}\" (RFC 9461 5)")
	case path == "":
	case !strings.HasPrefix(path, "/") || !strings.Contains(path, "dns}"):
		b.errorf(s.field("dohpath"), "%q is not a path with the variable dns, as \"/dns-query{?dns}\" (RFC 9461 5)", excerpt(path))
	default:
		all = append(all, SvcParam{Key: keyDoHPath, Value: []byte(path)})
	}
	at := s.field("parameters")
	for _, name := range inOrder(m.GetParameters(), at) {
		if p, ok := b.parameter(name, m.GetParameters()[name], at.entry(name)); ok {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(x, y SvcParam) int { return cmp.Compare(x.Key, y.Key) })
	return all
}

// parameter reads a service parameter that has no field.
func (b *builder) parameter(name, text string, s *spot) (SvcParam, bool) {
	digits, ok := strings.CutPrefix(name, "key")
	key, err := strconv.ParseUint(digits, 10, 16)
	value, bad := parseHex(text)
	switch {
	case !ok || err != nil || strconv.FormatUint(key, 10) != digits:
		b.key(s, "%q is not a service parameter; accepted: key0 to key65535, as key65400", excerpt(name))
	case key == keyALPN || key == keyPort || key == keyDoHPath:
		b.key(s, "%s is what %s is for", name, map[uint64]string{keyALPN: "alpn", keyPort: "port", keyDoHPath: "dohpath"}[key])
	case key == 4 || key == 6:
		b.key(s, "%s has addresses, which stand in addresses (RFC 9463 3.1.5)", name)
	case bad != nil:
		b.errorf(s, "%q is not hexadecimal: octets as 00:01:fe, or 0001fe", excerpt(text))
	default:
		return SvcParam{Key: uint16(key), Value: value}, true
	}
	return SvcParam{}, false
}
