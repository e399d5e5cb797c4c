package config

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// API says who may use the API, and where it listens beside the unix socket.
type API struct {
	Users  []Grant // by user name or number
	Groups []Grant // by group name or number
	TCP    *APITCP // nil: not on the network
}

// APITCP is the API on TCP with mutual TLS. The files are absolute paths.
type APITCP struct {
	Listen      []netip.AddrPort
	Device      string // empty: all
	Certificate string
	Key         string
	ClientCA    string
	Roles       []Grant // by name in the certificate
}

// Grant gives a role to a name.
type Grant struct {
	Name string
	Role Role
}

// Role is what a caller of the API may do; a higher one includes those below it. The numbers are those of the schema.
type Role uint8

// The roles.
const (
	NoRole Role = iota
	Read
	Operate
	Admin
)

// String returns the word of the configuration, or none.
func (r Role) String() string {
	switch r {
	case Read:
		return "read"
	case Operate:
		return "operate"
	case Admin:
		return "admin"
	}
	return "none"
}

// ParseRole returns the role of a word of the configuration, NoRole for others.
func ParseRole(word string) Role {
	for _, r := range []Role{Read, Operate, Admin} {
		if r.String() == word {
			return r
		}
	}
	return NoRole
}

// Metrics is where Prometheus metrics are served.
type Metrics struct {
	Listen netip.AddrPort
	Device string // empty: all
}

func (b *builder) api(m *sixfoldv1.Api, s *spot, cfg *Config) {
	cfg.API.Users = b.grants(m.GetUsers(), s.field("users"))
	cfg.API.Groups = b.grants(m.GetGroups(), s.field("groups"))
	if m.GetTcp() == nil {
		return
	}
	t, at := m.GetTcp(), s.field("tcp")
	tcp := &APITCP{
		Device:      b.device(t.GetDevice(), at.field("device")),
		Certificate: b.file(t.GetCertificate(), "the certificate of the server", at.field("certificate")),
		Key:         b.file(t.GetKey(), "the private key of the server", at.field("key")),
		ClientCA:    b.file(t.GetClientCa(), "the authorities that sign the certificates of clients", at.field("client_ca")),
		Roles:       b.grants(t.GetRoles(), at.field("roles")),
	}
	listen := at.field("listen")
	if len(t.GetListen()) == 0 {
		b.errorf(listen, "is missing: give at least one address with port, as [\"[2001:db8::1]:4610\"]")
	}
	seen := map[netip.AddrPort]*spot{}
	for i, text := range t.GetListen() {
		a, ok := b.addrPort(text, listen.item(i))
		if first := seen[a]; ok && first != nil {
			b.errorf(listen.item(i), "%s is also %s", a, first.where())
		} else if ok {
			seen[a] = listen.item(i)
		}
		tcp.Listen = append(tcp.Listen, a)
	}
	tcp.Device = listenIn(cfg, tcp.Device, tcp.Listen...)
	cfg.API.TCP = tcp
}

// listenIn returns the device to listen on: what is configured, or else the management instance, if there is one. There nobody
// could reach a loopback address, which is for the machine itself.
func listenIn(cfg *Config, device string, at ...netip.AddrPort) string {
	switch {
	case device == defaultInstance:
		return ""
	case device != "" || cfg.Management == nil:
		return device
	case !slices.ContainsFunc(at, func(a netip.AddrPort) bool { return !a.Addr().IsLoopback() }):
		return ""
	}
	return cfg.Management.VRF
}

// defaultInstance names the instance that all links belong to which no VRF lists.
const defaultInstance = "default"

func (b *builder) metrics(m *sixfoldv1.Metrics, s *spot, cfg *Config) {
	if m == nil {
		return
	}
	cfg.Metrics = &Metrics{Device: b.device(m.GetDevice(), s.field("device"))}
	if m.GetListen() == "" {
		b.errorf(s.field("listen"), "is missing: give an address with port, as \"[::1]:9466\"")
		return
	}
	cfg.Metrics.Listen, _ = b.addrPort(m.GetListen(), s.field("listen"))
	cfg.Metrics.Device = listenIn(cfg, cfg.Metrics.Device, cfg.Metrics.Listen)
}

// grants returns the names with their roles; the rules of the schema have checked the words.
func (b *builder) grants(m map[string]string, s *spot) []Grant {
	var all []Grant
	for _, name := range inOrder(m, s) {
		if strings.ContainsAny(name, "\x00\n") || len(name) > 255 {
			b.key(s.entry(name), "cannot be a name")
		}
		all = append(all, Grant{Name: name, Role: ParseRole(m[name])})
	}
	sortByName(all, func(g Grant) string { return g.Name })
	return all
}

// addrPort reads an address with a port.
func (b *builder) addrPort(text string, s *spot) (netip.AddrPort, bool) {
	const example = "as [2001:db8::1]:4610"
	a, err := netip.ParseAddrPort(text)
	if err == nil && a.Port() != 0 {
		return a, true
	}
	addr, bare := netip.ParseAddr(text)
	colon := strings.LastIndexByte(text, ':')
	switch {
	case isRelative(strings.NewReplacer("[", "", "]", "").Replace(text[:max(colon, 0)])):
		b.errorf(s, "%s is in a delegated prefix, and whoever asks must find us whatever is delegated; listen on [::]%s, and say with device where", excerpt(text), excerpt(text[colon:]))
	case err == nil:
		b.accepted(s, []string{"1 to 65535"}, "port 0 is out of range")
	case bare == nil && addr.Is6():
		b.errorf(s, "%s has no port: write [%[1]s]:PORT", addr)
	case bare == nil:
		b.errorf(s, "%s has no port: write %[1]s:PORT", addr)
	case colon == 0:
		b.errorf(s, "%s has no address: write [::]%[1]s for all addresses", excerpt(text))
	case colon > 0 && isAddr(text[:colon]) && isNumber(text[colon+1:]):
		b.accepted(s, []string{"1 to 65535"}, "port %s is out of range", excerpt(text[colon+1:]))
	default:
		b.errorf(s, "%q is not an address with a port, %s", excerpt(text), example)
	}
	return netip.AddrPort{}, false
}

func isAddr(text string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return err == nil
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// device checks the name of a link, which need not be configured: a management VRF often is not.
func (b *builder) device(name string, s *spot) string {
	if name != "" && (len(name) > 15 || strings.ContainsAny(name, "/:% \t\r\n\v\f")) {
		b.errorf(s, "%s", notAName(name, `^[^/\s:%]{1,15}$`))
	}
	return name
}

// file checks the path of a file. Whether it can be read is not known here: it is read on the router.
func (b *builder) file(path, what string, s *spot) string {
	switch {
	case path == "":
		b.errorf(s, "is missing: the file with %s", what)
	case !filepath.IsAbs(path):
		b.errorf(s, "%s is not an absolute path; write it from /", excerpt(path))
	case strings.ContainsRune(path, 0):
		b.errorf(s, "cannot be the path of a file")
	}
	return path
}
