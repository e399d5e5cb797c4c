package importer

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"

	"github.com/sixfold-router/sixfold/router/config"
)

// draft is a configuration in the making, and where its parts come from.
type draft struct {
	file    string
	options Options
	conf    *sixfoldv1.Config
	notes   []Note
	untold  int             // notes beyond maxNotes
	from    map[path]source // where the file says what stands at a path
	links   map[string]string
	used    map[string]bool
	told    bool           // of addresses
	names   map[string]int // how often a name was made, by its beginning
	// delegated has the names of delegations.
	delegated map[string]bool
	over      *pos // where the file had more than can be a configuration of one router
	// patterns tells that names of interfaces may have * and ?, as ours may.
	patterns bool
}

// source is a place in one of the files.
type source struct {
	file string
	pos
}

func newDraft(file string, o Options) *draft {
	return &draft{
		file: printable(file), options: o, conf: &sixfoldv1.Config{}, from: map[path]source{}, links: map[string]string{}, used: map[string]bool{}, names: map[string]int{}, delegated: map[string]bool{},
	}
}

// path is the place of a value in the configuration, written as the errors of package config write it.
type path string

func (p path) field(name string) path {
	if p == "" {
		return path(name)
	}
	return p + "." + path(name)
}

func (p path) entry(key string) path {
	plain := key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if plain {
		return p + "." + path(key)
	}
	return p + "[" + path(strconv.Quote(key)) + "]"
}

func (p path) item(i int) path { return p + "[" + path(strconv.Itoa(i)) + "]" }

// mark notes where the value at a path comes from.
func (d *draft) mark(p path, t token) {
	d.from[p] = source{d.file, t.pos}
	d.limit(len(d.from) <= maxValues, t)
}

// Bounds of what one file may have; a router with thousands of interfaces is well below.
const (
	maxValues = 50000
	maxLinks  = 5000
	maxItems  = 1000 // of one list
)

// limit notes that a file goes beyond a bound: then it is not imported.
func (d *draft) limit(within bool, t token) {
	if !within && d.over == nil {
		d.over = &t.pos
	}
}

// link is an interface of the draft and its path.
type link struct {
	*sixfoldv1.Interface
	path
	name string
}

const linkLength = 15

// link returns the interface that the file calls by a name, made at its first use.
func (d *draft) link(t token) link {
	name := d.linkName(t)
	at := path("interfaces").entry(name)
	if d.conf.Interfaces == nil {
		d.conf.Interfaces = map[string]*sixfoldv1.Interface{}
	}
	i := d.conf.Interfaces[name]
	if i == nil {
		i = &sixfoldv1.Interface{}
		d.conf.Interfaces[name] = i
		d.mark(at, t)
		d.limit(len(d.conf.Interfaces) <= maxLinks, t)
	}
	return link{i, at, name}
}

// linkName returns our name of an interface.
func (d *draft) linkName(t token) string {
	if name, ok := d.links[t.text]; ok {
		return name
	}
	name, mapped := d.options.Names[t.text]
	if !mapped {
		if name = d.plainLinkName(t.text); name != t.text || t.text == "" {
			for stem := name; d.used[name]; {
				d.names[stem]++
				digits := strconv.Itoa(d.names[stem] + 1)
				name = stem[:min(len(stem), linkLength-len(digits))] + digits
			}
			d.lost(t, "%s cannot be the name of an interface of Linux and is called %s here: say which one it is with --map %s=NAME",
				quoted(t.text), name, shellWord(t.text))
		}
	}
	d.links[t.text] = name
	d.used[name] = true
	return name
}

// plainLinkName makes the name of an interface one that Linux can have.
func (d *draft) plainLinkName(s string) string {
	odd := `/:%*?[]`
	if d.patterns {
		odd = `/:%[]`
	}
	for long, short := range map[string]string{"TenGigabitEthernet": "te", "GigabitEthernet": "gi", "FastEthernet": "fa"} {
		if rest, ok := strings.CutPrefix(s, long); ok {
			s = short + rest
		}
	}
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(odd, r) {
			return '_'
		}
		return r
	}, s)
	s = s[:min(len(s), linkLength)]
	switch s {
	case "", ".", "..", "all", "default":
		return "link" + strings.Trim(s, ".")
	}
	return s
}

func shellWord(s string) string {
	if strings.ContainsAny(s, " \t'\"$&;|<>()*?") {
		return "'" + strings.ReplaceAll(s, "'", "") + "'"
	}
	return s
}

// advertise returns the section of that name, made at its first use.
func (l link) advertise() *sixfoldv1.Advertise {
	if l.Advertise == nil {
		l.Advertise = &sixfoldv1.Advertise{}
	}
	return l.Advertise
}

// serve returns the section dhcpv6, made at its first use.
func (l link) serve() *sixfoldv1.Dhcpv6 {
	if l.Dhcpv6 == nil {
		l.Dhcpv6 = &sixfoldv1.Dhcpv6{}
	}
	return l.Dhcpv6
}

// client returns the section of that name, made at its first use.
func (l link) client() *sixfoldv1.DhcpClient {
	if l.Client == nil {
		l.Client = &sixfoldv1.DhcpClient{}
	}
	return l.Client
}

// uplink lets an interface take its default route from the advertisements of others: DHCPv6 has none.
func (l link) uplink() { l.AcceptRa = true }

// delegate asks for a prefix on a link. Without a name it gets one that is free.
func (d *draft) delegate(l link, name string, t token) (*sixfoldv1.Delegation, path) {
	if name == "" {
		name = d.freeDelegation("isp")
	}
	if l.Delegations == nil {
		l.Delegations = map[string]*sixfoldv1.Delegation{}
	}
	at := l.field("delegations").entry(name)
	if l.Delegations[name] == nil {
		l.Delegations[name] = &sixfoldv1.Delegation{}
		d.delegated[name] = true
		d.mark(at, t)
		d.limit(len(l.Delegations) <= maxItems, t)
	}
	l.uplink()
	return l.Delegations[name], at
}

func (d *draft) freeDelegation(name string) string {
	free := name
	for d.delegated[free] {
		d.names[name]++
		free = name + strconv.Itoa(d.names[name]+1)
	}
	return free
}

// ownAddresses tells, once, that a program that only advertises leaves the addresses of its interfaces to others.
func (d *draft) ownAddresses(t token, l link, program string) {
	if len(l.Addresses) == 0 && !d.told {
		d.tell(t, "%s leaves the addresses of its interfaces to others: list those of %s under interfaces.%s.addresses, if this router is to set them",
			program, l.name, l.name)
		d.told = true
	}
}

// seconds is a duration of the configuration.
func seconds(n uint64) *durationpb.Duration {
	return durationpb.New(time.Duration(min(n, uint64(config.Forever/time.Second))) * time.Second)
}

// number reads a whole number that is not above most.
func (d *draft) number(t token, most uint64) (uint64, bool) {
	n, err := strconv.ParseUint(t.text, 10, 64)
	if err != nil || t.kind == mark {
		d.wrong(t, "%s is no number: give one from 0 to %d", t, most)
		return 0, false
	}
	if n > most {
		d.wrong(t, "%d is too large: give a number from 0 to %d", n, most)
		return 0, false
	}
	return n, true
}

const maxUint32 = 1<<32 - 1

// included notes a statement that stands for the text of another file, which is not looked for: it belongs to another machine, perhaps.
func (d *draft) included(st stmt) {
	t, ok := st.arg(1)
	if !ok {
		d.missing(st.first(), "the name of a file")
		return
	}
	d.lost(t, "the file %s is not read: put its text in place of this line", t)
}

// lifetime reads seconds, or a word for an end that never comes.
func (d *draft) lifetime(t token) (uint64, bool) {
	switch strings.ToLower(t.text) {
	case "infinity", "infinite", "forever":
		return maxUint32, true
	}
	return d.number(t, maxUint32)
}

// address reads an IPv6 address.
func (d *draft) address(t token) (netip.Addr, bool) {
	a, err := netip.ParseAddr(t.text)
	switch {
	case err != nil && placeholder(t.text):
		d.wrong(t, "%s has letters in the place of digits: write the address that is meant", t)
	case err != nil:
		d.wrong(t, "%s is no valid address: mend it, or leave it out", t)
	case !a.Is6() || a.Is4In6():
		d.wrong(t, "%s is no IPv6 address: leave it out", t)
	case a.Zone() != "":
		return a.WithZone(""), true
	default:
		return a, true
	}
	return a, false
}

// placeholder tells whether an address was made unreadable on purpose, as in 2001:db8:XX::1.
func placeholder(s string) bool {
	return strings.Contains(s, ":") && strings.ContainsAny(s, "xXyY")
}

// prefix reads ADDRESS/LENGTH, which may be several tokens if the slash is a mark. The prefix keeps its host bits.
func (d *draft) prefix(words []token) (netip.Prefix, bool) {
	if len(words) == 0 {
		return netip.Prefix{}, false
	}
	t := words[0]
	for _, w := range words[1:] {
		t.text += w.text
	}
	p, err := netip.ParsePrefix(t.text)
	switch {
	case err != nil && placeholder(t.text):
		d.wrong(t, "%s has letters in the place of digits: write the prefix that is meant", t)
	case err != nil:
		d.wrong(t, "%s is no valid prefix: write it as ADDRESS/LENGTH", t)
	case !p.Addr().Is6() || p.Addr().Is4In6():
		d.wrong(t, "%s is no IPv6 prefix: leave it out", t)
	default:
		return p, true
	}
	return p, false
}

// domain reads a name of the DNS.
func (d *draft) domain(t token) (string, bool) {
	name := strings.TrimSuffix(t.text, ".")
	if len(name) > 253 {
		d.wrong(t, "this is no domain name: it is longer than 253 characters")
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		bad := strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if bad || label == "" || len(label) > 63 {
			d.wrong(t, "%s is no domain name: mend it, or leave it out", t)
			return "", false
		}
	}
	return name, true
}

// missing notes a statement without its value.
func (d *draft) missing(t token, what string) {
	d.wrong(t, "%s has no value: %s is expected behind it", t, what)
}

func ref[T any](v T) *T { return &v }
