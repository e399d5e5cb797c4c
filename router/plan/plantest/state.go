package plantest

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

// State reads the state of a machine, a line each: a link (link NAME INDEX [down] [kind=KIND] [ours] [table=N] [master=INDEX] ADDRESS…;
// one named vxlan… is of that kind), a delegation (delegation NAME LINK PREFIX PREFERRED VALID; name - is an address), and what the
// functions named parse… have. Times count from in.Now.
func State(text string, in *plan.Inputs) error {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case "link":
			l := kernel.LinkState{Name: f[1], MTU: 1500, Up: true, Running: true}
			if _, err := fmt.Sscan(f[2], &l.Index); err != nil {
				return err
			}
			l.MAC = net.HardwareAddr{2, 0, 0, 0, 0, byte(l.Index)}
			if strings.HasPrefix(l.Name, "vxlan") {
				l.Kind = "vxlan"
			}
			for _, word := range f[3:] {
				if kind, ok := strings.CutPrefix(word, "kind="); ok {
					l.Kind = kind
					continue
				}
				if n, ok := strings.CutPrefix(word, "table="); ok {
					if _, err := fmt.Sscan(n, &l.Table); err != nil {
						return err
					}
					continue
				}
				if n, ok := strings.CutPrefix(word, "master="); ok {
					if _, err := fmt.Sscan(n, &l.Master); err != nil {
						return err
					}
					continue
				}
				if word == "ours" {
					l.Group = device.Mark
					continue
				}
				if word == "down" {
					l.Running = false
					continue
				}
				p, err := netip.ParsePrefix(word)
				if err != nil {
					return err
				}
				l.Addresses = append(l.Addresses, kernel.AddressState{Prefix: p})
			}
			in.Links[l.Name] = l
		case "delegation":
			d := pd.Delegation{Name: strings.TrimPrefix(f[1], "-"), Link: f[2]}
			var err error
			if d.Prefix, err = netip.ParsePrefix(f[3]); err != nil {
				return err
			}
			preferred, err := time.ParseDuration(f[4])
			if err != nil {
				return err
			}
			valid, err := time.ParseDuration(f[5])
			if err != nil {
				return err
			}
			d.PreferredUntil, d.ValidUntil = in.Now.Add(preferred), in.Now.Add(valid)
			in.Delegations = append(in.Delegations, d)
		case "advertised", "former":
			if err := parseEarlier(f, in); err != nil {
				return err
			}
		case "assigned", "kept", "leased":
			if err := parseAssigned(f, in); err != nil {
				return err
			}
		case "spare", "excluded", "told":
			if err := parseClient(f, in); err != nil {
				return err
			}
		case "route", "noroute", "rib", "notforwarding":
			if err := parseFollow(f, in); err != nil {
				return err
			}
		default:
			return fmt.Errorf("unknown line %q", line)
		}
	}
	return nil
}
