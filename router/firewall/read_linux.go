package firewall

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
)

// read returns our table as the kernel has it. What in it cannot be understood, because others put it there, makes it strange.
func (k *kernel) read() (snapshot, error) {
	conn, err := k.dial()
	if err != nil {
		return snapshot{}, err
	}
	defer conn.CloseLasting()
	s := snapshot{
		chains: map[string]chainState{}, sets: map[string]setState{}, counters: map[string]Counted{}, timeouts: map[string]bool{},
	}
	tables, err := conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return s, fmt.Errorf("list the tables: %w", err)
	}
	at := slices.IndexFunc(tables, func(t *nftables.Table) bool { return t.Name == Table })
	if at < 0 {
		return s, nil
	}
	s.exists = true
	if tables[at].Flags != 0 {
		s.strange = "it was switched off"
	}
	rules, err := k.rules()
	if err != nil {
		return s, err
	}
	if err := s.readChains(conn, rules); err != nil {
		return s, err
	}
	if err := s.readSets(conn); err != nil {
		return s, err
	}
	s.counters, s.timeouts, err = k.objects()
	return s, err
}

func (s *snapshot) readChains(conn *nftables.Conn, rules map[string][]string) error {
	chains, err := conn.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return fmt.Errorf("list the chains: %w", err)
	}
	for _, c := range chains {
		if c.Table.Name != Table {
			continue
		}
		state := chainState{hook: hookOf(c), nat: c.Type == nftables.ChainTypeNAT, rules: rules[c.Name]}
		if c.Priority != nil {
			state.priority = int32(*c.Priority)
		}
		if c.Policy != nil && *c.Policy != nftables.ChainPolicyAccept {
			s.strange = "chain " + c.Name + " had another policy"
		}
		s.chains[c.Name] = state
	}
	return nil
}

func hookOf(c *nftables.Chain) Hook {
	if c.Hooknum == nil {
		return NoHook
	}
	for h := Prerouting; h <= Postrouting; h++ {
		if *hookNumber(h) == *c.Hooknum {
			return h
		}
	}
	return NoHook
}

func hookNumber(h Hook) *nftables.ChainHook {
	return map[Hook]*nftables.ChainHook{
		Prerouting: nftables.ChainHookPrerouting, Input: nftables.ChainHookInput, ForwardHook: nftables.ChainHookForward,
		Output: nftables.ChainHookOutput, Postrouting: nftables.ChainHookPostrouting,
	}[h]
}

func (s *snapshot) readSets(conn *nftables.Conn) error {
	sets, err := conn.GetSets(ours())
	if err != nil {
		return fmt.Errorf("list the sets: %w", err)
	}
	for _, set := range sets {
		if set.Anonymous {
			continue // part of a rule
		}
		state := setState{kind: set.KeyType.Name}
		switch {
		case set.Dynamic:
			state.kind += " dynamic"
		case set.Interval:
			state.kind += " interval"
		}
		if set.IsMap {
			state.kind += " map"
		}
		if !set.Dynamic {
			set.Table = ours()
			elements, err := conn.GetSetElements(set)
			if err != nil {
				return fmt.Errorf("list the elements of %s: %w", set.Name, err)
			}
			state.elements = elementsOf(elements, set.Interval)
		}
		s.sets[set.Name] = state
	}
	return nil
}

// elementsOf makes ranges of the starts and ends that the kernel lists.
func elementsOf(list []nftables.SetElement, interval bool) []Element {
	if !interval {
		keys := make([]string, len(list))
		for i, e := range list {
			keys[i] = string(e.Key)
		}
		return single(keys)
	}
	slices.SortFunc(list, func(a, b nftables.SetElement) int {
		if c := slices.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return boolRank(b.IntervalEnd) - boolRank(a.IntervalEnd) // where a range ends another may begin
	})
	var out []Element
	for i, e := range list {
		if e.IntervalEnd {
			continue
		}
		last := string(slices.Repeat([]byte{0xff}, len(e.Key)))
		if i+1 < len(list) && list[i+1].IntervalEnd {
			last = before(string(list[i+1].Key))
		}
		out = append(out, Element{string(e.Key), last})
	}
	return out
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// before returns the key that precedes.
func before(key string) string {
	b := []byte(key)
	for i := len(b) - 1; i >= 0; i-- {
		b[i]--
		if b[i] != 0xff {
			break
		}
	}
	return string(b)
}
