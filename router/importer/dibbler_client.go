package importer

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
)

type dibblerClientFile struct {
	*draft
	global     []stmt  // what stands outside of interfaces, and holds for all
	downlinks  []token // that get a part of the prefix
	delegation string  // the first one
	first      token
}

// dibblerClient reads client.conf.
func dibblerClient(d *draft, all []stmt) {
	c := &dibblerClientFile{draft: d}
	asked := false
	for _, st := range all {
		switch {
		case st.is("iface"):
			asked = true
		case st.is("downlink-prefix-ifaces"):
			c.downlinks = append(c.downlinks, values(st, 1)...)
		case st.is("duid-type"):
			c.duidType(st)
		case st.is("script"):
			t, _ := st.arg(1)
			d.script(t, "the variables of dibbler")
		case st.is("reconfigure-accept"):
			c.global = append(c.global, st)
		case d.dibblerOption(st):
		default:
			c.global = append(c.global, st)
		}
	}
	for _, st := range all {
		if st.is("iface") {
			c.iface(st)
		}
	}
	if !asked {
		c.everywhere()
	}
	switch {
	case c.delegation == "":
	case len(c.downlinks) > 0:
		for _, t := range c.downlinks {
			l := c.link(t)
			c.mark(l.field("addresses").item(len(l.Addresses)), t)
			l.Addresses = append(l.Addresses, c.delegation+" auto/64")
		}
	default:
		c.tell(c.first, "dibbler gives its other interfaces a part of the prefix: write addresses: [\"%s auto/64\"] for those that shall have one", c.delegation)
	}
}

// everywhere stands for a file without interfaces: dibbler asks for an address on all it finds.
func (c *dibblerClientFile) everywhere() {
	at := token{word, c.options.Interface, pos{1, 1}}
	if at.text == "" {
		c.lost(at, "no interface is named: dibbler asks for an address on each that it finds; say on which one with --interface NAME")
		return
	}
	l := c.link(at)
	l.RequestAddress = true
	l.uplink()
	for _, st := range c.global {
		c.statement(l, st)
	}
}

func (c *dibblerClientFile) iface(st stmt) {
	name, ok := st.arg(1)
	if !ok {
		c.missing(st.first(), "the name of an interface")
		return
	}
	if strings.Trim(name.text, "0123456789") == "" && c.options.Names[name.text] == "" {
		c.lost(name, "interface number %s is left out: give its name with --map %s=NAME", name.text, name.text)
		return
	}
	l := c.link(name)
	for _, s := range c.global {
		if c.over != nil {
			return
		}
		c.statement(l, s)
	}
	for _, s := range st.block {
		c.statement(l, s)
	}
	// Rapid commit holds for all that is asked for on the interface.
	for _, s := range append(c.global, st.block...) {
		if t, ok := s.arg(1); ok && s.is("rapid-commit") {
			on, _ := c.boolean(t)
			for _, del := range l.Delegations {
				del.RapidCommit = on
			}
		}
	}
}

// statement reads what is said of one interface.
func (c *dibblerClientFile) statement(l link, st stmt) {
	name := st.first()
	t, given := st.arg(1)
	switch strings.ToLower(name.text) {
	case "ia":
		c.mark(l.field("request_address"), name)
		l.RequestAddress = true
		l.uplink()
		if given {
			c.tell(t, "the identifier of an address is the router's own")
		}
		for _, s := range st.block {
			if !s.is("iaid") {
				c.lost(s.first(), "%s of an address cannot be asked for: it is what the server gives", s.first())
			}
		}
	case "ta":
		c.lost(name, "temporary addresses are not asked for: RFC 9915 no longer has them")
	case "pd", "prefix-delegation":
		c.prefixDelegation(l, st)
	case "rapid-commit": // read at the end
	case "stateless":
		c.mark(l.field("client"), name)
		l.client().Stateless = true
		l.uplink()
	case "no-config":
	case "reconfigure-accept":
		if on, ok := c.boolean(t); ok && !on {
			c.mark(l.field("client").field("reconfigure"), t)
			l.client().Reconfigure = ref(false)
		}
	case "option":
		c.option(l, st)
	case "t1", "t2", "prefered-lifetime", "preferred-lifetime", "valid-lifetime":
		c.lost(name, "%s cannot be asked for: it is what the server gives", name)
	case "unicast":
		if on, _ := c.boolean(t); on {
			c.lost(name, "messages to a server by unicast are left out: RFC 9915 no longer has them")
		}
	case "reject-servers", "prefered-servers", "preferred-servers":
		c.lost(name, "servers are chosen by their preference and by what they offer")
	case "addr-params":
		c.lost(name, "the prefix length of an address comes from router advertisements")
	default:
		if !c.dibblerOption(st) {
			c.wrong(name, "%s is no statement of dibbler-client: mend it, or leave it out", name)
		}
	}
}

func (c *dibblerClientFile) prefixDelegation(l link, st stmt) {
	del, at := c.delegate(l, "", st.first())
	if c.delegation == "" {
		c.delegation, c.first = string(at[strings.LastIndexByte(string(at), '.')+1:]), st.first()
	}
	id := func(t token) {
		if n, ok := c.number(t, maxUint32); ok {
			c.mark(at.field("iaid"), t)
			del.Iaid = ref(uint32(n))
		}
	}
	if t, ok := st.arg(1); ok {
		id(t)
	}
	for _, s := range st.block {
		t, given := s.arg(1)
		switch {
		case s.is("iaid") && given:
			id(t)
		case s.is("prefix") && given:
			if p, ok := c.prefix(s.words[1:2]); ok {
				if p.Addr().IsUnspecified() {
					c.mark(at.field("length"), t)
					del.Length = ref(uint32(p.Bits()))
				} else {
					c.mark(at.field("prefix"), t)
					del.Prefix = p.Masked().String()
				}
			}
		case s.is("t1"), s.is("t2"), s.is("prefered-lifetime"), s.is("preferred-lifetime"), s.is("valid-lifetime"):
			c.lost(s.first(), "%s cannot be asked for: it is what the server gives", s.first())
		default:
			c.wrong(s.first(), "%s is no statement of pd: mend it, or leave it out", s.first())
		}
	}
}

// dibblerOptions are the numbers of the options that dibbler has a name for.
var dibblerOptions = map[string]uint32{
	"ntp-server": 31, "time-zone": 42, "sip-server": 22, "sip-domain": 21, "nis-server": 27, "nis-domain": 29, "nis+-server": 28,
	"nis+-domain": 30, "vendor-spec": 17, "aftr": 64, "lifetime": 32,
}

func (c *dibblerClientFile) option(l link, st stmt) {
	t, ok := st.arg(1)
	if !ok {
		c.missing(st.first(), "the name of an option")
		return
	}
	name := strings.ToLower(t.text)
	number, known := dibblerOptions[name]
	switch {
	case name == "dns-server", name == "domain":
		if given := values(st, 2); len(given) > 0 {
			c.lost(given[0], "nothing can be suggested to the server: it is asked for what it has")
		}
	case name == "fqdn", name == "fqdn-s":
		c.lost(t, "no name is sent to the server")
	case known:
		if given := values(st, 2); len(given) > 0 {
			c.lost(given[0], "nothing can be suggested to the server: it is asked for what it has")
		}
		c.requestOption(l, t, number)
	case strings.Trim(name, "0123456789") == "", strings.HasPrefix(name, "0x"):
		digits, base := name, 10
		if rest, ok := strings.CutPrefix(name, "0x"); ok {
			digits, base = rest, 16
		}
		if n, err := strconv.ParseUint(digits, base, 16); err == nil && n > 0 {
			c.custom(l, t, uint32(n), values(st, 2))
		} else {
			c.wrong(t, "%s is no number of an option: give one from 1 to 65535", t)
		}
	default:
		c.wrong(t, "dibbler has no option %s: mend it, or leave it out", t)
	}
}

// custom reads an option by number: with a value it is sent, without one it is asked for.
func (c *dibblerClientFile) custom(l link, t token, number uint32, given []token) {
	if len(given) < 2 {
		c.requestOption(l, t, number)
		return
	}
	var data []byte
	switch kind := given[0]; strings.ToLower(kind.text) {
	case "string":
		data = []byte(given[1].text)
	case "hex", "duid":
		raw, ok := c.hexadecimal(given[1])
		if !ok {
			return
		}
		data = raw
	case "address", "address-list":
		for _, w := range given[1:] {
			if a, ok := c.address(w); ok {
				data = append(data, a.AsSlice()...)
			}
		}
	default:
		c.wrong(kind, "%s is no kind of a value: string, hex, address or address-list", kind)
		return
	}
	if l.client().SendOptions == nil {
		l.client().SendOptions = map[string]string{}
	}
	key := strconv.FormatUint(uint64(number), 10)
	c.mark(l.field("client").field("send_options").entry(key), t)
	l.client().SendOptions[key] = hex.EncodeToString(data)
}

// hexadecimal reads 0x and digits.
func (d *draft) hexadecimal(t token) ([]byte, bool) {
	digits := strings.TrimPrefix(strings.ToLower(t.text), "0x")
	if len(digits)%2 != 0 {
		digits = "0" + digits
	}
	digits = strings.ReplaceAll(digits, ":", "")
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) == 0 {
		d.wrong(t, "%s is not hexadecimal: write 0x and digits", t)
		return nil, false
	}
	return raw, true
}

// duidType notes how the DUID is made; only that of an enterprise is known without looking at the machine.
func (c *dibblerClientFile) duidType(st stmt) {
	t, ok := st.arg(1)
	if !ok {
		c.missing(st.first(), "duid-ll, duid-llt or duid-en")
		return
	}
	switch strings.ToLower(t.text) {
	case "duid-en":
		given := values(st, 2)
		if len(given) < 2 {
			c.missing(t, "an enterprise number and an identifier")
			return
		}
		n, ok := c.number(given[0], maxUint32)
		if !ok {
			return
		}
		raw, ok := c.hexadecimal(given[1])
		if !ok || c.options.DUID != nil {
			return
		}
		c.setDUID(append(binary.BigEndian.AppendUint32([]byte{0, 2}, uint32(n)), raw...), source{c.file, t.pos})
	case "duid-ll", "duid-llt":
		if c.options.DUID == nil {
			c.tell(t, "the DUID that dibbler uses now is in /var/lib/dibbler/client-duid: give that file with --duid-file, or the server sees another client")
		}
	default:
		c.wrong(t, "%s is no kind of a DUID: duid-ll, duid-llt or duid-en", t)
	}
}
