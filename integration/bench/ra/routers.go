package main

import (
	"fmt"
	"strings"
)

// candidate is a router that can be measured.
type candidate struct {
	name    string
	config  func(links int, pace pace) string
	command []string // with the configuration in /run/config
	twice   bool     // it sets addresses by itself
}

func prefix(i int) string { return fmt.Sprintf("2001:db8:%x::", i+1) }

// pace is how often a link is advertised on, in seconds.
type pace struct{ least, most int }

// seldom is the pace of a router that, after three advertisements on each link, has nothing to do.
func seldom() pace { return pace{1350, 1800} }

// often is the pace at which advertisements are counted.
func often() pace { return pace{3, 4} }

// routers are those that are compared. All advertise the prefix of each link. Link 0 comes later.
func routers(sixfold string) []candidate {
	return []candidate{
		{name: "radvd", command: []string{"radvd", "-n", "-m", "stderr", "-C", "/run/config", "-p", "/run/radvd.pid"}, config: func(links int, p pace) string {
			var b strings.Builder
			for i := 0; i <= links; i++ {
				fmt.Fprintf(&b, "interface lan%d { AdvSendAdvert on; IgnoreIfMissing on; MinRtrAdvInterval %d; MaxRtrAdvInterval %d; prefix %s/64 {}; };\n", i, p.least, p.most, prefix(i))
			}
			return b.String()
		}},
		{name: "bird", command: []string{"bird", "-f", "-c", "/run/config", "-s", "/run/bird.ctl"}, config: func(_ int, p pace) string {
			return fmt.Sprintf("log stderr { warning, error, fatal };\nrouter id 192.0.2.1;\nprotocol device { scan time 60; }\n"+
				"protocol radv { interface \"lan*\" { min ra interval %d; max ra interval %d; solicited ra unicast; }; }\n", p.least, p.most)
		}},
		{name: "sixfold", twice: true, command: []string{sixfold, "run", "--config", "/run/config", "--state-dir", "/run/state", "--log-level", "error"},
			config: func(links int, p pace) string {
				var b strings.Builder
				b.WriteString("interfaces:\n")
				for i := 0; i <= links; i++ {
					fmt.Fprintf(&b, "  lan%d: {addresses: [\"%s1/64\"], advertise: {min_interval: %ds, max_interval: %ds, solicit_rate: 1000000}}\n", i, prefix(i), p.least, p.most)
				}
				return b.String()
			}},
	}
}
