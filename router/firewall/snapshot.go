package firewall

// snapshot is what the kernel has of our table.
type snapshot struct {
	exists   bool
	strange  string // why the table can only be made anew; empty: it need not
	chains   map[string]chainState
	sets     map[string]setState
	counters map[string]Counted
	timeouts map[string]bool
}

// chainState is a chain in the kernel.
type chainState struct {
	hook     Hook
	nat      bool
	priority int32
	rules    []string // comments of the rules
}

// setState is a set in the kernel.
type setState struct {
	kind     string // as Set.kind
	elements []Element
}

// Counted is what a counter says.
type Counted struct{ Packets, Bytes uint64 }

// kind tells sets apart that cannot be changed into one another.
func (s *Set) kind() string {
	switch {
	case s.Dynamic:
		return s.Type.String() + " dynamic"
	case s.ranges():
		return s.Type.String() + " interval"
	}
	return s.Type.String()
}

// changes is what is to be written.
type changes struct {
	remove bool // the table goes, and nothing else is done
	whole  bool // the table is made anew
	reason string

	addSets     []*Set
	elements    []elementChange
	dropSets    []string
	addCounters []string
	delCounters []string
	addTimeouts []Timeout
	delTimeouts []string
	addChains   []*Chain
	fill        []*Chain // to be emptied and filled
	delChains   []string
}

// elementChange is for a set that stays.
type elementChange struct {
	set      *Set
	add, del []Element
}

// empty reports whether nothing is to be written.
func (c *changes) empty() bool {
	return !c.remove && !c.whole && len(c.addSets)+len(c.elements)+len(c.dropSets)+len(c.addCounters)+len(c.delCounters)+
		len(c.addTimeouts)+len(c.delTimeouts)+len(c.addChains)+len(c.fill)+len(c.delChains) == 0
}
