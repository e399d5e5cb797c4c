package pd

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/change"
)

// Preview tells what Apply would do, and does nothing.
func (c *Client) Preview(want Config) ([]change.Op, error) {
	if err := want.check(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	links := map[string]bool{}
	for link := range want.Uplinks {
		links[link] = true
	}
	for link := range c.machines {
		links[link] = true
	}
	var ops []change.Op
	for _, link := range slices.Sorted(maps.Keys(links)) {
		m := c.machines[link]
		if m == nil {
			m = newMachine(link, nil)
		}
		if up, ok := want.Uplinks[link]; ok {
			ops = append(ops, m.preview(want.DUID, &up)...)
		} else {
			ops = append(ops, m.preview(want.DUID, nil)...)
		}
	}
	return ops, nil
}

// preview tells what configure would do.
func (m *machine) preview(duid []byte, want *Uplink) []change.Op {
	var ops []change.Op
	if want == nil {
		for _, i := range m.ias {
			if i.wanted && !m.gone {
				ops = append(ops, i.dropped(m.link))
			}
		}
		return ops
	}
	duid = want.identifier(duid)
	renamed := m.duid != nil && !bytes.Equal(m.duid, duid) && len(m.ias) > 0
	asked := map[string]bool{}
	for _, cfg := range want.associations() {
		asked[cfg.Name] = true
		op := change.Op{Object: subject(cfg.Name, m.link)}
		i := m.find(cfg.Name)
		switch {
		case i == nil:
			op.Action = "ask for " + wished(cfg) + " on " + m.link
		case !i.wanted || m.gone && i.lease == nil:
			op.Action = "ask for it again on " + m.link
			if i.lease != nil {
				op.Action = "use " + i.lease.Prefix.String() + " again, and ask whether it still holds"
			}
		default:
			if op.Action = i.differs(cfg); op.Action == "" && renamed {
				op.Action = "ask for it as another client"
			}
			if op.Action == "" && i.duplicate(want.Duplicates) {
				op.Action = "decline " + i.lease.Prefix.Addr().String() + ", which another host has, and ask for another"
			}
			if op.Action == "" && m.gone && want.able() {
				op.Action = "ask whether it still holds"
			}
		}
		if op.Action != "" {
			ops = append(ops, op)
		}
	}
	for _, i := range m.ias {
		if i.wanted && !asked[i.cfg.Name] {
			ops = append(ops, i.dropped(m.link))
		}
	}
	if len(ops) == 0 {
		if op, changed := m.linkChange(duid, want); changed {
			ops = append(ops, op)
		}
	}
	return ops
}

// linkChange tells what happens to an uplink that asks for the same.
func (m *machine) linkChange(duid []byte, want *Uplink) (change.Op, bool) {
	op := change.Op{Object: "uplink " + m.link}
	switch {
	case m.moves(want):
		op.Action = "begin to ask"
		if m.holds() {
			op.Action = "ask whether what is held still holds"
		}
	case m.up && !want.able():
		op.Action = "wait for the link"
	case m.cfg.RapidCommit != want.RapidCommit && want.RapidCommit:
		op.Action = "ask for rapid commit"
	case m.cfg.RapidCommit != want.RapidCommit:
		op.Action = "ask without rapid commit"
	case m.duid != nil && !bytes.Equal(m.duid, duid):
		op.Action = "ask as another client"
	case m.cfg.Reconfigure != want.Reconfigure && want.Reconfigure:
		op.Action = "accept Reconfigure messages"
	case m.cfg.Reconfigure != want.Reconfigure:
		op.Action = "accept no Reconfigure messages"
	case m.cfg.Stateless != want.Stateless && want.Stateless:
		op.Action = "ask for DNS servers and domains"
	case m.cfg.Stateless != want.Stateless:
		op.Action = "ask for no DNS servers and domains"
	case !slices.Equal(m.cfg.Request, want.Request):
		op.Action = "ask for other options"
	case !slices.EqualFunc(m.cfg.Send, want.Send, Option.same):
		op.Action = "send other options"
	default:
		return op, false
	}
	return op, true
}

// differs says how i is to be asked for otherwise. What is held is kept meanwhile. The hint of a delegation of an earlier process
// is not known.
func (i *ia) differs(cfg IA) string {
	var parts []string
	if i.cfg.IAID != cfg.IAID {
		parts = append(parts, fmt.Sprintf("ask for it with IAID %d", cfg.IAID))
	}
	if i.cfg.Hint != cfg.Hint && !(i.restored && i.cfg.IAID == cfg.IAID) {
		parts = append(parts, "ask for "+wished(cfg))
	}
	if len(parts) > 0 && i.lease != nil {
		parts = append(parts, "keep "+i.lease.Prefix.String()+" until then")
	}
	return strings.Join(parts, ", ")
}

// dropped tells of what is asked for no more. The server is not told: what is configured away now may be wanted again.
func (i *ia) dropped(link string) change.Op {
	op := change.Op{Class: change.Delete, Object: subject(i.cfg.Name, link), Action: "ask for it no more on " + link}
	if i.lease != nil {
		op.Action = fmt.Sprintf("use %s no more; it is kept until it expires, the server is not told", i.lease.Prefix)
		op.Disturbs = "the use of addresses from " + i.lease.Prefix.String()
	}
	return op
}

func subject(name, link string) string {
	if name == "" {
		return "address of " + link
	}
	return "delegation " + name
}

func wished(cfg IA) string {
	switch {
	case cfg.Name == "":
		return "an address"
	case !cfg.Hint.IsValid():
		return "a prefix"
	case cfg.Hint.Addr().IsUnspecified():
		return fmt.Sprintf("a /%d", cfg.Hint.Bits())
	}
	return cfg.Hint.String()
}
