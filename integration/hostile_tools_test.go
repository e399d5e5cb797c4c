package integration

import (
	"fmt"
	"strings"
)

// attack is what strangers run, one program after the other.
type attack struct {
	name       string
	uplink     bool     // from the uplink, else from the LAN
	advertises bool     // there are router advertisements in it, which a host that asks mistakes for answers
	commands   []string // of a shell
	counts     map[string]float64
}

// attacks are the tools of thc-ipv6 that are about what a router does, and the packets of scapy.
func (n *attacked) attacks() []attack {
	all := []attack{
		{
			name:     "solicitations",
			commands: []string{"flood_rs6 -sS eth0", "flood_rs6 eth0"},
			counts:   map[string]float64{`sixfold_ra_solicitations_total{interface="lan0"}`: 20},
		},
		{
			name: "neighbors",
			commands: []string{
				"flood_solicitate6 eth0", "flood_advertise6 eth0 ROUTER", "sendpees6 eth0 512 fe80:: ROUTER",
			},
		},
		{
			name:     "floods of DHCPv6",
			commands: []string{"flood_dhcpc6 eth0", "flood_dhcpc6 -n -1 eth0", "dump_dhcp6 eth0"},
			counts: map[string]float64{
				`sixfold_dhcpv6_messages_received_total{interface="lan0",type="Solicit"}`: 20,
				`sixfold_dhcpv6_dropped_total{reason="rate"}`:                             1,
			},
		},
		{
			name: "odd messages of DHCPv6",
			commands: []string{
				"fuzz_dhcps6 -1 eth0", "fuzz_dhcps6 -2 eth0", "fuzz_dhcps6 -4 eth0", "fuzz_dhcps6 -6 eth0", "fuzz_dhcps6 -7 eth0", "fuzz_dhcps6 -m -8 eth0",
			},
			counts: map[string]float64{
				`sixfold_dhcpv6_dropped_total{reason="truncated"}`: 1, `sixfold_dhcpv6_dropped_total{reason="duid-length"}`: 1,
				`sixfold_dhcpv6_dropped_total{reason="other-server"}`: 1,
			},
		},
		{
			name: "listeners",
			commands: []string{
				"flood_mld6 eth0", "flood_mld26 eth0", "fake_mld26 eth0 add ff05::1:3",
				"fuzz_ip6 -a -5 eth0 ROUTER", "fuzz_ip6 -a -8 eth0 ROUTER", "fuzz_ip6 -a -9 eth0 ROUTER",
			},
			counts: map[string]float64{
				`sixfold_mld_dropped_total{interface="lan0",reason="group limit"}`: 1,
				`sixfold_mld_dropped_total{interface="lan0",reason="hop limit"}`:   1,
			},
		},
		{
			name: "everything else of ICMPv6",
			commands: []string{
				"flood_redir6 eth0 ROUTER", "flood_unreach6 eth0 ROUTER", "rsmurf6 eth0 ROUTER", "toobig6 -u eth0 ROUTER 2001:888:1::1 1280",
				"fuzz_ip6 -a -2 eth0 ROUTER", "fuzz_ip6 -a -x -1 -FDH eth0 ROUTER", "randicmp6 -p eth0 ROUTER",
				"implementation6 -p eth0 ROUTER", "fragmentation6 -p -n 1 eth0 ROUTER", "thcsyn6 -R eth0 ROUTER 9466",
			},
		},
		{
			name:       "rogue routers",
			advertises: true,
			commands: []string{
				"kill_router6 eth0 ROUTER", "fake_router6 eth0 2001:db8:bad::/64", "fake_router26 -A 2001:db8:bad::/64 -R ::/0 -D fe80::bad -l 1800 -n 3 -i 0 eth0",
				"flood_router6 eth0", "flood_router6 -HFD eth0", "flood_router26 -s -m eth0", "flood_router26 -F eth0",
				"fuzz_ip6 -a -4 eth0 ff02::1",
			},
			counts: map[string]float64{
				`sixfold_ra_rogue_total{interface="lan0"}`:                                 32,
				`sixfold_ra_received_dropped_total{interface="lan0",reason="in our name"}`: 1,
				`sixfold_ra_overflow_total{interface="lan0"}`:                              1,
				`sixfold_ra_received_dropped_total{interface="lan0",reason="rate limit"}`:  1,
			},
		},
		{
			name:   "routers on the uplink",
			uplink: true,
			commands: []string{
				"flood_router6 eth0", "flood_router26 eth0", "kill_router6 eth0 fe80::1", "flood_advertise6 eth0 UPLINK", "flood_redir6 eth0 UPLINK",
			},
			counts: map[string]float64{`sixfold_ra_overflow_total{interface="wan0"}`: 1},
		},
		{
			name:   "servers on the uplink",
			uplink: true,
			commands: []string{
				"fake_dhcps6 eth0 2001:db8:bad::/64 2001:db8:bad::53",
			},
		},
	}
	packets := "/usr/bin/python3 " + script("hostile.py") + " eth0 " // scapy is of Debian's
	words := strings.NewReplacer("ROUTER", n.local, "UPLINK", n.uplink)
	for a := range all {
		for c, line := range all[a].commands {
			all[a].commands[c] = "atk6-" + words.Replace(line)
		}
	}
	return append(all,
		attack{
			name: "scapy: clients", commands: []string{packets + n.local + " client"},
			counts: map[string]float64{
				`sixfold_dhcpv6_dropped_total{reason="truncated"}`:        1,
				`sixfold_dhcpv6_dropped_total{reason="too-many-relays"}`:  1,
				`sixfold_dhcpv6_dropped_total{reason="too-many-options"}`: 1,
				`sixfold_dhcpv6_dropped_total{reason="not-for-a-server"}`: 1,
				`sixfold_dhcpv6_dropped_total{reason="duid-length"}`:      1,
				`sixfold_dhcpv6_dropped_total{reason="hop-count"}`:        1,
			},
		},
		attack{
			name: "scapy: strangers", advertises: true, commands: []string{packets + n.local + " stranger"},
			counts: map[string]float64{
				`sixfold_ra_solicitations_dropped_total{reason="hop limit"}`:                    1,
				`sixfold_ra_solicitations_dropped_total{reason="code"}`:                         1,
				`sixfold_ra_solicitations_dropped_total{reason="malformed option"}`:             1,
				`sixfold_ra_received_dropped_total{interface="lan0",reason="malformed option"}`: 1,
			},
		},
		attack{
			name: "scapy: servers", uplink: true, commands: []string{packets + n.uplink + " server"},
			counts: map[string]float64{`sixfold_dhcpv6_client_dropped_total{interface="wan0",reason="not for a client"}`: 1},
		},
	)
}

// shell runs the commands of an attack one after the other, each until it has sent enough and for a moment more, and prints how many
// packets each of them sent.
func (a attack) shell() string {
	var b strings.Builder
	b.WriteString("tx=/sys/class/net/eth0/statistics/tx_packets\n")
	for _, c := range a.commands {
		moment := "sleep 0.3; kill -KILL $!"
		if strings.HasPrefix(c, "/") {
			moment = "wait $!" // it ends by itself
		}
		enough := 1
		switch {
		case strings.Contains(c, "dhcpc6 -n"): // one client, which is to be too fast also where all is slow
			enough = 2000
		case strings.Contains(c, "flood_"):
			enough = 500
		}
		fmt.Fprintf(&b, `read -r was <$tx; is=$was; left=100
%s >/run/attack 2>&1 &
while [ $((is - was)) -lt %d ] && [ $left -gt 0 ]; do sleep 0.1; left=$((left - 1)); read -r is <$tx; done
%s 2>/dev/null; wait $! 2>/dev/null; read -r is <$tx; echo "$((is - was)) packets: %s"
[ $is != $was ] || tail -n 5 /run/attack
`, c, enough, moment, c)
	}
	return b.String()
}
