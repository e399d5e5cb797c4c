// Package router is the router: it owns every subsystem, turns one configuration into the desired state of each, and keeps
// them there. This page is the architecture of sixfold.
//
// # Who owns what
//
//	cmd/sixfold     the binary: daemon, operator verbs, lab
//	router          the wiring, reconciliation, commits, the state that crosses subsystems
//	router/plan     configuration and state of the machine → the desired state of every subsystem: pure
//	router/explain  why something is as it is: a tree of checks from a view of all parts, pure
//	router/health   the words for what is not as configured
//	router/config   YAML text → checked, typed configuration; errors with file, line and column
//	router/rib      the table in the middle: routes by source, coalescing watches
//	router/revision configurations that were applied, on disk, and which of them to start with
//	router/change   the words in which subsystems tell what an Apply would do
//	router/event    a bounded ring of what happened lately, for those who watch
//	router/subnet   arithmetic of addresses and prefixes, for the CLI
//	router/disk     files that are whole after a crash
//	router/kernel   links, addresses, sysctls, routes and policy rules: observed and written here only
//	router/device   VLANs, bridges, bonds, tunnels, dummies and VRF devices, and which link is a port of which
//	router/firewall one nftables table: zones, translation of addresses, protection of the router
//	router/vrf      what runs in a VRF: look-ups of names, commands, services
//	router/assign   which part of a delegation serves what, chosen by the router and kept
//	router/advertised  what hosts may have from our advertisements, on disk, so that it can be withdrawn
//	router/notify   programs, files and URLs that are told of a delegation
//	router/importer configuration of other programs → ours
//	vxlan           VXLAN devices; vxlan/mld multicast listeners, the MLD proxy and multicast routes
//	bgp             the embedded GoBGP speaker: neighbors, policy, best paths → rib, rib → announcements
//	ra              router advertisements: ours, and what others advertise
//	dhcpv6          the DHCPv6 server; dhcpv6/lease its durable leases and pools; dhcpv6/pd the client on uplinks
//	api             gRPC over a unix socket and mutual TLS: roles, audit, watches; declares the Backend it needs, which *Router is
//	proto           the schema of configuration and API
//	integration     namespaces for tests and the lab, scenarios against real peers
//
// # The plan
//
// plan.Make is a pure function from {configuration, links, delegations, what was chosen and advertised before, the default routes of the
// kernel} to the desired state of each subsystem. What a
// delegated prefix becomes (an address, an advertised prefix, a pool, an unreachable route, an announcement) is decided there
// and nowhere else. What cannot be decided yet is in Plan.Pending with the reason.
//
// Every subsystem has Run(ctx) error, which blocks and owns its goroutines, and Apply(ctx, want) error, which takes the whole
// desired state and may be repeated. Wake-ups carry no data: the links changed, a delegation changed, the configuration
// changed, all mean "plan again". A subsystem whose part did not change is left alone; one that failed is tried again with
// backoff while the others go on; its problem is in Units.
//
// The units are applied in the order firewall, devices, kernel, VXLAN, and then what runs on them: the filter is there before there is
// anything to filter. What one unit makes another waits for: a VLAN on a bond, a VXLAN on the VLAN, a bridge of the VXLAN, an address
// on the bridge. The router therefore plans and applies in rounds until the plan stands still.
//
// A stanza for a pattern of names is expanded over the links there are; a link that comes later is one more input.
//
// # Prefixes in motion
//
// Everything that is cut from a delegation is an expression until the plan is made, so that another prefix is no special case: the
// next plan has other addresses, pools, sets and routes, and one round applies them. What has to outlive the change is an input of the
// plan: router/assign has the parts that the router chose, written before they are used; router/advertised has what hosts of each
// link may have heard, written before the advertisement leaves, and whatever of it is not in the plan is advertised with lifetime 0
// until no host can have it; dhcpv6/pd keeps the former prefixes that the server lets run out,
// and what the configuration lets run out for clients (former) takes the same way. It does not matter whether the change
// came by a Reply, by a commit, or while the router was down.
//
// The advertisements also follow the routing table: RouteWatch tells of default routes whoever made them, route_feed.go of the routes
// that are offered to hosts, slowly enough that a churning table makes no storm.
//
// # Instances
//
// A VRF is a kernel table with a device. Routes carry the number of their table through the rib, so that one FIB writer serves all;
// BGP, the DHCPv6 server and the DHCPv6 client exist once for each instance that uses them (instance.go), each with a view of the rib
// that is one table. Policy rules end every look-up in its table. The management instance is a VRF that the API, the metrics and our
// own look-ups are bound to.
//
// # Commits
//
// A configuration becomes the running one by a commit (commit.go), wholly or not at all. The text is checked and kept as a revision;
// with a deadline to confirm, the deadline is on disk next, before anything is applied. Then the plan is applied strictly: the first
// unit that reports a problem it did not have before ends it, and so does a route that the kernel refuses; the configuration before
// is applied again, and the commit is refused with the step and its reason. What only waits, for a link or a delegation, is
// pending and no failure. At the start, at a change of links and when a deadline runs off there is nothing to go back to: each
// unit does what it can, and its problem is shown.
//
// The file "current" among the revisions says which one to start with. It names a new revision only when that is in force and, if it
// has to be confirmed, confirmed: whenever the router dies, it starts with a whole configuration, the old one or the new one,
// and makes the kernel so. The configuration file is the way in for those who edit files: where it was changed since it was
// last read, it is the newest revision at the start.
//
// Preview (preview.go) asks each subsystem what its Apply would do, against links as they will be once VXLAN devices were made
// and removed. It shares the deciding code with Apply, so that an Apply that writes nothing has an empty preview.
//
// # Drift and events
//
// Each writer compares with the kernel, not with memory. What it finds changed although its configuration did not is drift:
// mended, kept in a bounded list, shown. Events of all kinds go into a ring that overwrites its oldest: readers that are too slow
// are told so, and nobody waits for them. A periodic look reads all links beside what events tell of; parts of a plan that did not
// change are those of the plan before, so that comparing costs nothing.
//
// # Routes
//
// Routes do not go through the plan. Producers write them into the rib by source: the plan's connected, static and aggregate
// routes, the DHCPv6 server's delegated prefixes, BGP's best paths. Two readers watch it: the kernel's FIB writer and the BGP
// speaker's announcements. A watch coalesces, so a slow kernel sees only the newest route of each prefix and nobody waits.
//
// The FIB writer resolves a next hop that is not on a link through the other routes, and looks again at those that depend on
// what changed. It follows the kernel's notifications: a route of ours that somebody removes, or that the kernel drops with a
// link, is written again; routes of others are read, never written.
//
// # Start, failure and stop
//
// The lease store and the remembered delegations are read before anything is written, so that a restart finds each route it
// had. The FIB writer recognises our routes of an earlier run by their protocol numbers, keeps those that are still wanted
// without touching them, and removes the rest when the source they belong to has reported. A subsystem that fails is started
// again; a panic ends the process on purpose. When the lease store cannot write, the process ends rather than acknowledge
// what it cannot keep. The speaker marks on disk that it runs: after a crash it tells neighbors that it went on forwarding
// (RFC 4724), so that they keep our routes too. On a clean stop neighbors and hosts are told; routes of clients, addresses
// and devices stay.
//
// # Tests
//
// What decides is pure and tested without privileges. Tests of kernel behaviour run in namespaces that package
// integration/netns makes, and where the kernel of the machine lacks VLANs, VRFs, GRE or bonds, in a virtual machine of package
// integration/vm, which can also have Debian's systemd as its first process; package integration has the whole program against real peers.
//
// # Who may import whom
//
//	cmd/sixfold ──► router, api, proto, integration (the lab)
//	router ──► router/plan, router/*, bgp, ra, dhcpv6, dhcpv6/pd, dhcpv6/lease, vxlan, vxlan/mld
//	api ──► proto, router and subsystems only for their Status
//	router/config ──► proto, router/rib
//	bgp, dhcpv6, router/kernel ──► router/rib          dhcpv6 ──► dhcpv6/lease
//	all subsystems ──► router/change, router/disk
//	router/rib, router/change, router/event, router/disk ──► nothing of ours
//
// An upstream library stops at the package that needs it. integration/imports_test.go holds both rules.
package router
