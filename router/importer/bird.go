package importer

import (
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// bird reads the radv protocols of bird.conf; other protocols are left to BIRD.
func bird(d *draft, s string) error {
	tokens, err := scan(s, lexis{marks: "{};,", quotes: `"`, slashes: true})
	if err != nil {
		return err
	}
	all, err := parse(tokens, grammar{loose: true})
	if err != nil {
		return err
	}
	d.patterns = true
	found := false
	for _, st := range all {
		kind, _ := st.arg(1)
		switch {
		case st.is("protocol") && kind.isWord("radv"):
			found = true
			b := &birdProtocol{draft: d}
			b.read(st)
		case st.is("protocol") && !kind.isWord("device") && !kind.isWord("kernel") && !kind.isWord("direct"):
			d.lost(st.first(), "protocol %s is not imported: only radv is", kind.text)
		case st.is("include"):
			d.included(st)
		}
	}
	if !found {
		d.note(pos{1, 1}, Warning, "there is no protocol radv in this file")
	}
	return nil
}

// birdProtocol is one protocol radv.
type birdProtocol struct {
	*draft
	global   []stmt // prefix, rdnss and dnssl outside of interfaces
	trigger  string
	triggers token
}

// phrase tells whether a statement begins with words, and returns what follows them.
func phrase(st stmt, words ...string) ([]token, bool) {
	if len(st.words) < len(words) {
		return nil, false
	}
	for n, w := range words {
		if !st.words[n].isWord(w) {
			return nil, false
		}
	}
	return st.words[len(words):], true
}

func (b *birdProtocol) read(protocol stmt) {
	var links []stmt
	for _, st := range protocol.block {
		switch rest, _ := phrase(st, st.first().text); {
		case st.is("interface"):
			links = append(links, st)
		case st.is("prefix"), st.is("rdnss"), st.is("dnssl"):
			b.global = append(b.global, st)
		case st.is("trigger") && len(rest) > 0:
			if p, ok := b.prefix(rest[:1]); ok {
				b.trigger, b.triggers = p.Masked().String(), rest[0]
			}
		case st.is("propagate"):
			if on, ok := birdSwitch(rest[min(1, len(rest)):]); ok && on {
				b.lost(st.first(), "which routes are advertised is said by their source: write routes_from: {sources: [static, bgp]} under advertise, in place of propagate routes and its filter")
			}
		case st.is("export"), st.is("import"), st.is("ipv6"), st.is("table"), st.is("debug"), st.is("description"), st.is("disabled"), st.is("router"), st.is("vrf"):
			if st.is("disabled") {
				if on, _ := birdSwitch(rest); on {
					b.tell(st.first(), "this protocol is disabled: neither BIRD nor we advertise")
					return
				}
			}
		default:
			b.wrong(st.first(), "%s is no statement of radv: mend it, or leave it out", st.first())
		}
	}
	for _, st := range links {
		for _, name := range values(st, 1) {
			switch {
			case name.kind != text:
				b.lost(name, "interfaces are named, not found by their addresses: give the name in place of %s", name)
			case strings.HasPrefix(name.text, "-"):
				b.lost(name, "a pattern has no exceptions: write a section of its own without advertise for %s", quoted(name.text[1:]))
			default:
				(&birdLink{birdProtocol: b, link: b.link(name), adv: &sixfoldv1.Advertise{}, max: 600}).read(name, st)
			}
		}
	}
}

// birdSwitch reads a switch: alone it is on.
func birdSwitch(words []token) (on, ok bool) {
	if len(words) == 0 {
		return true, true
	}
	switch strings.ToLower(words[0].text) {
	case "yes", "on", "true", "1":
		return true, true
	case "no", "off", "false", "0":
		return false, true
	}
	return false, false
}
