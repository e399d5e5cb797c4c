package importer

import (
	"net/netip"
	"slices"
	"strings"
)

// dibbler reads client.conf and server.conf of dibbler; which of the two it is shows in what stands there.
func dibbler(d *draft, s string) error {
	tokens, err := scan(s, lexis{marks: "{},()", quotes: `"'`, slashes: true})
	if err != nil {
		return err
	}
	p := &dibblerParser{tokens: tokens}
	all, err := p.list(0)
	if err != nil {
		return err
	}
	if t := p.tokens[0]; t.kind != endFile {
		return failed(t.pos, "this } closes nothing")
	}
	d.readDUID()
	if len(all) == 0 {
		d.note(pos{1, 1}, Warning, "there is nothing in this file")
	}
	if isDibblerServer(all) {
		dibblerServer(d, all)
	} else {
		dibblerClient(d, all)
	}
	return nil
}

// How many words follow a keyword of dibbler.
const (
	oneIfHere  = -1 // one, if it stands in the same line
	commaList  = -2 // words with commas between them
	restOfLine = -3
)

// dibblerWords are the keywords of client and server.
var dibblerWords = map[string]int{
	"iface": 1, "no-config": 0, "log-level": 1, "log-mode": 1, "log-name": 1, "log-colors": 1, "work-dir": 1, "duid-type": restOfLine,
	"strict-rfc-no-routing": oneIfHere, "script": 1, "ddns-protocol": 1, "ddns-timeout": 1, "experimental": 0, "inactive-mode": 0,
	"insist-mode": 0, "skip-confirm": 0, "anonymous-inf-request": 0, "obey-ra-bits": 0, "remote-autoconf": 0, "stateless": 0,
	"reconfigure-accept": 1, "reconfigure-enabled": 1, "downlink-prefix-ifaces": commaList, "routing": 1, "performance-mode": 1,
	"bind-to-address": 1, "auth-protocol": 1, "auth-algorithm": 1, "auth-replay": 1, "auth-realm": 1, "auth-accept-methods": commaList,
	"auth-methods": commaList, "auth-lifetime": 1, "auth-key-len": 1, "auth-key-generate-nonce": restOfLine, "auth-required": 1,
	"ia": oneIfHere, "ta": oneIfHere, "pd": oneIfHere, "prefix-delegation": oneIfHere, "address": oneIfHere, "prefix": oneIfHere, "iaid": 1,
	"t1": 1, "t2": 1, "prefered-lifetime": 1, "preferred-lifetime": 1, "valid-lifetime": 1, "rapid-commit": 1, "unicast": 1,
	"reject-servers": commaList, "prefered-servers": commaList, "preferred-servers": commaList, "addr-params": oneIfHere, "option": restOfLine,
	"class": 0, "ta-class": 0, "pd-class": 0, "pool": commaList, "pd-pool": commaList, "pd-length": 1, "share": 1, "class-max-lease": 1,
	"client-max-lease": 1, "iface-max-lease": 1, "preference": 1, "cache-size": 1, "accept-only": commaList, "reject-clients": commaList,
	"allow": commaList, "deny": commaList, "relay": 1, "interface-id": 1, "interface-id-order": 1, "subnet": 1, "accept-leasequery": oneIfHere,
	"bulk-leasequery-accept": 1, "bulk-leasequery-tcp-port": 1, "bulk-leasequery-max-conns": 1, "bulk-leasequery-timeout": 1,
	"fqdn-ddns-address": 1, "accept-unknown-fqdn": restOfLine, "guess-mode": 0, "drop-unicast": 0, "client": restOfLine, "next-hop": 1,
	"route": restOfLine, "client-class": 1, "match-if": restOfLine, "key": restOfLine, "secret": restOfLine, "algorithm": restOfLine,
	"fudge": restOfLine,
}

// dibblerParser makes statements of the words of dibbler, which end nowhere but where the next keyword stands.
type dibblerParser struct{ tokens []token }

func (p *dibblerParser) take() token {
	t := p.tokens[0]
	if t.kind != endFile {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *dibblerParser) list(depth int) ([]stmt, error) {
	var all []stmt
	for {
		switch t := p.tokens[0]; {
		case t.is("}") || t.kind == endFile:
			return all, nil
		case t.is("{"):
			return nil, failed(t.pos, "this block has no name")
		}
		s := p.statement()
		if t := p.tokens[0]; t.is("{") {
			if depth == maxDepth {
				return nil, failed(t.pos, "more than %d blocks in one another", maxDepth)
			}
			p.take()
			var err error
			if s.block, err = p.list(depth + 1); err != nil {
				return nil, err
			}
			if !p.take().is("}") {
				return nil, failed(t.pos, "this block does not end: a } is missing")
			}
			s.open = true
		}
		all = append(all, s)
	}
}

// statement reads a keyword and the words behind it.
func (p *dibblerParser) statement() stmt {
	s := stmt{words: []token{p.take()}}
	head := s.words[0]
	wanted, known := dibblerWords[strings.ToLower(head.text)]
	switch {
	case head.kind != word:
		wanted = 0
	case !known:
		wanted = restOfLine
		if _, err := netip.ParseAddr(head.text); err == nil {
			wanted = 0
		}
	}
	line := head.line
	for n := 0; ; n++ {
		t := p.tokens[0]
		last := s.words[len(s.words)-1]
		goesOn := last.is(",") || t.is(",")
		isKeyword := t.kind == word && dibblerKeyword(t.text)
		// option 127 address: the kind of a value, which elsewhere is a keyword.
		if head.isWord("option") && n == 1 && strings.Trim(s.words[1].text, "0123456789") == "" {
			isKeyword = false
		}
		// The names of an fqdn option begin in the next line.
		named := n >= 1 && len(s.words) > 1 && head.isWord("option") && s.words[1].isWord("fqdn") && !isKeyword
		switch {
		case t.kind == endFile || t.is("{") || t.is("}"):
			return s
		case wanted >= 0 && n >= wanted:
			return s
		case wanted == oneIfHere && (n >= 1 || t.line != line || isKeyword || t.kind == mark):
			return s
		case wanted == commaList && n >= 1 && !goesOn:
			return s
		case wanted == restOfLine && n >= 1 && !goesOn && !named && (t.line != last.line || isKeyword && !head.isWord("route")):
			return s
		case wanted == restOfLine && n == 0 && t.line != line:
			return s
		}
		s.words = append(s.words, p.take())
	}
}

func dibblerKeyword(s string) bool {
	_, ok := dibblerWords[strings.ToLower(s)]
	return ok
}

// values returns the words behind the first n, without commas.
func values(st stmt, n int) []token {
	var all []token
	for _, t := range st.words[min(n, len(st.words)):] {
		if t.kind != mark {
			all = append(all, t)
		}
	}
	return all
}

// isDibblerServer tells whether a file is that of the server.
func isDibblerServer(all []stmt) bool {
	server, client, given := false, false, false
	var look func([]stmt)
	look = func(list []stmt) {
		for _, st := range list {
			switch strings.ToLower(st.first().text) {
			case "class", "pd-class", "ta-class", "preference", "relay", "interface-id", "cache-size", "auth-methods", "client", "client-class",
				"accept-leasequery", "subnet", "guess-mode", "bulk-leasequery-accept", "next-hop", "drop-unicast", "reconfigure-enabled":
				server = true
			case "ia", "ta", "pd", "prefix-delegation", "inactive-mode", "insist-mode", "skip-confirm", "downlink-prefix-ifaces", "duid-type",
				"anonymous-inf-request", "obey-ra-bits", "strict-rfc-no-routing":
				client = true
			case "option":
				given = given || len(values(st, 2)) > 0 && slices.ContainsFunc([]string{"dns-server", "domain"}, st.words[1].isWord)
			}
			look(st.block)
		}
	}
	look(all)
	return server || given && !client
}

// boolean reads yes, no, true, false, 1 or 0.
func (d *draft) boolean(t token) (on, ok bool) {
	switch strings.ToLower(t.text) {
	case "yes", "true", "1":
		return true, true
	case "no", "false", "0":
		return false, true
	}
	d.wrong(t, "%s is neither yes nor no", t)
	return false, false
}

// dibblerOption notes what concerns only how dibbler itself runs. It tells whether the statement was such a one.
func (d *draft) dibblerOption(st stmt) bool {
	switch strings.ToLower(st.first().text) {
	case "log-level", "log-mode", "log-name", "log-colors", "work-dir", "experimental", "performance-mode", "inactive-mode", "insist-mode",
		"skip-confirm", "strict-rfc-no-routing", "obey-ra-bits", "interface-id-order":
		// The router waits for interfaces that are not there yet, and for options that a server does not give; what it asks of a
		// server after a restart follows from the standards.
		return true
	case "auth-protocol", "auth-algorithm", "auth-replay", "auth-realm", "auth-accept-methods", "auth-methods", "auth-lifetime", "auth-key-len",
		"auth-key-generate-nonce", "auth-required":
		d.lost(st.first(), "authentication of dibbler is left out: only Reconfigure messages are authenticated (RFC 9915 20.4)")
	case "ddns-protocol", "ddns-timeout", "fqdn-ddns-address", "accept-unknown-fqdn", "key":
		d.lost(st.first(), "updates of the DNS are left out, with their keys")
	case "remote-autoconf", "routing", "bind-to-address", "anonymous-inf-request":
		d.lost(st.first(), "%s has no equivalent: leave it out", st.first())
	default:
		return false
	}
	return true
}
