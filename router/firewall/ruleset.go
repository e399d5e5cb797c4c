package firewall

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/google/nftables/expr"
)

// Table is the name of our table, of the family inet.
const Table = "sixfold"

// Ruleset is the content of the table.
type Ruleset struct {
	Sets     []Set     // by name
	Counters []string  // names of counters, sorted
	Timeouts []Timeout // by name
	Chains   []Chain   // a chain after those that it jumps to
}

// IsEmpty reports whether there is to be no table.
func (r Ruleset) IsEmpty() bool { return len(r.Chains) == 0 }

// set returns a set by name.
func (r *Ruleset) set(name string) *Set {
	for i := range r.Sets {
		if r.Sets[i].Name == name {
			return &r.Sets[i]
		}
	}
	return nil
}

// chain returns a chain by name.
func (r *Ruleset) chain(name string) *Chain {
	for i := range r.Chains {
		if r.Chains[i].Name == name {
			return &r.Chains[i]
		}
	}
	return nil
}

// Hook is where in the path of packets the kernel runs a chain.
type Hook uint8

// The hooks. A chain with NoHook runs when another jumps to it.
const (
	NoHook Hook = iota
	Prerouting
	Input
	ForwardHook
	Output
	Postrouting
)

// String returns the word of nft.
func (h Hook) String() string {
	return [...]string{"", "prerouting", "input", "forward", "output", "postrouting"}[min(h, Postrouting)]
}

// Chain is a list of rules. What a chain with a hook does not decide passes it.
type Chain struct {
	Name     string
	Hook     Hook
	NAT      bool // a chain of type nat: only the first packet of a connection comes here
	Priority int32
	Rules    []Rule
}

// Rule does what its parts say, from left to right, until one does not match.
type Rule struct {
	Where string // place in the configuration, or what it is for
	Parts []Part
}

// Part is one condition or one thing to do.
type Part interface {
	// Text is the part as nft writes it.
	Text() string
	// exprs is the part as the kernel runs it.
	exprs() []expr.Any
	// match reports whether the rule goes on with this packet. What is no condition always does.
	match(p *Packet, r *Ruleset) bool
}

// Text returns the rule as nft writes it, without its comment.
func (r Rule) Text() string {
	words := make([]string, len(r.Parts))
	for i, p := range r.Parts {
		words[i] = p.Text()
	}
	return strings.Join(words, " ")
}

// maxComment is what nft takes as a comment.
const maxComment = 128

// comment returns what the rule carries in the kernel: its place, and a digest by which it is recognised.
func (r Rule) comment() string {
	sum := sha256.Sum256([]byte(r.Where + "\x00" + r.Text()))
	tag := hex.EncodeToString(sum[:8])
	where := r.Where
	if len(where) > maxComment-len(tag)-2 {
		where = where[:maxComment-len(tag)-2]
	}
	return where + " " + tag
}

// Timeout says how long connections of a protocol are remembered, in seconds by state of the kernel's tracking.
type Timeout struct {
	Name     string
	Protocol Protocol
	Seconds  map[uint16]uint32
}
