// Package firewall keeps one nftables table, inet sixfold: zones and what passes between them, address translation, and what
// protects the router itself. Tables of others are read by nobody here and never touched; without configuration there is no table.
//
// # From configuration to kernel
//
//	Config ──Compile──► Ruleset ──diff with what the kernel has──► one batch
//
// Config is the whole desired state, with every delegated prefix resolved. Compile is pure, and Ruleset is a small model of a table:
// sets, named counters, chains of rules, whose Text reads like nft list table. Ruleset.Evaluate says what such a table does with a
// packet, for operators and for tests against the kernel.
//
// # Writing
//
// Apply reads the table from the kernel and writes only what differs, in one batch, which the kernel takes wholly or not at all: at
// no moment is there neither the old nor the new ruleset. Elements of sets are added and removed in place, so that a renumbering
// touches no rule. A chain that changed is emptied and filled within the batch. Counters are objects of their own with names that
// follow the rule, not its place, and live on. Only where the frame differs (a hook, a priority, the type of a set) is the table
// made anew, with the counters as they were read before.
//
// Each rule carries a digest of what it says in its comment: that is how a rule is recognised, after a restart too. A rule without
// the right digest at its place, a policy or a set that differs is somebody else's work: drift, which is told and mended.
//
// The kernel may answer ENOBUFS to a batch that it took. The answer is then unknown, and the table is read and compared again.
package firewall
