package explain

// Explanation is all that is known of one thing.
type Explanation struct {
	Kind    string // address, prefix, mac, interface, delegation, neighbor, reservation, pool, consumer, unit
	Subject string // in canonical form
	Summary string // one sentence: what it is, or the first thing that is broken
	Finding []Finding
}

// States of a finding.
const (
	OK      = "ok"      // it works
	Info    = "info"    // neither good nor bad
	Broken  = "broken"  // it does not work
	Skipped = "skipped" // it was not looked at, because what it depends on is broken
)

// Finding is one check of an explanation. What follows from it is under it.
type Finding struct {
	Topic    string // what was looked at: route, lease, firewall and others, as the Finding of the API lists them
	State    string
	Text     string
	Advice   string // what to do about it; empty: nothing
	Findings []Finding
}
