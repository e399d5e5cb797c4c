package notify

import (
	"io/fs"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/router/notify/render"
)

// Config is the whole desired state: who is told, and what is so.
type Config struct {
	Consumers []Consumer
	States    map[string]State // by delegation; none: there is no prefix
}

// Consumer is one program, file or URL.
type Consumer struct {
	Delegation, Name string
	Link             string // that the delegation is asked for on
	Run              []string
	File             *File
	URL, Token       string
	CA               string // file of certificates; empty: those of the system
	User             string // that the program runs as; empty: as the router
	Timeout          time.Duration
	Lifetimes        bool // tell of lifetimes too
}

// ID is DELEGATION/NAME.
func (c Consumer) ID() string { return c.Delegation + "/" + c.Name }

// Kind is program, file or url.
func (c Consumer) Kind() string {
	switch {
	case c.File != nil:
		return "file"
	case c.URL != "":
		return "url"
	}
	return "program"
}

// File is a file that is written.
type File struct {
	Path     string
	Template string      // checked by package render
	Mode     fs.FileMode // permissions
	Owner    string      // USER or USER:GROUP; empty: as the router
	Remove   bool        // when there is no prefix
}

// State is a delegation that is held.
type State struct {
	Link                       string
	Prefix                     netip.Prefix
	PreferredUntil, ValidUntil time.Time
}

// Status is a consumer and how it goes.
type Status struct {
	Delegation, Name string
	Kind, Target     string // what may be secret is left out of the target
	State            string // told, running, waiting, failed
	Prefix           netip.Prefix
	Told, Tried      time.Time
	Result, Output   string
	Next             time.Time
	Tries, Failures  uint64
}

// Event tells that a consumer was told, or could not be.
type Event struct {
	Consumer Consumer
	Change   render.Change
	Result   string
	Err      error // nil: it was told
}
