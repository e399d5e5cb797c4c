package firewall

import (
	"cmp"
	"net/netip"
	"slices"
)

// Beginnings of the names of counters, with the name of a translation after them, and what follows that.
const (
	masqueradeCounter = "nat/masquerade/"
	translateCounter  = "nat/translate/"
	forwardCounter    = "nat/forward/"
	clampCounter      = "mss/"
	sourceSuffix      = "/out"
	destinationSuffix = "/in"
)

// TranslationStatus is something that changes addresses, ports or segment sizes. What of it waits for a delegation is shown as
// configured.
type TranslationStatus struct {
	Kind           string // forward, masquerade, mss_clamp or translate
	Name           string // of a clamp, the zone
	Zone           string // that connections leave by; of a forward, that they come from
	From           string // the prefix or address that is replaced; empty: of a forward, each of ours
	To             string // what takes its place; empty: of a masquerade, the address of the interface
	Protocols      []Protocol
	Ports          []PortRange
	ToPort         uint16 // 0: the one connected to
	MSS            uint16 // in bytes; 0: what the MTU of the route leaves
	Where          string // place in the configuration
	Pending        bool   // it waits for a delegation, and does nothing
	ConnectionsOut uint64 // whose source was replaced
	ConnectionsIn  uint64 // whose destination was replaced
	Packets        uint64 // that a clamp looked at: those that begin a connection, in each direction
}

// translations tells what changes addresses, by kind and name, with what the counters say.
func (c Config) translations(counters map[string]Counted) []TranslationStatus {
	var out []TranslationStatus
	for i := range c.Forwards {
		f := &c.Forwards[i]
		out = append(out, TranslationStatus{
			Kind: "forward", Name: f.Name, Zone: f.In, Where: "firewall.forwards." + f.Name, Pending: !f.To.IsValid(),
			From: address(f.Address, f.AddressText), To: address(f.To, f.ToText), ToPort: f.ToPort,
			Protocols: f.Protocols, Ports: f.Ports, ConnectionsIn: counters[forwardCounter+f.Name].Packets,
		})
	}
	for _, m := range c.Masquerades {
		out = append(out, TranslationStatus{
			Kind: "masquerade", Name: m.Name, Zone: m.Out, Where: "firewall.masquerade." + m.Name, Pending: !m.From.IsValid(),
			From: network(m.From, m.Text), ConnectionsOut: counters[masqueradeCounter+m.Name].Packets,
		})
	}
	for _, m := range c.MSSClamps {
		out = append(out, TranslationStatus{
			Kind: "mss_clamp", Name: m.Out, Zone: m.Out, Where: "firewall.mss_clamp." + m.Out, MSS: m.MSS, Packets: counters[clampCounter+m.Out].Packets,
		})
	}
	for _, t := range c.Translations {
		out = append(out, TranslationStatus{
			Kind: "translate", Name: t.Name, Zone: t.Out, Where: "firewall.translate." + t.Name, Pending: !t.Inside.IsValid() || !t.Outside.IsValid(),
			From: network(t.Inside, t.InsideText), To: network(t.Outside, t.OutsideText),
			ConnectionsOut: counters[translateCounter+t.Name+sourceSuffix].Packets, ConnectionsIn: counters[translateCounter+t.Name+destinationSuffix].Packets,
		})
	}
	slices.SortStableFunc(out, func(a, b TranslationStatus) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// network is a prefix as it is now, or as configured while that is not known.
func network(p netip.Prefix, configured string) string {
	if !p.IsValid() {
		return configured
	}
	return p.Masked().String()
}

// address is an address as it is now, or as configured while that is not known.
func address(a netip.Addr, configured string) string {
	if !a.IsValid() {
		return configured
	}
	return a.String()
}
