package main

import (
	"fmt"
	"strings"
)

// candidate is a router that can be measured.
type candidate struct {
	name    string
	config  func(links int) string
	command []string // with the configuration in /run/config
	twice   bool     // it sets addresses by itself
}

func prefix(i int) string { return fmt.Sprintf("2001:db8:%x::", i+1) }

// routers are those that are compared. All advertise the prefix of each link every 3 to 4 seconds. Link 0 comes later.
func routers(sixfold string) []candidate {
	return []candidate{
		{name: "radvd", command: []string{"radvd", "-n", "-m", "stderr", "-C", "/run/config", "-p", "/run/radvd.pid"}, config: func(links int) string {
			var b strings.Builder
			for i := 0; i <= links; i++ {
				fmt.Fprintf(&b, "interface lan%d { AdvSendAdvert on; IgnoreIfMissing on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; prefix %s/64 {}; };\n", i, prefix(i))
			}
			return b.String()
		}},
		{name: "bird", command: []string{"bird", "-f", "-c", "/run/config", "-s", "/run/bird.ctl"}, config: func(int) string {
			return "log stderr { warning, error, fatal };\nrouter id 192.0.2.1;\nprotocol device { scan time 60; }\n" +
				"protocol radv { interface \"lan*\" { min ra interval 3; max ra interval 4; solicited ra unicast; }; }\n"
		}},
		{name: "sixfold", twice: true, command: []string{sixfold, "run", "--config", "/run/config", "--state-dir", "/run/state", "--log-level", "error"},
			config: func(links int) string {
				var b strings.Builder
				b.WriteString("interfaces:\n")
				for i := 0; i <= links; i++ {
					fmt.Fprintf(&b, "  lan%d: {addresses: [\"%s1/64\"], advertise: {min_interval: 3s, max_interval: 4s, solicit_rate: 1000000}}\n", i, prefix(i))
				}
				return b.String()
			}},
	}
}
