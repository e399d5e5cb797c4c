package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// where stands for the places of an address or prefix: what it takes, and a configuration with %s in that place.
type where struct {
	takes string // address (with length, our own), host, range, prefix, network (prefix or host), pattern, or never
	text  string
	why   string // of never: what the error tells
}

// everywhere has each field of the configuration that can hold an address or prefix.
var everywhere = map[string]where{
	"Interface.addresses":          {takes: "address", text: `lan0: {addresses: [X]}`},
	"Advertise.prefixes":           {takes: "prefix", text: `lan0: {advertise: {prefixes: {X: {}}}}`},
	"Advertise.dns":                {takes: "host", text: `lan0: {advertise: {dns: [X]}}`},
	"Advertise.routes":             {takes: "prefix", text: `lan0: {advertise: {routes: {X: {}}}}`},
	"AdvertisedResolver.addresses": {takes: "host", text: `lan0: {advertise: {dnr: [{name: dns.example.net, alpn: [dot], addresses: [X]}]}}`},
	"RouterWhile.routes":           {takes: "prefix", text: `lan0: {advertise: {router_while: {routes: [X]}}}`},
	"RoutesFrom.prefixes":          {takes: "pattern", text: `lan0: {advertise: {routes_from: {sources: [static], prefixes: [X]}}}`},
	"Dhcpv6.dns":                   {takes: "host", text: `lan0: {dhcpv6: {dns: [X]}}`},
	"AddressPool.range":            {takes: "range", text: `lan0: {addresses: ["isp auto/64", "isp 0:0:0:1::1/64"], dhcpv6: {pools: {p: {range: X}}}}`},
	"PrefixPool.pool":              {takes: "prefix", text: `lan0: {dhcpv6: {delegate: {p: {pool: X, length: 72}}}}`},
	"Reservation.addresses":        {takes: "host", text: `lan0: {addresses: ["isp auto:own/64", "isp 0:0:0:1::1/64"], dhcpv6: {reservations: {r: {mac: "52:54:00:d6:c2:a9", addresses: [X]}}}}`},
	"Reservation.prefixes":         {takes: "prefix", text: `lan0: {dhcpv6: {reservations: {r: {mac: "52:54:00:d6:c2:a9", prefixes: [X]}}}}`},
	"Dhcpv6.former":                {takes: "prefix", text: `lan0: {dhcpv6: {delegate: {p: {pool: "2001:db8:7::/64", length: 72}}, former: {X: {}}}}`},
	"Vxlan.local":                  {takes: "host", text: `vxlan0: {vxlan: {vni: 1, local: X, remotes: ["2001:db8::1"]}}`},
	"Vxlan.remotes":                {takes: "host", text: `vxlan0: {vxlan: {vni: 1, remotes: [X]}}`},
	"Vxlan.fdb":                    {takes: "host", text: `vxlan0: {vxlan: {vni: 1, local: "2001:db8::1", remotes: ["2001:db8::2"], fdb: {"52:54:00:00:00:01": X}}}`},
	"Vxlan.sources":                {takes: "network", text: `vxlan0: {vxlan: {vni: 1, remotes: ["2001:db8::1"], sources: [X]}}`},
	"Gre.local":                    {takes: "host", text: `tun0: {gre: {local: X, remote: "2001:db8::1"}}`},
	"Mld.joins":                    {takes: "host", text: `lan0: {mld: {joins: [X@ff3e::1]}}`},
	"MulticastRoute.source":        {takes: "network", text: "lan0: {}\nmulticast: {routes: [{group: \"ff3e::1\", source: X, in: lan0}]}"},
	"Config.routes":                {takes: "prefix", text: "lan0: {}\nroutes: {X: {unreachable: true}}"},
	"Route.via":                    {takes: "host", text: "lan0: {}\nroutes: {\"2001:db8::/32\": {via: X}}"},
	"Config.local":                 {takes: "prefix", text: "lan0: {}\nlocal: [X]"},
	"PrefixSet.prefixes":           {takes: "pattern", text: "lan0: {}\nsystem: {router_id: 192.0.2.1}\nbgp: {asn: 64512, prefix_sets: {s: {prefixes: [X]}}}"},
	"Bgp.aggregates":               {takes: "prefix", text: "lan0: {}\nsystem: {router_id: 192.0.2.1}\nbgp: {asn: 64512, aggregates: {X: {}}}"},
	"Neighbor.address":             {takes: "host", text: "lan0: {}\nsystem: {router_id: 192.0.2.1}\nbgp: {asn: 64512, neighbors: {n: {address: X, remote_as: 64513}}}"},
	"Neighbor.local_address":       {takes: "host", text: "lan0: {}\nsystem: {router_id: 192.0.2.1}\nbgp: {asn: 64512, neighbors: {n: {address: \"2001:db8::1\", remote_as: 64513, local_address: X}}}"},
	"Vrf.routes":                   {takes: "prefix", text: "lan0: {}\nvrfs: {red: {table: 10, routes: {X: {unreachable: true}}}}"},
	"Vrf.local":                    {takes: "prefix", text: "lan0: {}\nvrfs: {red: {table: 10, local: [X]}}"},
	"Management.routes":            {takes: "prefix", text: "mgmt0: {}\nmanagement: {interfaces: [mgmt0], routes: {X: {unreachable: true}}}"},
	"AddressSet.addresses":         {takes: "network", text: "lan0: {}\nfirewall: {zones: {lan: [lan0]}, address_sets: {s: [X]}}"},
	"FirewallRule.sources":         {takes: "network", text: "lan0: {}\nfirewall: {zones: {lan: [lan0]}, policies: [{from: lan, to: router, rules: [{sources: [X], accept: {}}], drop: {}}]}"},
	"FirewallRule.destinations":    {takes: "network", text: "lan0: {}\nfirewall: {zones: {lan: [lan0]}, policies: [{from: lan, to: router, rules: [{destinations: [X], accept: {}}], drop: {}}]}"},
	"Masquerade.from":              {takes: "prefix", text: "lan0: {}\nfirewall: {zones: {lan: [lan0]}, masquerade: {m: {from: X, out: lan}}}"},
	"PrefixTranslation.inside":     {takes: "prefix", text: "lan0: {}\nfirewall: {zones: {lan: [lan0]}, translate: {t: {inside: X, outside: \"2001:db8::/64\", out: lan}}}"},
	"PrefixTranslation.outside":    {takes: "prefix", text: "lan0: {}\nfirewall: {zones: {lan: [lan0]}, translate: {t: {inside: \"fd00::/64\", outside: X, out: lan}}}"},
	"PortForward.address":          {takes: "host", text: "lan0: {}\nfirewall: {zones: {lan: [lan0]}, forwards: {f: {in: lan, address: X, ports: [\"80\"], to: \"2001:db8::1\"}}}"},
	"PortForward.to":               {takes: "host", text: "lan0: {}\nfirewall: {zones: {lan: [lan0]}, forwards: {f: {in: lan, ports: [\"80\"], to: X}}}"},
	"Gre.remote":                   {takes: "never", text: `tun0: {gre: {local: "2001:db8::1", remote: X}}`, why: "give that of the other end"},
	"Delegation.prefix":            {takes: "never", text: `wan1: {delegations: {two: {prefix: X}}}`, why: "needs a prefix length"},
	"Delegation.excluded_address":  {takes: "never", text: `wan1: {delegations: {two: {excluded_address: X}}}`, why: "give a plain address"},
	"DhcpClient.fallback_address":  {takes: "address", text: `wan0: {request_address: true, delegations: {isp: {}}, client: {fallback_address: X}}`},
	"PrefixPool.exclude":           {takes: "never", text: `lan0: {dhcpv6: {delegate: {p: {pool: "isp 0:0:0:1::/64", length: 72, exclude: X}}}}`, why: "give a plain address"},
	"Advertise.clients":            {takes: "never", text: `lan0: {advertise: {clients: [X]}}`, why: "a link-local one"},
	"Advertise.source_address":     {takes: "never", text: `lan0: {advertise: {source_address: X}}`, why: "a link-local one"},
	"Advertise.pref64":             {takes: "never", text: `lan0: {advertise: {pref64: {X: {}}}}`, why: ""},
	"Interface.known_routers":      {takes: "never", text: `lan0: {known_routers: [X]}`, why: "neither a link-local address"},
	"Vxlan.group":                  {takes: "never", text: `vxlan0: {vxlan: {vni: 1, link: lan0, group: X}}`, why: "give a plain address"},
	"MulticastRoute.group":         {takes: "never", text: "lan0: {}\nmulticast: {routes: [{group: X, in: lan0}]}", why: "give a plain address"},
	"MulticastBoundary.groups":     {takes: "never", text: "lan0: {}\nmulticast: {boundaries: {lan0: {groups: [X]}}}", why: "give a plain address"},
	"Management.dns":               {takes: "never", text: "mgmt0: {}\nmanagement: {interfaces: [mgmt0], dns: [X]}", why: "the management instance goes on whatever is delegated"},
	"ApiTcp.listen":                {takes: "never", text: "lan0: {}\napi: {tcp: {listen: [\"[isp ::1]:4610\"], certificate: a, key: b, client_ca: c}}", why: "listen on [::]:4610"},
	"Metrics.listen":               {takes: "never", text: "lan0: {}\nmetrics: {listen: \"isp ::1:4610\"}", why: "listen on [::]:4610"},
	"System.router_id":             {takes: "never", text: "lan0: {}\nsystem: {router_id: X}", why: "four numbers"},
	"Bgp.router_id":                {takes: "never", text: "lan0: {}\nbgp: {asn: 64512, router_id: X}", why: "four numbers"},
	"Config.ula":                   {}, // a prefix of our own

}

// What each kind of place takes, of a delegation and of a part of it that the router chooses.
var samples = map[string][]string{
	"address": {"isp 0:0:0:1::1/64", "isp auto/64", "isp auto ::7/64", "isp auto:other/80"},
	"host":    {"isp 0:0:0:1::5", "isp auto:lan1 ::5", "isp auto:lan1 ::5/64"},
	"range":   {"isp 0:0:0:1::10-0:0:0:1::20", "isp 0:0:0:1::/64", "isp auto ::10-::20", "isp auto/64", "isp auto:lan0 ::10-::20"},
	"prefix":  {"isp 0:0:0:1::/64", "isp auto:lan1/64"},
	"network": {"isp 0:0:0:1::/64", "isp 0:0:0:1::5", "isp auto:lan1/64", "isp auto:lan1 ::5"},
	"pattern": {"isp 0:0:0:1::/64", "isp 0:0:0:1::/64+", "isp auto:lan1/64", "isp auto:lan1/64{64,72}"},
	"never":   {"isp 0:0:0:1::5", "isp auto:lan1 ::5"}, // the error is about the place or the form
}

func TestDelegatedPrefixesEverywhere(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(everywhere)) {
		w := everywhere[name]
		for _, sample := range samples[w.takes] {
			own := strings.Contains(w.text, "delegate:") || strings.Contains(w.text, "\nlocal:") || strings.Contains(w.text, "local: [X]}}") || strings.Contains(w.text, "reservations: {r: {mac: \"52:54:00:d6:c2:a9\", prefixes")
			if own {
				// What the clients or the machine itself have is not at once on a link.
				sample = strings.ReplaceAll(sample, "lan1", "extra")
				sample = strings.ReplaceAll(sample, "0:0:0:1::", "0:0:0:2::")
			}
			if name == "Reservation.addresses" {
				sample = strings.ReplaceAll(sample, "lan1", "own")
			}
			text := "interfaces:\n  lan1: {addresses: [isp auto/64]}\n"
			if !strings.HasPrefix(w.text, "wan0:") {
				text += "  wan0: {delegations: {isp: {}}}\n"
			}
			for i, line := range strings.Split(strings.ReplaceAll(w.text, "X", fmt.Sprintf("%q", sample)), "\n") {
				if i == 0 {
					line = "  " + line
				}
				text += line + "\n"
			}
			text = strings.ReplaceAll(text, "\"@ff3e::1", "@ff3e::1\"")
			_, _, err := Load("f", []byte(text))
			switch {
			case w.takes == "never" && err == nil:
				t.Errorf("%s: %s was taken", name, sample)
			case w.takes == "never" && !strings.Contains(err.Error(), w.why):
				t.Errorf("%s: %s: %v\nwant %s", name, sample, err, w.why)
			case w.takes != "never" && err != nil:
				t.Errorf("%s: %s: %v\n%s", name, sample, err, text)
			}
		}
	}
}

// A new field of the schema with the name of one that holds addresses says here what it takes.
func TestEveryAddressIsKnown(t *testing.T) {
	words := []string{"address", "prefix", "dns", "source", "destination", "local", "remote", "via", "listen", "range", "pool", "group", "inside", "outside", "routes", "routers", "join", "exclude", "aggregates", "fdb", "clients", "router_id", "pref64", "ula"}
	others := []string{"dns_from", "Api.groups", "prefix_sets", "address_sets", "Advertise.source_link_layer", "source_check", "source_ports", "FilterRule.source", "FilterRule.prefix", "RouterWhile.sources", "RoutesFrom.sources", "Rule.source", "Rule.prefix", "pools", "withdraw_dns"}
	seen := map[protoreflect.FullName]bool{}
	var walk func(m protoreflect.MessageDescriptor)
	walk = func(m protoreflect.MessageDescriptor) {
		if seen[m.FullName()] || !strings.HasPrefix(string(m.FullName()), "sixfold.") {
			return
		}
		seen[m.FullName()] = true
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			text := f.Kind() == protoreflect.StringKind
			if f.IsMap() {
				text = f.MapKey().Kind() == protoreflect.StringKind
				if v := f.MapValue().Message(); v != nil {
					walk(v)
				}
			} else if f.Message() != nil {
				walk(f.Message())
			}
			name := string(m.Name()) + "." + string(f.Name())
			about := slices.ContainsFunc(words, func(w string) bool { return strings.Contains(string(f.Name()), w) })
			if _, ok := everywhere[name]; text && about && !ok && !slices.ContainsFunc(others, func(o string) bool { return strings.Contains(name, o) }) {
				t.Errorf("%s may hold an address: say in everywhere what it takes, or why an address of a delegation cannot stand there", name)
			}
		}
	}
	walk((&sixfoldv1.Config{}).ProtoReflect().Descriptor())
	for name := range everywhere {
		message, _, _ := strings.Cut(name, ".")
		if !seen[protoreflect.FullName("sixfold.v1."+message)] {
			t.Errorf("there is no %s", message)
		}
	}
}
