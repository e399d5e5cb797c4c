package main

import (
	"fmt"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// deviceLines say what a link is, and what it is a port of.
func deviceLines(i *sixfoldv1.InterfaceState) []string {
	var out []string
	add := func(parts ...string) {
		var said []string
		for _, p := range parts {
			if p != "" {
				said = append(said, p)
			}
		}
		if len(said) > 0 {
			out = append(out, strings.Join(said, ", "))
		}
	}
	ports := portList(i.GetPorts())
	switch {
	case i.GetVlan() != nil:
		v := i.GetVlan()
		text := fmt.Sprintf("vlan %d on %s", v.GetId(), orNone(v.GetLink(), i.GetParent()))
		if v.GetProtocol() != "802.1q" {
			text += " (" + v.GetProtocol() + ")"
		}
		add(text)
	case i.GetBridge() != nil:
		b := i.GetBridge()
		add(stpText(b), ports)
		if b.GetVlanFiltering() {
			add("vlans " + orNone(b.GetVlans()))
		}
	case i.GetGre() != nil:
		g := i.GetGre()
		text := fmt.Sprintf("%s to %s", orNone(g.GetLocal()), orNone(g.GetRemote()))
		if g.GetLink() != "" {
			text += " over " + g.GetLink()
		}
		key := ""
		if g.Key != nil {
			key = fmt.Sprintf("key %d", g.GetKey())
		}
		add(text, key)
	case i.GetBond() != nil:
		b := i.GetBond()
		active, partner := "", ""
		if b.GetActive() != "" {
			active = "active " + b.GetActive()
		}
		if b.GetPartner() != "" {
			partner = "partner " + b.GetPartner()
		}
		add(b.GetMode(), active, partner, ports)
	case i.GetVrfTable() != 0:
		add(fmt.Sprintf("table %d", i.GetVrfTable()), ports)
	}
	switch p, b := i.GetBridgePort(), i.GetBondPort(); {
	case p != nil:
		vlans := ""
		if p.GetVlans() != "" {
			vlans = "vlans " + p.GetVlans()
		}
		add("port of "+i.GetMaster(), p.GetState(), yes(p.GetIsolated(), "isolated"), vlans)
	case b != nil:
		state := map[bool]string{true: "active", false: "backup"}[b.GetActive()]
		add("port of "+i.GetMaster(), state, yes(!b.GetUp(), "no carrier"))
	case i.GetMaster() != "":
		add("in " + i.GetMaster())
	}
	return out
}

// fewPorts are named; of more the rest is counted.
const fewPorts = 8

func portList(all []string) string {
	switch {
	case len(all) == 0:
		return ""
	case len(all) > fewPorts:
		return fmt.Sprintf("ports %s and %d more", strings.Join(all[:fewPorts], " "), len(all)-fewPorts)
	}
	return "ports " + strings.Join(all, " ")
}

func stpText(b *sixfoldv1.BridgeState) string {
	switch {
	case !b.GetStp():
		return ""
	case b.GetRoot():
		return "stp root"
	}
	return fmt.Sprintf("stp root %s by %s", b.GetRootId(), orNone(b.GetRootPort()))
}

// orNone returns the first text that is not empty.
func orNone(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return "none"
}
