package main

import (
	"github.com/spf13/cobra"
)

// routesHabits is short for the routes, which are asked for more often than the routers.
func routesHabits() []string { return []string{"route", "rout", "rou", "ro"} }

// addHabits makes show understand what the fingers of operators of FRR, BIRD and other routers type. None of it is listed.
func addHabits(a *app, show *cobra.Command) {
	show.Long = `Show what the router does.

The words of other routers are understood too: show bgp summary, show bgp neighbors [NAME], show protocols, show route,
show ipv6 route, show ipv6 neighbors, show interface brief, show ip bgp summary, show running-config, show status.`
	for _, c := range show.Commands() {
		switch c.Name() {
		case "bgp":
			c.Aliases = []string{"protocols"}
			c.AddCommand(habit(showBGP(a), "summary"), bgpNeighborsHabit(a))
		case "interfaces":
			c.Aliases = []string{"interface"}
			c.AddCommand(habit(showInterfaces(a), "brief"))
		case "routes":
			c.Aliases = routesHabits()
		case "neighbors":
			c.Aliases = []string{"ndp", "arp"}
		case "version":
			c.Aliases = []string{"status"}
		case "leases":
			c.Aliases = []string{"bindings"}
		}
	}
	for _, name := range []string{"ipv6", "ip"} {
		family := group(&cobra.Command{Use: name, Short: "The words of other routers", Hidden: true})
		bgp := habit(showBGP(a), "bgp")
		bgp.AddCommand(habit(showBGP(a), "summary"))
		route := habit(showRoutes(a), "route")
		route.Aliases = routesHabits()[1:]
		family.AddCommand(
			route,
			habit(showNeighbors(a), "neighbors"),
			habit(showInterfaces(a), "interface"),
			habit(showMLD(a), "mld"),
			habit(showMroute(a), "mroute"),
			habit(showRouters(a), "routers"),
			bgp,
		)
		show.AddCommand(family)
	}
	running := habit(configShow(a), "running-config")
	running.Aliases = []string{"configuration"}
	show.AddCommand(running)
}

// habit is a command under another name.
func habit(cmd *cobra.Command, name string) *cobra.Command {
	_, arguments, more := cutUse(cmd)
	cmd.Use, cmd.Aliases, cmd.Hidden = name, nil, true
	if more {
		cmd.Use += " " + arguments
	}
	return cmd
}

// bgpNeighborsHabit is one neighbor by its name, and without one all of them.
func bgpNeighborsHabit(a *app) *cobra.Command {
	var vrf string
	one, all := showBGPNeighbor(a, &vrf), showBGPOf(a, &vrf)
	cmd := habit(one, "neighbors")
	cmd.Use = "neighbors [NAME]"
	vrfFlag(cmd.Flags(), &vrf)
	cmd.Args = cobra.MaximumNArgs(1)
	detail := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return all.RunE(cmd, args)
		}
		return detail(cmd, args)
	}
	return cmd
}
