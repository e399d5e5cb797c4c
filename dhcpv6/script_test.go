package dhcpv6

import (
	"encoding/binary"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

var update = flag.Bool("update", false, "write the transcripts of testdata/script anew")

var (
	start      = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	serverDUID = []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 1}
	reserved   = net.HardwareAddr{0x52, 0x54, 0x00, 0xd6, 0xc2, 0xa9}
)

func seedConfig() Config {
	return Config{DUID: serverDUID, Interfaces: map[string]Interface{"eth1": {
		Link: "eth1", Index: 2, LinkLocal: netip.MustParseAddr("fe80::1"),
		Subnets:  []netip.Prefix{netip.MustParsePrefix("2001:db8::/64")},
		Pools:    []AddressPool{{Name: "guests", First: netip.MustParseAddr("2001:db8::100"), Last: netip.MustParseAddr("2001:db8::ffff")}},
		Delegate: []PrefixPool{{Name: "hosts", Prefix: netip.MustParsePrefix("2001:db8:fff::/48"), Length: 60}},
		Reservations: []Reservation{{
			Name: "web1", MAC: reserved, Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::5054:ff:fed6:c2a9")},
		}},
		Renew: 1000 * time.Second, Rebind: 2000 * time.Second, Preferred: 3000 * time.Second, Valid: 4000 * time.Second,
		DNS:     []netip.Addr{netip.MustParseAddr("2001:db8::53")},
		Domains: []string{"example.net"},
	}}}
}

// TestScripts runs the conversations of testdata/script through guard, parse and handle. A line with ">" is what happens, the
// lines after it are what comes of it.
//
//	> config WORD...         change the configuration, see configure
//	> wait DURATION          let time pass (nothing is deleted at expiry)
//	> leases                 show what the store has
//	> stale                show which clients would be told to renew, and why
//	> MESSAGE WHO WORD...    send a message; na=IAID,LEASE,... and pd=... are identity associations, oro=CODE,... asks for
//	                         options, server and other are Server-IDs; the DUID of WHO is its name, its MAC in clients
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			e := newEnv(t, seedConfig())
			var out strings.Builder
			for line := range strings.Lines(string(text)) {
				switch {
				case strings.HasPrefix(line, "> "):
					out.WriteString(line)
					out.WriteString(e.do(strings.Fields(line[2:])))
				case strings.HasPrefix(line, "#") || line == "\n":
					out.WriteString(line)
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), out.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// env is a server without sockets, with a clock of its own.
type env struct {
	t     testing.TB
	now   time.Time
	cfg   Config
	cat   *catalog
	store *memory
	space *space
}

func newEnv(t testing.TB, c Config) *env {
	e := &env{t: t, now: start, store: &memory{}, space: newSpace(nil)}
	e.apply(c)
	return e
}

func (e *env) apply(c Config) {
	cat, err := newCatalog(c)
	if err != nil {
		e.t.Fatal(err)
	}
	e.cfg, e.cat = c, cat
	e.space.serve(cat, e.store.All)
}

// clients are the link-layer addresses behind the names in scripts.
var clients = map[string]net.HardwareAddr{
	"ann":    {2, 0, 0, 0, 0, 0xa},
	"bob":    {2, 0, 0, 0, 0, 0xb},
	"eve":    {2, 0, 0, 0, 0, 0xe},
	"web1":   reserved,
	"nobody": nil,
}

func (e *env) do(words []string) string {
	switch words[0] {
	case "config":
		e.configure(words[1:])
		return ""
	case "wait":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			e.t.Fatal(err)
		}
		e.now = e.now.Add(d)
		return ""
	case "leases":
		return e.show()
	case "stale":
		return e.stale()
	}
	return e.message(words)
}

func (e *env) configure(words []string) {
	c := e.cfg
	in := c.Interfaces["eth1"]
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "rapid":
			in.RapidCommit = true
		case "preference":
			in.Preference = uint8(e.number(value))
		case "timers":
			in.Renew, in.Rebind = 0, 0
		case "forever":
			in.Preferred, in.Valid = Forever, Forever
		case "until":
			d, err := time.ParseDuration(value)
			if err != nil {
				e.t.Fatal(err)
			}
			in.Delegate[0].Until = Until{Preferred: e.now.Add(d / 2), Valid: e.now.Add(d)}
		case "pool":
			first, last, _ := strings.Cut(value, "-")
			in.Pools = []AddressPool{{Name: "guests", First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last)}}
		case "subnet":
			in.Subnets = nil
			for p := range strings.SplitSeq(value, ",") {
				in.Subnets = append(in.Subnets, netip.MustParsePrefix(p))
			}
		case "delegate":
			in.Delegate = nil
			for p := range strings.SplitSeq(value, ",") {
				if p != "" {
					name, piece, ok := strings.Cut(p, "@")
					if !ok {
						name, piece = p, p
					}
					prefix, length, _ := strings.Cut(piece, "-")
					in.Delegate = append(in.Delegate, PrefixPool{Name: name, Prefix: netip.MustParsePrefix(prefix), Length: e.number(length)})
				}
			}
		case "reserve": // NAME,LEASE,...; by MAC, and by DUID for a name without one
			parts := strings.Split(value, ",")
			r := Reservation{Name: parts[0], MAC: clients[parts[0]]}
			if r.MAC == nil {
				r.DUID = duidOf(parts[0])
			}
			for _, p := range parts[1:] {
				if prefix, err := netip.ParsePrefix(p); err == nil {
					r.Prefixes = append(r.Prefixes, prefix)
				} else {
					r.Addresses = append(r.Addresses, netip.MustParseAddr(p))
				}
			}
			in.Reservations = append(slices.Clone(in.Reservations), r)
		case "reconfigure":
			in.Reconfigure = true
		case "former": // PREFIX,DURATION,VALID: until then, and what a renewal gives; without a value there is none
			in.Former = nil
			if value == "" {
				break
			}
			prefix, times, _ := strings.Cut(value, ",")
			f := Former{Prefix: netip.MustParsePrefix(prefix)}
			until, valid, _ := strings.Cut(times, ",")
			if left, err := time.ParseDuration(until); err == nil {
				f.Until = e.now.Add(left)
			}
			f.Valid, _ = time.ParseDuration(valid)
			in.Former = []Former{f}
		case "leave": // the part of each piece that is excluded
			in.Delegate[0].Exclude = netip.MustParsePrefix(value)
		case "exclude":
			in.Exclude = []netip.Prefix{netip.MustParsePrefix(value)}
		default:
			e.t.Fatalf("config %s is unknown", w)
		}
	}
	c.Interfaces = map[string]Interface{"eth1": in}
	e.apply(c)
}

func (e *env) number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		e.t.Fatal(err)
	}
	return n
}

func duidOf(name string) []byte { return append([]byte{0, 2, 0, 0, 0x30, 0x39}, name...) }

var kinds = map[string]dhcp6.MessageType{
	"solicit": dhcp6.MessageTypeSolicit, "request": dhcp6.MessageTypeRequest, "confirm": dhcp6.MessageTypeConfirm,
	"renew": dhcp6.MessageTypeRenew, "rebind": dhcp6.MessageTypeRebind, "release": dhcp6.MessageTypeRelease,
	"decline": dhcp6.MessageTypeDecline, "information": dhcp6.MessageTypeInformationRequest,
}

// build makes the message of a script line.
func (e *env) build(words []string) *dhcp6.Message {
	m := &dhcp6.Message{MessageType: kinds[words[0]], TransactionID: dhcp6.TransactionID{1, 2, 3}}
	if m.MessageType == 0 {
		e.t.Fatalf("message %s is unknown", words[0])
	}
	duid := duidOf(words[1])
	for _, w := range words[2:] {
		name, value, _ := strings.Cut(w, "=")
		parts := strings.Split(value, ",")
		switch name {
		case "duid":
			duid = duidOf(value)
		case "noclient":
			duid = nil
		case "mac": // of the frame; see message
		case "server":
			m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionServerID, OptionData: serverDUID})
		case "other":
			m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionServerID, OptionData: []byte{0, 3, 0, 1, 9, 9, 9, 9, 9, 9}})
		case "accept":
			m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionReconfAccept})
		case "rapid":
			m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionRapidCommit})
		case "oro":
			var codes dhcp6.OptionCodes
			for _, p := range parts {
				codes.Add(dhcp6.OptionCode(e.number(p)))
			}
			m.AddOption(dhcp6.OptRequestedOption(codes...))
		case "na", "pd":
			var id [4]byte
			binary.BigEndian.PutUint32(id[:], uint32(e.number(parts[0])))
			r := result{ia: &ia{id: binary.BigEndian.Uint32(id[:])}}
			if name == "pd" {
				r.ia.kind = lease.Prefix
			}
			for _, p := range parts[1:] {
				if name == "na" {
					p += "/128"
				}
				r.gone = append(r.gone, netip.MustParsePrefix(p))
			}
			m.AddOption(r.option(0, 0))
		default:
			e.t.Fatalf("word %s is unknown", w)
		}
	}
	if duid != nil {
		m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionClientID, OptionData: duid})
	}
	return m
}

func (e *env) message(words []string) string {
	mac := clients[words[1]]
	for _, w := range words {
		if who, ok := strings.CutPrefix(w, "mac="); ok {
			mac = clients[who]
		}
	}
	v := e.send(e.build(words).ToBytes(), mac)
	return render(v)
}

func (e *env) send(b []byte, mac net.HardwareAddr) verdict {
	d, reason := guard(b)
	if reason != "" {
		return verdict{drop: reason}
	}
	req, err := parse(d)
	if err != nil {
		return verdict{drop: err.Error()}
	}
	req.mac, req.nextHop = mac, netip.MustParseAddr("fe80::c")
	v := handle(e.now, e.cat, e.cat.links["eth1"], req, e.store, e.space, testKeys)
	delta := deltaOf(e.store, v.change)
	e.store.apply(v.change)
	e.space.follow(delta)
	return v
}

// render prints a verdict as its receiver would see it, after a trip over the wire.
func render(v verdict) string {
	var s strings.Builder
	if v.drop != "" {
		return "dropped: " + v.drop + "\n"
	}
	m, err := dhcp6.MessageFromBytes(v.reply.ToBytes())
	if err != nil {
		return err.Error() + "\n"
	}
	s.WriteString(messageName(m.MessageType))
	for _, o := range m.Options.Options {
		switch o := o.(type) {
		case *dhcp6.OptIANA:
			fmt.Fprintf(&s, "\n  NA %d%s", binary.BigEndian.Uint32(o.IaId[:]), renderTimers(o.T1, o.T2))
			for _, a := range o.Options.Addresses() {
				fmt.Fprintf(&s, "\n    %s %s/%s", a.IPv6Addr, seconds(a.PreferredLifetime), seconds(a.ValidLifetime))
			}
			renderStatus(&s, o.Options.Status())
		case *dhcp6.OptIAPD:
			fmt.Fprintf(&s, "\n  PD %d%s", binary.BigEndian.Uint32(o.IaId[:]), renderTimers(o.T1, o.T2))
			for _, p := range o.Options.Prefixes() {
				fmt.Fprintf(&s, "\n    %s %s/%s", p.Prefix, seconds(p.PreferredLifetime), seconds(p.ValidLifetime))
				if o := p.Options.GetOne(dhcp6.OptionPDExclude); o != nil {
					fmt.Fprintf(&s, " exclude %x", o.ToBytes())
				}
			}
			renderStatus(&s, o.Options.Status())
		case *dhcp6.OptStatusCode:
			renderStatus(&s, o)
		default:
			switch o.Code() {
			case dhcp6.OptionClientID:
			case dhcp6.OptionServerID:
			case dhcp6.OptionRapidCommit:
				s.WriteString(" rapid")
			case dhcp6.OptionReconfAccept:
				s.WriteString(" reconfigurable")
			case dhcp6.OptionAuth:
				fmt.Fprintf(&s, "\n  authentication %x", o.ToBytes())
			case dhcp6.OptionPreference:
				fmt.Fprintf(&s, " preference %d", m.Options.Preference())
			default:
				fmt.Fprintf(&s, "\n  %s", o)
			}
		}
	}
	s.WriteString("\n")
	for _, e := range v.events {
		if e.Kind == Conflict || e.Kind == Withdrawn {
			fmt.Fprintf(&s, "(%s %s: %s)\n", e.Kind, e.Lease.Prefix, e.Note)
		}
	}
	return s.String()
}

func renderTimers(t1, t2 time.Duration) string {
	if t1 == 0 && t2 == 0 {
		return ""
	}
	return " T1 " + seconds(t1) + " T2 " + seconds(t2)
}

func renderStatus(s *strings.Builder, o *dhcp6.OptStatusCode) {
	if o != nil {
		fmt.Fprintf(s, "\n    status %s", o.StatusCode)
	}
}

func seconds(d time.Duration) string {
	if d == Forever {
		return "forever"
	}
	return strconv.Itoa(int(d / time.Second))
}

func (e *env) show() string {
	var s strings.Builder
	for _, l := range e.store.All() {
		who := string(l.Key.DUID[6:])
		left := "forever"
		if !l.Valid.IsZero() {
			left = seconds(l.Valid.Sub(e.now))
		}
		fmt.Fprintf(&s, "%s %s %d from %s, %s left", l.Prefix, who, l.Key.IAID, l.Pool, left)
		if l.State == lease.Declined {
			s.WriteString(", declined")
		}
		if l.Reserved {
			s.WriteString(", reserved")
		}
		if l.Contact != nil {
			fmt.Fprintf(&s, ", key %x", l.Contact.Key)
		}
		s.WriteString("\n")
	}
	return s.String()
}

// stale lists the clients that would be told to renew.
func (e *env) stale() string {
	var out []string
	for c, leases := range contacts(e.cat, e.store.Walk, e.now) {
		if reason := stale(e.now, e.cat, leases, e.store, e.space); reason != "" {
			out = append(out, c.duid[6:]+": "+reason+"\n")
		}
	}
	slices.Sort(out)
	return strings.Join(out, "")
}

// countingKeys are keys that tests can foresee.
type countingKeys struct{}

var testKeys countingKeys

func (countingKeys) fresh() [16]byte { return [16]byte([]byte("0123456789abcdef")) }
func (countingKeys) next() uint64    { return 7 }
