package firewall

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
)

// maxElements is how many ranges go into one message: the length of an attribute has 16 bits, and a range takes 72 bytes.
const maxElements = 500

// encode puts the changes into the batch of conn. have is what the changes were made from.
func encode(conn *nftables.Conn, c *changes, have snapshot, want *Ruleset) error {
	table := ours()
	switch {
	case c.remove:
		conn.DelTable(table)
		return nil
	case c.whole:
		conn.AddTable(table) // so that there is one to delete
		conn.DelTable(table)
		conn.AddTable(table)
		c = everything(want)
	}
	e := &encoder{conn: conn, table: table, have: have, sets: map[string]*nftables.Set{}}
	e.objects(c)
	if err := e.fillSets(c); err != nil {
		return err
	}
	for _, chain := range c.addChains {
		e.addChain(chain)
	}
	for _, chain := range c.fill {
		conn.FlushChain(e.chain(chain.Name))
	}
	for _, name := range c.delChains {
		conn.FlushChain(e.chain(name))
	}
	for _, list := range [][]*Chain{c.addChains, c.fill} {
		for _, chain := range list {
			e.rules(chain)
		}
	}
	e.remove(c)
	return nil
}

// everything is the changes from an empty table.
func everything(want *Ruleset) *changes {
	c := &changes{addCounters: want.Counters, addTimeouts: want.Timeouts}
	for i := range want.Sets {
		c.addSets = append(c.addSets, &want.Sets[i])
	}
	for i := range want.Chains {
		c.addChains = append(c.addChains, &want.Chains[i])
	}
	return c
}

// encoder turns changes into messages.
type encoder struct {
	conn  *nftables.Conn
	table *nftables.Table
	have  snapshot
	sets  map[string]*nftables.Set
}

func (e *encoder) chain(name string) *nftables.Chain {
	return &nftables.Chain{Name: name, Table: e.table}
}

// objects adds counters and timeouts. A counter that was there before a table is made anew goes on from where it was.
func (e *encoder) objects(c *changes) {
	for _, name := range c.addCounters {
		was := e.have.counters[name]
		e.conn.AddObj(&nftables.NamedObj{Table: e.table, Name: name, Type: nftables.ObjTypeCounter, Obj: &expr.Counter{Packets: was.Packets, Bytes: was.Bytes}})
	}
	for _, t := range c.addTimeouts {
		e.conn.AddObj(&nftables.NamedObj{
			Table: e.table, Name: t.Name, Type: nftables.ObjTypeCtTimeout,
			Obj: &expr.CtTimeout{L3Proto: uint16(nftables.TableFamilyINet), L4Proto: uint8(t.Protocol), Policy: t.Seconds},
		})
	}
}

// fillSets adds sets and changes the elements of others.
func (e *encoder) fillSets(c *changes) error {
	for _, s := range c.addSets {
		if err := e.conn.AddSet(e.set(s), nil); err != nil {
			return fmt.Errorf("add set %s: %w", s.Name, err)
		}
		if err := e.elements(s, s.Elements, e.conn.SetAddElements); err != nil {
			return fmt.Errorf("fill set %s: %w", s.Name, err)
		}
	}
	for _, change := range c.elements {
		if err := e.elements(change.set, change.del, e.conn.SetDeleteElements); err != nil {
			return fmt.Errorf("empty set %s: %w", change.set.Name, err)
		}
		if err := e.elements(change.set, change.add, e.conn.SetAddElements); err != nil {
			return fmt.Errorf("fill set %s: %w", change.set.Name, err)
		}
	}
	return nil
}

// set returns a set as the library has it.
func (e *encoder) set(s *Set) *nftables.Set {
	if known := e.sets[s.Name]; known != nil {
		return known
	}
	types := map[SetType]nftables.SetDatatype{
		Interfaces: nftables.TypeIFName, Addresses6: nftables.TypeIP6Addr, Addresses4: nftables.TypeIPAddr, PortsType: nftables.TypeInetService,
		Types6: nftables.TypeICMP6Type, Types4: nftables.TypeICMPType, Protocols: nftables.TypeInetProto,
	}
	if s.Type == VNIs {
		t := nftables.TypeInteger
		t.Bytes = 3
		types[VNIs] = t
	}
	set := &nftables.Set{Table: e.table, Name: s.Name, KeyType: types[s.Type], Interval: s.ranges(), Dynamic: s.Dynamic, HasTimeout: s.Dynamic}
	if s.Type == Interfaces {
		set.KeyByteOrder = binaryutil.NativeEndian // for those who list the table: names are not turned round
	}
	if s.Dynamic {
		set.Timeout, set.Size = dynamicTimeout, dynamicSize
	}
	e.sets[s.Name] = set
	return set
}

func (e *encoder) elements(s *Set, list []Element, put func(*nftables.Set, []nftables.SetElement) error) error {
	for len(list) > 0 {
		n := min(len(list), maxElements)
		var out []nftables.SetElement
		for _, one := range list[:n] {
			out = append(out, nftables.SetElement{Key: []byte(one.First)})
			if next, ok := after(one.Last); ok && s.ranges() {
				out = append(out, nftables.SetElement{Key: []byte(next), IntervalEnd: true})
			}
		}
		if err := put(e.set(s), out); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func (e *encoder) addChain(chain *Chain) {
	c := e.chain(chain.Name)
	if chain.Hook != NoHook {
		accept := nftables.ChainPolicyAccept
		c.Hooknum, c.Priority, c.Type, c.Policy = hookNumber(chain.Hook), nftables.ChainPriorityRef(nftables.ChainPriority(chain.Priority)), nftables.ChainTypeFilter, &accept
		if chain.NAT {
			c.Type = nftables.ChainTypeNAT
		}
	}
	e.conn.AddChain(c)
}

func (e *encoder) rules(chain *Chain) {
	for _, r := range chain.Rules {
		var exprs []expr.Any
		for _, p := range r.Parts {
			exprs = append(exprs, p.exprs()...)
		}
		e.conn.AddRule(&nftables.Rule{
			Table: e.table, Chain: e.chain(chain.Name), Exprs: exprs, UserData: userdata.AppendString(nil, userdata.TypeComment, r.comment()),
		})
	}
}

// remove takes away what no rule refers to any more.
func (e *encoder) remove(c *changes) {
	for _, name := range c.delChains {
		e.conn.DelChain(e.chain(name))
	}
	for _, name := range c.dropSets {
		e.conn.DelSet(&nftables.Set{Table: e.table, Name: name})
	}
	for _, name := range c.delCounters {
		e.conn.DeleteObject(&nftables.NamedObj{Table: e.table, Name: name, Type: nftables.ObjTypeCounter})
	}
	for _, name := range c.delTimeouts {
		e.conn.DeleteObject(&nftables.NamedObj{Table: e.table, Name: name, Type: nftables.ObjTypeCtTimeout})
	}
}
